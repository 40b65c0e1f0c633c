//! Why a [`Connector`](crate::Connector) or [`Acceptor`](crate::Acceptor) could not be put together: the caller's or
//! the machine's fault, never the peer's.

/// A connector or acceptor cannot be made of what it was given.
///
/// ```
/// use smtpkit_tls::{Acceptor, ConfigError};
///
/// let error = Acceptor::builder(Vec::new()).build().unwrap_err();
/// assert!(matches!(error, ConfigError::NoIdentity));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A server needs at least one certificate.
    #[error("a TLS server needs a certificate and its key; none was given")]
    NoIdentity,
    /// Neither the operating system nor the caller names anybody to trust.
    #[error(
        "the operating system lists no trusted root certificates ({reason}); \
         install its `ca-certificates` package or name a CA file"
    )]
    NoPlatformRoots {
        /// What the platform said.
        reason: String,
    },
    /// A client certificate can be checked only against certificates of CAs, and there is none.
    #[error("client certificates are asked for, but no CA certificate to check them against was given")]
    NoClientAnchors,
    /// The TLS library refuses the combination.
    #[error("unusable TLS configuration: {0}")]
    Unusable(rustls::Error),
}

impl From<rustls::Error> for ConfigError {
    fn from(error: rustls::Error) -> Self {
        Self::Unusable(error)
    }
}
