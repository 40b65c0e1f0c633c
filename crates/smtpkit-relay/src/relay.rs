//! The relay: queue, routing table, resolver and deliveries put together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use smtpkit_queue::{Action, Filter, Receipt, Spool, SpoolError, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::accept::{CallAhead, Intake};
use crate::clock::Clock;
use crate::delivery::{self, Gates, Remote};
use crate::options::Options;
use crate::record;
use crate::routes::Routes;
use crate::surroundings::Surroundings;

/// What all parts of a relay share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) spool: Arc<dyn Spool>,
    pub(crate) remote: Remote,
    pub(crate) call_ahead: CallAhead,
    pub(crate) wake: Notify,
    clock: Clock,
    routes: RwLock<Arc<Routes>>,
    gates: Mutex<Gates>,
}

impl Shared {
    /// The routing table as it is now.
    pub(crate) fn routes(&self) -> Arc<Routes> {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The time of day.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn gates(&self) -> MutexGuard<'_, Gates> {
        // nothing that holds the lock can panic half-way
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A relay system (RFC 5321 §2.3.10): takes mail through [`Intake`], keeps it in a queue, delivers it with
/// [`run`](Self::run). Cloning shares it.
///
/// ```
/// use std::sync::Arc;
/// use smtpkit_relay::{Directory, HickoryResolver, Options, Relay, Routes, queue::MemorySpool};
///
/// let resolver = HickoryResolver::with_servers(&["127.0.0.1:53".parse()?])?;
/// let routes = Routes::builder("mx.example.test", Directory::default()).build();
/// let relay = Relay::new(Options::new("data"), Arc::new(MemorySpool::new(1)), Arc::new(resolver), routes);
/// assert_eq!(relay.spool().counts().entries, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Relay(Arc<Shared>);

impl Relay {
    /// Puts a relay together; nothing runs yet. A resolver will do for its surroundings.
    #[must_use]
    pub fn new(
        options: Options,
        spool: Arc<dyn Spool>,
        surroundings: impl Into<Surroundings>,
        routes: Routes,
    ) -> Self {
        let surroundings = surroundings.into();
        let clock = surroundings.clock;
        let remote = Remote::new(options.clone(), routes.hostname(), surroundings);
        let gates = Mutex::new(Gates::new(options.limits.clone(), options.schedule.first_interval()));
        let routes = RwLock::new(Arc::new(routes));
        let (call_ahead, wake) = (CallAhead::default(), Notify::new());
        Self(Arc::new(Shared { options, spool, remote, call_ahead, wake, clock, routes, gates }))
    }

    /// What a server hands its mail to.
    #[must_use]
    pub fn intake(&self) -> Intake {
        Intake::new(Arc::clone(&self.0))
    }

    /// Delivers until `stop` is cancelled, then waits for deliveries in progress as long as the options allow.
    pub async fn run(&self, stop: CancellationToken) {
        delivery::run(Arc::clone(&self.0), stop).await;
    }

    /// Puts another routing table in place of the one in use, credentials of smarthosts included. Mail that is queued
    /// keeps the next hop that it has.
    pub fn replace_routes(&self, routes: Routes) {
        *self.0.routes.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(routes);
        self.0.remote.forget_smarthosts();
        self.0.call_ahead.forget();
        self.0.wake.notify_one();
    }

    /// The queue.
    #[must_use]
    pub fn spool(&self) -> &Arc<dyn Spool> {
        &self.0.spool
    }

    /// Holds, releases, retries or removes what `filter` picks. What is due then begins at once.
    ///
    /// # Errors
    /// If the queue cannot record it.
    pub async fn manage(
        &self,
        action: Action,
        filter: &Filter,
        now: Timestamp,
    ) -> Result<Receipt, SpoolError> {
        let outcome = self.0.spool.manage(action, filter, now).await;
        self.managed(action);
        outcome
    }

    /// The same for a thread that may block.
    pub(crate) fn manage_blocking(
        &self,
        action: Action,
        filter: &Filter,
        now: Timestamp,
    ) -> Result<Receipt, SpoolError> {
        let outcome = self.0.spool.manage(action, filter, now).wait();
        self.managed(action);
        outcome
    }

    /// The queue has changed: not before, or the scheduler would look too early and sleep again.
    fn managed(&self, action: Action) {
        if matches!(action, Action::Retry | Action::Release) {
            self.0.gates().open_all();
        }
        self.0.wake.notify_one();
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Brings the gauges of the queue up to date; a monitor wants it before each look.
    pub fn measure(&self) {
        let (spool, in_flight) = (&self.0.spool, self.0.gates().in_flight());
        record::queue(&spool.counts(), &spool.health(), in_flight, self.now());
    }

    /// Looks for something to do.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("routes", &self.0.routes()).finish_non_exhaustive()
    }
}
