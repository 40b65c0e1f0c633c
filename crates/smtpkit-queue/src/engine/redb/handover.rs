//! How changes come to the writer, and when it begins.
//!
//! One that is alone is written at once. When there are several who write, the writer waits until as
//! many as last time have come, or the linger is over: so one sync serves them all.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::batch::{Batch, EventId, Receipt};
use crate::error::SpoolError;
use crate::index::Request;
use crate::pending::Promise;
use crate::recipient::RecipientKey;

use super::options::COMMANDS_MAX;

/// A change, and to whom its end is told.
pub(super) enum Command {
    Commit(Batch, Promise<Receipt>),
    /// An operator's action, as far as it has come.
    Manage {
        request: Request,
        after: Option<RecipientKey>,
        changed: u64,
        promise: Promise<Receipt>,
    },
    Forget(EventId, Promise<Receipt>),
}

impl Command {
    /// Whether it tells what became of leases.
    const fn has_outcomes(&self) -> bool {
        matches!(self, Self::Commit(batch, _) if !batch.outcomes.is_empty())
    }

    pub(super) fn fail(self, error: SpoolError) {
        let (Self::Commit(_, promise) | Self::Manage { promise, .. } | Self::Forget(_, promise)) = self;
        promise.keep(Err(error));
    }
}

/// The place where changes wait.
pub(super) struct Handover {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    linger: Duration,
    group_max: usize,
}

struct Waiting {
    commands: VecDeque<Command>,
    closed: bool,
    /// At how many the writer wants to be woken; none while it works.
    wake_at: Option<usize>,
    /// How many change the queue at the same time, as far as can be told.
    writers: usize,
}

impl Handover {
    pub(super) fn new(linger: Duration, group_max: usize) -> Self {
        let waiting = Waiting { commands: VecDeque::new(), closed: false, wake_at: None, writers: 1 };
        Self { waiting: Mutex::new(waiting), arrived: Condvar::new(), linger, group_max }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // no code panics while it holds the lock
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a change over, or answers it at once if that cannot be done. Outcomes are never refused: there are no more
    /// of them than leases, and mail that was passed on would be passed on again.
    pub(super) fn push(&self, command: Command) {
        let mut waiting = self.lock();
        if waiting.closed {
            drop(waiting);
            return command.fail(SpoolError::Closed);
        }
        if waiting.commands.len() >= COMMANDS_MAX && !command.has_outcomes() {
            drop(waiting);
            return command.fail(SpoolError::Full { what: "too many changes wait for the disk" });
        }
        waiting.commands.push_back(command);
        if waiting.wake_at.is_some_and(|count| waiting.commands.len() >= count) {
            waiting.wake_at = None;
            self.arrived.notify_one();
        }
    }

    /// The rest of an action goes behind everything else; it is not refused.
    pub(super) fn push_rest(&self, command: Command) {
        self.lock().commands.push_back(command);
    }

    /// No more changes; those that wait are still written.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// What the writer does next; none when the handover is closed and empty.
    pub(super) fn next_group(&self) -> Option<Vec<Command>> {
        let mut waiting = self.lock();
        // those who got their answer a moment ago come back soon
        waiting.writers = (waiting.writers + waiting.commands.len()).clamp(1, self.group_max);
        while waiting.commands.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting.wake_at = Some(1);
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let started = Instant::now();
        while waiting.commands.len() < waiting.writers && !waiting.closed {
            let left = self.linger.saturating_sub(started.elapsed());
            if left.is_zero() {
                break;
            }
            waiting.wake_at = Some(waiting.writers);
            let woken = self.arrived.wait_timeout(waiting, left);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        waiting.wake_at = None;
        let count = waiting.commands.len().min(self.group_max);
        waiting.writers = count;
        Some(waiting.commands.drain(..count).collect())
    }

    /// What waits now, as much as shares one commit; it may be nothing.
    pub(super) fn waiting_group(&self) -> Vec<Command> {
        let mut waiting = self.lock();
        let count = waiting.commands.len().min(self.group_max);
        waiting.commands.drain(..count).collect()
    }
}
