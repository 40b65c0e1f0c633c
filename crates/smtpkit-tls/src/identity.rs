//! Who we are: a certificate chain and the private key that belongs to it.
//!
//! A value that exists can be used: the chain parses, the key is of a supported kind and strong enough, and the two
//! belong together. What merely looks bad (expiry, permissions) becomes a [`Warning`].

use core::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;

use crate::certificate::{self, Certificate};
use crate::pem;
use crate::provider::provider;
use crate::warning::EXPIRY_NOTICE;
use crate::{LoadError, LoadFault, Warning};

/// A certificate chain with its private key: who a server, or a client, is.
///
/// Cheap to clone. The key cannot be got out again, nor formatted.
///
/// ```
/// use smtpkit_tls::{DevelopmentIdentity, Identity};
/// use std::time::SystemTime;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let now = SystemTime::now();
/// let made = DevelopmentIdentity::open(folder.path(), "mx.example.test", now)?;
/// let identity = Identity::from_pem_files(made.cert_path(), made.key_path())?;
/// assert!(identity.names().contains(&"mx.example.test".to_owned()));
/// assert!(identity.warnings(now).is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Identity {
    key: Arc<CertifiedKey>,
    certificate: Arc<Certificate>,
    names: Arc<[String]>,
    origin: Option<Arc<Files>>,
}

/// Where an identity came from, and what the key file's permissions were then.
struct Files {
    chain: PathBuf,
    key: PathBuf,
    key_mode: Option<u32>,
}

impl Identity {
    /// Reads a chain (the own certificate first, then the intermediate ones) and its key from two PEM files, which may
    /// be one and the same.
    ///
    /// # Errors
    /// [`LoadError`] naming the file, what is wrong with it and what to do.
    pub fn from_pem_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, LoadError> {
        let (chain, key) = (chain.as_ref(), key.as_ref());
        let certificates =
            pem::certificates(&pem::read(chain)?).map_err(|fault| LoadError::new(fault).in_file(chain))?;
        let key_pem = pem::read(key)?;
        let mut identity = Self::new(certificates, &key_pem, &key.display().to_string())
            .map_err(|(culprit, fault)| LoadError::new(fault).in_file(culprit.of(chain, key)))?;
        let files = Files { chain: chain.to_owned(), key: key.to_owned(), key_mode: mode(key) };
        identity.origin = Some(Arc::new(files));
        Ok(identity)
    }

    /// The same from octets in memory.
    ///
    /// ```
    /// assert!(smtpkit_tls::Identity::from_pem(b"no chain", b"no key").is_err());
    /// ```
    ///
    /// # Errors
    /// [`LoadError`] saying what is wrong and what to do.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, LoadError> {
        Self::new(pem::certificates(chain)?, key, "the PEM data").map_err(|(_, fault)| fault.into())
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key_pem: &[u8],
        key_name: &str,
    ) -> Result<Self, (Culprit, LoadFault)> {
        let leaf = chain.first().ok_or((Culprit::Chain, LoadFault::NoCertificate))?;
        let bad = |reason| (Culprit::Chain, LoadFault::BadCertificate { position: 1, reason });
        let certificate = Certificate::parse(leaf).map_err(bad)?;
        if let Some(bits) = certificate::weak_rsa_bits(&certificate::parse(leaf).map_err(bad)?) {
            return Err((Culprit::Chain, LoadFault::WeakKey { bits }));
        }
        let key = pem::private_key(key_pem).map_err(|fault| (Culprit::Key, fault))?;
        let signer = provider().key_provider.load_private_key(key.clone_key()).map_err(|_| {
            (Culprit::Key, LoadFault::UnsupportedKey { kind: pem::kind_of_refused_key(&key) })
        })?;
        let key = CertifiedKey::new(chain, signer);
        // every key kind of the provider can tell its public half, so an unknown match is a mismatch
        if key.keys_match().is_err() {
            return Err((Culprit::Chain, LoadFault::KeyMismatch { key: key_name.to_owned() }));
        }
        let names = certificate.names().into();
        Ok(Self { key: Arc::new(key), certificate: Arc::new(certificate), names, origin: None })
    }

    /// The host names and addresses that the certificate is for; a name may begin with `*.`.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The facts of the own certificate, the first of the chain.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The last moment of the certificate's validity (RFC 5280 §4.1.2.5).
    #[must_use]
    pub fn not_after(&self) -> SystemTime {
        self.certificate.not_after()
    }

    /// What deserves a look at the moment `now`; empty if all is well.
    #[must_use]
    pub fn warnings(&self, now: SystemTime) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let (not_before, not_after) = (self.certificate.not_before(), self.certificate.not_after());
        let certificate = match &self.origin {
            Some(files) => files.chain.display().to_string(),
            None => self.certificate.subject().to_owned(),
        };
        if now < not_before {
            warnings.push(Warning::NotYetValid { certificate, not_before });
        } else {
            match not_after.duration_since(now) {
                Err(_) => warnings.push(Warning::Expired { certificate, not_after }),
                Ok(left) if left <= EXPIRY_NOTICE => {
                    let days = left.as_secs() / (24 * 60 * 60);
                    warnings.push(Warning::Expiring { certificate, not_after, days });
                }
                Ok(_) => {}
            }
        }
        if let Some(files) = &self.origin
            && let Some(mode) = files.key_mode
            && mode & 0o066 != 0
        {
            warnings.push(Warning::KeyReadable { path: files.key.clone(), mode });
        }
        warnings
    }

    pub(crate) fn key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("names", &self.names).finish_non_exhaustive()
    }
}

/// Which of the two files a fault lies in.
enum Culprit {
    Chain,
    Key,
}

impl Culprit {
    fn of<'a>(&self, chain: &'a Path, key: &'a Path) -> &'a Path {
        match self {
            Self::Chain => chain,
            Self::Key => key,
        }
    }
}

/// The permission bits of a file, where there are such.
#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).ok().map(|metadata| metadata.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn mode(_path: &Path) -> Option<u32> {
    None
}
