//! TLS 1.3 handshakes over a pipe in memory, client and server together, and one octet behind them, so that the
//! session tickets arrive. The rival is rustls over tokio with nothing around it.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use smtpkit_tls::{Acceptor, Anchors, Connector, Identity, Roots};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, duplex};
use tokio::runtime::{Builder, Runtime};

use crate::Item;
use crate::certificate::{Certificates, NAME};

const PATIENCE: Duration = Duration::from_secs(60);
/// Room of the pipe: a whole flight.
const PIPE_OCTETS: usize = 64 * 1024;

pub fn items() -> Vec<Item> {
    let certificates = Certificates::generate().expect("certificates");
    [("TLS handshake, full", Resume::No), ("TLS handshake, resumed", Resume::Yes)]
        .map(|(name, resume)| {
            Item::per_round(name, ours(&certificates, resume))
                .against("tokio-rustls", theirs(&certificates, resume))
        })
        .into()
}

#[derive(Clone, Copy, PartialEq)]
enum Resume {
    Yes,
    No,
}

fn ours(certificates: &Certificates, resume: Resume) -> impl FnMut() + use<> {
    let identity = Identity::from_pem(certificates.chain.as_bytes(), certificates.key.as_bytes());
    let acceptor = Acceptor::new(identity.expect("an identity")).expect("an acceptor");
    let anchors = Anchors::from_pem(certificates.authority.as_bytes()).expect("an authority");
    let builder = Connector::builder().roots(Roots::Only(anchors));
    let builder = if resume == Resume::Yes { builder } else { builder.without_resumption() };
    let connector = builder.build().expect("a connector");
    let name = smtpkit_tls::server_name(NAME).expect("a name");
    let runtime = runtime();
    let mut round = 0;
    move || {
        let (near, far) = duplex(PIPE_OCTETS);
        let client = async {
            let stream = connector.connect(near, name.clone(), PATIENCE).await.expect("a client");
            // the first round has nothing to resume
            assert_eq!(stream.info().resumed(), resume == Resume::Yes && round > 0);
            receive(stream).await;
        };
        let server = async { send(acceptor.accept(far, PATIENCE).await.expect("a server")).await };
        runtime.block_on(async { tokio::join!(client, server) });
        round += 1;
    }
}

fn theirs(certificates: &Certificates, resume: Resume) -> impl FnMut() + use<> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let chain = CertificateDer::from_pem_slice(certificates.chain.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(certificates.key.as_bytes()).expect("a key");
    let mut server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .expect("a configuration");
    // tickets that hold the session, as our acceptor sends them
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.ticketer = aws_lc_rs::Ticketer::new().expect("a ticketer");
    let mut roots = rustls::RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(certificates.authority.as_bytes()).expect("a certificate");
    roots.add(authority).expect("an authority");
    let mut client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    if resume == Resume::No {
        client.resumption = Resumption::disabled();
    }
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let name = smtpkit_tls::server_name(NAME).expect("a name");
    let runtime = runtime();
    move || {
        let (near, far) = duplex(PIPE_OCTETS);
        let client = async { receive(connector.connect(name.clone(), near).await.expect("a client")).await };
        let server = async { send(acceptor.accept(far).await.expect("a server")).await };
        runtime.block_on(async { tokio::join!(client, server) });
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

async fn receive(mut stream: impl AsyncRead + Unpin) {
    assert_eq!(stream.read_u8().await.expect("an octet"), 1);
}

async fn send(mut stream: impl AsyncWrite + Unpin) {
    stream.write_u8(1).await.expect("an octet sent");
    stream.flush().await.expect("an octet sent");
}
