//! Whom to trust: CA certificates from PEM files, and the operating system's.
//!
//! A certificate that says it is a CA (RFC 5280 §4.2.1.9) may vouch for others. Any certificate, CA or not, that is
//! named here is trusted *as itself*, when the peer presents exactly it: so a self-signed certificate can be trusted
//! by name without letting its key vouch for anybody else.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use crate::certificate;
use crate::pem;
use crate::{LoadError, LoadFault};

/// Certificates that are trusted, read from PEM (RFC 7468 §5).
///
/// ```
/// use smtpkit_tls::{Anchors, DevelopmentIdentity, Roots};
/// use std::time::SystemTime;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let development = DevelopmentIdentity::open(folder.path(), "mx.example.test", SystemTime::now())?;
/// let anchors = Anchors::from_pem_file(development.ca_path())?;
/// assert_eq!(anchors.len(), 1);
/// let roots = Roots::PlatformAnd(anchors);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Anchors {
    certificates: Vec<CertificateDer<'static>>,
}

/// Whom a client trusts to vouch for servers.
///
/// ```
/// use smtpkit_tls::{Connector, Roots};
///
/// let builder = Connector::builder().roots(Roots::Platform);
/// ```
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_enums, reason = "the platform's, the caller's, or both")]
pub enum Roots {
    /// Whom the operating system trusts.
    Platform,
    /// Nobody but these.
    Only(Anchors),
    /// Whom the operating system trusts, and these.
    PlatformAnd(Anchors),
}

impl Anchors {
    /// Reads all certificates of a file.
    ///
    /// # Errors
    /// [`LoadError`] if it cannot be read, or holds no certificate or a damaged one.
    pub fn from_pem_file(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        Self::from_pem(&pem::read(path)?).map_err(|error| error.in_file(path))
    }

    /// Reads all certificates of PEM data.
    ///
    /// ```
    /// assert!(smtpkit_tls::Anchors::from_pem(b"").is_err());
    /// ```
    ///
    /// # Errors
    /// [`LoadError`] if there is no certificate or a damaged one.
    pub fn from_pem(pem: &[u8]) -> Result<Self, LoadError> {
        let certificates = pem::certificates(pem)?;
        // what the parser takes, the verifier must take, too; better to learn it here than at the first connection
        for (index, der) in certificates.iter().enumerate() {
            if is_ca(der)
                && let Err(error) = RootCertStore::empty().add(der.clone())
            {
                let reason = error.to_string();
                return Err(LoadFault::BadCertificate { position: index + 1, reason }.into());
            }
        }
        Ok(Self { certificates })
    }

    /// These and the others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.certificates.extend(others.certificates);
        self
    }

    /// How many certificates there are; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is no empty set of anchors")]
    pub fn len(&self) -> usize {
        self.certificates.len()
    }

    /// All of them, each trusted when a peer presents exactly it.
    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// Those that may vouch for others.
    pub(crate) fn issuers(&self) -> impl Iterator<Item = CertificateDer<'static>> + '_ {
        self.certificates.iter().filter(|der| is_ca(der)).cloned()
    }
}

fn is_ca(der: &CertificateDer<'_>) -> bool {
    certificate::parse(der).is_ok_and(|certificate| certificate.is_ca())
}
