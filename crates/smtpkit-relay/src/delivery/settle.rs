//! From what became of the recipients of one mail to one batch for the queue: outcomes, the next attempts, and the report.
//!
//! All of it is committed together, so a report is never lost and never made twice.

use smtpkit_codec::{EnhancedStatusCode, ForwardPath, MailParameters, ReversePath, StatusClass};
use smtpkit_mime::report::Action;
use smtpkit_queue::{
    Batch, DelayNotice, Entry, LastReply, Lease, Next, Origin, Outcome, QueueId, Recipient, RecipientKey,
    Schedule, Staged, Timestamp,
};

use crate::outcome::Fate;
use crate::record;
use crate::report::{Case, Notice, addressee, build, is_wanted};
use crate::routes::Routes;

/// What this system knows when it settles a mail.
pub(crate) struct Settlement<'a> {
    /// With the recipients that are settled.
    pub(crate) mail: &'a Lease,
    pub(crate) routes: &'a Routes,
    pub(crate) schedule: &'a Schedule,
    pub(crate) now: Timestamp,
}

/// Whether whoever has the mail now reports a delivery himself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Success {
    /// It lies in a mailbox: we do.
    Delivered,
    /// The next hop speaks DSN: it does.
    PassedOn,
    /// The next hop does not: we say that we passed it on (RFC 3461 §5.2.2).
    Relayed,
    /// Nobody: it was thrown away on purpose.
    Silent,
}

/// The outcomes of one attempt, and whom to report about.
pub(crate) struct Settled<'a> {
    pub(crate) outcomes: Vec<(RecipientKey, Outcome)>,
    pub(crate) cases: Vec<Case<'a>>,
}

impl<'a> Settlement<'a> {
    /// `fates` are of the recipients with these indexes.
    pub(crate) fn decide(&self, fates: &[(u32, Fate)], success: Success) -> Settled<'a> {
        let mut settled = Settled { outcomes: Vec::with_capacity(fates.len()), cases: Vec::new() };
        for (index, fate) in fates {
            let Some(recipient) = self.mail.recipient(*index) else { continue };
            let key = RecipientKey { id: self.mail.entry.id, index: *index };
            self.one(key, recipient, fate, success, &mut settled);
        }
        settled
    }

    fn one(
        &self,
        key: RecipientKey,
        recipient: &'a Recipient,
        fate: &Fate,
        success: Success,
        settled: &mut Settled<'a>,
    ) {
        let at = self.now;
        let mut report = |action, reply: &LastReply| {
            if is_wanted(&self.mail.entry, recipient, action) {
                settled.cases.push(Case { recipient, action, reply: reply.clone() });
            }
        };
        match fate {
            Fate::Done(reply) => {
                match success {
                    Success::Delivered => report(Action::Delivered, reply),
                    Success::Relayed => report(Action::Relayed, reply),
                    Success::PassedOn | Success::Silent => {}
                }
                settled.outcomes.push((key, Outcome::Done { reply: reply.clone(), at }));
            }
            Fate::Failed(reply) => {
                report(Action::Failed, reply);
                settled.outcomes.push((key, Outcome::Failed { reply: reply.clone(), at }));
            }
            Fate::Again => {
                settled.outcomes.push((key, Outcome::Rerouted { site: recipient.site.clone(), due: at }));
            }
            Fate::Deferred(reply) => {
                let seed = self.mail.entry.id.get();
                let attempts = recipient.attempts.saturating_add(1);
                match self.schedule.next_attempt(attempts, at, &self.mail.entry.terms, seed) {
                    Next::At(due) => {
                        let is_late = self.mail.entry.terms.notice.is_some_and(|notice| at >= notice);
                        if is_late && recipient.delay_notice == DelayNotice::Owed {
                            report(Action::Delayed, reply);
                            settled.outcomes.push((key, Outcome::Noticed));
                        }
                        settled.outcomes.push((key, Outcome::Deferred { reply: reply.clone(), at, due }));
                    }
                    Next::Expired => {
                        let reply = expired(reply);
                        report(Action::Failed, &reply);
                        settled.outcomes.push((key, Outcome::Failed { reply, at }));
                    }
                }
            }
        }
    }

    /// Puts the report into the batch. `content` is what is at hand of the mail.
    pub(crate) fn with_report(
        &self,
        batch: Batch,
        cases: Vec<Case<'_>>,
        id: QueueId,
        content: &[u8],
    ) -> Batch {
        let Some(sender) = self.mail.entry.reverse_path.mailbox() else { return batch };
        // a person reads it, who does not know what the reverse-path of forwarded mail is
        let known = self.routes.original(sender, day(self.now)).map(|original| {
            let mut entry = self.mail.entry.clone();
            entry.reverse_path = ReversePath::from(original);
            entry
        });
        let notice = Notice {
            entry: known.as_ref().unwrap_or(&self.mail.entry),
            cases,
            hostname: self.routes.hostname(),
            now: self.now,
            id,
            content,
        };
        let Some(report) = build(&notice) else {
            tracing::error!(target: "smtpkit::relay", id = %self.mail.entry.id, "a report could not be written");
            return batch;
        };
        let path = addressee(&sender.to_owned());
        match self.report_entry(id, &path) {
            Some(entry) => {
                record::report(self.mail.entry.id, id);
                batch.accept(Staged::inline(report), [entry])
            }
            None => batch,
        }
    }

    /// The report as an entry; none if nobody takes it: then there is nobody left to tell (RFC 5321 §6.1).
    fn report_entry(&self, id: QueueId, path: &ForwardPath) -> Option<Entry> {
        let day = day(self.now);
        let legs = match self.routes.resolve(path.as_ref(), day) {
            Ok(legs) => legs,
            Err(reply) => {
                tracing::warn!(target: "smtpkit::relay", id = %self.mail.entry.id, sender = %path, %reply, "a report has no taker");
                return None;
            }
        };
        let mut parameters = MailParameters::default();
        if !path.as_ref().is_ascii() {
            parameters = parameters.with_smtputf8();
        }
        let origin = Origin { report_of: Some(self.mail.entry.id), ..Origin::default() };
        let terms = self.schedule.terms(self.now, parameters.as_ref());
        let entry = Entry::new(id, ReversePath::null())
            .with_origin(origin)
            .with_terms(terms)
            .with_parameters(parameters);
        Some(legs.into_iter().fold(entry, |entry, leg| {
            entry.with_recipient(Recipient::new(leg.path, leg.hop.site()).with_due(terms.release))
        }))
    }
}

/// What is said at the give-up time: the last reply, with a status of its own (RFC 3463 §3.5, X.4.7).
fn expired(last: &LastReply) -> LastReply {
    let status = EnhancedStatusCode::new(StatusClass::Permanent, 4, 7)
        .expect("invariant: 5.4.7 is within the limits of RFC 3463");
    let reply = LastReply::new(status, &format!("delivery time expired; last: {}", last.text));
    match &last.host {
        Some(host) => reply.from_host(host.clone()),
        None => reply,
    }
}

/// Days since 1970, for addresses that expire.
pub(crate) const fn day(now: Timestamp) -> u64 {
    now.get() / 86_400_000
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use smtpkit_queue::{IdSource, Site};

    use super::*;
    use crate::Directory;

    const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn schedule() -> Schedule {
        Schedule::new(vec![Duration::from_secs(60)])
            .unwrap()
            .with_jitter(0)
            .unwrap()
            .with_delay_notice(Some(Duration::from_secs(300)))
            .with_give_up(Duration::from_secs(3_600))
    }

    fn check(now: u64, recipient: &str, fate: Fate, success: Success, expected: (&str, &str)) {
        let mut directory = Directory::default();
        directory.add_mailbox("alice@example.test").unwrap();
        let routes = Routes::builder("mx.example.test", directory).build();
        let schedule = schedule();
        let id = IdSource::new(1).next(START);
        let parameters = MailParameters::default();
        let entry = Entry::new(id, "alice@example.test".parse().unwrap())
            .with_terms(schedule.terms(START, parameters.as_ref()))
            .with_recipient(
                Recipient::new("bob@far.test".parse().unwrap(), Site::new("mx:far.test"))
                    .with_parameters(recipient.parse().unwrap()),
            );
        let lease = Lease::new(entry, vec![0]);
        let now = START.after(Duration::from_secs(now));
        let settlement = Settlement { mail: &lease, routes: &routes, schedule: &schedule, now };
        let settled = settlement.decide(&[(0, fate)], success);
        let outcomes: Vec<&str> = settled
            .outcomes
            .iter()
            .map(|(_, outcome)| match outcome {
                Outcome::Done { .. } => "done",
                Outcome::Failed { .. } => "failed",
                Outcome::Deferred { .. } => "deferred",
                Outcome::Noticed => "noticed",
                _ => "rerouted",
            })
            .collect();
        let actions: Vec<String> = settled.cases.iter().map(|case| case.action.to_string()).collect();
        assert_eq!((outcomes.join(" ").as_str(), actions.join(" ").as_str()), expected);
    }

    #[test]
    fn fates_become_outcomes_and_reports() {
        let reply = || LastReply::new("4.4.1".parse().unwrap(), "no connection");
        let done = || Fate::Done(reply());
        check(0, "", done(), Success::Delivered, ("done", ""));
        check(0, "NOTIFY=SUCCESS", done(), Success::Delivered, ("done", "delivered"));
        check(0, "NOTIFY=SUCCESS", done(), Success::Relayed, ("done", "relayed"));
        check(0, "NOTIFY=SUCCESS", done(), Success::PassedOn, ("done", ""));
        check(0, "", Fate::Failed(reply()), Success::PassedOn, ("failed", "failed"));
        check(0, "NOTIFY=NEVER", Fate::Failed(reply()), Success::PassedOn, ("failed", ""));
        check(0, "", Fate::Deferred(reply()), Success::PassedOn, ("deferred", ""));
        check(300, "", Fate::Deferred(reply()), Success::PassedOn, ("noticed deferred", "delayed"));
        check(300, "NOTIFY=FAILURE", Fate::Deferred(reply()), Success::PassedOn, ("noticed deferred", ""));
        check(3_600, "", Fate::Deferred(reply()), Success::PassedOn, ("failed", "failed"));
        check(0, "", Fate::Again, Success::PassedOn, ("rerouted", ""));
    }
}
