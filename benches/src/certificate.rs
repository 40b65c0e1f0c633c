//! A certificate authority and a server certificate for 127.0.0.1, made for one run.

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

/// The name that the certificate is for.
pub const NAME: &str = "mx.bench.test";

/// PEM texts.
pub struct Certificates {
    /// Whom to trust.
    pub authority: String,
    /// The server's certificate.
    pub chain: String,
    /// Its key.
    pub key: String,
}

impl Certificates {
    /// New ones, ECDSA on P-256.
    pub fn generate() -> Result<Self, rcgen::Error> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate()?;
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let mut leaf = CertificateParams::new(vec![NAME.to_owned(), "127.0.0.1".to_owned()])?;
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let chain = leaf.signed_by(&key, &Issuer::new(authority, authority_key))?.pem();
        Ok(Self { authority: authority_pem, chain, key: key.serialize_pem() })
    }
}
