//! The pool: at most so many connections at once, those that are being made included; the most recently used one is
//! used again, and none longer than its limits allow.

use super::connection::Open;
use super::network::Network;
use crate::error::{ErrorKind, SendError, Stage};
use crate::pace::Pace;
use crate::settings::Settings;
use crate::stats::{Counters, Stats};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};

/// The right to have one connection.
pub(super) struct Lease {
    _permit: OwnedSemaphorePermit,
}

/// The connections of one client.
pub(super) struct Pool {
    pub(super) settings: Arc<Settings>,
    pub(super) network: Network,
    permits: Arc<Semaphore>,
    idle: Mutex<Idle>,
    pub(super) counters: Counters,
    pub(super) pace: Pace,
}

/// Boxed, because a connection is large and changes hands twice for each message.
type Kept = Vec<Box<Open>>;

/// Kept connections, the most recently used one last.
#[derive(Default)]
struct Idle {
    connections: Kept,
    /// Somebody looks after them.
    is_reaped: bool,
}

/// A connection for one message.
pub(super) struct Acquired {
    pub(super) open: Box<Open>,
    pub(super) lease: Lease,
    /// Whether it was used before, so that the server may have closed it unnoticed.
    pub(super) is_reused: bool,
}

impl Pool {
    pub(super) fn new(settings: Settings, network: Network) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(settings.pool.connections_max.min(Semaphore::MAX_PERMITS)));
        let pace = Pace::new(settings.pool.message_interval);
        let (settings, idle, counters) = (Arc::new(settings), Mutex::default(), Counters::default());
        Arc::new(Self { settings, network, permits, idle, counters, pace })
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Idle> {
        // Nothing that holds the lock can panic half-way.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the next message may begin.
    pub(super) async fn turn(&self, limit: Option<Instant>) -> Result<(), SendError> {
        if !self.pace.is_limited() {
            return Ok(());
        }
        let Some(turn) = self.pace.turn(Instant::now().into_std()) else { return Ok(()) };
        let turn = Instant::from_std(turn);
        if limit.is_some_and(|limit| limit < turn) {
            return Err(SendError::new(
                ErrorKind::Timeout,
                Stage::Acquire,
                "its turn comes after the time allowed",
            ));
        }
        sleep_until(turn).await;
        Ok(())
    }

    /// A kept connection, or a new one.
    pub(super) async fn acquire(&self, limit: Option<Instant>) -> Result<Acquired, SendError> {
        let lease = self.lease(limit).await?;
        while let Some(mut open) = self.take_idle() {
            if self.is_fresh(&open, Instant::now()) && open.is_usable() {
                open.set_limit(limit);
                self.counters.count_reused();
                return Ok(Acquired { open, lease, is_reused: true });
            }
        }
        self.fresh(lease, limit).await
    }

    /// A new connection. Kept ones count against the bound as well: the oldest goes if it has to make room.
    pub(super) async fn fresh(&self, lease: Lease, limit: Option<Instant>) -> Result<Acquired, SendError> {
        let old: Kept = {
            let mut idle = self.idle();
            let surplus = idle.connections.len().saturating_sub(self.permits.available_permits());
            idle.connections.drain(..surplus).collect()
        };
        drop(old);
        let open = Box::new(Open::start(&self.settings, &self.network, limit).await?);
        self.counters.count_opened();
        Ok(Acquired { open, lease, is_reused: false })
    }

    pub(super) async fn lease(&self, limit: Option<Instant>) -> Result<Lease, SendError> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(Lease { _permit: permit });
        }
        let patience = Instant::now() + self.settings.pool.acquire_timeout;
        let until = limit.map_or(patience, |limit| limit.min(patience));
        match timeout_at(until, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Lease { _permit: permit }),
            Ok(Err(_)) => {
                Err(SendError::new(ErrorKind::ClientClosed, Stage::Acquire, "the client has been closed"))
            }
            Err(_) => {
                let what = format!("all {} connections are busy", self.settings.pool.connections_max);
                Err(SendError::new(ErrorKind::PoolTimeout, Stage::Acquire, what))
            }
        }
    }

    fn take_idle(&self) -> Option<Box<Open>> {
        self.idle().connections.pop()
    }

    fn is_fresh(&self, open: &Open, now: Instant) -> bool {
        open.messages_left() > 0 && now < self.end_of(open)
    }

    /// How long a connection may be kept if nobody uses it.
    fn end_of(&self, open: &Open) -> Instant {
        let limits = &self.settings.pool;
        (open.idle_since + limits.idle_max).min(open.opened + limits.life_max)
    }

    /// Keeps a connection for later, if it is good for it.
    pub(super) fn give_back(self: &Arc<Self>, mut open: Box<Open>, lease: Lease) {
        let now = Instant::now();
        open.set_limit(None);
        open.idle_since = now;
        if self.permits.is_closed() || !open.is_ready() || !self.is_fresh(&open, now) {
            if open.is_ready() {
                let limit = now + self.settings.timeouts.quit;
                tokio::spawn(async move {
                    open.quit(limit).await;
                    drop(lease);
                });
            }
            return;
        }
        let end = self.end_of(&open);
        let mut idle = self.idle();
        idle.connections.push(open);
        if !std::mem::replace(&mut idle.is_reaped, true) {
            tokio::spawn(reap(Arc::downgrade(self), end));
        }
    }

    /// Takes the connections out that have been kept long enough, and says when the next one will.
    fn take_old(&self) -> (Kept, Option<Instant>) {
        let now = Instant::now();
        let mut idle = self.idle();
        let (fresh, old) =
            std::mem::take(&mut idle.connections).into_iter().partition(|open| self.is_fresh(open, now));
        idle.connections = fresh;
        let next = idle.connections.iter().map(|open| self.end_of(open)).min();
        idle.is_reaped = next.is_some();
        (old, next)
    }

    pub(super) fn stats(&self) -> Stats {
        let max = self.settings.pool.connections_max.min(Semaphore::MAX_PERMITS);
        let busy = max.saturating_sub(self.permits.available_permits());
        self.counters.stats(self.idle().connections.len(), busy)
    }

    /// No further connection is given out; busy ones may finish until `limit`, idle ones say QUIT.
    pub(super) async fn close(&self, limit: Instant) {
        let max = u32::try_from(self.settings.pool.connections_max).unwrap_or(u32::MAX);
        // Whoever is still busy then goes on and closes its connection itself.
        let _ = timeout_at(limit, self.permits.acquire_many(max)).await;
        self.permits.close();
        let idle = std::mem::take(&mut self.idle().connections);
        let mut quitting = tokio::task::JoinSet::new();
        for open in idle {
            let quit = Instant::now() + self.settings.timeouts.quit;
            quitting.spawn(open.quit(limit.max(Instant::now()).min(quit)));
        }
        while quitting.join_next().await.is_some() {}
    }
}

/// Ends connections that nobody uses any more, from `wake` on; ends itself when it finds none, or the client is gone.
async fn reap(pool: Weak<Pool>, mut wake: Instant) {
    loop {
        sleep_until(wake).await;
        let Some(strong) = pool.upgrade() else { return };
        let ((old, next), limit) = (strong.take_old(), Instant::now() + strong.settings.timeouts.quit);
        let mut quitting = tokio::task::JoinSet::new();
        for open in old {
            // as long as it says QUIT it is a connection like any other; without the right to one it just ends
            if let Ok(permit) = Arc::clone(&strong.permits).try_acquire_owned() {
                quitting.spawn(async move {
                    open.quit(limit).await;
                    drop(permit);
                });
            }
        }
        drop(strong);
        while quitting.join_next().await.is_some() {}
        let Some(next) = next else { return };
        wake = next;
    }
}
