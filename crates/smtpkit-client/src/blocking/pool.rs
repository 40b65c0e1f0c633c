//! The pool of the blocking client: at most so many connections at once, those that are being made included.

use super::connection::Open;
use crate::error::{ErrorKind, SendError, Stage};
use crate::pace::Pace;
use crate::settings::Settings;
use crate::stats::{Counters, Stats};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The connections of one client.
pub(super) struct Pool {
    pub(super) settings: Arc<Settings>,
    state: Mutex<State>,
    freed: Condvar,
    pub(super) counters: Counters,
    pace: Pace,
}

#[derive(Default)]
struct State {
    /// Kept connections, the most recently used one last.
    idle: Vec<Open>,
    busy: usize,
    is_closed: bool,
}

/// The right to have one connection.
pub(super) struct Lease {
    pool: Arc<Pool>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.state().busy -= 1;
        self.pool.freed.notify_one();
    }
}

/// A connection for one message.
pub(super) struct Acquired {
    pub(super) open: Open,
    pub(super) lease: Lease,
    /// Whether it was used before, so that the server may have closed it unnoticed.
    pub(super) is_reused: bool,
}

impl Pool {
    pub(super) fn new(settings: Settings) -> Arc<Self> {
        let pace = Pace::new(settings.pool.message_interval);
        Arc::new(Self {
            settings: Arc::new(settings),
            state: Mutex::default(),
            freed: Condvar::new(),
            counters: Counters::default(),
            pace,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the next message may begin.
    pub(super) fn turn(&self, limit: Option<Instant>) -> Result<(), SendError> {
        let now = Instant::now();
        let Some(turn) = self.pace.turn(now) else { return Ok(()) };
        if limit.is_some_and(|limit| limit < turn) {
            return Err(SendError::new(
                ErrorKind::Timeout,
                Stage::Acquire,
                "its turn comes after the time allowed",
            ));
        }
        std::thread::sleep(turn - now);
        Ok(())
    }

    /// A kept connection, or a new one.
    pub(super) fn acquire(self: &Arc<Self>, limit: Option<Instant>) -> Result<Acquired, SendError> {
        let lease = self.lease(limit)?;
        loop {
            let kept = self.state().idle.pop();
            match kept {
                Some(mut open) if self.is_fresh(&open) && open.is_usable() => {
                    open.set_limit(limit);
                    self.counters.count_reused();
                    return Ok(Acquired { open, lease, is_reused: true });
                }
                Some(_) => {}
                None => return self.fresh(lease, limit),
            }
        }
    }

    /// A new connection. Kept ones count against the bound as well: the oldest goes if it has to make room.
    pub(super) fn fresh(&self, lease: Lease, limit: Option<Instant>) -> Result<Acquired, SendError> {
        let old: Vec<_> = {
            let mut state = self.state();
            let surplus = (state.busy + state.idle.len()).saturating_sub(self.settings.pool.connections_max);
            let surplus = surplus.min(state.idle.len());
            state.idle.drain(..surplus).collect()
        };
        drop(old);
        let open = Open::start(&self.settings, limit)?;
        self.counters.count_opened();
        Ok(Acquired { open, lease, is_reused: false })
    }

    pub(super) fn lease(self: &Arc<Self>, limit: Option<Instant>) -> Result<Lease, SendError> {
        let max = self.settings.pool.connections_max;
        let patience = Instant::now() + self.settings.pool.acquire_timeout;
        let until = limit.map_or(patience, |limit| limit.min(patience));
        let mut state = self.state();
        while state.busy >= max && !state.is_closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let what = format!("all {max} connections are busy");
                return Err(SendError::new(ErrorKind::PoolTimeout, Stage::Acquire, what));
            }
            state = self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.is_closed {
            return Err(SendError::new(
                ErrorKind::ClientClosed,
                Stage::Acquire,
                "the client has been closed",
            ));
        }
        state.busy += 1;
        drop(state);
        Ok(Lease { pool: Arc::clone(self) })
    }

    fn is_fresh(&self, open: &Open) -> bool {
        let limits = &self.settings.pool;
        open.messages_left() > 0
            && open.opened.elapsed() < limits.life_max
            && open.idle_since.elapsed() < limits.idle_max
    }

    /// Keeps a connection for later, if it is good for it.
    pub(super) fn give_back(&self, mut open: Open, lease: Lease) {
        open.set_limit(None);
        open.idle_since = Instant::now();
        if !open.is_ready() {
            return;
        }
        if self.state().is_closed || !self.is_fresh(&open) {
            open.quit();
            return;
        }
        self.state().idle.push(open);
        drop(lease);
    }

    pub(super) fn stats(&self) -> Stats {
        let state = self.state();
        self.counters.stats(state.idle.len(), state.busy)
    }

    /// No further connection is given out; busy ones may finish until `grace` has passed, idle ones say QUIT.
    pub(super) fn close(&self, grace: Duration) {
        let until = Instant::now() + grace;
        let mut state = self.state();
        state.is_closed = true;
        self.freed.notify_all();
        while state.busy > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let idle = std::mem::take(&mut state.idle);
        drop(state);
        for open in idle {
            open.quit();
        }
    }
}
