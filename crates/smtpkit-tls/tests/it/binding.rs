//! Channel bindings are equal on both sides, different between sessions, and what the RFCs say they are.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256, Sha384, Sha512};
use smtpkit_tls::{Acceptor, ChannelBindingKind, Stream, Version};
use tokio::io::duplex;

use crate::pki::{HOST, Pair, authority, good, server};
use crate::wire::{WAIT, session};

fn data<S>(stream: &Stream<S>, kind: ChannelBindingKind) -> Option<Vec<u8>> {
    stream.channel_binding(kind).map(|binding| binding.data().to_vec())
}

/// RFC 9266 §4.2.
#[tokio::test]
async fn the_exporter_is_32_octets_equal_on_both_sides_and_new_in_each_session() {
    let (ca, acceptor) = good();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (server, client) = session(&acceptor, &ca.connector()).await;
        let server = data(&server, ChannelBindingKind::TlsExporter).expect("TLS 1.3");
        assert_eq!(Some(&server), data(&client, ChannelBindingKind::TlsExporter).as_ref());
        assert_eq!(server.len(), 32);
        assert!(!seen.contains(&server), "two sessions must not share their binding");
        seen.push(server);
    }
}

/// RFC 5929 §4.1: the hash function of the signature, which is the issuer's.
#[tokio::test]
async fn the_end_point_is_the_servers_certificate_hashed_as_it_was_signed() {
    type Hash = fn(&[u8]) -> Vec<u8>;
    let table: [(&'static rcgen::SignatureAlgorithm, Option<Hash>); 5] = [
        (&rcgen::PKCS_ECDSA_P256_SHA256, Some(|der| Sha256::digest(der).to_vec())),
        (&rcgen::PKCS_ECDSA_P384_SHA384, Some(|der| Sha384::digest(der).to_vec())),
        (&rcgen::PKCS_RSA_SHA512, Some(|der| Sha512::digest(der).to_vec())),
        (&rcgen::PKCS_RSA_SHA256, Some(|der| Sha256::digest(der).to_vec())),
        (&rcgen::PKCS_ED25519, None),
    ];
    let root = Pair::self_signed(authority("Root"));
    for (algorithm, hash) in table {
        let issuer = root.issue_with(authority("Issuer"), algorithm);
        let leaf = issuer.issue(server(&[HOST]));
        let acceptor = Acceptor::new(leaf.identity_with(&[&issuer])).expect("good");
        let (server, client) = session(&acceptor, &root.connector()).await;
        let der = CertificateDer::from_pem_slice(leaf.pem.as_bytes()).expect("PEM");
        let expected = hash.map(|hash| hash(&der));
        assert_eq!(data(&server, ChannelBindingKind::TlsServerEndPoint), expected, "{algorithm:?}");
        assert_eq!(data(&client, ChannelBindingKind::TlsServerEndPoint), expected, "{algorithm:?}");
    }
}

#[tokio::test]
async fn tls_1_2_has_no_exporter_binding() {
    let (ca, acceptor) = good();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.pem.as_bytes()).expect("PEM")).expect("a CA");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .expect("TLS 1.2 is there")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (near, far) = duplex(64 * 1024);
    let name = smtpkit_tls::server_name(HOST).expect("a name");
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let (server, client) = tokio::join!(acceptor.accept(far, WAIT), connector.connect(name, near));
    client.expect("the client finishes");
    let server = server.expect("the server finishes");
    assert_eq!(server.info().version(), Version::Tls12);
    assert_eq!(server.info().trace(), "(TLS1_2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384)");
    assert!(server.channel_binding(ChannelBindingKind::TlsExporter).is_none());
    assert!(server.channel_binding(ChannelBindingKind::TlsServerEndPoint).is_some());
}

#[tokio::test]
async fn a_binding_is_not_formatted() {
    let (ca, acceptor) = good();
    let (server, _client) = session(&acceptor, &ca.connector()).await;
    let binding = server.channel_binding(ChannelBindingKind::TlsExporter).expect("TLS 1.3");
    assert_eq!(binding.name(), "tls-exporter");
    assert_eq!(format!("{binding:?}"), "ChannelBinding { kind: TlsExporter, .. }");
}
