//! Messages on one open session: what each recipient was told, without I/O. The async and the blocking driver both
//! run this; one message at a time, or the next one's commands behind the content of the last.

use crate::Delivery;
use crate::content::Prepared;
use crate::error::{ErrorKind, Retry, SendError, Stage};
use crate::failure::{closed_error, lost_message};
use crate::opening::Machine;
use crate::outcome::{RecipientOutcome, Report};
use crate::session::Session;
use crate::settings::Settings;
use crate::spans;
use crate::transcript::{Entry, ReplyText};
use smtpkit_codec::{Body, Envelope, Reply, ReplyCode, ReplyRef, Severity};
use smtpkit_session::Tick;
use smtpkit_session::client::{Answered, ClientEvent, Closed, OrderError, Plan, Ticket, Unsupported};
use std::time::Duration;

/// What the driver has to do before the next step.
pub(crate) enum SendingNeed {
    /// Move octets.
    Transfer,
    /// Lend the next piece of content of the oldest message.
    Content,
    /// The oldest message is done.
    Finished(Result<Report, SendError>),
    /// The connection is over and took every message on it along, oldest first.
    Lost(Vec<Lost>),
}

/// A message whose connection was lost.
pub(crate) struct Lost {
    pub(crate) error: SendError,
    /// Whether the server had said nothing at all about it, not even to MAIL.
    pub(crate) is_untouched: bool,
}

/// The messages under way on one session, at most two.
pub(crate) struct Sending<'s> {
    settings: &'s Settings,
    session: &'s Session,
    oldest: Option<Message>,
    /// The one whose commands are behind the content of the oldest.
    next: Option<Message>,
}

/// One message under way.
struct Message {
    ticket: Ticket,
    delivery: Delivery,
    recipients: Vec<RecipientOutcome>,
    /// What refused the message as a whole.
    refusal: Option<(Stage, Reply)>,
    reply: Option<Reply>,
    has_reply: bool,
    /// LMTP: the recipients before this one have heard what became of the content (RFC 2033 §4.2).
    heard: usize,
    started: Tick,
    span: tracing::Span,
}

impl<'s> Sending<'s> {
    pub(crate) const fn new(settings: &'s Settings, session: &'s Session) -> Self {
        Self { settings, session, oldest: None, next: None }
    }

    /// Makes content ready for the server of this session, and says how it goes there.
    pub(crate) fn plan(&self, machine: &Machine, content: &mut Prepared) -> Result<Plan, SendError> {
        let body = content.fit(machine.ehlo()).map_err(|error| error.with_session(self.session))?;
        if let Some(signer) = &self.settings.signer {
            content.sign(signer).map_err(|error| error.with_session(self.session))?;
        }
        let mut plan =
            Plan::default().with_delivery(self.settings.delivery).with_transfer(self.settings.transfer);
        if let Some(size) = content.size {
            plan = plan.with_size(size);
        }
        if let Some(body) = body.filter(|&body| body != Body::SevenBit) {
            plan = plan.with_body(body);
        }
        Ok(plan)
    }

    /// Starts the transaction of a message.
    pub(crate) fn start(
        &mut self,
        machine: &mut Machine,
        envelope: &Envelope,
        plan: &Plan,
        now: Tick,
    ) -> Result<(), SendError> {
        let ticket = machine.transaction(envelope, plan, now).map_err(|error| self.refused_order(error))?;
        let place = if self.oldest.is_none() { &mut self.oldest } else { &mut self.next };
        *place = Some(Message {
            ticket,
            delivery: self.settings.delivery,
            recipients: vec![RecipientOutcome::Untried; envelope.recipients.len()],
            refusal: None,
            reply: None,
            has_reply: false,
            heard: 0,
            started: now,
            span: spans::transaction(self.session, envelope.recipients.len()),
        });
        Ok(())
    }

    fn refused_order(&self, error: OrderError) -> SendError {
        let detail = error.to_string();
        let error = match error {
            OrderError::Unsupported(what) => {
                let error = SendError::new(ErrorKind::Unsupported, Stage::Mail, detail);
                let is_for_now = matches!(what, Unsupported::Transactions { .. });
                let error = if is_for_now { error.with_retry(Retry::Later) } else { error };
                error.with_unsupported(what)
            }
            OrderError::NoRecipients => SendError::new(ErrorKind::Unsupported, Stage::Mail, detail),
            OrderError::Plaintext => SendError::new(ErrorKind::TlsRequired, Stage::Mail, detail),
            _ => SendError::new(ErrorKind::Protocol, Stage::Mail, detail),
        };
        error.with_session(self.session)
    }

    /// Goes on as far as possible at `now`.
    pub(crate) fn step(&mut self, machine: &mut Machine, now: Tick) -> SendingNeed {
        loop {
            let octets = machine.content_octets();
            match machine.poll() {
                ClientEvent::Idle => return SendingNeed::Transfer,
                ClientEvent::Reply { to, reply } => {
                    self.observe(to, reply, octets);
                    self.on_reply(to, reply);
                }
                ClientEvent::Content(_) => return SendingNeed::Content,
                ClientEvent::Finished(ticket) => {
                    if let Some(message) = self.take(ticket) {
                        let octets = machine.content_octets();
                        let span = message.span.clone();
                        let time = now.since(message.started);
                        let outcome = message.conclude(self.session, octets, time);
                        spans::concluded(&span, &outcome);
                        return SendingNeed::Finished(outcome);
                    }
                }
                ClientEvent::Closed(closed) => return SendingNeed::Lost(self.lose(&closed)),
                _ => {}
            }
        }
    }

    fn take(&mut self, ticket: Ticket) -> Option<Message> {
        match &self.oldest {
            Some(oldest) if oldest.ticket == ticket => std::mem::replace(&mut self.oldest, self.next.take()),
            _ => self.next.take_if(|next| next.ticket == ticket),
        }
    }

    fn observe(&self, to: Answered, reply: ReplyRef<'_>, octets: u64) {
        if let Some(observer) = &self.settings.observer {
            let encrypted = self.session.tls().is_some();
            if matches!(to, Answered::Content(_) | Answered::ContentFor(..)) {
                observer.record(&Entry::Content { octets, encrypted });
            }
            observer.record(&Entry::Reply { reply: ReplyText(reply), encrypted });
        }
    }

    fn message(&mut self, ticket: Ticket) -> Option<&mut Message> {
        [&mut self.oldest, &mut self.next].into_iter().flatten().find(|message| message.ticket == ticket)
    }

    fn on_reply(&mut self, to: Answered, reply: ReplyRef<'_>) {
        let (Answered::Mail(ticket)
        | Answered::Rcpt(ticket, _)
        | Answered::Data(ticket)
        | Answered::Content(ticket)
        | Answered::ContentFor(ticket, _)) = to
        else {
            return;
        };
        let Some(message) = self.message(ticket) else { return };
        // A 421 in the place of the reply to MAIL ends a connection that was kept too long; it says nothing of the mail.
        let is_farewell = matches!(to, Answered::Mail(_)) && reply.code() == ReplyCode::SERVICE_UNAVAILABLE;
        message.has_reply |= !is_farewell;
        match to {
            Answered::Rcpt(_, index) => message.set(index, reply, reply.code() != ReplyCode::OK),
            Answered::ContentFor(_, index) => {
                message.set(index, reply, true);
                message.heard = index + 1;
            }
            Answered::Mail(_) => message.refuse(Stage::Mail, reply),
            Answered::Data(_) => message.refuse(Stage::Data, reply),
            Answered::Content(_) if reply.is_positive() => message.reply = Some(reply.to_owned()),
            _ => message.refuse(Stage::EndOfContent, reply),
        }
    }

    fn lose(&mut self, closed: &Closed) -> Vec<Lost> {
        let session = self.session;
        let lose = |message: Message| {
            let span = message.span.clone();
            let lost = message.lose(closed, session);
            spans::failed(&span, &lost.error);
            lost
        };
        [self.oldest.take(), self.next.take()].into_iter().flatten().map(lose).collect()
    }
}

impl Message {
    fn set(&mut self, index: usize, reply: ReplyRef<'_>, keeps_reply: bool) {
        let Some(outcome) = self.recipients.get_mut(index) else { return };
        *outcome = match reply.severity() {
            Severity::PositiveCompletion => RecipientOutcome::Accepted(keeps_reply.then(|| reply.to_owned())),
            _ => RecipientOutcome::Refused(reply.to_owned()),
        };
    }

    fn refuse(&mut self, stage: Stage, reply: ReplyRef<'_>) {
        if !reply.is_positive() && self.refusal.is_none() {
            self.refusal = Some((stage, reply.to_owned()));
        }
    }

    /// What came of a message that the server has answered in full, and how long that took.
    fn conclude(
        self,
        session: &Session,
        content_octets: u64,
        transaction: Duration,
    ) -> Result<Report, SendError> {
        if let Some((stage, reply)) = self.refusal {
            let recipients = refused(self.recipients, stage, &reply);
            let error = SendError::refused(ErrorKind::Refused, stage, reply);
            return Err(error.with_recipients(recipients).with_session(session));
        }
        let accepted = self.recipients.iter().filter(|outcome| outcome.is_accepted()).count();
        let everyone = self.recipients.len();
        let is_lmtp = self.reply.is_none();
        let enough = if self.delivery == Delivery::AllOrNothing && !is_lmtp { everyone } else { 1 };
        if accepted < enough || (is_lmtp && !self.has_content_answer()) {
            return Err(refused_recipients(self.recipients).with_session(session));
        }
        let (recipients, reply) = (self.recipients, self.reply);
        Ok(Report { recipients, reply, session: session.clone(), transaction, content_octets })
    }

    /// LMTP: whether any recipient was answered for after the content.
    fn has_content_answer(&self) -> bool {
        self.recipients.iter().any(|outcome| matches!(outcome, RecipientOutcome::Accepted(Some(_))))
    }

    fn lose(self, closed: &Closed, session: &Session) -> Lost {
        let heard = self.heard;
        let is_mail_refused = matches!(self.refusal, Some((Stage::Mail, _)));
        let is_unknown = closed.unknown == Some(self.ticket);
        let is_untouched = !self.has_reply && !is_unknown;
        let last_refusal = || self.recipients.iter().rev().find_map(RecipientOutcome::reply).cloned();
        let reply = self.refusal.map(|(_, reply)| reply).or_else(last_refusal);
        let error = lost_message(closed_error(closed, reply), is_unknown);
        let recipients = self.recipients.into_iter().enumerate().map(|(index, outcome)| match outcome {
            // Behind a refused MAIL the replies to RCPT say nothing of the recipients.
            _ if is_mail_refused => RecipientOutcome::Untried,
            // Accepted by RCPT alone: the content was never answered for.
            RecipientOutcome::Accepted(_) if index >= heard => RecipientOutcome::Untried,
            outcome => outcome,
        });
        Lost { error: error.with_recipients(recipients.collect()).with_session(session), is_untouched }
    }
}

/// Recipients of a message that was refused as a whole: those accepted before have the same refusal now.
fn refused(recipients: Vec<RecipientOutcome>, stage: Stage, reply: &Reply) -> Vec<RecipientOutcome> {
    if stage == Stage::Mail {
        return vec![RecipientOutcome::Untried; recipients.len()];
    }
    let refused = |outcome| match outcome {
        RecipientOutcome::Accepted(_) => RecipientOutcome::Refused(reply.clone()),
        outcome => outcome,
    };
    recipients.into_iter().map(refused).collect()
}

/// The error of a message that too many recipients were refused for.
fn refused_recipients(recipients: Vec<RecipientOutcome>) -> SendError {
    let recipients: Vec<_> = recipients
        .into_iter()
        .map(|outcome| if outcome.is_accepted() { RecipientOutcome::Untried } else { outcome })
        .collect();
    let replies = || recipients.iter().filter_map(RecipientOutcome::reply);
    let temporary = replies().find(|reply| reply.severity() != Severity::PermanentNegative);
    let Some(reply) = temporary.or_else(|| replies().next()).cloned() else {
        return SendError::new(ErrorKind::Recipients, Stage::Rcpt, "no recipient was accepted");
    };
    SendError::refused(ErrorKind::Recipients, Stage::Rcpt, reply).with_recipients(recipients)
}
