//! The server's side: a raw stream in, an encrypted one out, for STARTTLS and implicit TLS alike.
//!
//! Identities can be exchanged while it runs. Sessions in progress keep the one that they began with.

use core::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rustls::server::{Accepted, NoServerSessionStorage};
use rustls::sign::SingleCertAndKey;
use rustls::{Connection, ServerConfig};

use crate::blocking::{self, BlockingStream, BlockingTransport};
use crate::choice::{Entry, Identities};
use crate::hello::{CHUNK_OCTETS, HelloReader};
use crate::provider::{provider, ticketer};
use crate::side::Side;
use crate::verifier::{Anonymous, ClientVerifier};
use crate::{Anchors, ConfigError, Error, Identity, Version};

/// Makes TLS sessions of accepted connections. Clones share everything, [`reload`](Self::reload) included.
///
/// ```
/// use smtpkit_tls::{Acceptor, DevelopmentIdentity};
/// use std::time::SystemTime;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let now = SystemTime::now();
/// let acceptor = Acceptor::new(DevelopmentIdentity::open(folder.path(), "mx.example.test", now)?.into_identity())?;
/// // later, on SIGHUP
/// acceptor.reload(vec![DevelopmentIdentity::open(folder.path(), "mx.example.test", now)?.into_identity()])?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Acceptor {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    identities: RwLock<Arc<Identities>>,
}

/// What every identity's configuration is made with.
struct Settings {
    min_version: Version,
    clients: Option<Arc<ClientVerifier>>,
}

/// Whether clients are asked for a certificate (RFC 8446 §4.3.2), the ground of EXTERNAL authentication.
///
/// ```
/// use smtpkit_tls::{Acceptor, ClientCertificates, DevelopmentIdentity};
/// # use std::time::SystemTime;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let identity = DevelopmentIdentity::open(folder.path(), "mx.example.test", SystemTime::now())?.into_identity();
/// let acceptor = Acceptor::builder(vec![identity]).client_certificates(ClientCertificates::Off).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[expect(clippy::exhaustive_enums, reason = "never, if there is one, always")]
pub enum ClientCertificates {
    /// They are not asked.
    #[default]
    Off,
    /// They are asked; one that is sent must be good, none is fine.
    Request(Anchors),
    /// They are asked, and refused if they send none.
    Require(Anchors),
}

/// Options of an [`Acceptor`]; see [`Acceptor::builder`].
///
/// ```
/// use smtpkit_tls::{Acceptor, DevelopmentIdentity, Version};
/// # use std::time::SystemTime;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let identity = DevelopmentIdentity::open(folder.path(), "mx.example.test", SystemTime::now())?.into_identity();
/// let acceptor = Acceptor::builder(vec![identity]).min_version(Version::Tls13).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct AcceptorBuilder {
    identities: Vec<Identity>,
    client_certificates: ClientCertificates,
    min_version: Version,
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").field("identities", &self.identities()).finish_non_exhaustive()
    }
}

impl AcceptorBuilder {
    /// Whether clients are asked for certificates; they are not by default.
    pub fn client_certificates(mut self, client_certificates: ClientCertificates) -> Self {
        self.client_certificates = client_certificates;
        self
    }

    /// The oldest version that is spoken; TLS 1.2 by default.
    pub fn min_version(mut self, min_version: Version) -> Self {
        self.min_version = min_version;
        self
    }

    /// Puts it together.
    ///
    /// # Errors
    /// [`ConfigError`] if there is no identity, or nobody to check client certificates against.
    pub fn build(self) -> Result<Acceptor, ConfigError> {
        let clients = match &self.client_certificates {
            ClientCertificates::Off => None,
            ClientCertificates::Request(anchors) => Some(ClientVerifier::new(anchors, Anonymous::Allowed)?),
            ClientCertificates::Require(anchors) => Some(ClientVerifier::new(anchors, Anonymous::Refused)?),
        };
        let settings = Settings { min_version: self.min_version, clients: clients.map(Arc::new) };
        let identities = RwLock::new(Arc::new(settings.identities(self.identities)?));
        Ok(Acceptor { inner: Arc::new(Inner { settings, identities }) })
    }
}

impl Settings {
    fn identities(&self, identities: Vec<Identity>) -> Result<Identities, ConfigError> {
        let mut entries = Vec::with_capacity(identities.len());
        for identity in identities {
            let config = self.config(&identity)?;
            entries.push(Entry::new(identity, config).ok_or(ConfigError::NoIdentity)?);
        }
        Identities::new(entries).ok_or(ConfigError::NoIdentity)
    }

    fn config(&self, identity: &Identity) -> Result<ServerConfig, ConfigError> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(self.min_version.and_newer())?;
        let builder = match &self.clients {
            Some(clients) => builder.with_client_cert_verifier(Arc::<ClientVerifier>::clone(clients)),
            None => builder.with_no_client_auth(),
        };
        let mut config =
            builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(identity.key()))));
        // the client keeps the session, sealed in a ticket: nothing per session stays in this process
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = ticketer()?;
        Ok(config)
    }
}

impl Acceptor {
    /// With one identity and every default: TLS 1.2 and 1.3, resumption, no client certificates.
    ///
    /// # Errors
    /// [`ConfigError`] if the TLS library refuses the identity.
    pub fn new(identity: Identity) -> Result<Self, ConfigError> {
        Self::builder(vec![identity]).build()
    }

    /// With options. The first identity, with all others for the very same names, is the default for clients that ask
    /// for no name or an unknown one; otherwise the name decides (RFC 6066 §3).
    pub fn builder(identities: Vec<Identity>) -> AcceptorBuilder {
        AcceptorBuilder {
            identities,
            client_certificates: ClientCertificates::Off,
            min_version: Version::Tls12,
        }
    }

    /// Exchanges the identities, for this and all clones, at once. Sessions in progress are not touched; sessions from
    /// before are not resumed, so that nobody keeps trusting a certificate that was replaced.
    ///
    /// # Errors
    /// [`ConfigError`], and then the old identities stay.
    pub fn reload(&self, identities: Vec<Identity>) -> Result<(), ConfigError> {
        let fresh = Arc::new(self.inner.settings.identities(identities)?);
        *self.inner.identities.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// The identities of this moment.
    fn identities(&self) -> Arc<Identities> {
        Arc::clone(&self.inner.identities.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shakes hands with a client over a blocking stream.
    ///
    /// The stream must be at the point where the client's handshake begins: the caller has read nothing beyond it.
    /// A peer that speaks plaintext gets no answer.
    ///
    /// # Errors
    /// [`Error`], by failure class; the stream is dropped then.
    pub fn accept_blocking<S: BlockingTransport>(
        &self,
        mut stream: S,
        timeout: Duration,
    ) -> Result<BlockingStream<S>, Error> {
        let deadline = blocking::Deadline::new(Instant::now(), timeout);
        let accepted = read_hello(&mut stream, &deadline)?;
        let identities = self.identities();
        let entry = choose(&identities, &accepted)?;
        let connection = match accepted.into_connection(Arc::clone(&entry.config)) {
            Ok(connection) => connection,
            Err((error, mut alert)) => {
                // the peer is told why on a best-effort basis; the error is the same either way
                let _told = alert.write_all(&mut stream);
                return Err(Error::from_rustls(&error));
            }
        };
        let leaf = Arc::clone(&entry.leaf);
        BlockingStream::handshake(Connection::Server(connection), stream, &deadline, Side::Server(leaf))
    }
}

fn choose<'a>(identities: &'a Identities, accepted: &Accepted) -> Result<&'a Entry, Error> {
    identities.choose(&accepted.client_hello()).ok_or(Error::NothingInCommon)
}

fn read_hello<S: BlockingTransport>(
    stream: &mut S,
    deadline: &blocking::Deadline,
) -> Result<Accepted, Error> {
    let mut reader = HelloReader::default();
    let mut chunk = [0; CHUNK_OCTETS];
    loop {
        stream.set_timeout(Some(deadline.left(Instant::now())?)).map_err(Error::Io)?;
        let octets = match stream.read(&mut chunk) {
            Ok(0) => return Err(Error::Closed),
            Ok(n) => chunk.get(..n).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(deadline.classify(error)),
        };
        match reader.push(octets) {
            Ok(Some(accepted)) => return Ok(accepted),
            Ok(None) => {}
            Err(rejected) => {
                let _told = stream.write_all(&rejected.alert);
                return Err(rejected.error);
            }
        }
    }
}

#[cfg(feature = "tokio")]
mod asynchronous {
    use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
    use tokio_rustls::server::StartHandshake;

    use super::*;
    use crate::Stream;

    impl Acceptor {
        /// Shakes hands with a client over an asynchronous stream.
        ///
        /// The stream must be at the point where the client's handshake begins: the caller has read nothing beyond it.
        /// A peer that speaks plaintext gets no answer.
        ///
        /// # Errors
        /// [`Error`], by failure class; the stream is dropped then.
        pub async fn accept<S>(&self, stream: S, timeout: Duration) -> Result<Stream<S>, Error>
        where
            S: AsyncRead + AsyncWrite + Unpin,
        {
            match tokio::time::timeout(timeout, self.handshake(stream)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Error::Timeout { after: timeout }),
            }
        }

        async fn handshake<S>(&self, mut stream: S) -> Result<Stream<S>, Error>
        where
            S: AsyncRead + AsyncWrite + Unpin,
        {
            let accepted = read_hello_async(&mut stream).await?;
            let identities = self.identities();
            let entry = choose(&identities, &accepted)?;
            let leaf = Arc::clone(&entry.leaf);
            let handshake =
                StartHandshake::from_parts(accepted, stream).into_stream(Arc::clone(&entry.config));
            drop(identities);
            let inner = handshake.await.map_err(Error::in_handshake)?;
            Ok(Stream::new(inner.into(), Side::Server(leaf)))
        }
    }

    async fn read_hello_async<S>(stream: &mut S) -> Result<Accepted, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut reader = HelloReader::default();
        // on the heap, and gone before the handshake: an array would sit in every future for good
        let mut chunk = Vec::with_capacity(CHUNK_OCTETS);
        loop {
            chunk.clear();
            if stream.read_buf(&mut chunk).await.map_err(Error::in_handshake)? == 0 {
                return Err(Error::Closed);
            }
            match reader.push(&chunk) {
                Ok(Some(accepted)) => return Ok(accepted),
                Ok(None) => {}
                Err(rejected) => {
                    // the peer is told why on a best-effort basis; the error is the same either way
                    let _told = stream.write_all(&rejected.alert).await;
                    return Err(rejected.error);
                }
            }
        }
    }
}
