//! A spool in memory: everything a spool does, but nothing outlives the process. For tests, and for
//! simulations that do not look at disks.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::batch::{Action, Batch, Event, EventId, Receipt};
use crate::content::{ContentId, ContentReader, ContentWriter, Kept};
use crate::entry::Entry;
use crate::error::SpoolError;
use crate::filter::{Counts, Filter, Page};
use crate::index::{Index, Limits, Plan, Request};
use crate::pending::Pending;
use crate::queue_id::{IdSource, QueueId};
use crate::recipient::RecipientKey;
use crate::site::Site;
use crate::spool::{Health, Lease, Spool};
use crate::timestamp::Timestamp;

/// How many recipients an action changes before others have their turn.
pub(crate) const MANAGED_AT_ONCE: usize = 4_096;

/// A [`Spool`] in memory.
///
/// ```
/// use smtpkit_queue::{Health, MemorySpool, Spool};
///
/// let spool = MemorySpool::new(42);
/// assert_eq!(spool.health(), Health::Ready);
/// assert_eq!(spool.counts().entries, 0);
/// ```
#[derive(Debug)]
pub struct MemorySpool {
    ids: IdSource,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    index: Index,
    contents: BTreeMap<ContentId, Bytes>,
    events: BTreeMap<EventId, Event>,
    event_next: u64,
    events_lost: u64,
    operations: u64,
}

impl MemorySpool {
    /// An empty spool; `nonce` goes into the ids that it makes.
    #[must_use]
    pub fn new(nonce: u64) -> Self {
        Self::with_limits(nonce, Limits::default())
    }

    /// An empty spool with other bounds. All content is kept in memory, whatever its size.
    ///
    /// ```
    /// use smtpkit_queue::{Limits, MemorySpool};
    ///
    /// let small = MemorySpool::with_limits(0, Limits { entries: 10, ..Limits::default() });
    /// # let _ = small;
    /// ```
    #[must_use]
    pub fn with_limits(nonce: u64, limits: Limits) -> Self {
        let state = State {
            index: Index::new(limits),
            contents: BTreeMap::new(),
            events: BTreeMap::new(),
            event_next: 0,
            events_lost: 0,
            operations: 0,
        };
        Self { ids: IdSource::new(nonce), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // a panic of `eligible` leaves the state as it was
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Does what a plan says; here that is the commit.
    fn carry_out(&mut self, mut plan: Plan) {
        plan.progress(&mut self.index);
        for (id, staged) in plan.contents {
            if let Kept::Inline(content) = staged.kept {
                self.contents.insert(id, content);
            }
        }
        for entry in plan.entries {
            self.index.publish(entry);
        }
        for content in plan.gone.into_iter().filter_map(|gone| gone.content) {
            self.contents.remove(&content);
        }
        for event in plan.events {
            self.events.insert(EventId::from_u64(self.event_next), event);
            self.event_next += 1;
        }
        while self.events.len() > self.index.limits.events {
            self.events.pop_first();
            self.events_lost += 1;
        }
        self.operations += 1;
    }

    fn commit(&mut self, batch: Batch) -> Result<Receipt, SpoolError> {
        if batch.has_content_outside(None) {
            return Err(SpoolError::UnknownContent);
        }
        let mut plan = Plan::default();
        let receipt = self.index.plan(batch, &mut plan)?;
        self.carry_out(plan);
        Ok(receipt)
    }

    fn manage(&mut self, request: &Request) -> Receipt {
        let mut receipt = Receipt::default();
        let mut after = None;
        loop {
            let mut plan = Plan::default();
            let (changed, next) = self.index.manage(request, after, MANAGED_AT_ONCE, &mut plan);
            self.carry_out(plan);
            receipt.changed += changed;
            after = next;
            if after.is_none() {
                return receipt;
            }
        }
    }
}

impl Spool for MemorySpool {
    fn next_id(&self, now: Timestamp) -> QueueId {
        self.ids.next(now)
    }

    fn begin(&self) -> Result<ContentWriter, SpoolError> {
        Ok(ContentWriter::in_memory())
    }

    fn commit(&self, batch: Batch) -> Pending<Receipt> {
        let answer = self.state().commit(batch);
        Pending::ready(answer)
    }

    fn manage(&self, action: Action, filter: &Filter, now: Timestamp) -> Pending<Receipt> {
        let request = Request { action, filter: filter.clone(), now };
        let receipt = self.state().manage(&request);
        Pending::ready(Ok(receipt))
    }

    fn due(&self, now: Timestamp, limit: usize, eligible: &mut dyn FnMut(&Site) -> bool) -> Vec<Site> {
        self.state().index.due(now, limit, eligible)
    }

    fn lease(&self, site: &Site, now: Timestamp, limit: usize) -> Vec<Lease> {
        self.state().index.lease(site, now, limit)
    }

    fn give_back(&self, keys: &[RecipientKey]) {
        self.state().index.give_back(keys);
    }

    fn next_due(&self, after: Timestamp) -> Option<Timestamp> {
        self.state().index.next_due(after)
    }

    fn get(&self, id: QueueId) -> Option<Entry> {
        self.state().index.get(id)
    }

    fn list(&self, filter: &Filter, after: Option<RecipientKey>, limit: usize) -> Page {
        self.state().index.list(filter, after, limit)
    }

    fn content(&self, id: QueueId) -> Result<ContentReader, SpoolError> {
        let state = self.state();
        let (content, _) = state.index.content(id).ok_or(SpoolError::UnknownContent)?;
        let found = state.contents.get(&content).cloned();
        found.map(ContentReader::inline).ok_or(SpoolError::Damaged { id, what: "its content is missing" })
    }

    fn events(&self, after: Option<EventId>, limit: usize) -> Result<Vec<(EventId, Event)>, SpoolError> {
        let first = EventId::from_u64(after.map_or(0, |after| after.get().saturating_add(1)));
        let state = self.state();
        Ok(state.events.range(first..).take(limit).map(|(id, event)| (*id, event.clone())).collect())
    }

    fn forget_events(&self, up_to: EventId) -> Pending<Receipt> {
        let mut state = self.state();
        let before = state.events.len();
        state.events.retain(|id, _| *id > up_to);
        let changed = (before - state.events.len()) as u64;
        Pending::ready(Ok(Receipt { changed, stale: 0 }))
    }

    fn counts(&self) -> Counts {
        let state = self.state();
        Counts {
            events: state.events.len(),
            events_lost: state.events_lost,
            commits: state.operations,
            operations: state.operations,
            ..state.index.counts()
        }
    }

    fn health(&self) -> Health {
        Health::Ready
    }
}
