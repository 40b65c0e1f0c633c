//! What a spool means, in the simplest words: a map of mails and no index. Slow, and easy to
//! believe.

use std::collections::{BTreeMap, BTreeSet};

use smtpkit_queue::{
    Action, DelayNotice, Entry, Outcome, QueueId, RecipientKey, RecipientState, Site, Timestamp,
};

#[derive(Debug, Default)]
pub(crate) struct Reference {
    pub(crate) mails: BTreeMap<QueueId, Entry>,
    pub(crate) leased: BTreeSet<RecipientKey>,
}

/// A filter whose conditions can be looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) id: Option<QueueId>,
    pub(crate) domain: Option<String>,
    pub(crate) sender: Option<String>,
    pub(crate) site: Option<Site>,
    pub(crate) state: Option<RecipientState>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) before: Option<Timestamp>,
}

impl Reference {
    pub(crate) fn restart(&mut self) {
        self.leased.clear();
    }

    fn recipient(&mut self, key: RecipientKey) -> Option<&mut smtpkit_queue::Recipient> {
        let recipient = self.mails.get_mut(&key.id)?.recipients.get_mut(key.index as usize)?;
        (!recipient.state.is_final()).then_some(recipient)
    }

    fn settle(&mut self, id: QueueId) {
        if self.mails[&id].recipients.iter().all(|recipient| recipient.state.is_final()) {
            self.mails.remove(&id);
        }
    }

    /// Did it come in time?
    pub(crate) fn record(&mut self, key: RecipientKey, outcome: &Outcome) -> bool {
        let Some(recipient) = self.recipient(key) else { return false };
        match outcome {
            Outcome::Done { reply, at }
            | Outcome::Failed { reply, at }
            | Outcome::Deferred { reply, at, .. } => {
                recipient.attempts += 1;
                recipient.last_attempt = Some(*at);
                recipient.last_reply = Some(reply.clone());
            }
            _ => {}
        }
        match outcome {
            Outcome::Done { .. } => recipient.state = RecipientState::Done,
            Outcome::Failed { .. } => recipient.state = RecipientState::Failed,
            Outcome::Deferred { due, .. } => recipient.due = *due,
            Outcome::Rerouted { site, due } => {
                recipient.site = site.clone();
                recipient.due = *due;
            }
            _ => {
                recipient.delay_notice = DelayNotice::Sent;
                return true;
            }
        }
        self.leased.remove(&key);
        self.settle(key.id);
        true
    }

    pub(crate) fn manage(&mut self, action: Action, wanted: &Wanted, now: Timestamp) -> u64 {
        let mut changed = 0;
        for key in self.list(wanted) {
            let leased = self.leased.contains(&key);
            let Some(recipient) = self.recipient(key) else { continue };
            match (action, recipient.state) {
                (Action::Hold, RecipientState::Queued) => recipient.state = RecipientState::Held,
                (Action::Release, RecipientState::Held) => {
                    recipient.state = RecipientState::Queued;
                    recipient.due = now;
                }
                (Action::Retry, RecipientState::Queued) if !leased && recipient.due > now => {
                    recipient.due = now
                }
                (Action::Remove, _) => {
                    recipient.state = RecipientState::Failed;
                    self.leased.remove(&key);
                    self.settle(key.id);
                }
                _ => continue,
            }
            changed += 1;
        }
        changed
    }

    /// A mail as it is seen.
    pub(crate) fn get(&self, id: QueueId) -> Option<Entry> {
        let mut entry = self.mails.get(&id)?.clone();
        for (index, recipient) in (0..).zip(&mut entry.recipients) {
            if self.leased.contains(&RecipientKey { id, index }) {
                recipient.state = RecipientState::Leased;
            }
        }
        Some(entry)
    }

    fn all(&self) -> impl Iterator<Item = (RecipientKey, Entry, smtpkit_queue::Recipient)> {
        self.mails.keys().filter_map(|id| self.get(*id)).flat_map(|entry| {
            let recipients = entry.recipients.clone();
            (0..).zip(recipients).map(move |(index, recipient)| {
                (RecipientKey { id: entry.id, index }, entry.clone(), recipient)
            })
        })
    }

    pub(crate) fn list(&self, wanted: &Wanted) -> Vec<RecipientKey> {
        self.all()
            .filter(|(key, entry, recipient)| {
                let domain =
                    recipient.path.mailbox().map_or("", |mailbox| mailbox.domain_text()).to_lowercase();
                let sender =
                    entry.reverse_path.mailbox().map_or("", |mailbox| mailbox.as_str()).to_lowercase();
                wanted.id.is_none_or(|id| id == key.id)
                    && wanted.domain.as_ref().is_none_or(|wanted| *wanted == domain)
                    && wanted.sender.as_ref().is_none_or(|wanted| *wanted == sender)
                    && wanted.site.as_ref().is_none_or(|site| *site == recipient.site)
                    && wanted.from.is_none_or(|from| entry.created() >= from)
                    && wanted.before.is_none_or(|before| entry.created() < before)
                    && wanted.state.map_or(!recipient.state.is_final(), |state| state == recipient.state)
            })
            .map(|(key, _, _)| key)
            .collect()
    }

    /// Who waits, by next hop: when it is due, and who.
    pub(crate) fn waiting(&self) -> BTreeMap<Site, BTreeSet<(Timestamp, RecipientKey)>> {
        let mut waiting: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (key, _, recipient) in self.all() {
            if recipient.state == RecipientState::Queued {
                waiting.entry(recipient.site).or_default().insert((recipient.due, key));
            }
        }
        waiting
    }

    pub(crate) fn lease(&mut self, site: &Site, now: Timestamp, limit: usize) -> Vec<RecipientKey> {
        let mut taken: Vec<RecipientKey> = Vec::new();
        let mut mails = 0;
        for (due, key) in self.waiting().remove(site).unwrap_or_default() {
            if taken.last().is_none_or(|last| last.id != key.id) {
                mails += 1;
            }
            if due > now || mails > limit {
                break;
            }
            taken.push(key);
        }
        self.leased.extend(&taken);
        // within a mail by place
        taken.chunk_by_mut(|one, next| one.id == next.id).for_each(<[RecipientKey]>::sort);
        taken
    }
}
