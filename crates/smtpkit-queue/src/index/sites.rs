//! Whose turn it is: a queue of due recipients for each next hop, and the next hops in turn.
//!
//! ```text
//!                 its first recipient falls due
//! waiting (by that moment) ───────────────► ready (by turn, least recently served first)
//!            ▲                                │ leased from
//!            └── nothing due any more ────────┴──► to the end of the turns
//! ```
//!
//! A next hop with 100,000 recipients has one turn, like a next hop with one. Nothing here looks
//! at more next hops than it answers for or moves.

use std::collections::{BTreeMap, BTreeSet};

use crate::recipient::RecipientKey;
use crate::site::Site;
use crate::timestamp::Timestamp;

/// All next hops that are owed something.
#[derive(Debug, Default)]
pub(crate) struct Sites {
    sites: BTreeMap<Site, SiteQueue>,
    waiting: BTreeSet<(Timestamp, Site)>,
    ready: BTreeMap<u64, Site>,
    /// The turn that is given next.
    turn: u64,
    /// Up to when next hops have been given turns.
    now: Timestamp,
}

#[derive(Debug)]
struct SiteQueue {
    /// Recipients that are queued and not leased.
    due: BTreeSet<(Timestamp, RecipientKey)>,
    /// These, and the leased and held ones.
    members: BTreeSet<RecipientKey>,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// No recipient waits.
    Idle,
    Waiting(Timestamp),
    Ready(u64),
}

/// What is owed to a next hop, as the rows of a spool have it.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) due: Vec<(Timestamp, RecipientKey)>,
    pub(crate) members: Vec<RecipientKey>,
}

impl Sites {
    /// Those of a spool that is opened.
    pub(crate) fn of(lists: BTreeMap<Site, Listed>) -> Self {
        let mut sites = Self::default();
        let queues = lists.into_iter().map(|(site, listed)| {
            let due: BTreeSet<(Timestamp, RecipientKey)> = listed.due.into_iter().collect();
            let place = due.first().map_or(Place::Idle, |(first, _)| Place::Waiting(*first));
            if let Place::Waiting(first) = place {
                sites.waiting.insert((first, site.clone()));
            }
            (site, SiteQueue { due, members: listed.members.into_iter().collect(), place })
        });
        sites.sites = queues.collect();
        sites
    }

    pub(crate) fn len(&self) -> usize {
        self.sites.len()
    }

    /// A recipient belongs to that next hop now. Gives the name back that is already in use.
    pub(crate) fn join(&mut self, site: &Site, key: RecipientKey) -> Site {
        if let Some((known, _)) = self.sites.get_key_value(site) {
            let known = known.clone();
            if let Some(queue) = self.sites.get_mut(&known) {
                queue.members.insert(key);
            }
            return known;
        }
        let queue = SiteQueue { due: BTreeSet::new(), members: BTreeSet::from([key]), place: Place::Idle };
        self.sites.insert(site.clone(), queue);
        site.clone()
    }

    /// And does not any more.
    pub(crate) fn leave(&mut self, site: &Site, key: RecipientKey) {
        if let Some(queue) = self.sites.get_mut(site) {
            queue.members.remove(&key);
            if queue.members.is_empty() {
                let place = queue.place;
                self.unplace(site, place);
                self.sites.remove(site);
            }
        }
    }

    /// A recipient waits there, due at that moment.
    pub(crate) fn enqueue(&mut self, site: &Site, due: Timestamp, key: RecipientKey) {
        if let Some(queue) = self.sites.get_mut(site) {
            queue.due.insert((due, key));
            self.place(site);
        }
    }

    /// And does not any more.
    pub(crate) fn dequeue(&mut self, site: &Site, due: Timestamp, key: RecipientKey) {
        if let Some(queue) = self.sites.get_mut(site) {
            queue.due.remove(&(due, key));
            self.place(site);
        }
    }

    /// Puts the next hop where its first recipient wants it; a turn that it has it keeps.
    fn place(&mut self, site: &Site) {
        let Some(queue) = self.sites.get_mut(site) else { return };
        let wanted = match (queue.due.first(), queue.place) {
            (None, _) => Place::Idle,
            (Some((due, _)), Place::Ready(turn)) if *due <= self.now => Place::Ready(turn),
            (Some((due, _)), _) => Place::Waiting(*due),
        };
        let before = std::mem::replace(&mut queue.place, wanted);
        if before == wanted {
            return;
        }
        self.unplace(site, before);
        if let Place::Waiting(due) = wanted {
            self.waiting.insert((due, site.clone()));
        }
    }

    fn unplace(&mut self, site: &Site, place: Place) {
        match place {
            Place::Idle => {}
            Place::Waiting(due) => {
                self.waiting.remove(&(due, site.clone()));
            }
            Place::Ready(turn) => {
                self.ready.remove(&turn);
            }
        }
    }

    /// Gives a turn to each next hop that waits and has something due.
    fn promote(&mut self, now: Timestamp) {
        self.now = now;
        while let Some((due, _)) = self.waiting.first()
            && *due <= now
            && let Some((_, site)) = self.waiting.pop_first()
        {
            self.give_turn(site);
        }
    }

    fn give_turn(&mut self, site: Site) {
        let turn = self.turn;
        self.turn += 1;
        if let Some(queue) = self.sites.get_mut(&site) {
            queue.place = Place::Ready(turn);
        }
        self.ready.insert(turn, site);
    }

    pub(crate) fn due(
        &mut self,
        now: Timestamp,
        limit: usize,
        eligible: &mut dyn FnMut(&Site) -> bool,
    ) -> Vec<Site> {
        self.promote(now);
        let mut chosen = Vec::new();
        let mut early = Vec::new();
        for (turn, site) in &self.ready {
            if chosen.len() == limit {
                break;
            }
            // not so if the clock has stepped back
            let first = self.sites.get(site).and_then(|queue| queue.due.first());
            match first {
                Some((due, _)) if *due <= now => {
                    if eligible(site) {
                        chosen.push(site.clone());
                    }
                }
                _ => early.push((*turn, site.clone())),
            }
        }
        for (turn, site) in early {
            self.ready.remove(&turn);
            if let Some(queue) = self.sites.get_mut(&site) {
                queue.place = Place::Idle;
            }
            self.place(&site);
        }
        chosen
    }

    /// Takes what is due at a next hop: recipients of up to `limit` entries. It then goes to the
    /// end of the turns.
    pub(crate) fn take(&mut self, site: &Site, now: Timestamp, limit: usize) -> Vec<RecipientKey> {
        self.promote(now);
        let Some(queue) = self.sites.get_mut(site) else { return Vec::new() };
        let mut taken: Vec<RecipientKey> = Vec::new();
        let mut entries = 0;
        while let Some((due, key)) = queue.due.first().copied()
            && due <= now
        {
            if taken.last().is_none_or(|last| last.id != key.id) {
                if entries == limit {
                    break;
                }
                entries += 1;
            }
            queue.due.pop_first();
            taken.push(key);
        }
        let before = std::mem::replace(&mut queue.place, Place::Idle);
        let still_due = queue.due.first().is_some_and(|(due, _)| *due <= now);
        self.unplace(site, before);
        if still_due {
            self.give_turn(site.clone());
        } else {
            self.place(site);
        }
        taken
    }

    pub(crate) fn next_due(&mut self, after: Timestamp) -> Option<Timestamp> {
        self.promote(after);
        self.waiting.first().map(|(due, _)| *due)
    }

    /// All recipients that belong to a next hop.
    pub(crate) fn members(&self, site: &Site) -> Option<&BTreeSet<RecipientKey>> {
        self.sites.get(site).map(|queue| &queue.members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue_id::QueueId;

    fn key(id: u64) -> RecipientKey {
        RecipientKey { id: QueueId::from_u64(id), index: 0 }
    }

    fn filled(rows: &[(&str, u64, u64)]) -> Sites {
        let mut sites = Sites::default();
        for (site, due, id) in rows {
            let site = sites.join(&Site::new(*site), key(*id));
            sites.enqueue(&site, Timestamp::new(*due), key(*id));
        }
        sites
    }

    fn due(sites: &mut Sites, now: u64, limit: usize) -> Vec<String> {
        let due = sites.due(Timestamp::new(now), limit, &mut |_| true);
        due.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn next_hops_take_turns_whatever_they_are_owed() {
        let mut sites = filled(&[("a", 1, 1), ("a", 1, 2), ("a", 1, 3), ("b", 2, 4), ("c", 3, 5)]);
        let mut served = String::new();
        while let Some(site) = due(&mut sites, 10, 1).first() {
            served.push_str(site);
            assert_eq!(sites.take(&Site::new(site.as_str()), Timestamp::new(10), 1).len(), 1);
        }
        assert_eq!(served, "abcaa");
    }

    #[test]
    fn only_what_is_due_has_a_turn() {
        let mut sites = filled(&[("a", 5, 1), ("b", 9, 2)]);
        assert_eq!(sites.next_due(Timestamp::new(0)), Some(Timestamp::new(5)));
        assert!(due(&mut sites, 4, 9).is_empty());
        assert_eq!(due(&mut sites, 5, 9), ["a"]);
        assert_eq!(sites.next_due(Timestamp::new(5)), Some(Timestamp::new(9)));
        assert!(due(&mut sites, 4, 9).is_empty(), "the clock stepped back");
        assert_eq!(sites.next_due(Timestamp::new(4)), Some(Timestamp::new(5)));
        assert_eq!(due(&mut sites, 9, 9), ["a", "b"]);
    }

    #[test]
    fn who_loses_what_was_due_waits_for_the_next() {
        let mut sites = filled(&[("a", 1, 1), ("a", 9, 2)]);
        assert_eq!(due(&mut sites, 5, 9), ["a"]);
        sites.dequeue(&Site::new("a"), Timestamp::new(1), key(1));
        assert_eq!(sites.next_due(Timestamp::new(5)), Some(Timestamp::new(9)));
    }

    #[test]
    fn who_is_not_eligible_keeps_the_turn() {
        let mut sites = filled(&[("a", 1, 1), ("b", 2, 2)]);
        let found = sites.due(Timestamp::new(3), 9, &mut |site| site.as_str() != "a");
        assert_eq!(found, [Site::new("b")]);
        assert_eq!(due(&mut sites, 3, 1), ["a"]);
    }

    #[test]
    fn the_last_recipient_takes_the_next_hop_along() {
        let mut sites = filled(&[("a", 1, 1)]);
        sites.dequeue(&Site::new("a"), Timestamp::new(1), key(1));
        assert!(due(&mut sites, 9, 9).is_empty());
        assert_eq!(sites.len(), 1, "it may be leased or held");
        sites.leave(&Site::new("a"), key(1));
        assert_eq!(sites.len(), 0);
        assert!(sites.waiting.is_empty() && sites.ready.is_empty());
    }
}
