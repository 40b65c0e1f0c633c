//! The spool: whatever keeps entries so that nothing that was acknowledged is lost.
//!
//! An engine promises: a [`Pending`] resolves with success only when all of its change is durable;
//! after a crash each change is there wholly or not at all; after a failed write or sync nothing
//! is acknowledged any more, and the sync is not repeated, because its second success would prove
//! nothing. It does not promise to remember leases: what was under way is tried again.

use crate::batch::{Action, Batch, Event, EventId, Receipt};
use crate::content::{ContentReader, ContentWriter};
use crate::entry::Entry;
use crate::error::SpoolError;
use crate::filter::{Counts, Filter, Match, Page};
use crate::pending::Pending;
use crate::queue_id::QueueId;
use crate::recipient::RecipientKey;
use crate::site::Site;
use crate::timestamp::Timestamp;

/// Mails, and what one lease gave: an entry, and which of its recipients to attempt.
pub type Lease = Match;

/// How a spool is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// It takes mail.
    Ready,
    /// It takes none until there is room; what is in it is delivered.
    Full,
    /// It takes none and gives none until a restart: a write or sync has failed.
    Unhealthy(Box<str>),
}

/// Keeps what is owed. All changes are durable when their [`Pending`] resolves; all questions are
/// answered from memory, but for content and events.
///
/// ```
/// use std::sync::Arc;
/// use smtpkit_codec::EnhancedStatusCode;
/// use smtpkit_queue::{
///     Batch, Entry, LastReply, MemorySpool, Outcome, Recipient, Site, Spool, Timestamp,
/// };
///
/// let spool: Arc<dyn Spool> = Arc::new(MemorySpool::new(0));
/// let now = Timestamp::from_seconds(1_767_225_600);
///
/// // accept
/// let mut writer = spool.begin()?;
/// writer.write(b"Subject: hi\r\n\r\nho\r\n")?;
/// let entry = Entry::new(spool.next_id(now), "joe@example.org".parse()?)
///     .with_recipient(Recipient::new("jane@example.com".parse()?, Site::new("mx:example.com")));
/// spool.commit(Batch::default().accept(writer.finish()?, [entry])).wait()?;
///
/// // deliver
/// for site in spool.due(now, 10, &mut |_| true) {
///     for lease in spool.lease(&site, now, 100) {
///         let content = spool.content(lease.entry.id)?;
///         assert_eq!(content.len(), 19);
///         let reply = LastReply::new(EnhancedStatusCode::OK, "250 2.0.0 ok").from_host("mx.example.com");
///         let mut batch = Batch::default();
///         for key in lease.keys() {
///             batch = batch.record(key, Outcome::Done { reply: reply.clone(), at: now });
///         }
///         spool.commit(batch).wait()?;
///     }
/// }
/// assert_eq!(spool.counts().entries, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Spool: Send + Sync + 'static {
    /// A new id, above all others of this spool.
    fn next_id(&self, now: Timestamp) -> QueueId;

    /// Begins to take the content of a mail.
    ///
    /// # Errors
    /// [`SpoolError::Unhealthy`] and [`SpoolError::Full`]: the time to refuse is before the content
    /// is sent.
    fn begin(&self) -> Result<ContentWriter, SpoolError>;

    /// Makes all changes of a batch, or none.
    fn commit(&self, batch: Batch) -> Pending<Receipt>;

    /// Does something to all recipients that `filter` means. A large choice is changed in steps, so
    /// that mail is taken meanwhile; the ticket resolves after the last one.
    fn manage(&self, action: Action, filter: &Filter, now: Timestamp) -> Pending<Receipt>;

    /// Up to `limit` next hops with something due, of those that `eligible` accepts: the one that
    /// has waited longest for its turn comes first.
    fn due(&self, now: Timestamp, limit: usize, eligible: &mut dyn FnMut(&Site) -> bool) -> Vec<Site>;

    /// Takes up to `limit` mails that are due at a next hop, each with all recipients due there.
    /// They are leased until an outcome is recorded, or they are given back, or the spool is
    /// opened anew.
    fn lease(&self, site: &Site, now: Timestamp, limit: usize) -> Vec<Lease>;

    /// Ends leases without an outcome: the recipients are due as before.
    fn give_back(&self, keys: &[RecipientKey]);

    /// When the next of those next hops becomes due that are not due at that moment.
    fn next_due(&self, after: Timestamp) -> Option<Timestamp>;

    /// The entry of that name.
    fn get(&self, id: QueueId) -> Option<Entry>;

    /// The recipients that `filter` means, from behind `after` on, oldest first, `limit` at most. A mail that is
    /// gone from it has its report in it. It may wait for the disk.
    fn list(&self, filter: &Filter, after: Option<RecipientKey>, limit: usize) -> Page;

    /// The content of an entry. It may read from the disk.
    ///
    /// # Errors
    /// [`SpoolError::UnknownContent`] if there is no such entry, [`SpoolError::Damaged`] and
    /// [`SpoolError::Io`] if its content cannot be read.
    fn content(&self, id: QueueId) -> Result<ContentReader, SpoolError>;

    /// Up to `limit` events of the outbox, oldest first, from behind `after` on. It may read from
    /// the disk.
    ///
    /// # Errors
    /// [`SpoolError::Io`] if they cannot be read.
    fn events(&self, after: Option<EventId>, limit: usize) -> Result<Vec<(EventId, Event)>, SpoolError>;

    /// Removes all events up to this one from the outbox: they have been told.
    fn forget_events(&self, up_to: EventId) -> Pending<Receipt>;

    /// How much there is.
    fn counts(&self) -> Counts;

    /// How it is.
    fn health(&self) -> Health;

    /// [`Action::Hold`].
    fn hold(&self, filter: &Filter, now: Timestamp) -> Pending<Receipt> {
        self.manage(Action::Hold, filter, now)
    }

    /// [`Action::Release`].
    fn release(&self, filter: &Filter, now: Timestamp) -> Pending<Receipt> {
        self.manage(Action::Release, filter, now)
    }

    /// [`Action::Retry`].
    fn retry(&self, filter: &Filter, now: Timestamp) -> Pending<Receipt> {
        self.manage(Action::Retry, filter, now)
    }

    /// [`Action::Remove`].
    fn remove(&self, filter: &Filter, now: Timestamp) -> Pending<Receipt> {
        self.manage(Action::Remove, filter, now)
    }

    /// [`Action::Retry`] for everything.
    fn flush(&self, now: Timestamp) -> Pending<Receipt> {
        self.manage(Action::Retry, &Filter::all(), now)
    }
}
