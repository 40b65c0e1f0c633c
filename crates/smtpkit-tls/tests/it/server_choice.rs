//! Several identities side by side, exchanged while sessions live, and sessions resumed.

use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified};
use rustls::pki_types::{CertificateDer, UnixTime};
use smtpkit_tls::{Acceptor, ConfigError, Connector, Error, Roots, ServerCertVerifier, ServerName, Version};
use tokio::io::AsyncWriteExt;

use crate::pki::{HOST, Pair, authority, good, server};
use crate::wire::{handshake_with, say, session};

async fn shown(acceptor: &Acceptor, connector: &Connector, name: &str) -> [u8; 32] {
    let (_, client) = handshake_with(acceptor, connector, name).await;
    let info = client.unwrap_or_else(|error| panic!("{name}: {error}")).info();
    *info.peer().expect("a server always has a certificate").sha256()
}

#[tokio::test]
async fn the_name_that_is_asked_for_chooses_the_identity() {
    let ca = Pair::self_signed(authority("Test CA"));
    let first = ca.issue(server(&["mx.example.test", "192.0.2.1", "nobody.example.test"])).identity();
    let second = ca.issue(server(&["mx.example.net"])).identity();
    let wild = ca.issue(server(&["*.example.test"])).identity();
    let acceptor =
        Acceptor::builder(vec![first.clone(), second.clone(), wild.clone()]).build().expect("good");
    let connector = ca.connector();
    for (name, expected) in [
        ("mx.example.test", &first),
        ("MX.Example.Test", &first),
        ("mx.example.net", &second),
        ("imap.example.test", &wild),
        ("192.0.2.1", &first),
    ] {
        let fingerprint = shown(&acceptor, &connector, name).await;
        assert_eq!(&fingerprint, expected.certificate().sha256(), "{name}");
    }
    // an unknown name gets the default, and it is for the client to judge
    let (_, client) = handshake_with(&acceptor, &connector, "unknown.example.org").await;
    assert!(client.is_err_and(|error| error.to_string().contains("nobody.example.test")));
}

/// A client that checks RSA signatures only, as old ones do.
#[derive(Debug)]
struct RsaOnly(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for RsaOnly {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::RSA_PSS_SHA256, SignatureScheme::RSA_PKCS1_SHA256]
    }
}

fn rsa_only(ca: &Pair) -> Connector {
    let mut roots = rustls::RootCertStore::empty();
    let pem = ca.pem.as_bytes();
    let der = <CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(pem).expect("PEM");
    roots.add(der).expect("a CA");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider).build().expect("good");
    Connector::builder().verifier(Arc::new(RsaOnly(verifier))).build().expect("good")
}

#[tokio::test]
async fn ecdsa_and_rsa_live_side_by_side() {
    let ca = Pair::self_signed(authority("Test CA"));
    let rsa = ca.issue_with(server(&[HOST]), &rcgen::PKCS_RSA_SHA256).identity();
    let ecdsa = ca.issue(server(&[HOST])).identity();
    for order in [vec![rsa.clone(), ecdsa.clone()], vec![ecdsa.clone(), rsa.clone()]] {
        let acceptor = Acceptor::builder(order).build().expect("good");
        for name in [HOST, "unknown.example.org"] {
            let anything =
                || Connector::builder().dangerously_accept_any_certificate().build().expect("good");
            assert_eq!(&shown(&acceptor, &anything(), name).await, ecdsa.certificate().sha256(), "{name}");
        }
        assert_eq!(&shown(&acceptor, &rsa_only(&ca), HOST).await, rsa.certificate().sha256());
    }
}

#[tokio::test]
async fn no_common_signature_is_told_to_both() {
    let ca = Pair::self_signed(authority("Test CA"));
    let acceptor = Acceptor::new(ca.issue(server(&[HOST])).identity()).expect("good");
    let (server, client) = handshake_with(&acceptor, &rsa_only(&ca), HOST).await;
    assert!(matches!(server, Err(Error::NothingInCommon)), "{server:?}");
    assert!(matches!(client, Err(Error::Refused(_))), "{client:?}");
}

#[tokio::test]
async fn every_kind_of_key_serves() {
    let ca = Pair::self_signed(authority("Test CA"));
    for algorithm in [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ECDSA_P521_SHA512,
        &rcgen::PKCS_ED25519,
        &rcgen::PKCS_RSA_SHA256,
    ] {
        let identity = ca.issue_with(server(&[HOST]), algorithm).identity();
        session(&Acceptor::new(identity).expect("good"), &ca.connector()).await;
    }
}

#[tokio::test]
async fn reload_reaches_new_sessions_and_leaves_old_ones_alone() {
    let ca = Pair::self_signed(authority("Test CA"));
    let (before, after) = (ca.issue(server(&[HOST])).identity(), ca.issue(server(&[HOST])).identity());
    let acceptor = Acceptor::new(before.clone()).expect("good");
    let listener = acceptor.clone();
    let connector = ca.connector();
    let (mut old_server, mut old_client) = session(&listener, &connector).await;

    acceptor.reload(vec![after.clone()]).expect("good");

    say(&mut old_client, &mut old_server, "NOOP\r\n").await.expect("the old session goes on");
    say(&mut old_server, &mut old_client, "250 ok\r\n").await.expect("the old session goes on");
    assert_eq!(&shown(&listener, &connector, HOST).await, after.certificate().sha256());

    let refused = acceptor.reload(Vec::new());
    assert!(matches!(refused, Err(ConfigError::NoIdentity)));
    assert_eq!(&shown(&listener, &connector, HOST).await, after.certificate().sha256());
}

#[tokio::test]
async fn sessions_are_resumed_unless_told_otherwise() {
    let (ca, acceptor) = good();
    let connector = ca.connector();
    let resumed = async |connector: &Connector| {
        let (mut server, mut client) = session(&acceptor, connector).await;
        // tickets come with the server's first octets
        say(&mut server, &mut client, "220 mx.example.test\r\n").await.expect("the session works");
        assert_eq!(server.info().resumed(), client.info().resumed());
        client.info().resumed()
    };
    assert!(!resumed(&connector).await, "there is nothing to resume yet");
    assert!(resumed(&connector).await);
    assert!(resumed(&connector.clone()).await, "clones share the memory");
    assert!(!resumed(&ca.connector()).await, "others do not");

    acceptor.reload(vec![ca.issue(server(&[HOST])).identity()]).expect("good");
    assert!(!resumed(&connector).await, "nothing outlives the certificate");

    let forgetful =
        Connector::builder().roots(Roots::Only(ca.anchors())).without_resumption().build().expect("good");
    for _ in 0..2 {
        assert!(!resumed(&forgetful).await);
    }
}

#[tokio::test]
async fn a_resumed_session_still_knows_the_server() {
    let (ca, acceptor) = good();
    let connector = ca.connector();
    let mut bindings = Vec::new();
    for _ in 0..2 {
        let (mut server, mut client) = session(&acceptor, &connector).await;
        say(&mut server, &mut client, "220 mx.example.test\r\n").await.expect("the session works");
        assert!(client.info().peer().is_some());
        let binding =
            client.channel_binding(smtpkit_tls::ChannelBindingKind::TlsServerEndPoint).expect("P-256");
        bindings.push(binding.data().to_vec());
        client.shutdown().await.expect("the session ends");
    }
    assert_eq!(bindings.first(), bindings.last());
}

#[tokio::test]
async fn the_least_version_holds_on_both_sides() {
    let ca = Pair::self_signed(authority("Test CA"));
    let identity = ca.issue(server(&[HOST])).identity();
    let acceptor = Acceptor::builder(vec![identity]).min_version(Version::Tls13).build().expect("good");
    let builder = Connector::builder().roots(Roots::Only(ca.anchors())).min_version(Version::Tls13);
    let (_, client) = session(&acceptor, &builder.build().expect("good")).await;
    assert_eq!(client.info().version(), Version::Tls13);
}

#[test]
fn a_server_without_identity_is_refused() {
    assert!(matches!(Acceptor::builder(Vec::new()).build().err(), Some(ConfigError::NoIdentity)));
}
