//! Why a certificate or key could not be loaded: which file, what is wrong with it, what to do about it.

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A certificate, key or CA file is unusable. One line: file, fault, remedy.
///
/// ```
/// use smtpkit_tls::{Anchors, LoadFault};
///
/// let error = Anchors::from_pem_file("/nowhere/ca.pem").unwrap_err();
/// assert!(matches!(error.fault(), LoadFault::Unreadable(_)));
/// assert!(error.to_string().starts_with("/nowhere/ca.pem: "));
/// ```
#[derive(Debug)]
pub struct LoadError {
    path: Option<PathBuf>,
    fault: LoadFault,
}

/// What is wrong with a certificate, key or CA file.
///
/// ```
/// use smtpkit_tls::{Anchors, LoadFault};
///
/// let error = Anchors::from_pem(b"not a certificate").unwrap_err();
/// assert!(matches!(error.fault(), LoadFault::NoCertificate));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadFault {
    /// The operating system does not let us read it.
    #[error("cannot be read: {0}; check the path and its permissions")]
    Unreadable(io::Error),
    /// The operating system does not let us write it.
    #[error("cannot be written: {0}; check the folder's permissions and free space")]
    Unwritable(io::Error),
    /// Larger than any chain or key is.
    #[error("is larger than {octets_max} octets; this is no certificate or key")]
    TooLarge {
        /// The limit.
        octets_max: u64,
    },
    /// The PEM armour is damaged (RFC 7468 §3).
    #[error("is damaged PEM: {0}; copy the file again")]
    Pem(String),
    /// No `CERTIFICATE` block (RFC 7468 §5).
    #[error("holds no certificate; expected a PEM block `-----BEGIN CERTIFICATE-----`")]
    NoCertificate,
    /// A certificate block that is no X.509 certificate.
    #[error("certificate {position} is damaged: {reason}; export it again")]
    BadCertificate {
        /// Which one in the file, counted from 1.
        position: usize,
        /// What the parser said.
        reason: String,
    },
    /// No private key block (RFC 7468 §10, RFC 5915, RFC 8017).
    #[error("holds no private key; expected a PEM block `-----BEGIN PRIVATE KEY-----`")]
    NoKey,
    /// More than one private key: which one is meant?
    #[error("holds {count} private keys; keep only the one that belongs to the certificate")]
    SeveralKeys {
        /// How many there are.
        count: usize,
    },
    /// The key is protected by a pass phrase (RFC 7468 §11).
    #[error("holds a key protected by a pass phrase; remove it with `openssl pkey -in FILE -out NEW`")]
    EncryptedKey,
    /// A kind of key that TLS 1.2 and 1.3 do not use, DSA above all.
    #[error(
        "holds {kind}; TLS needs an ECDSA (P-256, P-384, P-521), Ed25519 or RSA key (2,048 bits or more)"
    )]
    UnsupportedKey {
        /// What kind it is, as far as can be told.
        kind: String,
    },
    /// An RSA key that can be broken.
    #[error(
        "holds an RSA key of {bits} bits, which is too weak; make a new one with 2,048 bits or more, or ECDSA P-256"
    )]
    WeakKey {
        /// Length of the modulus.
        bits: usize,
    },
    /// Certificate and key are no pair.
    #[error(
        "does not belong to the private key in {key}; \
         name the key that the certificate was requested with, and put the server's own certificate first"
    )]
    KeyMismatch {
        /// Where the key came from.
        key: String,
    },
    /// A host name that no certificate can carry.
    #[error("cannot make a certificate for `{hostname}`: not a host name or IP address")]
    BadHostname {
        /// The name.
        hostname: String,
    },
    /// The certificate generator failed.
    #[error("cannot make a certificate: {0}")]
    Generation(String),
}

impl LoadError {
    pub(crate) fn new(fault: LoadFault) -> Self {
        Self { path: None, fault }
    }

    /// The same, naming the file.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        Self { path: self.path.or_else(|| Some(path.to_owned())), fault: self.fault }
    }

    /// The file that is at fault; none if the octets were given directly.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What is wrong.
    #[must_use]
    pub fn fault(&self) -> &LoadFault {
        &self.fault
    }
}

impl From<LoadFault> for LoadError {
    fn from(fault: LoadFault) -> Self {
        Self::new(fault)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}: {}", path.display(), self.fault),
            None => write!(f, "the PEM data {}", self.fault),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            LoadFault::Unreadable(error) | LoadFault::Unwritable(error) => Some(error),
            _ => None,
        }
    }
}
