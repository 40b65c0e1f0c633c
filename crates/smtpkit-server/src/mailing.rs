//! One mail transaction of a connection: MAIL, recipients, content, verdict.

use std::sync::Arc;

use smtpkit_codec::{MailParameters, Recipient, Reply, ReversePath, Severity};
use smtpkit_session::server::{Owed, Protocol, ServerEvent, owed_for};

use crate::body::{Body, Completion, Ending, HeaderRules};
use crate::builder::Senders;
use crate::connection::Connection;
use crate::rates::Counted;
use crate::{
    Delivery, Handler, Refusal, Role, RouteKind, Session, Transaction, record, refusal, unix_seconds,
};

/// Said to content that comes by again and again (RFC 5321 §6.3).
const MAIL_LOOP: Reply = refusal::reply(554, 4, 6, "too many hops, this is a mail loop");

/// Said when messages or recipients come too fast.
const TOO_FAST: Reply = refusal::reply(451, 7, 1, "too many for now, try again later");
/// Said to an address that asks for mailboxes until it finds one.
const ENUMERATION: Reply = refusal::reply(421, 7, 1, "too many unknown recipients");

/// The subject of enhanced status codes about addresses (RFC 3463 §3.2).
const ADDRESSING: u16 = 1;

impl<H: Handler> Connection<H> {
    /// Carries a transaction through, from MAIL to its end or to what ended it.
    pub(crate) async fn transact(
        &mut self,
        reverse_path: ReversePath,
        parameters: MailParameters,
        owed: Owed<owed_for::Mail>,
    ) {
        self.transactions = self.transactions.wrapping_add(1);
        let mut tx = Transaction::new(self.peer.session, self.transactions, reverse_path, parameters);
        let verdict = if !self.owns(tx.reverse_path()) {
            Err(Refusal::not_your_address().into_parts().0)
        } else if self.is_too_fast(Counted::Message) {
            Err(TOO_FAST)
        } else {
            self.ask(async |session, peer| session.mail(peer, &tx).await).await
        };
        let is_refused = verdict.is_err();
        self.link.machine().mail(owed, verdict);
        if is_refused {
            return;
        }
        loop {
            match self.link.next().await {
                ServerEvent::Rcpt { forward_path: path, parameters, owed } => {
                    self.recipient(&mut tx, Recipient { path, parameters }, owed).await;
                }
                ServerEvent::Data(owed) => {
                    let verdict = self.ask(async |session, peer| session.data(peer, &tx).await).await;
                    let is_refused = verdict.is_err();
                    self.link.machine().content(owed, verdict);
                    return if is_refused { self.reset().await } else { self.receive(&tx).await };
                }
                ServerEvent::Reset => return self.reset().await,
                event => {
                    self.pending = Some(event);
                    return self.reset().await;
                }
            }
        }
    }

    /// Whether the client may use `reverse_path`: one that authenticated has to own it (RFC 6409 §6.1).
    fn owns(&self, reverse_path: &ReversePath) -> bool {
        let Some(identity) = self.peer.identity().filter(|_| self.shared.senders == Senders::Own) else {
            return true;
        };
        let mailbox = reverse_path.as_ref().mailbox().map(|mailbox| mailbox.to_string());
        identity.may_send_as(mailbox.as_deref().unwrap_or_default())
    }

    async fn recipient(&mut self, tx: &mut Transaction, recipient: Recipient, owed: Owed<owed_for::Rcpt>) {
        let verdict = self.route(tx, &recipient).await;
        let verdict = match verdict {
            Ok(route) => {
                tx.accept(recipient, route);
                Ok(())
            }
            Err(refusal) => {
                tx.refused = tx.refused.saturating_add(1);
                let reply = self.told(refusal);
                record::recipient_refused(&self.peer, &recipient, &reply);
                self.watch_for_enumeration(&reply);
                Err(reply)
            }
        };
        self.link.machine().rcpt(owed, verdict);
    }

    /// Whether one more of `what` would be too many for now.
    fn is_too_fast(&self, what: Counted) -> bool {
        self.shared.gate.has_rate(what) && self.shared.gate.count(what, self.counted_address()).is_err()
    }

    /// Counts recipients that do not exist here: a stranger who names many is looking for those that do. Over LMTP there
    /// are no strangers: another server asks here what strangers ask it, and counts them itself.
    fn watch_for_enumeration(&mut self, reply: &Reply) {
        let is_unknown = reply.severity() == Severity::PermanentNegative
            && reply.enhanced().is_some_and(|enhanced| enhanced.subject() == ADDRESSING);
        if !is_unknown {
            return;
        }
        self.unknown_recipients = self.unknown_recipients.saturating_add(1);
        if self.shared.role == Role::Lmtp || self.shared.grant(&self.peer).is_some() {
            return;
        }
        if let Err(too_fast) = self.shared.gate.count(Counted::UnknownRecipient, self.counted_address()) {
            if too_fast.is_first {
                record::enumeration(&self.peer);
            }
            self.link.machine().close(&ENUMERATION);
        }
    }

    /// Where the recipient's mail goes. A foreign one needs a grant before the handler is asked, and a relay route
    /// after: neither can be had without the other.
    async fn route(&mut self, tx: &Transaction, recipient: &Recipient) -> Result<RouteKind, Refusal> {
        let is_local = self.shared.domains.as_ref().is_none_or(|domains| domains.is_local(&recipient.path));
        if !is_local && self.shared.grant(&self.peer).is_none() {
            return Err(Refusal::relaying_denied());
        }
        if self.is_too_fast(Counted::Recipient) {
            return Err(TOO_FAST.into());
        }
        let grant = self.shared.grant(&self.peer);
        let session = self.session.as_mut().ok_or_else(Refusal::try_later)?;
        let route = session.rcpt(&self.peer, tx, recipient, grant).await?.kind();
        if is_local || route == RouteKind::Relay { Ok(route) } else { Err(Refusal::relaying_denied()) }
    }

    /// Receives the content and answers it.
    async fn receive(&mut self, tx: &Transaction) {
        let Some(session) = &mut self.session else {
            return self.link.machine().close(&Refusal::try_later().into_parts().0);
        };
        let rules = HeaderRules {
            hops_max: self.shared.limits.hops_max,
            complete: self.shared.completes_headers.then(|| Completion {
                id: tx.id().to_owned(),
                hostname: Arc::clone(&self.shared.hostname),
                unix_seconds: unix_seconds(),
            }),
        };
        let is_lmtp = self.link.machine().config().protocol == Protocol::Lmtp;
        let mut body = Body::new(&mut self.link, rules);
        let delivery = if is_lmtp {
            session.deliver(&self.peer, tx, &mut body).await
        } else {
            Delivery::All(session.message(&self.peer, tx, &mut body).await)
        };
        if delivery.hangs_up() {
            body.hang_up();
        }
        let Ending { octets, outcome, interruption, is_looping } = body.end().await;
        self.pending = interruption;
        match outcome {
            Ok(owed) => {
                let verdicts =
                    if is_looping { Verdicts::All(Err(MAIL_LOOP)) } else { self.verdicts(delivery) };
                record::transaction(&self.peer, tx, octets, verdicts.first());
                match verdicts {
                    Verdicts::All(verdict) => self.link.machine().message(owed, verdict),
                    Verdicts::Each(verdicts) => {
                        let mut verdicts = verdicts.into_iter();
                        let missing = || Err(Refusal::try_later().into_parts().0);
                        self.link.machine().message_each(owed, |_| verdicts.next().unwrap_or_else(missing));
                    }
                }
            }
            Err(error) => {
                // Not for its reply, which is decided already, but to know why.
                let _told = self.verdicts(delivery);
                record::unfinished(&self.peer, tx, octets, error);
                self.reset().await;
            }
        }
    }

    fn verdicts(&mut self, delivery: Delivery) -> Verdicts {
        match delivery {
            Delivery::All(verdict) => Verdicts::All(self.verdict(verdict)),
            Delivery::Each(each) => {
                Verdicts::Each(each.into_iter().map(|verdict| self.verdict(verdict)).collect())
            }
        }
    }

    fn verdict(&mut self, verdict: Result<Reply, Refusal>) -> Result<Reply, Reply> {
        verdict.map_err(|refusal| self.told(refusal))
    }

    /// Tells the handler that the transaction is no more.
    async fn reset(&mut self) {
        if let Some(session) = &mut self.session {
            session.reset(&self.peer).await;
        }
    }
}

/// What the recipients are told.
enum Verdicts {
    All(Result<Reply, Reply>),
    Each(Vec<Result<Reply, Reply>>),
}

impl Verdicts {
    /// The first one, for the record.
    fn first(&self) -> Option<&Reply> {
        let verdict = match self {
            Self::All(verdict) => Some(verdict),
            Self::Each(verdicts) => verdicts.first(),
        };
        verdict.map(|verdict| match verdict {
            Ok(reply) | Err(reply) => reply,
        })
    }
}
