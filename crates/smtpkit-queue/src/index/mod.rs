//! Everything that a spool knows without looking at the disk: each entry's row, each recipient's
//! progress, and the indexes by due time, next hop, domain, sender and state.
//!
//! Both engines ask and change the same index, so they cannot differ in what they mean. An engine
//! writes what a [`Plan`] says and then publishes it. The index is rebuilt from rows when a spool is
//! opened; nothing in it is on disk.

mod loading;
mod plan;
mod progress;
mod search;
mod sites;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::content::ContentId;
use crate::entry::Entry;
use crate::filter::{Counts, Match};
use crate::queue_id::QueueId;
use crate::recipient::{RecipientKey, RecipientState};
use crate::row::{self, EntryRow, RecipientRow};
use crate::site::Site;
use crate::timestamp::Timestamp;

use sites::Sites;

pub(crate) use loading::Loading;
pub(crate) use plan::{Gone, Plan, Request};
pub(crate) use progress::{Progress, Standing};

/// The bounds of a spool. A recipient that waits takes about 320 octets of memory, names of usual length provided, so a
/// million take a third of a gigabyte.
///
/// ```
/// assert_eq!(smtpkit_queue::Limits::default().recipients_per_entry, 10_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries; at this many no more are accepted. Batches that record outcomes, as reports do, may make as many again.
    pub entries: usize,
    /// Recipients of one entry.
    pub recipients_per_entry: usize,
    /// Events in the outbox; above this the oldest are dropped, and counted.
    pub events: usize,
    /// Octets of content that are kept in a row and not in a file.
    pub inline_octets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 1_000_000,
            recipients_per_entry: 10_000,
            events: 100_000,
            inline_octets: crate::content::INLINE_OCTETS,
        }
    }
}

/// The index.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) limits: Limits,
    entries: BTreeMap<QueueId, Slot>,
    /// Ids that are planned and not published yet.
    planned: HashSet<QueueId>,
    /// How many entries share a content, if it is more than one.
    shared: HashMap<ContentId, u32>,
    sites: Sites,
    domains: BTreeMap<Box<str>, BTreeSet<RecipientKey>>,
    senders: BTreeMap<Box<str>, BTreeSet<QueueId>>,
    /// Who is in a state other than queued.
    states: BTreeMap<RecipientState, BTreeSet<RecipientKey>>,
    queued: usize,
    octets: u64,
}

/// One entry.
#[derive(Debug)]
struct Slot {
    row: Arc<[u8]>,
    recipients: Box<[Progress]>,
    /// How many recipients are still owed something.
    open: usize,
}

/// An entry that is ready to be written and published.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) id: QueueId,
    pub(crate) row: Arc<[u8]>,
    pub(crate) recipients: Vec<Progress>,
}

impl Index {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            entries: BTreeMap::new(),
            planned: HashSet::new(),
            shared: HashMap::new(),
            sites: Sites::default(),
            domains: BTreeMap::new(),
            senders: BTreeMap::new(),
            states: BTreeMap::new(),
            queued: 0,
            octets: 0,
        }
    }

    fn share(&mut self, content: ContentId, more: u32) {
        *self.shared.entry(content).or_insert(0) += more;
    }

    /// From now on the entry can be found.
    pub(crate) fn publish(&mut self, entry: Prepared) {
        let row = Arc::clone(&entry.row);
        self.planned.remove(&entry.id);
        // we have encoded it a moment ago
        if let Ok(view) = EntryRow::new(entry.id, &row)
            && let Ok(rows) = view.recipients().collect::<Result<Vec<_>, _>>()
        {
            self.insert(&view, &rows, entry);
        }
    }

    fn insert(&mut self, view: &EntryRow<'_>, rows: &[RecipientRow<'_>], entry: Prepared) {
        let Prepared { id, row, mut recipients } = entry;
        let mut open = 0;
        for (place, (progress, row)) in (0..).zip(recipients.iter_mut().zip(rows)) {
            let key = RecipientKey { id, index: place };
            add_to(&mut self.domains, &row.domain(), key);
            if !progress.state.is_final() {
                open += 1;
                progress.site = self.sites.join(&progress.site, key);
            }
            self.enter(key, &progress.standing());
        }
        add_to(&mut self.senders, &view.lower_sender(), id);
        self.octets += view.size;
        let recipients = recipients.into_boxed_slice();
        self.entries.insert(id, Slot { row, recipients, open });
    }

    /// Forgets an entry; tells what has to be removed with it.
    fn forget(&mut self, id: QueueId) -> Option<Gone> {
        let slot = self.entries.remove(&id)?;
        let view = EntryRow::new(id, &slot.row).ok()?;
        let mut stored = Vec::new();
        for (place, (progress, recipient)) in (0..).zip(slot.recipients.iter().zip(view.recipients())) {
            let key = RecipientKey { id, index: place };
            let standing = progress.standing();
            self.exit(key, &standing);
            if !progress.state.is_final() {
                self.sites.leave(&standing.site, key);
            }
            if progress.stored {
                stored.push(key);
            }
            if let Ok(recipient) = recipient {
                remove_from(&mut self.domains, &recipient.domain(), &key);
            }
        }
        remove_from(&mut self.senders, &view.lower_sender(), &id);
        self.octets -= view.size;
        let content = self.unshare(view.content).then_some(view.content);
        Some(Gone { id, stored, content })
    }

    /// One owner less; is there none left?
    fn unshare(&mut self, content: ContentId) -> bool {
        let Some(count) = self.shared.get_mut(&content) else { return true };
        *count -= 1;
        if *count <= 1 {
            self.shared.remove(&content);
        }
        false
    }

    /// Puts a recipient where its standing says.
    fn enter(&mut self, key: RecipientKey, standing: &Standing) {
        if standing.state == RecipientState::Queued {
            self.queued += 1;
            self.sites.enqueue(&standing.site, standing.due, key);
        } else {
            self.states.entry(standing.state).or_default().insert(key);
        }
    }

    fn exit(&mut self, key: RecipientKey, standing: &Standing) {
        if standing.state == RecipientState::Queued {
            self.queued -= 1;
            self.sites.dequeue(&standing.site, standing.due, key);
        } else if let Some(keys) = self.states.get_mut(&standing.state) {
            keys.remove(&key);
        }
    }

    /// Changes the progress of a recipient and everything that depends on it. `None` if it is not
    /// there, or nothing is owed to it any more, or `change` does not want to.
    fn change(&mut self, key: RecipientKey, change: impl FnOnce(&mut Progress) -> bool) -> Option<()> {
        let slot = self.entries.get_mut(&key.id)?;
        let progress = slot.recipients.get_mut(key.index as usize)?;
        if progress.state.is_final() {
            return None;
        }
        let before = progress.standing();
        if !change(progress) {
            return None;
        }
        let mut after = progress.standing();
        let finished = progress.state.is_final();
        if finished {
            slot.open -= 1;
        }
        self.exit(key, &before);
        if finished {
            self.sites.leave(&before.site, key);
        } else if before.site != after.site {
            self.sites.leave(&before.site, key);
            after.site = self.sites.join(&after.site, key);
        }
        self.enter(key, &after);
        Some(())
    }

    fn is_settled(&self, id: QueueId) -> bool {
        self.entries.get(&id).is_some_and(|slot| slot.open == 0)
    }

    pub(crate) fn due(
        &mut self,
        now: Timestamp,
        limit: usize,
        eligible: &mut dyn FnMut(&Site) -> bool,
    ) -> Vec<Site> {
        self.sites.due(now, limit, eligible)
    }

    pub(crate) fn next_due(&mut self, after: Timestamp) -> Option<Timestamp> {
        self.sites.next_due(after)
    }

    pub(crate) fn lease(&mut self, site: &Site, now: Timestamp, limit: usize) -> Vec<Match> {
        let keys = self.sites.take(site, now, limit);
        self.queued -= keys.len();
        let leased = self.states.entry(RecipientState::Leased).or_default();
        for key in &keys {
            leased.insert(*key);
            let slot = self.entries.get_mut(&key.id);
            if let Some(progress) = slot.and_then(|slot| slot.recipients.get_mut(key.index as usize)) {
                progress.leased = true;
            }
        }
        self.matches(&keys)
    }

    pub(crate) fn give_back(&mut self, keys: &[RecipientKey]) {
        for key in keys {
            let _ = self.change(*key, |progress| std::mem::replace(&mut progress.leased, false));
        }
    }

    /// These recipients with their entries; neighbours of one entry stand together.
    fn matches(&self, keys: &[RecipientKey]) -> Vec<Match> {
        let groups = keys.chunk_by(|one, next| one.id == next.id);
        groups.filter_map(|keys| self.matched(keys)).collect()
    }

    /// Some recipients of one entry, which may have fallen due in another order than they have in the mail.
    fn matched(&self, keys: &[RecipientKey]) -> Option<Match> {
        let id = keys.first()?.id;
        let slot = self.entries.get(&id)?;
        let mut indexes: Vec<u32> = keys.iter().map(|key| key.index).collect();
        indexes.sort_unstable();
        // what is in the index was encoded by us, or read once when it was loaded
        let mut entry = row::decode_some(id, &slot.row, &indexes).ok()?;
        for (recipient, index) in entry.recipients.iter_mut().zip(&indexes) {
            slot.recipients.get(*index as usize)?.apply_to(recipient);
        }
        Some(Match { entry, indexes })
    }

    pub(crate) fn get(&self, id: QueueId) -> Option<Entry> {
        let slot = self.entries.get(&id)?;
        let mut entry = row::decode_entry(id, &slot.row).ok()?;
        for (recipient, progress) in entry.recipients.iter_mut().zip(&slot.recipients) {
            progress.apply_to(recipient);
        }
        Some(entry)
    }

    /// Where the content of an entry is, and its octets.
    pub(crate) fn content(&self, id: QueueId) -> Option<(ContentId, u64)> {
        let view = EntryRow::new(id, &self.entries.get(&id)?.row).ok()?;
        Some((view.content, view.size))
    }

    pub(crate) fn counts(&self) -> Counts {
        let count = |state| self.states.get(&state).map_or(0, BTreeSet::len);
        Counts {
            entries: self.entries.len(),
            queued: self.queued,
            leased: count(RecipientState::Leased),
            held: count(RecipientState::Held),
            sites: self.sites.len(),
            octets: self.octets,
            oldest: self.entries.first_key_value().map(|(id, _)| id.timestamp()),
            ..Counts::default()
        }
    }
}

fn add_to<T: Ord>(index: &mut BTreeMap<Box<str>, BTreeSet<T>>, text: &str, value: T) {
    if let Some(values) = index.get_mut(text) {
        values.insert(value);
    } else {
        index.insert(text.into(), BTreeSet::from([value]));
    }
}

fn remove_from<T: Ord>(index: &mut BTreeMap<Box<str>, BTreeSet<T>>, text: &str, value: &T) {
    if let Some(values) = index.get_mut(text) {
        values.remove(value);
        if values.is_empty() {
            index.remove(text);
        }
    }
}
