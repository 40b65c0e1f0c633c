//! OpenSSL as the peer: an independent implementation, which also does what rustls refuses to do.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str;

use smtpkit_tls::{Anchors, CertificateFault, Connector, Error, Roots, server_name};
use tokio::io::AsyncWriteExt;

use crate::pki::{HOST, Pair, authority, good, server};
use crate::wire::WAIT;

/// What `openssl` prints when it is run with these arguments.
pub(crate) fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output =
        Command::new("openssl").args(arguments).stdin(Stdio::null()).output().unwrap_or_else(|error| {
            panic!("these tests need the `openssl` command (Debian: apt install openssl): {error}")
        });
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A self-signed certificate for [`HOST`] with an RSA key of 1,024 bits.
pub(crate) fn weak_pair(folder: &Path) -> (PathBuf, PathBuf) {
    let (cert, key) = (folder.join("weak.pem"), folder.join("weak-key.pem"));
    let names = format!("subjectAltName=DNS:{HOST}");
    let subject = format!("/CN={HOST}");
    let (cert_path, key_path) = (cert.to_str().expect("UTF-8"), key.to_str().expect("UTF-8"));
    #[rustfmt::skip]
    openssl(&[
        "req", "-x509", "-newkey", "rsa:1024", "-noenc", "-days", "30", "-subj", &subject, "-addext", &names,
        "-keyout", key_path, "-out", cert_path,
    ]);
    (cert, key)
}

/// `openssl s_server` on a free port of loopback; ended when dropped.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(cert: &Path, key: &Path, options: &[&str]) -> Self {
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-cert"])
            .arg(cert)
            .arg("-key")
            .arg(key)
            .args(["-cipher", "DEFAULT@SECLEVEL=0"])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("these tests need the `openssl` command: {error}"));
        let stdout = child.stdout.take().expect("piped");
        let address = BufReader::new(stdout)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("ACCEPT ").and_then(|address| address.parse().ok()));
        Self { child, address: address.expect("s_server says where it listens") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // it may have ended by itself; either way it is waited for
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

fn connect(server: &Server, connector: &Connector) -> Result<(), Error> {
    let stream = TcpStream::connect(server.address).expect("s_server listens");
    connector.connect_blocking(stream, server_name(HOST).expect("a name"), WAIT).map(|_| ())
}

#[test]
fn a_weak_key_is_refused_with_its_length() {
    let folder = tempfile::tempdir().expect("a folder");
    let (cert, key) = weak_pair(folder.path());
    let connector = Connector::builder()
        .roots(Roots::Only(Anchors::from_pem_file(&cert).expect("a certificate")))
        .build()
        .expect("good");
    let error = connect(&Server::start(&cert, &key, &[]), &connector).expect_err("1,024 bits are too few");
    let expected = CertificateFault::WeakKey { subject: format!("CN={HOST}"), bits: 1024 };
    assert!(matches!(&error, Error::Certificate(fault) if *fault == expected), "{error:?}");
}

#[test]
fn old_versions_are_refused_and_new_ones_spoken() {
    let folder = tempfile::tempdir().expect("a folder");
    let ca = Pair::self_signed(authority("Test CA"));
    let pair = ca.issue(server(&[HOST]));
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, &pair.pem).expect("writable");
    std::fs::write(&key, pair.key.serialize_pem()).expect("writable");
    for (version, spoken) in [("-tls1", false), ("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
        let outcome = connect(&Server::start(&cert, &key, &[version]), &ca.connector());
        match outcome {
            Ok(()) => assert!(spoken, "{version}"),
            Err(error) => assert!(!spoken && matches!(error, Error::ProtocolVersion), "{version}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn its_client_trusts_our_server() {
    let (ca, acceptor) = good();
    let folder = tempfile::tempdir().expect("a folder");
    let ca_path = folder.path().join("ca.pem");
    std::fs::write(&ca_path, &ca.pem).expect("writable");
    for version in ["-tls1_2", "-tls1_3"] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback works");
        let mut child = Command::new("openssl")
            .args([
                "s_client",
                "-quiet",
                "-verify_return_error",
                version,
                "-verify_hostname",
                HOST,
                "-servername",
                HOST,
            ])
            .args(["-connect", &listener.local_addr().expect("bound").to_string(), "-CAfile"])
            .arg(&ca_path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("these tests need the `openssl` command: {error}"));
        let (stream, _) = listener.accept().await.expect("s_client connects");
        let mut stream =
            acceptor.accept(stream, WAIT).await.unwrap_or_else(|error| panic!("{version}: {error}"));
        stream.write_all(b"220 mx.example.test\r\n").await.expect("it reads");
        stream.shutdown().await.expect("the close_notify goes out");
        assert_eq!(stream.info().sni(), Some(HOST));
        drop(stream);
        let mut heard = Vec::new();
        child.stdout.take().expect("piped").read_to_end(&mut heard).expect("it ends");
        assert_eq!(str::from_utf8(&heard), Ok("220 mx.example.test\r\n"), "{version}");
        child.wait().expect("it ends");
    }
}
