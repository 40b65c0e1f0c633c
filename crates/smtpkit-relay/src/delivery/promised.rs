//! Outcomes on their way to the disk, and what is done if the queue will not have them.
//!
//! A batch is refused as a whole, for its report: the queue holds as many mails as it may. Who took the mail has it all the
//! same, and must not get it again; whoever else it is for is tried again later, when there may be room for the report.
//! If the disk fails nothing can be recorded: the leases end with the process, and the mail is tried again: at least once.

use std::time::Duration;

use smtpkit_queue::{Batch, Outcome, Pending, QueueId, Receipt, RecipientKey, Spool, SpoolError, Timestamp};

use crate::outcome::Fate;

/// When it is tried again.
const AGAIN: Duration = Duration::from_secs(60);

/// A commit, and what it is about.
pub(super) struct Promised {
    commit: Pending<Receipt>,
    fates: Vec<(QueueId, Vec<(u32, Fate)>)>,
}

impl Promised {
    pub(super) fn new(commit: Pending<Receipt>, id: QueueId, fates: Vec<(u32, Fate)>) -> Self {
        Self::of_many(commit, vec![(id, fates)])
    }

    pub(super) const fn of_many(commit: Pending<Receipt>, fates: Vec<(QueueId, Vec<(u32, Fate)>)>) -> Self {
        Self { commit, fates }
    }

    /// Waits until it is durable; ends the leases whatever happens.
    pub(super) async fn settle(self, spool: &dyn Spool, now: Timestamp) {
        let Err(error) = self.commit.await else { return };
        tracing::error!(target: "smtpkit::relay", %error, "an outcome could not be recorded");
        if matches!(error, SpoolError::Unhealthy { .. } | SpoolError::Closed) {
            return;
        }
        let mut batch = Batch::default();
        for (id, fates) in self.fates {
            let Some(entry) = spool.get(id) else { continue };
            for (index, fate) in fates {
                let recipient = usize::try_from(index).ok().and_then(|at| entry.recipients.get(at));
                let Some(recipient) = recipient else { continue };
                let outcome = match fate {
                    Fate::Done(reply) => Outcome::Done { reply, at: now },
                    _ => Outcome::Rerouted { site: recipient.site.clone(), due: now.after(AGAIN) },
                };
                batch = batch.record(RecipientKey { id, index }, outcome);
            }
        }
        if let Err(error) = spool.commit(batch).await {
            tracing::error!(target: "smtpkit::relay", %error, "nor could the rest of it");
        }
    }
}

#[cfg(test)]
mod tests {
    use smtpkit_codec::{EnhancedStatusCode, ReversePath};
    use smtpkit_queue::{Entry, LastReply, Limits, MemorySpool, Recipient, RecipientState, Site, Staged};

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[tokio::test]
    async fn a_refused_report_costs_neither_a_second_copy_nor_a_recipient() {
        let spool = MemorySpool::with_limits(1, Limits { entries: 1, ..Limits::default() });
        let site = Site::new("mx:far.test");
        let recipient = |path: &str| Recipient::new(path.parse().unwrap(), site.clone());
        let mail = || Entry::new(spool.next_id(NOW), ReversePath::null());
        let entry =
            mail().with_recipient(recipient("took@far.test")).with_recipient(recipient("not@far.test"));
        let id = entry.id;
        spool.commit(Batch::default().accept(Staged::inline("x"), [entry])).await.unwrap();
        assert_eq!(spool.lease(&site, NOW, 9).len(), 1);

        let reply = || LastReply::new(EnhancedStatusCode::OK, "ok");
        let fates = vec![(0, Fate::Done(reply())), (1, Fate::Failed(reply()))];
        let reports = [0, 1].map(|_| mail().with_recipient(recipient("ada@far.test")));
        let batch = Batch::default()
            .accept(Staged::inline("a report"), reports)
            .record(RecipientKey { id, index: 0 }, Outcome::Done { reply: reply(), at: NOW })
            .record(RecipientKey { id, index: 1 }, Outcome::Failed { reply: reply(), at: NOW });
        Promised::new(spool.commit(batch), id, fates).settle(&spool, NOW).await;

        let states: Vec<RecipientState> =
            spool.get(id).unwrap().recipients.iter().map(|recipient| recipient.state).collect();
        assert_eq!(states, [RecipientState::Done, RecipientState::Queued]);
        assert!(spool.lease(&site, NOW, 9).is_empty(), "not at once");
        assert_eq!(spool.lease(&site, NOW.after(AGAIN), 9)[0].indexes, [1]);
    }
}
