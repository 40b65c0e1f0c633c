//! What ties an authentication exchange to this very TLS session (RFC 5056), for SCRAM-…-PLUS and OAUTHBEARER.

use core::fmt;

use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use x509_parser::signature_algorithm::SignatureAlgorithm;
use zeroize::Zeroizing;

use crate::certificate;

/// A way to name a TLS session (RFC 5056 §2.1).
///
/// ```
/// use smtpkit_tls::ChannelBindingKind;
///
/// assert_eq!(ChannelBindingKind::TlsExporter.name(), "tls-exporter");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChannelBindingKind {
    /// Keying material of the session itself (RFC 9266). TLS 1.3 only.
    TlsExporter,
    /// The hash of the server's certificate (RFC 5929 §4).
    TlsServerEndPoint,
}

impl ChannelBindingKind {
    /// The registered name (RFC 9266 §3, RFC 5929 §4).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TlsExporter => "tls-exporter",
            Self::TlsServerEndPoint => "tls-server-end-point",
        }
    }
}

/// The data that both ends of one TLS session agree on, and nobody else. No build formats it.
///
/// ```
/// # use smtpkit_tls::{Acceptor, Anchors, ChannelBindingKind, Connector, DevelopmentIdentity, Roots, server_name};
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
/// let binding = client.channel_binding(ChannelBindingKind::TlsExporter).ok_or("TLS 1.3 expected")?;
/// assert_eq!(binding.data().len(), 32);
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone)]
pub struct ChannelBinding {
    kind: ChannelBindingKind,
    data: Zeroizing<Vec<u8>>,
}

impl ChannelBinding {
    /// Which way it is.
    #[must_use]
    pub fn kind(&self) -> ChannelBindingKind {
        self.kind
    }

    /// The registered name of the way.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// The data.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Exported keying material: 32 octets, no context (RFC 9266 §4.2). TLS 1.2 would need conditions that are not
    /// known to hold, so it has none.
    pub(crate) fn exporter(connection: Exporter<'_>) -> Option<Self> {
        const LABEL: &[u8] = b"EXPORTER-Channel-Binding";
        let mut data = Zeroizing::new(vec![0; 32]);
        let output = data.as_mut_slice();
        match connection {
            Exporter::Client(connection) if is_tls13(connection) => {
                connection.export_keying_material(output, LABEL, Some(&[]))
            }
            Exporter::Server(connection) if is_tls13(connection) => {
                connection.export_keying_material(output, LABEL, Some(&[]))
            }
            Exporter::Client(_) | Exporter::Server(_) => return None,
        }
        .ok()?;
        Some(Self { kind: ChannelBindingKind::TlsExporter, data })
    }

    /// The hash of the server's certificate, by the hash function of its signature, SHA-256 in place of MD5 and SHA-1
    /// (RFC 5929 §4.1). Undefined for signatures that have no one hash function, Ed25519 for one.
    pub(crate) fn server_end_point(leaf: &CertificateDer<'_>) -> Option<Self> {
        let data = match signature_hash(leaf)? {
            Hash::Sha224 => Sha224::digest(leaf).to_vec(),
            Hash::Sha256 => Sha256::digest(leaf).to_vec(),
            Hash::Sha384 => Sha384::digest(leaf).to_vec(),
            Hash::Sha512 => Sha512::digest(leaf).to_vec(),
        };
        Some(Self { kind: ChannelBindingKind::TlsServerEndPoint, data: Zeroizing::new(data) })
    }
}

impl fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelBinding").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Whose keying material is exported.
#[derive(Clone, Copy)]
pub(crate) enum Exporter<'a> {
    Client(&'a rustls::ClientConnection),
    Server(&'a rustls::ServerConnection),
}

fn is_tls13(connection: &rustls::CommonState) -> bool {
    connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

fn signature_hash(leaf: &CertificateDer<'_>) -> Option<Hash> {
    let certificate = certificate::parse(leaf).ok()?;
    let algorithm = &certificate.signature_algorithm;
    if let Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) = SignatureAlgorithm::try_from(algorithm) {
        return hash_of_oid(&parameters.hash_algorithm_oid().to_id_string());
    }
    hash_of_oid(&algorithm.algorithm.to_id_string())
}

/// Object identifiers of RFC 3279, 4055, 5758 (signatures) and RFC 5754 (the hash functions of RSASSA-PSS).
fn hash_of_oid(oid: &str) -> Option<Hash> {
    Some(match oid {
        "1.2.840.113549.1.1.14" | "1.2.840.10045.4.3.1" | "2.16.840.1.101.3.4.2.4" => Hash::Sha224,
        "1.2.840.113549.1.1.11" | "1.2.840.10045.4.3.2" | "2.16.840.1.101.3.4.2.1" => Hash::Sha256,
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" | "2.16.840.1.101.3.4.2.2" => Hash::Sha384,
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" | "2.16.840.1.101.3.4.2.3" => Hash::Sha512,
        // MD5 and SHA-1 give way to SHA-256
        "1.2.840.113549.1.1.4" | "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" | "1.3.14.3.2.26" => {
            Hash::Sha256
        }
        _ => return None,
    })
}
