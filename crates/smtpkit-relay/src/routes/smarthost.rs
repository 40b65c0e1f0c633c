//! A server that takes mail for others: where it is, and how to log in.

use smtpkit_client::{Credentials, Protocol, ServerUrl};
use smtpkit_tls::Connector;

use super::RouteError;

/// A server that relays for us (RFC 5598 §4.3.2): its URL, credentials, and other ports if the first is blocked.
///
/// ```
/// use smtpkit_relay::Smarthost;
///
/// let smarthost = Smarthost::new("smtps://user@mail.example.test")?.with_fallback_ports([2465]);
/// assert_eq!(smarthost.name(), "user smtps://mail.example.test:465");
/// # Ok::<(), smtpkit_relay::RouteError>(())
/// ```
#[derive(Clone)]
pub struct Smarthost {
    url: ServerUrl,
    credentials: Option<Credentials>,
    tls: Option<Connector>,
    fallback_ports: Vec<u16>,
}

impl Smarthost {
    /// Without credentials, trusting the certificates that the system trusts.
    ///
    /// # Errors
    /// If the URL is none of an SMTP server.
    pub fn new(url: &str) -> Result<Self, RouteError> {
        let bad = |why: String| RouteError::Url { url: url.into(), why: why.into() };
        let url: ServerUrl = url.parse().map_err(|error: smtpkit_client::UrlError| bad(error.to_string()))?;
        if url.protocol() != Protocol::Smtp {
            return Err(bad("a smarthost speaks SMTP: write smtp:// or smtps://".to_owned()));
        }
        Ok(Self { url, credentials: None, tls: None, fallback_ports: Vec::new() })
    }

    /// Logs in with these.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Verifies certificates with this connector.
    #[must_use]
    pub fn with_tls(mut self, connector: Connector) -> Self {
        self.tls = Some(connector);
        self
    }

    /// Tries these ports in their order when the one of the URL cannot be connected to.
    #[must_use]
    pub fn with_fallback_ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.fallback_ports = ports.into_iter().collect();
        self
    }

    /// Its name in the queue: user and URL. Two rows with the same name are the same smarthost.
    #[must_use]
    pub fn name(&self) -> String {
        match self.url.user() {
            Some(user) => format!("{user} {}", self.url),
            None => self.url.to_string(),
        }
    }

    /// Where it is.
    #[must_use]
    pub const fn url(&self) -> &ServerUrl {
        &self.url
    }

    pub(crate) const fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    pub(crate) const fn tls(&self) -> Option<&Connector> {
        self.tls.as_ref()
    }

    pub(crate) fn ports(&self) -> impl Iterator<Item = u16> {
        self.url.port().into_iter().chain(self.fallback_ports.iter().copied())
    }
}

impl std::fmt::Debug for Smarthost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Smarthost({})", self.name())
    }
}
