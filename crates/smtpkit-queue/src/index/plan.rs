//! From a batch to what an engine has to write.
//!
//! Outcomes take effect in the index at once, new entries only when they are published, after the
//! commit: nobody delivers a mail that may not be there after a crash. If the commit fails the
//! engine gives up, so nothing has to be undone.

use std::collections::BTreeSet;

use crate::batch::{Action, Batch, Event, Outcome, Receipt};
use crate::content::{ContentId, Kept, Staged};
use crate::entry::Entry;
use crate::error::SpoolError;
use crate::filter::Filter;
use crate::queue_id::QueueId;
use crate::recipient::{DelayNotice, RecipientKey, RecipientState};
use crate::row;
use crate::timestamp::Timestamp;

use super::{Index, Prepared, Progress};

/// Of how many times as many entries batches with outcomes may make use.
const REPORTS_SHARE: usize = 2;

/// What has to be written, in one commit, and published after it.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) contents: Vec<(ContentId, Staged)>,
    pub(crate) entries: Vec<Prepared>,
    /// Recipients whose progress has changed.
    changed: BTreeSet<RecipientKey>,
    pub(crate) gone: Vec<Gone>,
    pub(crate) events: Vec<Event>,
}

/// An entry that nobody is owed any more.
#[derive(Debug)]
pub(crate) struct Gone {
    pub(crate) id: QueueId,
    /// Its recipients that have a row.
    pub(crate) stored: Vec<RecipientKey>,
    /// Its content, unless others share it.
    pub(crate) content: Option<ContentId>,
}

impl Plan {
    /// The rows of all recipients that have changed and are still there.
    pub(crate) fn progress(&mut self, index: &mut Index) -> Vec<(RecipientKey, Vec<u8>)> {
        let mut rows = Vec::with_capacity(self.changed.len());
        for key in std::mem::take(&mut self.changed) {
            let slot = index.entries.get_mut(&key.id);
            if let Some(progress) = slot.and_then(|slot| slot.recipients.get_mut(key.index as usize)) {
                progress.stored = true;
                rows.push((key, row::encode_progress(progress)));
            }
        }
        for entry in &mut self.entries {
            for (place, progress) in (0..).zip(&mut entry.recipients) {
                if progress.needs_row() {
                    progress.stored = true;
                    rows.push((RecipientKey { id: entry.id, index: place }, row::encode_progress(progress)));
                }
            }
        }
        rows
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.contents.is_empty()
            && self.entries.is_empty()
            && self.changed.is_empty()
            && self.gone.is_empty()
            && self.events.is_empty()
    }
}

impl Index {
    /// Adds a batch to a plan, wholly or, with an error, not at all.
    pub(crate) fn plan(&mut self, batch: Batch, plan: &mut Plan) -> Result<Receipt, SpoolError> {
        self.check(&batch)?;
        let mut receipt = Receipt::default();
        for (content_of, mut entry) in batch.copies {
            let (content, size) = self.content(content_of).ok_or(SpoolError::UnknownContent)?;
            entry.size = size;
            // the count begins with the owner that was alone until now
            if !self.shared.contains_key(&content) {
                self.share(content, 1);
            }
            self.share(content, 1);
            receipt.changed += self.prepare(&entry, content, plan);
        }
        for accept in batch.accepts {
            let Some(first) = accept.entries.first() else { continue };
            let content = match &accept.content.kept {
                Kept::Inline(_) => ContentId::Row(first.id),
                Kept::File(file) => ContentId::File(file.id()),
            };
            if accept.entries.len() > 1 {
                self.share(content, u32::try_from(accept.entries.len()).unwrap_or(u32::MAX));
            }
            for mut entry in accept.entries {
                entry.size = accept.content.len();
                receipt.changed += self.prepare(&entry, content, plan);
            }
            plan.contents.push((content, accept.content));
        }
        for (key, outcome) in batch.outcomes {
            match self.record(key, outcome, plan) {
                Some(()) => receipt.changed += 1,
                None => receipt.stale += 1,
            }
        }
        plan.events.extend(batch.events);
        Ok(receipt)
    }

    fn check(&self, batch: &Batch) -> Result<(), SpoolError> {
        if batch.accepts.iter().any(|accept| accept.entries.is_empty()) {
            return Err(SpoolError::NoRecipients);
        }
        let mut ids = BTreeSet::new();
        for entry in batch.entries() {
            if entry.recipients.iter().all(|recipient| recipient.state.is_final()) {
                return Err(SpoolError::NoRecipients);
            }
            if entry.recipients.len() > self.limits.recipients_per_entry {
                return Err(SpoolError::TooManyRecipients { count: entry.recipients.len() });
            }
            let known = self.entries.contains_key(&entry.id) || self.planned.contains(&entry.id);
            if known || !ids.insert(entry.id) {
                return Err(SpoolError::DuplicateId(entry.id));
            }
        }
        // a report comes with the outcome that it is about: refused, the recipient would stay leased for ever
        let most = if batch.outcomes.is_empty() {
            self.limits.entries
        } else {
            self.limits.entries.saturating_mul(REPORTS_SHARE)
        };
        if self.entries.len() + self.planned.len() + ids.len() > most && !ids.is_empty() {
            return Err(SpoolError::Full { what: "it holds as many mails as it may" });
        }
        if batch.copies.iter().any(|(content_of, _)| !self.entries.contains_key(content_of)) {
            return Err(SpoolError::UnknownContent);
        }
        Ok(())
    }

    /// The number of its recipients.
    fn prepare(&mut self, entry: &Entry, content: ContentId, plan: &mut Plan) -> u64 {
        self.planned.insert(entry.id);
        plan.entries.push(Prepared {
            id: entry.id,
            row: row::encode_entry(entry, content).into(),
            recipients: entry.recipients.iter().map(Progress::of).collect(),
        });
        entry.recipients.len() as u64
    }

    fn record(&mut self, key: RecipientKey, outcome: Outcome, plan: &mut Plan) -> Option<()> {
        self.change(key, |progress| {
            let ended = |progress: &mut Progress, reply, at| {
                progress.leased = false;
                progress.attempts = progress.attempts.saturating_add(1);
                progress.last_attempt = Some(at);
                progress.last_reply = Some(Box::new(reply));
            };
            match outcome {
                Outcome::Done { reply, at } => {
                    ended(progress, reply, at);
                    progress.state = RecipientState::Done;
                }
                Outcome::Failed { reply, at } => {
                    ended(progress, reply, at);
                    progress.state = RecipientState::Failed;
                }
                Outcome::Deferred { reply, at, due } => {
                    ended(progress, reply, at);
                    progress.due = due;
                }
                Outcome::Noticed => progress.delay_notice = DelayNotice::Sent,
                Outcome::Rerouted { site, due } => {
                    progress.leased = false;
                    progress.site = site;
                    progress.due = due;
                }
            }
            true
        })?;
        self.settle(key, plan);
        Some(())
    }

    /// Has the change of this recipient written down, or its entry forgotten.
    fn settle(&mut self, key: RecipientKey, plan: &mut Plan) {
        if self.is_settled(key.id) {
            plan.gone.extend(self.forget(key.id));
        } else {
            plan.changed.insert(key);
        }
    }

    /// Does something to up to `limit` recipients that `filter` means, from behind `after` on. Tells
    /// how many were changed, and where to go on.
    pub(crate) fn manage(
        &mut self,
        request: &Request,
        after: Option<RecipientKey>,
        limit: usize,
        plan: &mut Plan,
    ) -> (u64, Option<RecipientKey>) {
        let found = self.search(&request.filter, after, limit);
        let mut changed = 0;
        for key in found.keys {
            let done = self.change(key, |progress| match (request.action, progress.state) {
                (Action::Hold, RecipientState::Queued) => {
                    progress.state = RecipientState::Held;
                    true
                }
                (Action::Release, RecipientState::Held) => {
                    progress.state = RecipientState::Queued;
                    progress.due = request.now;
                    true
                }
                (Action::Retry, RecipientState::Queued) if !progress.leased && progress.due > request.now => {
                    progress.due = request.now;
                    true
                }
                (Action::Remove, _) => {
                    progress.leased = false;
                    progress.state = RecipientState::Failed;
                    true
                }
                _ => false,
            });
            if done.is_some() {
                changed += 1;
                self.settle(key, plan);
            }
        }
        (changed, found.next)
    }
}

/// What an operator asked for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) action: Action,
    pub(crate) filter: Filter,
    pub(crate) now: Timestamp,
}
