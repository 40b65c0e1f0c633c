//! What a relay asks of the world around it: name servers, hosts, the time. All of it can be replaced.

use std::fmt;
use std::sync::Arc;

use smtpkit_client::Connect;

use crate::clock::Clock;
use crate::resolve::Resolver;

/// The world around a relay. A resolver alone makes one: TCP connects, and the system's clock tells the time.
///
/// ```
/// use std::sync::Arc;
/// use smtpkit_relay::{HickoryResolver, Surroundings};
///
/// let resolver = HickoryResolver::with_servers(&["127.0.0.1:53".parse()?])?;
/// let surroundings = Surroundings::from(Arc::new(resolver));
/// # let _ = surroundings;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Surroundings {
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) connector: Option<Arc<dyn Connect>>,
    pub(crate) clock: Clock,
}

impl Surroundings {
    /// With this resolver.
    #[must_use]
    pub const fn new(resolver: Arc<dyn Resolver>) -> Self {
        Self { resolver, connector: None, clock: Clock::system() }
    }

    /// Makes streams to hosts by other means than TCP.
    #[must_use]
    pub fn with_connector(mut self, connector: impl Connect) -> Self {
        self.connector = Some(Arc::new(connector));
        self
    }

    /// Reads the time of day elsewhere.
    #[must_use]
    pub const fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}

impl<R: Resolver> From<Arc<R>> for Surroundings {
    fn from(resolver: Arc<R>) -> Self {
        Self::new(resolver)
    }
}

impl From<Arc<dyn Resolver>> for Surroundings {
    fn from(resolver: Arc<dyn Resolver>) -> Self {
        Self::new(resolver)
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("connector", &self.connector.is_some())
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
