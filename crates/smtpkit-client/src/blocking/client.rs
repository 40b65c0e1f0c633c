//! The blocking client.

use super::connection::{Connection, Failure};
use super::pool::{Acquired, Pool};
use crate::content::{Content, Prepared};
use crate::error::SendError;
use crate::failure::is_stale;
use crate::outcome::Report;
use crate::session::Session;
use crate::settings::{Builder, ConfigError};
use crate::stats::{Counters, Stats};
use crate::url::ServerUrl;
use smtpkit_codec::Envelope;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Sends mail to one server over kept connections, blocking; cheap to clone and to share among threads.
#[derive(Clone)]
pub struct Client {
    pool: Arc<Pool>,
}

impl Client {
    /// With the defaults of [`Builder`].
    ///
    /// # Errors
    /// If the URL is none, or needs something that it cannot say: a password.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        Self::builder(url.parse()?).build_blocking()
    }

    /// With settings of one's own; finish with [`Builder::build_blocking`].
    pub fn builder(url: ServerUrl) -> Builder {
        Builder::new(url)
    }

    /// Sends one message. `Ok` means that the server took it for at least one recipient (for all of them with
    /// [`Delivery::AllOrNothing`](crate::Delivery::AllOrNothing)); look at [`Report::recipients`].
    ///
    /// # Errors
    /// [`SendError`] says what went wrong, whether to try again, and whether the message may have arrived all the same.
    pub fn send(&self, envelope: &Envelope, content: impl Into<Content>) -> Result<Report, SendError> {
        let outcome =
            content.into().prepare().and_then(|mut content| self.send_prepared(envelope, &mut content));
        self.pool.counters.record(&self.pool.settings, &outcome);
        outcome
    }

    fn send_prepared(&self, envelope: &Envelope, content: &mut Prepared) -> Result<Report, SendError> {
        let limit = self.limit();
        let Acquired { mut open, lease, is_reused } = self.pool.acquire(limit)?;
        match open.send(envelope, content) {
            Err(Failure { error, is_untouched }) if is_reused && is_untouched && is_stale(&error) => {
                // The server had closed the kept connection: nothing of the message was heard.
                Counters::count(&self.pool.counters.stale);
                drop(open);
                let Acquired { mut open, lease, .. } = self.pool.fresh(lease, limit)?;
                let outcome = open.send(envelope, content).map_err(|failure| failure.error);
                self.pool.give_back(open, lease);
                outcome
            }
            outcome => {
                self.pool.give_back(open, lease);
                outcome.map_err(|failure| failure.error)
            }
        }
    }

    /// Connects, starts TLS, authenticates and says QUIT.
    ///
    /// # Errors
    /// As [`send`](Self::send), before the first MAIL.
    pub fn check(&self) -> Result<Session, SendError> {
        let limit = self.limit();
        let Acquired { open, lease, .. } = self.pool.fresh(self.pool.lease(limit)?, limit)?;
        let session = open.session().clone();
        open.quit();
        drop(lease);
        Ok(session)
    }

    /// A new connection of one's own, within the bound of the pool.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn exclusive(&self) -> Result<Connection, SendError> {
        let limit = self.limit();
        let Acquired { mut open, lease, .. } = self.pool.fresh(self.pool.lease(limit)?, limit)?;
        open.set_limit(None);
        Ok(Connection::new(open, lease))
    }

    /// What has been done so far.
    pub fn stats(&self) -> Stats {
        self.pool.stats()
    }

    /// Takes no further message, waits up to `grace` for those of other threads, and says QUIT on the kept connections.
    pub fn close(&self, grace: Duration) {
        self.pool.close(grace);
    }

    fn limit(&self) -> Option<Instant> {
        self.pool.settings.send_timeout.map(|timeout| Instant::now() + timeout)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("settings", &self.pool.settings).finish_non_exhaustive()
    }
}

impl Builder {
    /// The blocking client.
    ///
    /// # Errors
    /// Whatever can be known to be wrong before a connection is made.
    pub fn build_blocking(self) -> Result<Client, ConfigError> {
        Ok(Client { pool: Pool::new(self.settle()?) })
    }
}
