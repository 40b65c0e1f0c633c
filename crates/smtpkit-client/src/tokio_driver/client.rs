//! The client that people use: messages in, reports out, connections kept in between.

use super::batch::Batch;
use super::connection::{Connection, Failure, Open, prepare};
use super::network::{Connect, Resolve};
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
use std::time::Duration;
use tokio::time::Instant;

/// Sends mail to one server over kept connections; cheap to clone, opens nothing before the first message.
///
/// ```no_run
/// use smtpkit_client::{Client, Envelope};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::from_url("smtp://127.0.0.1:2525?tls=off")?;
/// let envelope = Envelope::new("alice@example.test", ["bob@example.test"])?;
/// let report = client.send(&envelope, "Subject: hi\r\n\r\nHello\r\n").await?;
/// println!("{} accepted, queued as {:?}", report.accepted_count(), report.queue_id());
/// client.close(std::time::Duration::from_secs(5)).await;
/// # Ok(())
/// # }
/// ```
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
        Self::builder(url.parse()?).build()
    }

    /// With settings of one's own.
    pub fn builder(url: ServerUrl) -> Builder {
        Builder::new(url)
    }

    /// Sends one message. `Ok` means that the server took it for at least one recipient (for all of them with
    /// [`Delivery::AllOrNothing`](crate::Delivery::AllOrNothing)); look at [`Report::recipients`].
    ///
    /// Dropped at any await, the connection is closed and never used again.
    ///
    /// # Errors
    /// [`SendError`] says what went wrong, whether to try again, and whether the message may have arrived all the same.
    pub async fn send(&self, envelope: &Envelope, content: impl Into<Content>) -> Result<Report, SendError> {
        let limit = self.limit();
        let outcome = match prepare(content.into()).await {
            Ok(mut content) => self.send_prepared(envelope, &mut content, limit).await,
            Err(error) => Err(error),
        };
        self.pool.counters.record(&self.pool.settings, &outcome);
        outcome
    }

    async fn send_prepared(
        &self,
        envelope: &Envelope,
        content: &mut Prepared,
        limit: Option<Instant>,
    ) -> Result<Report, SendError> {
        self.pool.turn(limit).await?;
        let Acquired { mut open, lease, is_reused } = self.pool.acquire(limit).await?;
        match open.send(envelope, content).await {
            Ok(report) => {
                self.pool.give_back(open, lease);
                Ok(report)
            }
            Err(Failure { error, is_untouched }) if is_reused && is_untouched && is_stale(&error) => {
                // The server had closed the kept connection: nothing of the message was heard.
                self.pool.counters.count_stale();
                drop(open);
                let Acquired { mut open, lease, .. } = self.pool.fresh(lease, limit).await?;
                let outcome = open.send(envelope, content).await.map_err(|failure| failure.error);
                self.pool.give_back(open, lease);
                outcome
            }
            Err(failure) => {
                self.pool.give_back(open, lease);
                Err(failure.error)
            }
        }
    }

    /// Sends a message that was built, to all that its header names, Bcc included; nobody sees Bcc.
    ///
    /// Build it for [`HopCapabilities::SEVEN_BIT`](smtpkit_mime::HopCapabilities::SEVEN_BIT): that goes everywhere.
    ///
    /// ```no_run
    /// use smtpkit_client::Client;
    /// use smtpkit_client::mime::build::{Mailbox, MessageBuilder, Stamp};
    /// use smtpkit_client::mime::{DateTime, HopCapabilities};
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let message = MessageBuilder::new()
    ///     .from(Mailbox::named("Ada", "ada@example.test")?)
    ///     .to(Mailbox::new("bob@example.test")?)
    ///     .subject("Note G")?
    ///     .text("See the attachment.\n");
    /// # let (seconds, nonce) = (1_795_000_000, [7; 16]);
    /// // the time and 16 random octets, which become date and identifier
    /// let stamp = Stamp::new(DateTime::from_unix_seconds(seconds, 0)?, nonce);
    /// let client = Client::from_url("smtp://mx.example.test")?;
    /// let report = client.send_message(message.build(HopCapabilities::SEVEN_BIT, &stamp)?).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send), and [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if the header names nobody.
    pub async fn send_message(&self, message: Message<'static>) -> Result<Report, SendError> {
        self.send(&envelope_of(&message)?, message).await
    }

    /// Sends many messages over all connections of the pool, the next one's commands in one flight with the content of
    /// the last where the server allows it. Results come as they are ready.
    ///
    /// Dropping the batch ends it; messages under way are given up.
    pub fn send_all<I>(&self, mails: I) -> Batch
    where
        I: IntoIterator<Item = (Envelope, Content)>,
        I::IntoIter: Send + 'static,
    {
        Batch::start(Arc::clone(&self.pool), mails.into_iter())
    }

    /// Connects, starts TLS, authenticates and says QUIT.
    ///
    /// # Errors
    /// As [`send`](Self::send), before the first MAIL.
    pub async fn check(&self) -> Result<Session, SendError> {
        self.check_until(CheckStep::Session).await
    }

    /// Goes as far as `last` with a connection of its own, says QUIT, and tells what it has seen.
    ///
    /// ```no_run
    /// use smtpkit_client::{CheckStep, Client};
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::from_url("smtp://mx.example.test")?;
    /// let session = client.check_until(CheckStep::Hello).await?;
    /// println!("{:?}", session.ehlo());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send), before the first MAIL.
    pub async fn check_until(&self, last: CheckStep) -> Result<Session, SendError> {
        let limit = self.limit();
        let _lease = self.pool.lease(limit).await?;
        let settings = Arc::new(Settings { until: last, ..(*self.pool.settings).clone() });
        if last == CheckStep::Connect {
            return Open::touch(&settings, &self.pool.network, limit).await;
        }
        let open = Open::start(&settings, &self.pool.network, limit).await?;
        let session = open.session().clone();
        open.quit(Instant::now() + settings.timeouts.quit).await;
        Ok(session)
    }

    /// Opens a connection, logs in, and keeps it for the next message; does nothing if one is kept already. Who is about
    /// to send many learns from it that the server takes them, with one login.
    ///
    /// # Errors
    /// As [`send`](Self::send), before the first MAIL.
    pub async fn connect(&self) -> Result<Session, SendError> {
        let Acquired { open, lease, .. } = self.pool.acquire(self.limit()).await?;
        let session = open.session().clone();
        self.pool.give_back(open, lease);
        Ok(session)
    }

    /// A new connection of one's own, within the bound of the pool.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub async fn exclusive(&self) -> Result<Connection, SendError> {
        let limit = self.limit();
        let lease = self.pool.lease(limit).await?;
        let Acquired { mut open, lease, .. } = self.pool.fresh(lease, limit).await?;
        open.set_limit(None);
        Ok(Connection::new(*open, lease))
    }

    /// The server that it sends to.
    pub fn url(&self) -> &ServerUrl {
        &self.pool.settings.url
    }

    /// What has been done so far.
    pub fn stats(&self) -> Stats {
        self.pool.stats()
    }

    /// Takes no further message, waits up to `grace` for those under way, and says QUIT on the kept connections.
    pub async fn close(&self, grace: Duration) {
        self.pool.close(Instant::now() + grace).await;
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
    /// The async client.
    ///
    /// # Errors
    /// Whatever can be known to be wrong before a connection is made.
    pub fn build(self) -> Result<Client, ConfigError> {
        let network = self.network.clone();
        Ok(Client { pool: Pool::new(self.settle()?, network) })
    }

    /// Looks up hosts by other means than the system's.
    pub fn resolver(mut self, resolver: impl Resolve) -> Self {
        self.network.resolver = Some(Arc::new(resolver));
        self
    }

    /// Makes streams by other means than TCP.
    pub fn connector(mut self, connector: impl Connect) -> Self {
        self.network.connector = Some(Arc::new(connector));
        self
    }
}
