//! The index of a spool that is opened. Rows come in the order of their ids: so they are gathered in lists, and trees are
//! made of those at the end, which costs a fraction of as many insertions.

use std::collections::{BTreeMap, BTreeSet};

use crate::content::ContentId;
use crate::queue_id::QueueId;
use crate::recipient::{RecipientKey, RecipientState};
use crate::row::{BadRow, EntryRow, RecipientRow};
use crate::site::Site;

use super::sites::{Listed, Sites};
use super::{Index, Limits, Progress, Slot};

/// Values by a name, in the order of their ids.
type Lists<T> = BTreeMap<Box<str>, Vec<T>>;

/// An index in the making.
pub(crate) struct Loading {
    /// What is not gathered: the counts.
    index: Index,
    entries: Vec<(QueueId, Slot)>,
    domains: Lists<RecipientKey>,
    senders: Lists<QueueId>,
    states: BTreeMap<RecipientState, Vec<RecipientKey>>,
    sites: BTreeMap<Site, Listed>,
}

impl Loading {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            index: Index::new(limits),
            entries: Vec::new(),
            domains: BTreeMap::new(),
            senders: BTreeMap::new(),
            states: BTreeMap::new(),
            sites: BTreeMap::new(),
        }
    }

    /// Takes an entry in, with the rows of its recipients' progress by their places.
    pub(crate) fn add(
        &mut self,
        id: QueueId,
        row: &[u8],
        progress: Vec<(u32, Progress)>,
    ) -> Result<ContentId, BadRow> {
        let view = EntryRow::new(id, row)?;
        let rows = view.recipients().collect::<Result<Vec<_>, _>>()?;
        let mut recipients: Vec<Progress> =
            rows.iter().map(|row| Progress::accepted(row, self.known(row.site))).collect();
        for (place, stored) in progress {
            let known = recipients.get_mut(place as usize);
            *known.ok_or(BadRow::Field("it has progress of a recipient it has not"))? = stored;
        }
        // from here on nothing fails: an entry is in all lists, or in none
        if view.content != ContentId::Row(id) {
            self.index.share(view.content, 1);
        }
        let mut open = 0;
        for (index, (progress, row)) in (0..).zip(recipients.iter_mut().zip(&rows)) {
            open += usize::from(!progress.state.is_final());
            self.enlist(RecipientKey { id, index }, row, progress);
        }
        push(&mut self.senders, &view.lower_sender(), id);
        self.index.octets += view.size;
        self.entries.push((id, Slot { row: row.into(), recipients: recipients.into(), open }));
        Ok(view.content)
    }

    /// The site with this name; all recipients share it.
    fn known(&self, site: &str) -> Site {
        let known = self.sites.get_key_value(site).map(|(known, _)| known.clone());
        known.unwrap_or_else(|| Site::new(site))
    }

    fn enlist(&mut self, key: RecipientKey, row: &RecipientRow<'_>, progress: &mut Progress) {
        push(&mut self.domains, &row.domain(), key);
        if progress.state != RecipientState::Queued {
            self.states.entry(progress.state).or_default().push(key);
        }
        if progress.state.is_final() {
            return;
        }
        progress.site = self.known(progress.site.as_str());
        let listed = self.sites.entry(progress.site.clone()).or_default();
        listed.members.push(key);
        if progress.state == RecipientState::Queued {
            self.index.queued += 1;
            listed.due.push((progress.due, key));
        }
    }

    /// The index with everything in it.
    pub(crate) fn finish(self) -> Index {
        let mut index = self.index;
        index.entries = self.entries.into_iter().collect();
        index.domains = trees(self.domains);
        index.senders = trees(self.senders);
        index.states = trees(self.states);
        index.sites = Sites::of(self.sites);
        // the first owner of a row counts too if there are others, and a content with one owner need not be counted
        let mut shared = std::mem::take(&mut index.shared);
        for (content, count) in &mut shared {
            if let ContentId::Row(id) = content
                && index.content(*id).is_some_and(|(own, _)| own == *content)
            {
                *count += 1;
            }
        }
        shared.retain(|_, count| *count > 1);
        index.shared = shared;
        index
    }
}

fn push<T>(lists: &mut Lists<T>, name: &str, value: T) {
    match lists.get_mut(name) {
        Some(values) => values.push(value),
        None => {
            lists.insert(name.into(), vec![value]);
        }
    }
}

fn trees<K: Ord, T: Ord>(lists: BTreeMap<K, Vec<T>>) -> BTreeMap<K, BTreeSet<T>> {
    lists.into_iter().map(|(name, values)| (name, values.into_iter().collect())).collect()
}
