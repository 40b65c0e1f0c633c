//! An authority that exists for one test, and the certificate that it gave to one server. Nothing touches a disk.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use smtpkit_tls::{Acceptor, Anchors, Connector, Identity, Roots};

use super::TestError;

/// A certificate authority, and the server certificate that it issued for a host name, `localhost`, 127.0.0.1 and ::1
/// (RFC 5280).
///
/// ```
/// use smtpkit_server::testing::Authority;
///
/// let authority = Authority::for_host("mx.example.test")?;
/// assert!(authority.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
/// let (_server, _client) = (authority.acceptor()?, authority.connector()?);
/// # Ok::<(), smtpkit_server::testing::TestError>(())
/// ```
pub struct Authority {
    ca: String,
    certificate: String,
    key: String,
}

impl Authority {
    /// A new authority and its certificate for `hostname`.
    ///
    /// # Errors
    /// [`TestError::Certificate`] if `hostname` cannot stand in a certificate, or without random octets.
    pub fn for_host(hostname: &str) -> Result<Self, TestError> {
        issue(hostname).map_err(|error| TestError::Certificate(error.to_string()))
    }

    /// The authority's certificate in PEM: what a client has to trust.
    pub fn ca_pem(&self) -> &str {
        &self.ca
    }

    /// The server's side of TLS.
    ///
    /// # Errors
    /// [`TestError::Unusable`] or [`TestError::Tls`] if TLS cannot do with the certificate.
    pub fn acceptor(&self) -> Result<Acceptor, TestError> {
        let identity = Identity::from_pem(self.certificate.as_bytes(), self.key.as_bytes())?;
        Ok(Acceptor::new(identity)?)
    }

    /// The client's side of TLS: it trusts this authority and no other.
    ///
    /// # Errors
    /// As [`acceptor`](Self::acceptor).
    pub fn connector(&self) -> Result<Connector, TestError> {
        let anchors = Anchors::from_pem(self.ca.as_bytes())?;
        Ok(Connector::builder().roots(Roots::Only(anchors)).build()?)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the key.
        f.debug_struct("Authority").field("ca", &self.ca).finish_non_exhaustive()
    }
}

fn issue(hostname: &str) -> Result<Authority, rcgen::Error> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.distinguished_name.push(DnType::CommonName, "smtpkit test authority");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_pem = ca.self_signed(&ca_key)?.pem();

    let mut names = vec![hostname.to_owned()];
    names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    names.dedup();
    let key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(names)?;
    leaf.use_authority_key_identifier_extension = true;
    let certificate = leaf.signed_by(&key, &Issuer::new(ca, ca_key))?.pem();
    Ok(Authority { ca: ca_pem, certificate, key: key.serialize_pem() })
}
