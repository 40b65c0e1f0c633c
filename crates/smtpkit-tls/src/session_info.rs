//! What a handshake has agreed on: for the Received field, the report of a sent mail, and EXTERNAL authentication.
//!
//! Made on demand from the connection and never kept by it, so that an idle session does not pay for it.

use core::fmt;

use rustls::pki_types::CertificateDer;
use rustls::{CommonState, HandshakeKind};

use crate::{Certificate, Version};

/// What a handshake has agreed on.
///
/// Its `Display` is version and cipher suite, and [`trace`](Self::trace) is the comment for the Received field.
///
/// ```
/// # use smtpkit_tls::{Acceptor, Anchors, Connector, DevelopmentIdentity, Roots, server_name};
/// # use std::time::{Duration, SystemTime};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let made = DevelopmentIdentity::open(folder.path(), "mx.example.test", SystemTime::now())?;
/// # let connector = Connector::builder().roots(Roots::Only(Anchors::from_pem_file(made.ca_path())?)).build()?;
/// # let acceptor = Acceptor::new(made.into_identity())?;
/// # let (near, far) = tokio::io::duplex(16 * 1024);
/// # let wait = Duration::from_secs(30);
/// # let (server, client) =
/// #     tokio::try_join!(acceptor.accept(far, wait), connector.connect(near, server_name("localhost")?, wait))?;
/// let info = client.info();
/// assert_eq!(info.trace(), "(TLS1_3 TLS_AES_256_GCM_SHA384)");
/// assert!(!info.resumed());
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    version: Version,
    cipher_suite: String,
    key_exchange: Option<String>,
    sni: Option<String>,
    resumed: bool,
    authentication: Authentication,
    peer: Option<Certificate>,
    chain: Vec<CertificateDer<'static>>,
}

/// What is known about the peer's identity.
///
/// ```
/// assert_ne!(smtpkit_tls::Authentication::Verified, smtpkit_tls::Authentication::Unverified);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "proved, claimed, or nothing said")]
pub enum Authentication {
    /// Its certificate was checked: it is who it says.
    Verified,
    /// It sent a certificate, but the check was switched off.
    Unverified,
    /// It sent no certificate, as most clients do.
    Anonymous,
}

impl SessionInfo {
    pub(crate) fn new(connection: &CommonState, sni: Option<&str>, verified: Authentication) -> Self {
        let chain = connection.peer_certificates().unwrap_or_default();
        let leaf = chain.first();
        let cipher_suite = connection.negotiated_cipher_suite();
        Self {
            version: Version::negotiated(connection.protocol_version()),
            cipher_suite: cipher_suite
                .map(|suite| iana_name(&format!("{:?}", suite.suite())))
                .unwrap_or_default(),
            key_exchange: connection
                .negotiated_key_exchange_group()
                .map(|group| format!("{:?}", group.name())),
            sni: sni.map(ToOwned::to_owned),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            authentication: if leaf.is_some() { verified } else { Authentication::Anonymous },
            peer: leaf.and_then(|leaf| Certificate::parse(leaf).ok()),
            chain: chain.to_vec(),
        }
    }

    /// The protocol version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The cipher suite by its IANA name, `TLS_AES_256_GCM_SHA384` for one.
    #[must_use]
    pub fn cipher_suite(&self) -> &str {
        &self.cipher_suite
    }

    /// The key exchange group, `X25519` for one; none in a resumed TLS 1.2 session.
    #[must_use]
    pub fn key_exchange(&self) -> Option<&str> {
        self.key_exchange.as_deref()
    }

    /// The host name that the client asked for (RFC 6066 §3); known to the server only.
    #[must_use]
    pub fn sni(&self) -> Option<&str> {
        self.sni.as_deref()
    }

    /// Whether an earlier session was resumed (RFC 8446 §2.2) instead of a full handshake.
    #[must_use]
    pub fn resumed(&self) -> bool {
        self.resumed
    }

    /// What is known about the peer's identity.
    #[must_use]
    pub fn authentication(&self) -> Authentication {
        self.authentication
    }

    /// The facts of the peer's certificate. Look at [`authentication`](Self::authentication) before believing them.
    #[must_use]
    pub fn peer(&self) -> Option<&Certificate> {
        self.peer.as_ref()
    }

    /// The facts of all certificates that the peer sent, its own first; what cannot be read is left out.
    #[must_use]
    pub fn chain(&self) -> Vec<Certificate> {
        self.chain.iter().filter_map(|certificate| Certificate::parse(certificate).ok()).collect()
    }

    /// The comment for the Received field (RFC 5321 §4.4): `(TLS1_3 TLS_AES_256_GCM_SHA384)`.
    #[must_use]
    pub fn trace(&self) -> String {
        format!("({self})")
    }
}

impl fmt::Display for SessionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.version, self.cipher_suite)
    }
}

/// rustls marks the suites of TLS 1.3; IANA does not.
fn iana_name(name: &str) -> String {
    match name.strip_prefix("TLS13_") {
        Some(rest) => format!("TLS_{rest}"),
        None => name.to_owned(),
    }
}
