//! How a client behaves: one builder for the async and the blocking client.

use crate::pool_limits::PoolLimits;
use crate::proxy::Proxy;
use crate::signer::Signer;
use crate::tokens::Tokens;
use crate::transcript::Observer;
use crate::url::{Endpoint, ServerUrl, UrlError};
use crate::{Delivery, Pipelining, Transfer};
use smtpkit_auth::{Credentials, Mechanism, TokenSource};
use smtpkit_codec::{ClientName, SyntaxError};
use smtpkit_session::timeout::ClientTimeouts;
use smtpkit_tls as tls;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Whether a password may be sent over a connection without TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the question has two answers")]
pub enum PasswordInClear {
    /// Never: everybody on the way could read it.
    #[default]
    Never,
    /// It may, for servers on the same machine and for tests.
    Allowed,
}

/// Which addresses of a host are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there are two families")]
pub enum AddressFamily {
    /// Both, IPv6 with a head start (RFC 8305).
    #[default]
    Any,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

/// How far a check goes; each step holds those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CheckStep {
    /// A connection is there; not a word is said.
    Connect,
    /// The server has greeted. With implicit TLS the handshake comes before it.
    Greeting,
    /// The server has answered EHLO.
    Hello,
    /// TLS is on, where the URL asks for it.
    Tls,
    /// The client is logged in, where it has credentials: mail could be sent.
    #[default]
    Session,
}

/// Why a client cannot be built. The caller's fault, found before anything is opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The name for EHLO has a character that it must not have.
    #[error("{name:?} cannot be said in EHLO: {why}")]
    HelloName {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: SyntaxError,
    },
    /// The name to verify in the server's certificate is none.
    #[error("{0:?} is no host name or IP address that a certificate could have")]
    TlsName(String),
    /// The TLS configuration cannot be used.
    #[error("TLS: {0}")]
    Tls(#[from] tls::ConfigError),
    /// The URL names a user and there are no credentials.
    #[error("the URL names the user {0:?} but no password or token was given")]
    NoCredentials(String),
    /// A pool without connections.
    #[error("a client needs at least one connection")]
    NoConnections,
}

/// Puts a client together; nothing is opened before the first message.
///
/// ```
/// use smtpkit_auth::{Credentials, Secret};
/// use smtpkit_client::{Builder, Delivery};
///
/// let client = Builder::new("smtp://mx.example.test?tls=off".parse()?)
///     .credentials(Credentials::password("alice", Secret::from("open sesame")))
///     .delivery(Delivery::AllOrNothing);
/// # Ok::<(), smtpkit_client::UrlError>(())
/// ```
#[must_use = "a builder does nothing until it is built"]
pub struct Builder {
    settings: Settings,
    tls: Option<tls::Connector>,
    tls_name: Option<String>,
    hello_name: Option<String>,
    #[cfg(feature = "tokio")]
    pub(crate) network: crate::tokio_driver::Network,
}

/// What every connection of a client is made with.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) url: ServerUrl,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) tokens: Option<Arc<Tokens>>,
    pub(crate) mechanisms: Vec<Mechanism>,
    pub(crate) password_in_clear: PasswordInClear,
    pub(crate) tls: Option<(tls::Connector, tls::ServerName<'static>)>,
    pub(crate) hello_name: Option<String>,
    pub(crate) signer: Option<Signer>,
    pub(crate) delivery: Delivery,
    pub(crate) transfer: Transfer,
    pub(crate) pipelining: Pipelining,
    pub(crate) timeouts: ClientTimeouts,
    pub(crate) connect_timeout: Duration,
    pub(crate) tls_timeout: Duration,
    pub(crate) send_timeout: Option<Duration>,
    pub(crate) local_address: Option<IpAddr>,
    pub(crate) address_family: AddressFamily,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) pool: PoolLimits,
    pub(crate) until: CheckStep,
}

impl Builder {
    /// For the server at `url`, with the defaults of every other method.
    pub fn new(url: ServerUrl) -> Self {
        Self {
            settings: Settings {
                url,
                credentials: None,
                tokens: None,
                mechanisms: Mechanism::defaults(),
                password_in_clear: PasswordInClear::Never,
                tls: None,
                hello_name: None,
                signer: None,
                delivery: Delivery::Partial,
                transfer: Transfer::Data,
                pipelining: Pipelining::WhenOffered,
                timeouts: ClientTimeouts::default(),
                connect_timeout: Duration::from_secs(30),
                tls_timeout: Duration::from_secs(30),
                send_timeout: None,
                local_address: None,
                address_family: AddressFamily::Any,
                proxy: None,
                observer: None,
                pool: PoolLimits::default(),
                until: CheckStep::Session,
            },
            tls: None,
            tls_name: None,
            hello_name: None,
            #[cfg(feature = "tokio")]
            network: crate::tokio_driver::Network::default(),
        }
    }

    /// Authenticates with these; without them AUTH is not used.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.settings.credentials = Some(credentials);
        self
    }

    /// Authenticates as `user` with access tokens (RFC 7628) from a source, instead of [`credentials`](Self::credentials).
    ///
    /// A token is asked for when a connection is made and none is at hand, or the last one ends within a minute, its end
    /// being told in time since 1970. If the server refuses one, another is asked for and tried, once. The blocking
    /// client polls the source on the thread that sends.
    ///
    /// ```
    /// use smtpkit_client::{AccessToken, Builder, Secret, TokenFuture, TokenSource};
    ///
    /// struct KeyRing;
    /// impl TokenSource for KeyRing {
    ///     fn fetch(&self) -> TokenFuture<'_> {
    ///         Box::pin(async { Ok(AccessToken::new(Secret::from("ya29.token"))) })
    ///     }
    /// }
    ///
    /// let builder = Builder::new("smtp://mx.example.test".parse()?).token_source("alice@example.test", KeyRing);
    /// # Ok::<(), smtpkit_client::UrlError>(())
    /// ```
    pub fn token_source(mut self, user: impl Into<String>, source: impl TokenSource + 'static) -> Self {
        self.settings.tokens = Some(Arc::new(Tokens::new(user.into(), Box::new(source))));
        self
    }

    /// The mechanisms that may be used; all good ones unless given.
    pub fn mechanisms(mut self, mechanisms: impl IntoIterator<Item = Mechanism>) -> Self {
        self.settings.mechanisms = mechanisms.into_iter().collect();
        self
    }

    /// Whether a password may be sent without TLS; never unless given.
    pub fn password_in_clear(mut self, password_in_clear: PasswordInClear) -> Self {
        self.settings.password_in_clear = password_in_clear;
        self
    }

    /// How servers are verified; by the roots of the platform unless given (with opportunistic TLS not at all, since
    /// plaintext would be taken, too).
    pub fn tls(mut self, connector: tls::Connector) -> Self {
        self.tls = Some(connector);
        self
    }

    /// The name that the server's certificate must have, instead of the URL's host.
    pub fn tls_name(mut self, name: impl Into<String>) -> Self {
        self.tls_name = Some(name.into());
        self
    }

    /// The name to give in EHLO; the system's host name if it is a full one, else the address of the connection's own
    /// end, unless given.
    pub fn hello_name(mut self, name: impl Into<String>) -> Self {
        self.hello_name = Some(name.into());
        self
    }

    /// Signs each message once it has the shape in which it leaves: `sign` gets the content and gives back whole header
    /// fields with CRLF, which are put in front of it, such as a `DKIM-Signature` (RFC 6376 §3.5).
    ///
    /// Only content in memory can be signed; any other is refused.
    ///
    /// ```
    /// use smtpkit_client::Builder;
    ///
    /// # fn dkim(_: &[u8]) -> Result<String, std::fmt::Error> { Ok(String::new()) }
    /// let builder = Builder::new("smtp://mx.example.test".parse()?).sign_with(|content| dkim(content));
    /// # Ok::<(), smtpkit_client::UrlError>(())
    /// ```
    pub fn sign_with<E: std::fmt::Display>(
        mut self,
        sign: impl Fn(&[u8]) -> Result<String, E> + Send + Sync + 'static,
    ) -> Self {
        self.settings.signer =
            Some(Arc::new(move |content| sign(content).map_err(|error| error.to_string())));
        self
    }

    /// What happens when some recipients are refused; the others get the message unless given.
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.settings.delivery = delivery;
        self
    }

    /// How content is carried; by DATA unless given.
    pub fn transfer(mut self, transfer: Transfer) -> Self {
        self.settings.transfer = transfer;
        self
    }

    /// Whether commands are grouped (RFC 2920); when the server offers it, unless given.
    pub fn pipelining(mut self, pipelining: Pipelining) -> Self {
        self.settings.pipelining = pipelining;
        self
    }

    /// How long each step may take; those of RFC 5321 §4.5.3.2 unless given.
    pub fn timeouts(mut self, timeouts: ClientTimeouts) -> Self {
        self.settings.timeouts = timeouts;
        self
    }

    /// How long look-up and connecting may take; 30 s unless given.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How long a TLS handshake may take; 30 s unless given.
    pub fn tls_timeout(mut self, timeout: Duration) -> Self {
        self.settings.tls_timeout = timeout;
        self
    }

    /// How long one send may take as a whole, waiting and connecting included; as long as its steps unless given.
    pub fn send_timeout(mut self, timeout: Duration) -> Self {
        self.settings.send_timeout = Some(timeout);
        self
    }

    /// The own address that connections come from.
    pub fn local_address(mut self, address: IpAddr) -> Self {
        self.settings.local_address = Some(address);
        self
    }

    /// Which addresses of the host are used.
    pub fn address_family(mut self, family: AddressFamily) -> Self {
        self.settings.address_family = family;
        self
    }

    /// Connects through a proxy.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.settings.proxy = Some(proxy);
        self
    }

    /// Sees what is said.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.settings.observer = Some(Arc::new(observer));
        self
    }

    /// The bounds of the pool.
    pub fn pool(mut self, limits: PoolLimits) -> Self {
        self.settings.pool = limits;
        self
    }

    /// Checks everything that can be checked without a connection.
    pub(crate) fn settle(mut self) -> Result<Settings, ConfigError> {
        if self.settings.pool.connections_max == 0 {
            return Err(ConfigError::NoConnections);
        }
        if let (Some(user), None, None) =
            (self.settings.url.user(), &self.settings.credentials, &self.settings.tokens)
        {
            return Err(ConfigError::NoCredentials(user.to_owned()));
        }
        if let Some(name) = self.hello_name {
            if let Err(why) = ClientName::new(&name) {
                return Err(ConfigError::HelloName { name, why });
            }
            self.settings.hello_name = Some(name);
        }
        let policy = self.settings.url.tls();
        if policy != tls::Policy::Off {
            let name = match (self.tls_name, self.settings.url.endpoint()) {
                (Some(name), _) => name,
                (None, Endpoint::Tcp { host, .. }) => host.clone(),
                (None, Endpoint::Unix(_)) => "localhost".to_owned(),
            };
            let server = tls::server_name(&name).map_err(|_| ConfigError::TlsName(name))?;
            let connector = match self.tls {
                Some(connector) => connector,
                None => default_connector(policy)?,
            };
            self.settings.tls = Some((connector, server));
        }
        Ok(self.settings)
    }
}

fn default_connector(policy: tls::Policy) -> Result<tls::Connector, tls::ConfigError> {
    let builder = tls::Connector::builder();
    match policy {
        tls::Policy::Opportunistic => builder.dangerously_accept_any_certificate().build(),
        _ => builder.build(),
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("url", &format_args!("{}", self.url)).finish_non_exhaustive()
    }
}
