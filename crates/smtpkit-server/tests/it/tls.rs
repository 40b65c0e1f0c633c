//! STARTTLS and implicit TLS: nothing said in plaintext survives, nothing is said in plaintext where TLS comes first.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::world::{PATIENCE, Recorder, certificate, mx, run, submission};

#[tokio::test]
async fn starttls_starts_anew() {
    let (recorder, certificate) = (Recorder::default(), certificate());
    let server = run(mx(&recorder).tls(certificate.acceptor.clone()), &recorder).await;
    let mut client = server.client().await;
    assert!(client.ask("EHLO client.test", "250").await.contains("STARTTLS"));
    client.ask("STARTTLS", "220").await;
    let mut client = certificate.secure(client.stream).await;
    client.ask("MAIL FROM:<>", "503").await;
    let offers = client.ask("EHLO client.test", "250").await;
    assert!(!offers.contains("STARTTLS") && offers.contains("REQUIRETLS"), "{offers}");
    client.ask("STARTTLS", "503").await;
    client.mail("bob@local.test", "secret").await;
    assert!(server.journal.has(r#"message ESMTPS relayed=0 "secret\r\n""#), "{:?}", server.journal.entries());
    assert!(server.journal.has("tls TLS1_3"), "{:?}", server.journal.entries());
}

#[tokio::test]
async fn commands_injected_behind_starttls_are_never_carried_out() {
    let (recorder, certificate) = (Recorder::default(), certificate());
    let server = run(mx(&recorder).tls(certificate.acceptor.clone()), &recorder).await;
    let mut client = server.client().await;
    client.ask("EHLO client.test", "250").await;
    client.send("STARTTLS\r\nMAIL FROM:<>\r\nRCPT TO:<bob@local.test>\r\n").await;
    client.expect("554 5.5.1").await;
    client.expect_end().await;
    assert!(!server.journal.entries().iter().any(|entry| entry.starts_with("rcpt")));
}

#[tokio::test]
async fn implicit_tls() {
    let (recorder, certificate) = (Recorder::default(), certificate());
    let server = run(submission(&recorder, &certificate).implicit_tls(), &recorder).await;
    let mut client = certificate.secure(TcpStream::connect(server.address).await.unwrap()).await;
    client.expect("220").await;
    assert!(client.ask("EHLO client.test", "250").await.contains("AUTH"));
    client.ask("AUTH PLAIN AGFsaWNlQGxvY2FsLnRlc3QAcGVuY2ls", "235").await;
    client.mail("bob@foreign.test", "hello").await;
    assert!(server.journal.has(r#"message ESMTPSA relayed=1 "hello\r\n""#), "{:?}", server.journal.entries());
}

#[tokio::test]
async fn plaintext_on_an_implicit_port_gets_nothing() {
    let (recorder, certificate) = (Recorder::default(), certificate());
    let server = run(mx(&recorder).tls(certificate.acceptor.clone()).implicit_tls(), &recorder).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"EHLO client.test\r\n").await.unwrap();
    let mut answer = Vec::new();
    // A TLS alert may come, a reply of SMTP may not; the connection may be reset.
    let _closed_or_reset = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    assert!(!answer.starts_with(b"220") && answer.len() <= 7, "{answer:?}");
    assert!(!server.journal.has("connect"));
}

#[tokio::test]
async fn required_tls_comes_first() {
    let (recorder, certificate) = (Recorder::default(), certificate());
    let server = run(mx(&recorder).tls(certificate.acceptor.clone()).require_tls(), &recorder).await;
    let mut client = server.client().await;
    client.ask("EHLO client.test", "250").await;
    client.ask("MAIL FROM:<>", "530 5.7.0").await;
}

#[tokio::test]
async fn a_handshake_on_a_plaintext_port_is_known_by_its_first_octet() {
    let recorder = Recorder::default();
    let server = run(mx(&recorder), &recorder).await;
    let mut client = server.client().await;
    client.send([0x16]).await;
    client.expect_end().await;
}
