//! Which recipients an operator means: by id, domain, sender, age, state or next hop, in any
//! combination. Whatever narrows the choice most is looked up in an index; nothing is scanned.

use crate::entry::Entry;
use crate::queue_id::QueueId;
use crate::recipient::{Recipient, RecipientKey, RecipientState};
use crate::site::Site;
use crate::timestamp::Timestamp;

/// A choice of recipients; each condition narrows it. Without a state it means all that are still
/// owed something: queued, leased and held.
///
/// ```
/// use smtpkit_queue::{Filter, RecipientState, Timestamp};
///
/// let old = Filter::all().domain("Dead.example").created_before(Timestamp::from_seconds(1_000));
/// let held = Filter::all().state(RecipientState::Held);
/// assert_ne!(old, held);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub(crate) id: Option<QueueId>,
    pub(crate) index: Option<u32>,
    pub(crate) domain: Option<Box<str>>,
    pub(crate) sender: Option<Box<str>>,
    pub(crate) site: Option<Site>,
    pub(crate) state: Option<RecipientState>,
    pub(crate) created_from: Option<Timestamp>,
    pub(crate) created_before: Option<Timestamp>,
}

impl Filter {
    /// Everything that is still owed.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Only recipients of this entry.
    #[must_use]
    pub fn id(mut self, id: QueueId) -> Self {
        self.id = Some(id);
        self
    }

    /// Only this recipient.
    #[must_use]
    pub fn recipient(mut self, key: RecipientKey) -> Self {
        self.id = Some(key.id);
        self.index = Some(key.index);
        self
    }

    /// Only recipients of this domain or address literal, in whatever case; `""` is the
    /// Postmaster without a domain.
    #[must_use]
    pub fn domain(mut self, domain: &str) -> Self {
        self.domain = Some(domain.to_lowercase().into());
        self
    }

    /// Only mail with this reverse-path, in whatever case; `""` is the null reverse-path.
    #[must_use]
    pub fn sender(mut self, mailbox: &str) -> Self {
        self.sender = Some(mailbox.to_lowercase().into());
        self
    }

    /// Only recipients with this next hop.
    #[must_use]
    pub fn site(mut self, site: Site) -> Self {
        self.site = Some(site);
        self
    }

    /// Only recipients in this state. Done and failed ones are there while their entry is.
    #[must_use]
    pub fn state(mut self, state: RecipientState) -> Self {
        self.state = Some(state);
        self
    }

    /// Only mail that arrived at that moment or later.
    #[must_use]
    pub fn created_from(mut self, moment: Timestamp) -> Self {
        self.created_from = Some(moment);
        self
    }

    /// Only mail that arrived earlier.
    #[must_use]
    pub fn created_before(mut self, moment: Timestamp) -> Self {
        self.created_before = Some(moment);
        self
    }
}

/// An entry with some of its recipients: a mail to ten thousand goes to each next hop without the others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Match {
    /// The entry, with those recipients alone that are meant.
    pub entry: Entry,
    /// The place that each of them has among all recipients of the mail, rising.
    pub indexes: Vec<u32>,
}

impl Match {
    /// The recipients of `entry` have these places in the mail.
    ///
    /// ```
    /// use smtpkit_queue::{Entry, Match, QueueId, Recipient, Site};
    ///
    /// let entry = Entry::new(QueueId::from_u64(1), "jane@example.org".parse()?);
    /// let bob = Recipient::new("bob@example.com".parse()?, Site::new("mx:example.com"));
    /// let third = Match::new(entry.with_recipient(bob.clone()), vec![2]);
    /// assert_eq!((third.recipient(2), third.recipient(0)), (Some(&bob), None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn new(entry: Entry, indexes: Vec<u32>) -> Self {
        Self { entry, indexes }
    }

    /// The recipient with this place in the mail, if it is one of those that are meant.
    #[must_use]
    pub fn recipient(&self, index: u32) -> Option<&Recipient> {
        self.entry.recipients.get(self.indexes.binary_search(&index).ok()?)
    }

    /// The recipients that are meant.
    pub fn keys(&self) -> impl Iterator<Item = RecipientKey> + '_ {
        self.indexes.iter().map(|index| RecipientKey { id: self.entry.id, index: *index })
    }
}

/// A part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// What was found, oldest first.
    pub entries: Vec<Match>,
    /// Where to go on; none at the end. A page may hold fewer than were asked for and go on
    /// nevertheless.
    pub next: Option<RecipientKey>,
    /// How many rows of the index were looked at.
    pub examined: usize,
}

/// How much there is of everything, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Mails.
    pub entries: usize,
    /// Recipients that wait.
    pub queued: usize,
    /// Recipients that somebody is at.
    pub leased: usize,
    /// Recipients that the operator holds back.
    pub held: usize,
    /// Next hops.
    pub sites: usize,
    /// Events in the outbox.
    pub events: usize,
    /// Events that were dropped, oldest first, because the outbox was full.
    pub events_lost: u64,
    /// Octets of all contents, shared ones counted once for each entry.
    pub octets: u64,
    /// When the oldest mail arrived.
    pub oldest: Option<Timestamp>,
    /// Commits so far; each is one or two syncs of the disk.
    pub commits: u64,
    /// Batches and actions that were in them.
    pub operations: u64,
}
