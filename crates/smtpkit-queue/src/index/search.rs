//! Looks recipients up. The condition that leaves the fewest rows leads; the others are checked on
//! its rows only. One call looks at no more than [`EXAMINED_MAX`] rows, so that a question never keeps
//! deliveries waiting.

use std::collections::BTreeSet;
use std::ops::Bound;

use crate::filter::{Filter, Page};
use crate::queue_id::QueueId;
use crate::recipient::{RecipientKey, RecipientState};

use super::{Index, Slot};

/// The most rows of the index that one call looks at.
pub(crate) const EXAMINED_MAX: usize = 10_000;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) keys: Vec<RecipientKey>,
    pub(crate) next: Option<RecipientKey>,
    pub(crate) examined: usize,
}

type Keys<'a> = Box<dyn Iterator<Item = RecipientKey> + 'a>;
type Range = (Bound<RecipientKey>, Bound<RecipientKey>);

impl Index {
    pub(crate) fn list(&self, filter: &Filter, after: Option<RecipientKey>, limit: usize) -> Page {
        let found = self.search(filter, after, limit);
        Page { entries: self.matches(&found.keys), next: found.next, examined: found.examined }
    }

    pub(crate) fn search(&self, filter: &Filter, after: Option<RecipientKey>, limit: usize) -> Found {
        let mut found = Found::default();
        let Some(range) = range(filter, after) else { return found };
        let mut last = None;
        for key in self.leading(filter, range) {
            if found.keys.len() == limit || found.examined == EXAMINED_MAX {
                found.next = last;
                break;
            }
            found.examined += 1;
            last = Some(key);
            if self.is_meant(filter, key) {
                found.keys.push(key);
            }
        }
        found
    }

    /// The rows of the narrowest index, in order, within `range`.
    fn leading<'a>(&'a self, filter: &Filter, range: Range) -> Keys<'a> {
        static NONE: BTreeSet<RecipientKey> = BTreeSet::new();
        let mut narrowest: Option<&BTreeSet<RecipientKey>> = None;
        let mut lead = |keys: &'a BTreeSet<RecipientKey>| {
            if narrowest.is_none_or(|known| keys.len() < known.len()) {
                narrowest = Some(keys);
            }
        };
        if let Some(domain) = &filter.domain {
            lead(self.domains.get(domain).unwrap_or(&NONE));
        }
        // who is done or has failed has left its next hop
        let settled = filter.state.is_some_and(RecipientState::is_final);
        if let Some(site) = &filter.site
            && !settled
        {
            lead(self.sites.members(site).unwrap_or(&NONE));
        }
        if let Some(state) = filter.state
            && state != RecipientState::Queued
        {
            lead(self.states.get(&state).unwrap_or(&NONE));
        }
        if filter.id.is_some() {
            return self.by_entry(range);
        }
        let by_sender = filter.sender.as_ref().map(|sender| self.senders.get(sender));
        match (narrowest, by_sender) {
            (Some(keys), None) => Box::new(keys.range(range).copied()),
            (Some(keys), Some(ids)) if ids.is_some_and(|ids| ids.len() >= keys.len()) => {
                Box::new(keys.range(range).copied())
            }
            (_, Some(ids)) => match ids {
                Some(ids) => {
                    let ids = ids.range(id_range(range)).copied();
                    Box::new(ids.flat_map(move |id| self.keys_of(id, range)))
                }
                None => Box::new(std::iter::empty()),
            },
            (None, None) => self.by_entry(range),
        }
    }

    fn by_entry(&self, range: Range) -> Keys<'_> {
        let entries = self.entries.range(id_range(range));
        Box::new(entries.flat_map(move |(id, slot)| keys_in(*id, slot, range)))
    }

    fn keys_of(&self, id: QueueId, range: Range) -> impl Iterator<Item = RecipientKey> + '_ {
        self.entries.get(&id).into_iter().flat_map(move |slot| keys_in(id, slot, range))
    }

    fn is_meant(&self, filter: &Filter, key: RecipientKey) -> bool {
        let Some(slot) = self.entries.get(&key.id) else { return false };
        let Some(progress) = slot.recipients.get(key.index as usize) else { return false };
        let state = progress.state();
        let in_state = match filter.state {
            Some(wanted) => state == wanted,
            None => !state.is_final(),
        };
        if !in_state
            || filter.index.is_some_and(|index| index != key.index)
            || filter.site.as_ref().is_some_and(|site| *site != progress.site)
        {
            return false;
        }
        let of_domain = |domain| self.domains.get(domain).is_some_and(|keys| keys.contains(&key));
        let of_sender = |sender| self.senders.get(sender).is_some_and(|ids| ids.contains(&key.id));
        filter.domain.as_ref().is_none_or(of_domain) && filter.sender.as_ref().is_none_or(of_sender)
    }
}

/// The recipients of an entry that lie in the range. It ends at the end of an entry, but may begin
/// in the middle of one.
fn keys_in(id: QueueId, slot: &Slot, range: Range) -> impl Iterator<Item = RecipientKey> + use<> {
    let count = u32::try_from(slot.recipients.len()).unwrap_or(u32::MAX);
    let first = match range.0 {
        Bound::Excluded(key) if key.id == id => key.index.saturating_add(1),
        _ => 0,
    };
    (first..count).map(move |index| RecipientKey { id, index })
}

/// Between which keys the filter's entries lie; ids rise with time, so age is a range too. None if
/// there can be none.
fn range(filter: &Filter, after: Option<RecipientKey>) -> Option<Range> {
    let first = |id| RecipientKey { id, index: 0 };
    let mut from = filter.created_from.map(|moment| first(QueueId::first_at(moment)));
    let mut to = Bound::Unbounded;
    if let Some(moment) = filter.created_before {
        to = Bound::Excluded(first(QueueId::first_at(moment)));
    }
    if let Some(id) = filter.id {
        if from.is_some_and(|from| id < from.id) || matches!(to, Bound::Excluded(to) if id >= to.id) {
            return None;
        }
        from = Some(first(id));
        to = Bound::Included(RecipientKey { id, index: u32::MAX });
    }
    let from = match (from, after) {
        (Some(from), Some(after)) if after < from => Bound::Included(from),
        (_, Some(after)) => Bound::Excluded(after),
        (Some(from), None) => Bound::Included(from),
        (None, None) => Bound::Unbounded,
    };
    let empty = match (from, to) {
        (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(to)) => from >= to,
        (Bound::Included(from) | Bound::Excluded(from), Bound::Included(to)) => from > to,
        _ => false,
    };
    (!empty).then_some((from, to))
}

fn id_range((from, to): Range) -> (Bound<QueueId>, Bound<QueueId>) {
    let from = match from {
        Bound::Included(key) | Bound::Excluded(key) => Bound::Included(key.id),
        Bound::Unbounded => Bound::Unbounded,
    };
    let to = match to {
        Bound::Included(key) => Bound::Included(key.id),
        // the key that ends an age is the first one of its id
        Bound::Excluded(key) => Bound::Excluded(key.id),
        Bound::Unbounded => Bound::Unbounded,
    };
    (from, to)
}
