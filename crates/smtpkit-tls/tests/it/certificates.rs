//! Every way in which a server's certificate can be bad is told by name (RFC 5280 §6, RFC 9525).

use std::sync::Arc;

use rcgen::IsCa;
use smtpkit_tls::{
    Acceptor, Anchors, Authentication, CertificateFault, ConfigError, Connector, Error, ErrorKind, Identity,
    Pin, Roots,
};

use crate::pki::{HOST, Pair, authority, good, named, server};
use crate::wire::{handshake, handshake_with, session};

/// The client's complaint about a server's identity.
async fn complaint(identity: Identity, connector: &Connector) -> (CertificateFault, Error) {
    let acceptor = Acceptor::new(identity).expect("the identity can be loaded");
    let (server, client) = handshake(&acceptor, connector).await;
    let server = server.expect_err("the client must have refused");
    match client.expect_err("the client must refuse") {
        Error::Certificate(fault) => (fault, server),
        other => panic!("expected a fault of the certificate, got: {other}"),
    }
}

#[tokio::test]
async fn a_good_certificate_is_accepted() {
    let (ca, acceptor) = good();
    let (server, client) = session(&acceptor, &ca.connector()).await;
    assert_eq!(client.info().authentication(), Authentication::Verified);
    assert_eq!(client.info().peer().map(|peer| peer.dns_names().to_vec()), Some(vec![HOST.to_owned()]));
    assert_eq!(server.info().authentication(), Authentication::Anonymous);
    assert_eq!(server.info().sni(), Some(HOST));
    assert_eq!(server.info().trace(), "(TLS1_3 TLS_AES_256_GCM_SHA384)");
    assert_eq!(server.info().key_exchange(), client.info().key_exchange());
}

#[tokio::test]
async fn a_chain_with_an_intermediate_is_accepted() {
    let root = Pair::self_signed(authority("Root"));
    let middle = root.issue(authority("Middle"));
    let identity = middle.issue(server(&[HOST])).identity_with(&[&middle]);
    session(&Acceptor::new(identity).expect("good"), &root.connector()).await;
}

#[tokio::test]
async fn an_expired_certificate_is_refused_with_its_date() {
    let ca = Pair::self_signed(authority("Test CA"));
    let mut params = server(&[HOST]);
    params.not_after = rcgen::date_time_ymd(2021, 2, 3);
    let (fault, server) = complaint(ca.issue(params).identity(), &ca.connector()).await;
    assert_eq!(fault.to_string(), "the certificate expired 2021-02-03 00:00:00 UTC; the peer must renew it");
    assert_eq!(server.kind(), ErrorKind::Refused, "{server}");
    assert!(server.to_string().contains("certificate_expired"), "{server}");
}

#[tokio::test]
async fn a_certificate_from_the_future_is_refused_with_its_date() {
    let ca = Pair::self_signed(authority("Test CA"));
    let mut params = server(&[HOST]);
    params.not_before = rcgen::date_time_ymd(4000, 1, 1);
    let (fault, _) = complaint(ca.issue(params).identity(), &ca.connector()).await;
    assert!(matches!(fault, CertificateFault::NotYetValid { not_before: Some(_) }), "{fault:?}");
    assert!(fault.to_string().contains("4000-01-01"), "{fault}");
}

#[tokio::test]
async fn a_wrong_name_is_refused_naming_the_right_ones() {
    let ca = Pair::self_signed(authority("Test CA"));
    let names = ["imap.example.test", "192.0.2.1"];
    let (fault, _) = complaint(ca.issue(server(&names)).identity(), &ca.connector()).await;
    let presented = names.map(ToOwned::to_owned).to_vec();
    assert_eq!(fault, CertificateFault::WrongName { expected: HOST.to_owned(), presented });
    assert_eq!(
        fault.to_string(),
        "the certificate is not for `mx.example.test` but for `imap.example.test`, `192.0.2.1`"
    );
}

#[tokio::test]
async fn an_ip_address_is_a_name_as_well() {
    let ca = Pair::self_signed(authority("Test CA"));
    let acceptor = Acceptor::new(ca.issue(server(&["192.0.2.1", "2001:db8::1"])).identity()).expect("good");
    for name in ["192.0.2.1", "[192.0.2.1]", "[IPv6:2001:db8::1]"] {
        let (server, client) = handshake_with(&acceptor, &ca.connector(), name).await;
        assert!(client.is_ok(), "{name}: {client:?}");
        assert_eq!(
            server.expect("the server finishes").info().sni(),
            None,
            "an address is never sent as SNI"
        );
    }
    let (_, client) = handshake_with(&acceptor, &ca.connector(), "192.0.2.2").await;
    assert!(matches!(client, Err(Error::Certificate(CertificateFault::WrongName { .. }))), "{client:?}");
}

#[tokio::test]
async fn an_unknown_ca_is_refused_by_name() {
    let ca = Pair::self_signed(authority("Unheard-of CA"));
    let trusted = Pair::self_signed(authority("Trusted CA"));
    let (fault, _) = complaint(ca.issue(server(&[HOST])).identity(), &trusted.connector()).await;
    assert_eq!(fault, CertificateFault::UnknownIssuer { issuer: "CN=Unheard-of CA".to_owned() });
}

#[tokio::test]
async fn the_top_of_an_unknown_chain_is_named() {
    let root = Pair::self_signed(authority("Unheard-of Root"));
    let middle = root.issue(authority("Middle"));
    let trusted = Pair::self_signed(authority("Trusted CA"));
    let identity = middle.issue(server(&[HOST])).identity_with(&[&middle]);
    let (fault, _) = complaint(identity, &trusted.connector()).await;
    assert_eq!(fault, CertificateFault::UnknownIssuer { issuer: "CN=Unheard-of Root".to_owned() });
}

#[tokio::test]
async fn a_ca_of_the_same_name_with_another_key_is_refused() {
    let real = Pair::self_signed(authority("Test CA"));
    let impostor = Pair::self_signed(authority("Test CA"));
    let (fault, _) = complaint(impostor.issue(server(&[HOST])).identity(), &real.connector()).await;
    assert!(
        matches!(fault, CertificateFault::UnknownIssuer { .. } | CertificateFault::Other(_)),
        "{fault:?}"
    );
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused_as_such() {
    let trusted = Pair::self_signed(authority("Trusted CA"));
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa, IsCa::Ca(rcgen::BasicConstraints::Unconstrained)] {
        let mut params = server(&[HOST]);
        params.is_ca = is_ca;
        let (fault, _) = complaint(Pair::self_signed(params).identity(), &trusted.connector()).await;
        assert_eq!(fault, CertificateFault::SelfSigned { subject: format!("CN={HOST}") }, "{is_ca:?}");
    }
}

#[tokio::test]
async fn a_self_signed_certificate_can_be_trusted_as_itself() {
    for is_ca in [IsCa::NoCa, IsCa::Ca(rcgen::BasicConstraints::Unconstrained)] {
        let mut params = server(&[HOST]);
        params.is_ca = is_ca;
        let pair = Pair::self_signed(params);
        let acceptor = Acceptor::new(pair.identity()).expect("good");
        let (_, client) = session(&acceptor, &pair.connector()).await;
        assert_eq!(client.info().authentication(), Authentication::Verified);
        let (_, client) = handshake_with(&acceptor, &pair.connector(), "other.example.test").await;
        assert!(matches!(client, Err(Error::Certificate(CertificateFault::WrongName { .. }))), "{client:?}");
    }
}

#[tokio::test]
async fn a_certificate_trusted_as_itself_still_expires_and_keeps_its_purpose() {
    let mut params = server(&[HOST]);
    params.not_after = rcgen::date_time_ymd(2021, 2, 3);
    let expired = Pair::self_signed(params);
    let (fault, _) = complaint(expired.identity(), &expired.connector()).await;
    assert!(matches!(fault, CertificateFault::Expired { not_after: Some(_) }), "{fault:?}");

    let mut params = server(&[HOST]);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let misused = Pair::self_signed(params);
    let (fault, _) = complaint(misused.identity(), &misused.connector()).await;
    assert_eq!(fault, CertificateFault::WrongPurpose);
}

#[tokio::test]
async fn an_intermediate_without_the_ca_bit_is_refused() {
    let root = Pair::self_signed(authority("Root"));
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa] {
        let mut params = named("Not a CA");
        params.is_ca = is_ca;
        let middle = root.issue(params);
        let identity = middle.issue(server(&[HOST])).identity_with(&[&middle]);
        let (fault, _) = complaint(identity, &root.connector()).await;
        assert_eq!(fault, CertificateFault::NotCa { subject: "CN=Not a CA".to_owned() });
    }
}

#[tokio::test]
async fn a_trusted_certificate_without_the_ca_bit_vouches_for_nobody() {
    let plain = Pair::self_signed(named("Not a CA"));
    let (fault, _) = complaint(plain.issue(server(&[HOST])).identity(), &plain.connector()).await;
    assert_eq!(fault, CertificateFault::NotCa { subject: "CN=Not a CA".to_owned() });
    // nor does it when a real CA is trusted beside it
    let roots = plain.anchors().and(Pair::self_signed(authority("Trusted CA")).anchors());
    let connector = Connector::builder().roots(Roots::Only(roots)).build().expect("good");
    let (fault, _) = complaint(plain.issue(server(&[HOST])).identity(), &connector).await;
    assert_eq!(fault, CertificateFault::NotCa { subject: "CN=Not a CA".to_owned() });
}

#[tokio::test]
async fn a_client_certificate_is_no_server_certificate() {
    let ca = Pair::self_signed(authority("Test CA"));
    let mut params = server(&[HOST]);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let (fault, _) = complaint(ca.issue(params).identity(), &ca.connector()).await;
    assert_eq!(fault, CertificateFault::WrongPurpose);
}

#[tokio::test]
async fn a_pin_holds_on_top_of_a_good_chain() {
    let ca = Pair::self_signed(authority("Test CA"));
    let identity = ca.issue(server(&[HOST])).identity();
    let right = identity.certificate().pin();
    let wrong = Pin::from_digest([7; 32]);
    let pinned = |pins: &[Pin]| {
        let builder = Connector::builder().roots(Roots::Only(ca.anchors()));
        pins.iter().fold(builder, |builder, pin| builder.pin(*pin)).build().expect("good")
    };
    let acceptor = Acceptor::new(identity.clone()).expect("good");
    session(&acceptor, &pinned(&[right])).await;
    session(&acceptor, &pinned(&[wrong, right])).await;
    let (fault, _) = complaint(identity, &pinned(&[wrong])).await;
    assert_eq!(fault, CertificateFault::PinMismatch { found: right });
}

#[tokio::test]
async fn accepting_anything_is_unverified_unless_pinned() {
    let identity = Pair::self_signed(server(&["elsewhere.example.test"])).identity();
    let anything = || Connector::builder().dangerously_accept_any_certificate();
    let acceptor = Acceptor::new(identity.clone()).expect("good");
    let (_, client) = session(&acceptor, &anything().build().expect("good")).await;
    assert_eq!(client.info().authentication(), Authentication::Unverified);
    let pinned = anything().pin(identity.certificate().pin()).build().expect("good");
    let (_, client) = session(&acceptor, &pinned).await;
    assert_eq!(client.info().authentication(), Authentication::Verified);
    let (fault, _) =
        complaint(identity, &anything().pin(Pin::from_digest([0; 32])).build().expect("good")).await;
    assert!(matches!(fault, CertificateFault::PinMismatch { .. }), "{fault:?}");
}

#[tokio::test]
async fn platform_roots_do_not_trust_a_test_ca_but_can_be_joined_by_it() {
    let (ca, acceptor) = good();
    match Connector::builder().build() {
        Ok(platform) => {
            let (_, client) = handshake(&acceptor, &platform).await;
            assert!(matches!(client, Err(Error::Certificate(_))), "{client:?}");
        }
        Err(error) => assert!(matches!(error, ConfigError::NoPlatformRoots { .. }), "{error}"),
    }
    let joined = Connector::builder().roots(Roots::PlatformAnd(ca.anchors())).build().expect("good");
    session(&acceptor, &joined).await;
}

/// A stand-in for DANE or MTA-STS: believes nobody.
#[derive(Debug)]
struct Sceptic(Arc<rustls::crypto::CryptoProvider>);

impl smtpkit_tls::ServerCertVerifier for Sceptic {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &smtpkit_tls::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Err(rustls::CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &rustls::pki_types::CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &rustls::pki_types::CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[tokio::test]
async fn a_verifier_of_the_callers_decides() {
    let (_, acceptor) = good();
    let sceptic = Sceptic(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let connector = Connector::builder().verifier(Arc::new(sceptic)).build().expect("good");
    let (_, client) = handshake(&acceptor, &connector).await;
    assert!(matches!(client, Err(Error::Certificate(CertificateFault::Other(_)))), "{client:?}");
}

#[test]
fn anchors_are_checked_when_they_are_read() {
    let broken = Anchors::from_pem(b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    assert!(
        broken.expect_err("4 octets are no certificate").to_string().contains("certificate 1 is damaged")
    );
}
