//! The blocking client.

use super::connection::{Connection, Failure, Open};
use super::pool::{Acquired, Pool};
use crate::content::{Content, Prepared};
use crate::error::SendError;
use crate::failure::is_stale;
use crate::message::envelope_of;
use crate::outcome::Report;
use crate::session::Session;
use crate::settings::{Builder, CheckStep, ConfigError, Settings};
use crate::stats::Stats;
use crate::url::ServerUrl;
use smtpkit_codec::Envelope;
use smtpkit_mime::build::Message;
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
        self.pool.turn(limit)?;
        let Acquired { mut open, lease, is_reused } = self.pool.acquire(limit)?;
        match open.send(envelope, content) {
            Err(Failure { error, is_untouched }) if is_reused && is_untouched && is_stale(&error) => {
                // The server had closed the kept connection: nothing of the message was heard.
                self.pool.counters.count_stale();
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

    /// Sends a message that was built, to all that its header names, Bcc included; nobody sees Bcc.
    ///
    /// Build it for [`HopCapabilities::SEVEN_BIT`](smtpkit_mime::HopCapabilities::SEVEN_BIT): that goes everywhere.
    ///
    /// ```no_run
    /// use smtpkit_client::blocking::Client;
    /// use smtpkit_client::mime::build::{Mailbox, MessageBuilder, Stamp};
    /// use smtpkit_client::mime::{DateTime, HopCapabilities};
    ///
    /// # fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let message = MessageBuilder::new()
    ///     .from(Mailbox::named("Ada", "ada@example.test")?)
    ///     .to(Mailbox::new("bob@example.test")?)
    ///     .subject("Note G")?
    ///     .text("See the attachment.\n");
    /// # let (seconds, nonce) = (1_795_000_000, [7; 16]);
    /// // the time and 16 random octets, which become date and identifier
    /// let stamp = Stamp::new(DateTime::from_unix_seconds(seconds, 0)?, nonce);
    /// let client = Client::from_url("smtp://mx.example.test")?;
    /// let report = client.send_message(message.build(HopCapabilities::SEVEN_BIT, &stamp)?)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send), and [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if the header names nobody.
    pub fn send_message(&self, message: Message<'static>) -> Result<Report, SendError> {
        self.send(&envelope_of(&message)?, message)
    }

    /// Connects, starts TLS, authenticates and says QUIT.
    ///
    /// # Errors
    /// As [`send`](Self::send), before the first MAIL.
    pub fn check(&self) -> Result<Session, SendError> {
        self.check_until(CheckStep::Session)
    }

    /// Goes as far as `last` with a connection of its own, says QUIT, and tells what it has seen.
    ///
    /// # Errors
    /// As [`send`](Self::send), before the first MAIL.
    pub fn check_until(&self, last: CheckStep) -> Result<Session, SendError> {
        let limit = self.limit();
        let _lease = self.pool.lease(limit)?;
        let settings = Arc::new(Settings { until: last, ..(*self.pool.settings).clone() });
        if last == CheckStep::Connect {
            return Open::touch(&settings, limit);
        }
        let open = Open::start(&settings, limit)?;
        let session = open.session().clone();
        open.quit();
        Ok(session)
    }

    /// Opens a connection, logs in, and keeps it for the next message; does nothing if one is kept already. Who is about
    /// to send many learns from it that the server takes them, with one login.
    ///
    /// # Errors
    /// As [`send`](Self::send), before the first MAIL.
    pub fn connect(&self) -> Result<Session, SendError> {
        let Acquired { open, lease, .. } = self.pool.acquire(self.limit())?;
        let session = open.session().clone();
        self.pool.give_back(open, lease);
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

    /// The server that it sends to.
    pub fn url(&self) -> &ServerUrl {
        &self.pool.settings.url
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
