//! A change of the queue: everything in one [`Batch`] becomes durable at the same moment or not at
//! all. That is how a failure and its report cannot be separated by a crash.

use std::sync::Arc;

use bytes::Bytes;

use crate::content::{Kept, Staged};
use crate::engine::folder::ContentFolder;
use crate::entry::Entry;
use crate::queue_id::QueueId;
use crate::recipient::{LastReply, RecipientKey};
use crate::site::Site;
use crate::timestamp::Timestamp;

/// Changes that are made together, in the order in which they were added.
///
/// ```
/// use smtpkit_queue::{Batch, Entry, MemorySpool, Recipient, Site, Spool, Staged, Timestamp};
///
/// let spool = MemorySpool::new(0);
/// let entry = Entry::new(spool.next_id(Timestamp::new(1)), "joe@example.org".parse()?)
///     .with_recipient(Recipient::new("jane@example.com".parse()?, Site::new("mx:example.com")));
/// spool.commit(Batch::default().accept(Staged::inline("Subject: hi\r\n\r\nho\r\n"), [entry])).wait()?;
/// assert_eq!(spool.counts().entries, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Batch {
    pub(crate) accepts: Vec<Accept>,
    pub(crate) copies: Vec<(QueueId, Entry)>,
    pub(crate) outcomes: Vec<(RecipientKey, Outcome)>,
    pub(crate) events: Vec<Event>,
}

/// One content and the entries that are owed it.
#[derive(Debug)]
pub(crate) struct Accept {
    pub(crate) content: Staged,
    pub(crate) entries: Vec<Entry>,
}

impl Batch {
    /// And take these entries in, which share one content.
    #[must_use]
    pub fn accept(mut self, content: Staged, entries: impl IntoIterator<Item = Entry>) -> Self {
        self.accepts.push(Accept { content, entries: entries.into_iter().collect() });
        self
    }

    /// And take this entry in, with the content of one that is there: an alias or a forward.
    #[must_use]
    pub fn enqueue_copy(mut self, content_of: QueueId, entry: Entry) -> Self {
        self.copies.push((content_of, entry));
        self
    }

    /// And write down what has come of an attempt.
    #[must_use]
    pub fn record(mut self, key: RecipientKey, outcome: Outcome) -> Self {
        self.outcomes.push((key, outcome));
        self
    }

    /// And put an event into the outbox.
    #[must_use]
    pub fn event(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    /// Is there nothing in it?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.accepts.is_empty()
            && self.copies.is_empty()
            && self.outcomes.is_empty()
            && self.events.is_empty()
    }

    /// Is content in it that is a file of another folder than this one?
    pub(crate) fn has_content_outside(&self, folder: Option<&Arc<ContentFolder>>) -> bool {
        let outside = |kept: &Kept| matches!(kept, Kept::File(file) if !file.is_in(folder));
        self.accepts.iter().any(|accept| outside(&accept.content.kept))
    }

    /// All entries that it would take in.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        let accepted = self.accepts.iter().flat_map(|accept| &accept.entries);
        accepted.chain(self.copies.iter().map(|(_, entry)| entry))
    }
}

/// What has come of a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Delivered, relayed, expanded or discarded. Ends the lease, counts an attempt.
    Done {
        /// What was said.
        reply: LastReply,
        /// When.
        at: Timestamp,
    },
    /// Refused for good, or expired. Ends the lease, counts an attempt. The report belongs into the
    /// same batch.
    Failed {
        /// What was said.
        reply: LastReply,
        /// When.
        at: Timestamp,
    },
    /// To be tried again. Ends the lease, counts an attempt.
    Deferred {
        /// What was said.
        reply: LastReply,
        /// When.
        at: Timestamp,
        /// When the next attempt is due.
        due: Timestamp,
    },
    /// The notice of the delay is in this batch. Changes nothing else.
    Noticed,
    /// It goes another way. Ends the lease, counts no attempt.
    Rerouted {
        /// The next hop from now on.
        site: Site,
        /// When the next attempt is due.
        due: Timestamp,
    },
}

/// Something to be told to the outside, kept until it has been: a row of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happened.
    pub at: Timestamp,
    /// The entry it is about.
    pub id: QueueId,
    /// What happened, in a form that the queue does not look at.
    pub payload: Bytes,
}

/// The place of an event in the outbox; rises, never repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(u64);

impl EventId {
    /// The place with this number.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// The place as a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// What a durable change has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// How many recipients were added or changed, or events forgotten.
    pub changed: u64,
    /// How many outcomes came too late: the recipient was done already, or removed.
    pub stale: u64,
}

/// What an operator does to recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// No more attempts until released. An attempt that is under way goes on.
    Hold,
    /// Held ones are queued again, due now.
    Release,
    /// Queued ones that are not due yet are due now. Held ones stay held.
    Retry,
    /// Nothing is owed any more, and nobody is told. An attempt that is under way goes on.
    Remove,
}
