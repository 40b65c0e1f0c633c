//! Client certificates: asked for, demanded, absent, wrong (RFC 8446 §4.3.2), the ground of EXTERNAL (RFC 4422 §A).

use smtpkit_tls::{
    Acceptor, Authentication, CertificateFault, ClientCertificates, ConfigError, Connector, Error, ErrorKind,
    Identity, Roots,
};
use tokio::io::AsyncReadExt;

use crate::pki::{HOST, Pair, authority, client, named, server};
use crate::wire::{handshake, say, session};

struct Setup {
    ca: Pair,
    clients: Pair,
}

impl Setup {
    fn new() -> Self {
        Self {
            ca: Pair::self_signed(authority("Test CA")),
            clients: Pair::self_signed(authority("Client CA")),
        }
    }

    fn acceptor(&self, mode: ClientCertificates) -> Acceptor {
        let identity = self.ca.issue(server(&[HOST])).identity();
        Acceptor::builder(vec![identity]).client_certificates(mode).build().expect("good")
    }

    fn require(&self) -> Acceptor {
        self.acceptor(ClientCertificates::Require(self.clients.anchors()))
    }

    fn connector(&self, identity: Identity) -> Connector {
        let builder = Connector::builder().roots(Roots::Only(self.ca.anchors()));
        builder.client_identity(identity).build().expect("good")
    }
}

#[tokio::test]
async fn a_good_client_certificate_names_the_client() {
    let setup = Setup::new();
    let connector = setup.connector(setup.clients.issue(client("alice@example.test")).identity());
    for mode in [
        ClientCertificates::Request(setup.clients.anchors()),
        ClientCertificates::Require(setup.clients.anchors()),
    ] {
        let (mut server, mut client) = session(&setup.acceptor(mode), &connector).await;
        let info = server.info();
        assert_eq!(info.authentication(), Authentication::Verified);
        let peer = info.peer().expect("the client has sent one");
        assert_eq!(peer.email_addresses(), ["alice@example.test"]);
        assert_eq!(peer.common_name(), Some("alice@example.test"));
        assert_eq!(peer.issuer(), "CN=Client CA");
        say(&mut client, &mut server, "EHLO client.example.test\r\n").await.expect("the session works");
    }
}

#[tokio::test]
async fn clients_are_not_asked_by_default() {
    let setup = Setup::new();
    let connector = setup.connector(setup.clients.issue(client("alice@example.test")).identity());
    let (server, _) = session(&setup.acceptor(ClientCertificates::Off), &connector).await;
    assert_eq!(server.info().authentication(), Authentication::Anonymous);
    assert_eq!(server.info().peer(), None);
}

#[tokio::test]
async fn a_requested_certificate_may_be_absent_but_not_wrong() {
    let setup = Setup::new();
    let acceptor = setup.acceptor(ClientCertificates::Request(setup.clients.anchors()));
    let (server, _) = session(&acceptor, &setup.ca.connector()).await;
    assert_eq!(server.info().authentication(), Authentication::Anonymous);

    let stranger =
        Pair::self_signed(authority("Stranger CA")).issue(client("mallory@example.test")).identity();
    let (server, _) = handshake(&acceptor, &setup.connector(stranger)).await;
    assert!(matches!(server, Err(Error::Certificate(CertificateFault::UnknownIssuer { .. }))), "{server:?}");
}

#[tokio::test]
async fn a_required_certificate_that_is_absent_is_told_to_both() {
    let setup = Setup::new();
    let (server, client) = handshake(&setup.require(), &setup.ca.connector()).await;
    assert!(matches!(server, Err(Error::ClientCertificateMissing)), "{server:?}");
    let mut client = client.expect("in TLS 1.3 the client finishes first");
    let error = client.read_u8().await.expect_err("the server has refused");
    assert!(matches!(Error::from_io(error), Error::ClientCertificateMissing));
}

#[tokio::test]
async fn a_wrong_client_certificate_is_told_to_both() {
    let setup = Setup::new();
    let mut expired = client("alice@example.test");
    expired.not_after = rcgen::date_time_ymd(2021, 2, 3);
    let mut for_servers = client("alice@example.test");
    for_servers.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let plain = setup.clients.issue(named("Not a CA"));
    let table = [
        (setup.clients.issue(expired).identity(), "expired"),
        (setup.clients.issue(for_servers).identity(), "not meant for this side"),
        (
            setup.ca.issue(client("alice@example.test")).identity(),
            "issued by `CN=Test CA`, which is not trusted",
        ),
        (Pair::self_signed(client("alice@example.test")).identity(), "self-signed"),
        (plain.issue(client("alice@example.test")).identity_with(&[&plain]), "is not a CA"),
    ];
    for (identity, expected) in table {
        let (server, client) = handshake(&setup.require(), &setup.connector(identity)).await;
        let error = server.expect_err(expected);
        assert!(matches!(error, Error::Certificate(_)), "{expected}: {error:?}");
        assert!(error.to_string().contains(expected), "{expected}: {error}");
        let mut client = client.expect("in TLS 1.3 the client finishes first");
        let error = Error::from_io(client.read_u8().await.expect_err("the server has refused"));
        assert_eq!(error.kind(), ErrorKind::Refused, "{expected}: {error}");
    }
}

#[test]
fn asking_without_a_ca_is_refused_at_once() {
    let setup = Setup::new();
    let identity = setup.ca.issue(server(&[HOST])).identity();
    let nobody = ClientCertificates::Require(Pair::self_signed(named("Not a CA")).anchors());
    let outcome = Acceptor::builder(vec![identity]).client_certificates(nobody).build();
    assert!(matches!(outcome.err(), Some(ConfigError::NoClientAnchors)));
}
