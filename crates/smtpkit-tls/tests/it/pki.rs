//! Certificate authorities and certificates, good and bad, made with rcgen.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
    SignatureAlgorithm,
};
use smtpkit_tls::{Acceptor, Anchors, Connector, Identity, Roots};

/// The name that every server here is asked for.
pub(crate) const HOST: &str = "mx.example.test";

/// A certificate with its key.
pub(crate) struct Pair {
    pub(crate) params: CertificateParams,
    pub(crate) key: KeyPair,
    pub(crate) pem: String,
}

/// What a certificate is to say, from the start of a good server certificate for [`HOST`].
pub(crate) fn server(names: &[&str]) -> CertificateParams {
    let mut params = named(names.first().copied().unwrap_or("nobody"));
    params.subject_alt_names =
        CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
            .expect("names for tests are good")
            .subject_alt_names;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// A good client certificate for a mail address.
pub(crate) fn client(address: &str) -> CertificateParams {
    let mut params = named(address);
    params.subject_alt_names = vec![SanType::Rfc822Name(address.try_into().expect("ASCII"))];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// A good CA certificate.
pub(crate) fn authority(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// A certificate that says nothing but a name; neither CA nor for any purpose.
pub(crate) fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params
}

impl Pair {
    pub(crate) fn self_signed(params: CertificateParams) -> Self {
        let key = KeyPair::generate().expect("P-256 keys can be made");
        let pem = params.self_signed(&key).expect("params for tests are good").pem();
        Self { params, key, pem }
    }

    pub(crate) fn issue(&self, params: CertificateParams) -> Self {
        self.issue_with(params, &rcgen::PKCS_ECDSA_P256_SHA256)
    }

    pub(crate) fn issue_with(
        &self,
        params: CertificateParams,
        algorithm: &'static SignatureAlgorithm,
    ) -> Self {
        let key = KeyPair::generate_for(algorithm).expect("keys can be made");
        let issuer = Issuer::from_params(&self.params, &self.key);
        let pem = params.signed_by(&key, &issuer).expect("params for tests are good").pem();
        Self { params, key, pem }
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity_with(&[])
    }

    pub(crate) fn identity_with(&self, intermediates: &[&Pair]) -> Identity {
        let mut chain = self.pem.clone();
        intermediates.iter().for_each(|pair| chain.push_str(&pair.pem));
        Identity::from_pem(chain.as_bytes(), self.key.serialize_pem().as_bytes())
            .expect("chain and key belong together")
    }

    pub(crate) fn anchors(&self) -> Anchors {
        Anchors::from_pem(self.pem.as_bytes()).expect("a certificate made here is whole")
    }

    /// A client that trusts this certificate and nobody else.
    pub(crate) fn connector(&self) -> Connector {
        Connector::builder().roots(Roots::Only(self.anchors())).build().expect("anchors are good")
    }
}

/// A CA, and a server with a good certificate of it.
pub(crate) fn good() -> (Pair, Acceptor) {
    let ca = Pair::self_signed(authority("Test CA"));
    let acceptor = Acceptor::new(ca.issue(server(&[HOST])).identity()).expect("the identity is good");
    (ca, acceptor)
}
