//! An identity for a laptop: a CA of its own, made on the spot, and a certificate that it issued.
//!
//! The CA's private key is thrown away as soon as it has signed, so whoever trusts `ca.pem` trusts that one server
//! certificate and nothing that could be made later. The price: a renewal makes a new CA, to be trusted anew.
//!
//! It refuses to touch a certificate that it did not make.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
};
use rcgen::{KeyPair, KeyUsagePurpose};
use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::pem;
use crate::{Identity, LoadError, LoadFault, server_name};

const CA_NAME: &str = "smtpkit development CA";
const CA_FILE: &str = "ca.pem";
const CERT_FILE: &str = "cert.pem";
const KEY_FILE: &str = "key.pem";

/// ub-common-name of RFC 5280, appendix A.1.
const COMMON_NAME_MAX: usize = 64;
/// How long it holds: platforms refuse more than 825 days, and a laptop's server is seldom that old.
const VALIDITY: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// Clocks of containers and virtual machines lag.
const BACKDATING: Duration = Duration::from_secs(60 * 60);

/// A self-made identity for development: `ca.pem` (to be trusted), `cert.pem` and `key.pem` in one folder.
///
/// It is for the given host name and for `localhost`, 127.0.0.1 and ::1.
///
/// ```
/// use smtpkit_tls::{DevelopmentIdentity, Origin};
/// use std::time::SystemTime;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let now = SystemTime::now();
/// let first = DevelopmentIdentity::open(folder.path().join("tls"), "mx.example.test", now)?;
/// assert_eq!(first.origin(), Origin::Created);
/// let second = DevelopmentIdentity::open(folder.path().join("tls"), "mx.example.test", now)?;
/// assert_eq!(second.origin(), Origin::Loaded);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct DevelopmentIdentity {
    identity: Identity,
    folder: PathBuf,
    origin: Origin,
    paths: [PathBuf; 3],
}

/// Where a [`DevelopmentIdentity`] came from.
///
/// ```
/// assert_ne!(smtpkit_tls::Origin::Renewed, smtpkit_tls::Origin::Loaded);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "files are new, old, or new in place of old")]
pub enum Origin {
    /// There was none; it was made.
    Created,
    /// It was there.
    Loaded,
    /// The one that was there had expired or was for another host name; a new one, with a new CA, took its place.
    Renewed,
}

impl DevelopmentIdentity {
    /// Loads the identity from `folder`, or makes it there, the folder included.
    ///
    /// Files are replaced one by one and the key comes last, so after a crash in between there is no key and the next
    /// call starts over. A certificate from elsewhere is loaded as it is, never replaced.
    ///
    /// # Errors
    /// [`LoadError`] if files cannot be read or written, are damaged or no pair, or `hostname` fits no certificate.
    pub fn open(folder: impl AsRef<Path>, hostname: &str, now: SystemTime) -> Result<Self, LoadError> {
        let folder = folder.as_ref();
        let (cert, key) = (folder.join(CERT_FILE), folder.join(KEY_FILE));
        let host = server_name(hostname)
            .map_err(|_| LoadFault::BadHostname { hostname: hostname.escape_debug().to_string() })?
            .to_str()
            .into_owned();
        let ours = !exists(&cert)? || is_ours(&cert)?;
        if ours && !exists(&key)? {
            return Self::make(folder, &host, now, Origin::Created);
        }
        let identity = Identity::from_pem_files(&cert, &key)?;
        let usable = identity.not_after() > now && identity.names().contains(&host);
        if ours && !usable {
            return Self::make(folder, &host, now, Origin::Renewed);
        }
        Ok(Self::loaded(identity, folder, Origin::Loaded))
    }

    fn make(folder: &Path, host: &str, now: SystemTime, origin: Origin) -> Result<Self, LoadError> {
        let made = generate(host, now)
            .map_err(|error| LoadError::new(LoadFault::Generation(error.to_string())).in_file(folder))?;
        let unwritable =
            |path: &Path, error: io::Error| LoadError::new(LoadFault::Unwritable(error)).in_file(path);
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
        let [ca, cert, key] = [CA_FILE, CERT_FILE, KEY_FILE].map(|file| folder.join(file));
        remove_if_there(&key).map_err(|error| unwritable(&key, error))?;
        for (path, contents, access) in [
            (&ca, made.ca.as_bytes(), Access::Public),
            (&cert, made.cert.as_bytes(), Access::Public),
            (&key, made.key.as_bytes(), Access::Private),
        ] {
            replace(path, contents, access).map_err(|error| unwritable(path, error))?;
        }
        sync_folder(folder).map_err(|error| unwritable(folder, error))?;
        let identity = Identity::from_pem_files(&cert, &key)?;
        Ok(Self::loaded(identity, folder, origin))
    }

    fn loaded(identity: Identity, folder: &Path, origin: Origin) -> Self {
        let paths = [CA_FILE, CERT_FILE, KEY_FILE].map(|file| folder.join(file));
        Self { identity, folder: folder.to_owned(), origin, paths }
    }

    /// The identity.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The identity, to be given to an [`Acceptor`](crate::Acceptor).
    #[must_use]
    pub fn into_identity(self) -> Identity {
        self.identity
    }

    /// Where it came from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The folder that holds the three files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The CA's certificate: what clients have to trust.
    #[must_use]
    pub fn ca_path(&self) -> &Path {
        let [ca, _, _] = &self.paths;
        ca
    }

    /// The server's certificate.
    #[must_use]
    pub fn cert_path(&self) -> &Path {
        let [_, cert, _] = &self.paths;
        cert
    }

    /// The server's private key, readable by its owner only.
    #[must_use]
    pub fn key_path(&self) -> &Path {
        let [_, _, key] = &self.paths;
        key
    }
}

/// Three PEM texts.
struct Made {
    ca: String,
    cert: String,
    key: Zeroizing<String>,
}

fn generate(host: &str, now: SystemTime) -> Result<Made, rcgen::Error> {
    let not_before = now.checked_sub(BACKDATING).unwrap_or(now);
    let not_after = now.checked_add(VALIDITY).unwrap_or(now);

    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.distinguished_name = common_name(CA_NAME);
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (ca.not_before, ca.not_after) = (not_before.into(), not_after.into());
    let ca_pem = ca.self_signed(&ca_key)?.pem();

    let key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(names(host))?;
    // RFC 5280 appendix A bounds a common name; the subject alternative names are what counts
    leaf.distinguished_name = common_name(if host.len() <= COMMON_NAME_MAX { host } else { "localhost" });
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    (leaf.not_before, leaf.not_after) = (not_before.into(), not_after.into());
    let cert_pem = leaf.signed_by(&key, &Issuer::new(ca, ca_key))?.pem();

    Ok(Made { ca: ca_pem, cert: cert_pem, key: Zeroizing::new(key.serialize_pem()) })
}

fn names(host: &str) -> Vec<String> {
    let local = ["localhost", "127.0.0.1", "::1"].into_iter().filter(|name| *name != host);
    std::iter::once(host).chain(local).map(ToOwned::to_owned).collect()
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// Who may read a file that is made here.
#[derive(Clone, Copy)]
enum Access {
    Public,
    Private,
}

/// Writes a file beside the old one, syncs it, and moves it into place.
fn replace(path: &Path, contents: &[u8], access: Access) -> io::Result<()> {
    let fresh = path.with_extension("pem.new");
    remove_if_there(&fresh)?;
    let mut options = OpenOptions::new();
    // `create_new`: the mode below counts only for a file that this call makes
    options.write(true).create_new(true);
    restrict(&mut options, access);
    let mut file = options.open(&fresh)?;
    file.write_all(contents)?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}

#[cfg(unix)]
fn restrict(options: &mut OpenOptions, access: Access) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(match access {
        Access::Public => 0o644,
        Access::Private => 0o600,
    });
}

#[cfg(not(unix))]
fn restrict(_options: &mut OpenOptions, _access: Access) {}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether the certificate was made here.
fn is_ours(cert: &Path) -> Result<bool, LoadError> {
    let chain = pem::certificates(&pem::read(cert)?).map_err(|fault| LoadError::new(fault).in_file(cert))?;
    let issuer = chain.first().and_then(|leaf| Certificate::parse(leaf).ok());
    Ok(issuer.is_some_and(|leaf| leaf.issuer() == format!("CN={CA_NAME}")))
}

fn exists(path: &Path) -> Result<bool, LoadError> {
    path.try_exists().map_err(|error| LoadError::new(LoadFault::Unreadable(error)).in_file(path))
}
