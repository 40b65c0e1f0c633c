//! The client's side: a raw stream in, an encrypted one out, to a server that has proved its name.

use core::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WantsClientCert};
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, ClientConnection, ConfigBuilder, Connection};

use crate::blocking::{BlockingStream, BlockingTransport, Deadline};
use crate::provider::provider;
use crate::side::Side;
use crate::verifier::{ServerVerifier, Trust};
use crate::{Authentication, ConfigError, Error, Identity, Pin, Roots, Version};

/// How many servers' sessions are remembered for resumption (RFC 8446 §2.2), a few hundred octets each.
const SESSIONS_MAX: usize = 256;

/// Makes TLS sessions to servers. Clones share everything, the remembered sessions too: keep one per pool or process.
///
/// ```
/// use smtpkit_tls::{Anchors, Connector, DevelopmentIdentity, Roots};
/// # use std::time::SystemTime;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let development = DevelopmentIdentity::open(folder.path(), "mx.example.test", SystemTime::now())?;
/// let roots = Roots::Only(Anchors::from_pem_file(development.ca_path())?);
/// let connector = Connector::builder().roots(roots).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Connector {
    config: Arc<ClientConfig>,
    authentication: Authentication,
}

/// Options of a [`Connector`].
///
/// ```
/// use smtpkit_tls::{Connector, Pin, Roots, Version};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let builder = Connector::builder()
///     .roots(Roots::Platform)
///     .pin("sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".parse::<Pin>()?)
///     .min_version(Version::Tls13);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct ConnectorBuilder {
    trust: TrustIn,
    pins: Vec<Pin>,
    identity: Option<Identity>,
    min_version: Version,
    resumption: Resume,
}

#[derive(Debug)]
enum TrustIn {
    Roots(Roots),
    Verifier(Arc<dyn ServerCertVerifier>),
    Anything,
}

#[derive(Debug)]
enum Resume {
    Yes,
    No,
}

impl Connector {
    /// With options. By default: the platform's roots, TLS 1.2 and 1.3, resumption, no client certificate, no ALPN.
    pub fn builder() -> ConnectorBuilder {
        ConnectorBuilder {
            trust: TrustIn::Roots(Roots::Platform),
            pins: Vec::new(),
            identity: None,
            min_version: Version::Tls12,
            resumption: Resume::Yes,
        }
    }

    /// Shakes hands with the server `name` over a blocking stream.
    ///
    /// The stream must be at the point where the handshake begins: the caller has read everything that the server has
    /// sent in the clear and found nothing beyond the reply to STARTTLS.
    ///
    /// # Errors
    /// [`Error`], by failure class; the stream is dropped then.
    pub fn connect_blocking<S: BlockingTransport>(
        &self,
        stream: S,
        name: ServerName<'static>,
        timeout: Duration,
    ) -> Result<BlockingStream<S>, Error> {
        let deadline = Deadline::new(Instant::now(), timeout);
        let connection = ClientConnection::new(Arc::clone(&self.config), name)
            .map_err(|error| Error::from_rustls(&error))?;
        BlockingStream::handshake(
            Connection::Client(connection),
            stream,
            &deadline,
            Side::Client(self.authentication),
        )
    }

    /// Shakes hands with the server `name` over an asynchronous stream.
    ///
    /// The stream must be at the point where the handshake begins: the caller has read everything that the server has
    /// sent in the clear and found nothing beyond the reply to STARTTLS.
    ///
    /// # Errors
    /// [`Error`], by failure class; the stream is dropped then.
    #[cfg(feature = "tokio")]
    pub async fn connect<S>(
        &self,
        stream: S,
        name: ServerName<'static>,
        timeout: Duration,
    ) -> Result<crate::Stream<S>, Error>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(&self.config));
        match tokio::time::timeout(timeout, connector.connect(name, stream)).await {
            Ok(Ok(inner)) => Ok(crate::Stream::new(inner.into(), Side::Client(self.authentication))),
            Ok(Err(error)) => Err(Error::in_handshake(error)),
            Err(_) => Err(Error::Timeout { after: timeout }),
        }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("authentication", &self.authentication).finish_non_exhaustive()
    }
}

impl ConnectorBuilder {
    /// Whom to trust.
    pub fn roots(mut self, roots: Roots) -> Self {
        self.trust = TrustIn::Roots(roots);
        self
    }

    /// Decides about servers in place of any roots: DANE (RFC 7672) and MTA-STS (RFC 8461) plug in here. It must check
    /// the name, too. Pins hold on top of it.
    pub fn verifier(mut self, verifier: Arc<dyn ServerCertVerifier>) -> Self {
        self.trust = TrustIn::Verifier(verifier);
        self
    }

    /// Believes whatever the server claims to be: protects from listeners, not from impostors (RFC 7435).
    ///
    /// For opportunistic TLS and for `--insecure`. Pins still hold, so with a pin it is not dangerous at all.
    pub fn dangerously_accept_any_certificate(mut self) -> Self {
        self.trust = TrustIn::Anything;
        self
    }

    /// Accepts only a server whose key is pinned, on top of every other check. With several pins, any one will do.
    pub fn pin(mut self, pin: Pin) -> Self {
        self.pins.push(pin);
        self
    }

    /// Shows this certificate to servers that ask for one.
    pub fn client_identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// The oldest version that is spoken; TLS 1.2 by default.
    pub fn min_version(mut self, min_version: Version) -> Self {
        self.min_version = min_version;
        self
    }

    /// Shakes hands in full every time, so that no server can link two connections by a ticket (RFC 8446 §C.4).
    pub fn without_resumption(mut self) -> Self {
        self.resumption = Resume::No;
        self
    }

    /// Puts it together. Reads the platform's roots, so do it once.
    ///
    /// # Errors
    /// [`ConfigError`] if the platform trusts nobody, or the TLS library refuses a certificate.
    pub fn build(self) -> Result<Connector, ConfigError> {
        let pinned = !self.pins.is_empty();
        let (verifier, authentication) = match self.trust {
            TrustIn::Roots(roots) => (ServerVerifier::new(&roots, self.pins)?, Authentication::Verified),
            TrustIn::Verifier(verifier) => (
                ServerVerifier { trust: Trust::Caller(verifier), exact: Vec::new(), pins: self.pins },
                Authentication::Verified,
            ),
            TrustIn::Anything => (
                ServerVerifier { trust: Trust::Anything, exact: Vec::new(), pins: self.pins },
                if pinned { Authentication::Verified } else { Authentication::Unverified },
            ),
        };
        let builder: ConfigBuilder<ClientConfig, WantsClientCert> =
            ClientConfig::builder_with_provider(provider())
                .with_protocol_versions(self.min_version.and_newer())?
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match self.identity {
            Some(identity) => {
                let resolver = SingleCertAndKey::from(Arc::clone(identity.key()));
                builder.with_client_cert_resolver(Arc::new(resolver))
            }
            None => builder.with_no_client_auth(),
        };
        config.resumption = match self.resumption {
            Resume::Yes => Resumption::in_memory_sessions(SESSIONS_MAX),
            Resume::No => Resumption::disabled(),
        };
        Ok(Connector { config: Arc::new(config), authentication })
    }
}
