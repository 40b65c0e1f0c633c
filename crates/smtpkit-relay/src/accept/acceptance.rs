//! From the recipients of a transaction to the entries of the queue: one for each reverse-path, and reports that are due at
//! once.

use std::collections::HashSet;

use bytes::Bytes;
use smtpkit_codec::{
    EnhancedStatusCode, ForwardPath, MailParameters, Notify, RcptParameters, Recipient as EnvelopeRecipient,
    ReversePath,
};
use smtpkit_mime::report::Action;
use smtpkit_queue::{Batch, Entry, LastReply, Origin, QueueId, Recipient, Staged, Timestamp};
use smtpkit_server::Transaction;

use super::content::Taken;
use super::forwarded_report::{Forwarded, told_anew};
use crate::NextHop;
use crate::delivery::day;
use crate::relay::Shared;
use crate::report::{Case, Notice, addressee, build, is_wanted};
use crate::routes::{Leg, Routes, Sender, Via};

/// The entries that a transaction becomes: one for each reverse-path.
pub(super) struct Acceptance<'a> {
    shared: &'a Shared,
    routes: &'a Routes,
    transaction: &'a Transaction,
    now: Timestamp,
    /// The one that the peer hears, until an entry has it.
    id: Option<QueueId>,
    entries: Vec<(ReversePath, MailParameters, Vec<Recipient>)>,
    /// Recipients that became several and whose sender wants to hear of it.
    expanded: Vec<Recipient>,
    /// Reports about mail that was forwarded here, and who gets them.
    retold: Vec<(Leg, Bytes)>,
}

impl<'a> Acceptance<'a> {
    pub(super) const fn new(
        shared: &'a Shared,
        routes: &'a Routes,
        transaction: &'a Transaction,
        id: QueueId,
        now: Timestamp,
    ) -> Self {
        Self {
            shared,
            routes,
            transaction,
            now,
            id: Some(id),
            entries: Vec::new(),
            expanded: Vec::new(),
            retold: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, recipient: &EnvelopeRecipient, legs: Vec<Leg>, taken: &Taken) {
        let is_expanded = legs.iter().any(|leg| leg.via == Via::Expansion);
        let mut seen = HashSet::new();
        for leg in legs {
            if !seen.insert((leg.path.clone(), leg.hop.clone())) {
                continue;
            }
            if leg.via == Via::Restored
                && let Some(report) = taken.report.as_deref().and_then(|report| self.told_anew(&leg, report))
            {
                self.retold.push((leg, report));
                continue;
            }
            let (sender, parameters) = self.envelope_of(&leg.sender);
            let hop = match leg.hop {
                NextHop::Mailbox(mailbox) if taken.header.was_delivered_to(&mailbox.to_string()) => {
                    NextHop::Loop
                }
                hop => hop,
            };
            let wanted = match leg.sender {
                Sender::Owner(_) => RcptParameters::default(),
                _ => inherited(&recipient.parameters, &recipient.path, leg.via),
            };
            let mut queued = Recipient::new(leg.path, hop.site()).with_parameters(wanted);
            // who owns a list may know its members, who writes to an alias may not know what is behind it
            if matches!(leg.via, Via::Alias | Via::Expansion)
                && !matches!(leg.sender, Sender::Owner(_))
                && queued.path != recipient.path
            {
                queued = queued.with_alias(recipient.path.clone());
            }
            match self.entries.iter_mut().find(|(known, ..)| *known == sender) {
                Some((.., recipients)) => recipients.push(queued),
                None => self.entries.push((sender, parameters, vec![queued])),
            }
        }
        if is_expanded {
            let whole = Recipient::new(recipient.path.clone(), NextHop::Discard.site())
                .with_parameters(recipient.parameters.clone());
            self.expanded.push(whole);
        }
    }

    fn told_anew(&self, leg: &Leg, report: &[u8]) -> Option<Bytes> {
        let sender = leg.path.mailbox()?.to_owned();
        told_anew(&Forwarded { report, sender, routes: self.routes, now: self.now })
    }

    fn envelope_of(&self, sender: &Sender) -> (ReversePath, MailParameters) {
        let ours = self.transaction.reverse_path();
        let mut parameters = self.transaction.parameters().clone();
        parameters.remove("SIZE");
        match (sender, ours.mailbox()) {
            (Sender::Owner(owner), _) => {
                parameters.remove("RET");
                parameters.remove("ENVID");
                (ReversePath::from(owner.as_ref().to_owned()), parameters)
            }
            (Sender::Rewrite, Some(mailbox)) => match self.routes.rewritten(mailbox, day(self.now)) {
                Some(rewritten) => (ReversePath::from(rewritten), parameters),
                None => (ours.clone(), parameters),
            },
            _ => (ours.clone(), parameters),
        }
    }

    /// Whether nobody is left who could get the mail.
    pub(super) fn is_loop(&self) -> bool {
        if !self.retold.is_empty() {
            return false;
        }
        let site = NextHop::Loop.site();
        let mut recipients = self.entries.iter().flat_map(|(.., recipients)| recipients).peekable();
        recipients.peek().is_none() || recipients.all(|recipient| recipient.site == site)
    }

    fn next_id(&mut self) -> QueueId {
        self.id.take().unwrap_or_else(|| self.shared.spool.next_id(self.now))
    }

    pub(super) fn into_batch(
        mut self,
        staged: Staged,
        origin: &Origin,
        header: &[u8],
    ) -> (Batch, Vec<Entry>) {
        let schedule = &self.shared.options.schedule;
        let mut entries = Vec::with_capacity(self.entries.len());
        for (sender, parameters, recipients) in std::mem::take(&mut self.entries) {
            let id = self.next_id();
            let terms = schedule.terms(self.now, parameters.as_ref());
            let entry = Entry::new(id, sender)
                .with_parameters(parameters)
                .with_origin(origin.clone())
                .with_terms(terms);
            let held =
                |entry: Entry, recipient: Recipient| entry.with_recipient(recipient.with_due(terms.release));
            entries.push(recipients.into_iter().fold(entry, held));
        }
        let batch = if entries.is_empty() {
            Batch::default()
        } else {
            Batch::default().accept(staged, entries.clone())
        };
        let batch = self.with_expanded(batch, &entries, header);
        let batch = self.with_retold(batch, &mut entries, origin);
        (batch, entries)
    }

    /// Reports that are told anew go on instead of what came.
    fn with_retold(&mut self, mut batch: Batch, entries: &mut Vec<Entry>, origin: &Origin) -> Batch {
        for (leg, report) in std::mem::take(&mut self.retold) {
            let parameters = if leg.path.as_ref().is_ascii() {
                MailParameters::default()
            } else {
                MailParameters::default().with_smtputf8()
            };
            let terms = self.shared.options.schedule.terms(self.now, parameters.as_ref());
            let entry = Entry::new(self.next_id(), ReversePath::null())
                .with_parameters(parameters)
                .with_origin(origin.clone())
                .with_terms(terms)
                .with_recipient(Recipient::new(leg.path, leg.hop.site()).with_due(terms.release));
            batch = batch.accept(Staged::inline(report), [entry.clone()]);
            entries.push(entry);
        }
        batch
    }

    /// The report that says that a recipient became several (RFC 3464 §2.3.3, "expanded").
    fn with_expanded(&self, batch: Batch, entries: &[Entry], header: &[u8]) -> Batch {
        let Some(about) = entries.first() else { return batch };
        let mut about = about.clone();
        about.reverse_path = self.transaction.reverse_path().clone();
        about.parameters = self.transaction.parameters().clone();
        let Some(sender) = about.reverse_path.mailbox().map(|mailbox| mailbox.to_owned()) else {
            return batch;
        };
        let reply = LastReply::new(EnhancedStatusCode::OK, "passed on to all members");
        let cases: Vec<Case<'_>> = self
            .expanded
            .iter()
            .filter(|recipient| is_wanted(&about, recipient, Action::Expanded))
            .map(|recipient| Case { recipient, action: Action::Expanded, reply: reply.clone() })
            .collect();
        if cases.is_empty() {
            return batch;
        }
        let id = self.shared.spool.next_id(self.now);
        let notice = Notice {
            entry: &about,
            cases,
            hostname: self.routes.hostname(),
            now: self.now,
            id,
            content: header,
        };
        let path = addressee(&sender);
        let (Some(report), Ok(legs)) = (build(&notice), self.routes.resolve(path.as_ref(), day(self.now)))
        else {
            return batch;
        };
        let terms = self.shared.options.schedule.terms(self.now, MailParameters::default().as_ref());
        let origin = Origin { report_of: Some(about.id), ..Origin::default() };
        let entry = Entry::new(id, ReversePath::null()).with_origin(origin).with_terms(terms);
        let entry = legs.into_iter().fold(entry, |entry, leg| {
            entry.with_recipient(Recipient::new(leg.path, leg.hop.site()).with_due(terms.release))
        });
        batch.accept(Staged::inline(report), [entry])
    }
}

/// What a recipient behind an alias keeps of the parameters (RFC 3461 §5.2.7): the address that the sender knows, and all
/// wishes if it is the only one; behind several, success is reported by us, once.
fn inherited(given: &RcptParameters, original: &ForwardPath, via: Via) -> RcptParameters {
    let mut parameters = given.clone();
    if matches!(via, Via::Itself | Via::Restored) {
        return parameters;
    }
    if parameters.as_ref().orcpt().is_none()
        && let Some(mailbox) = original.mailbox()
        && let Ok(named) = parameters.clone().with_orcpt(mailbox.as_str())
    {
        parameters = named;
    }
    if let (Via::Expansion, Some(notify)) = (via, parameters.as_ref().notify()) {
        let kept = [(notify.on_failure(), Notify::FAILURE), (notify.on_delay(), Notify::DELAY)];
        let kept =
            kept.into_iter().filter(|(is_kept, _)| *is_kept).fold(Notify::NEVER, |sum, (_, one)| sum.or(one));
        parameters.remove("NOTIFY");
        parameters = parameters.with_notify(kept);
    }
    parameters
}
