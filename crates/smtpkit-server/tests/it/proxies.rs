//! PROXY, XCLIENT and XFORWARD: from those who may, and nobody else.

use smtpkit_server::{Limits, Network};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::world::{Client, Recorder, Running, certificate, mx, run, submission};

async fn connect(server: &Running, header: &str) -> Client<TcpStream> {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(header.as_bytes()).await.unwrap();
    Client::new(stream)
}

#[tokio::test]
async fn a_proxy_tells_who_the_client_is() {
    let recorder = Recorder::default();
    let trusted: Network = "192.0.2.0/24".parse().unwrap();
    let limits = Limits { connections_per_address_max: 1, ..Limits::default() };
    let builder = mx(&recorder).proxy_protocol(Network::LOOPBACK).trusted([trusted]).limits(limits);
    let server = run(builder, &recorder).await;
    let mut client = connect(&server, "PROXY TCP4 192.0.2.7 192.0.2.1 1025 25\r\n").await;
    client.expect("220").await;
    client.ask("EHLO client.test", "250").await;
    client.mail("bob@foreign.test", "hello").await;
    let mut second = connect(&server, "PROXY TCP4 192.0.2.7 192.0.2.1 1026 25\r\n").await;
    second.expect_end().await;
    let mut stranger = connect(&server, "PROXY TCP4 198.51.100.7 192.0.2.1 1025 25\r\n").await;
    stranger.expect("220").await;
    stranger.ask("EHLO client.test", "250").await;
    stranger.ask("MAIL FROM:<>", "250").await;
    stranger.ask("RCPT TO:<bob@foreign.test>", "550 5.7.1").await;
}

#[tokio::test]
async fn without_a_header_there_is_no_session() {
    let recorder = Recorder::default();
    let server = run(mx(&recorder).proxy_protocol(Network::LOOPBACK), &recorder).await;
    for header in ["EHLO client.test, hello\r\n", "PROXY TCP4 a b c d\r\n"] {
        connect(&server, header).await.expect_end().await;
    }
    let elsewhere: Network = "192.0.2.0/24".parse().unwrap();
    let server = run(mx(&recorder).proxy_protocol([elsewhere]), &recorder).await;
    connect(&server, "PROXY TCP4 192.0.2.7 192.0.2.1 1025 25\r\n").await.expect_end().await;
    assert!(recorder.journal.entries().is_empty());
}

#[tokio::test]
async fn proxy_header_then_tls() {
    let (recorder, certificate) = (Recorder::default(), certificate());
    let builder = submission(&recorder, &certificate).implicit_tls().proxy_protocol(Network::LOOPBACK);
    let server = run(builder, &recorder).await;
    let client = connect(&server, "PROXY UNKNOWN\r\n").await;
    certificate.secure(client.stream).await.expect("220").await;
}

#[tokio::test]
async fn xclient_starts_the_session_anew() {
    let recorder = Recorder::default();
    let trusted: Network = "192.0.2.0/24".parse().unwrap();
    let server = run(mx(&recorder).xclient(Network::LOOPBACK).trusted([trusted]), &recorder).await;
    let mut client = server.client().await;
    assert!(client.ask("EHLO proxy.test", "250").await.contains("XCLIENT NAME ADDR"));
    client.ask("XCLIENT ADDR=nonsense", "501").await;
    client.ask("XCLIENT ADDR=192.0.2.7 PORT=1025 HELO=client.test", "220").await;
    client.ask("MAIL FROM:<>", "503").await;
    client.ask("EHLO client.test", "250").await;
    client.mail("bob@foreign.test", "hello").await;
    client.ask("XCLIENT ADDR=IPV6:2001:db8::1 LOGIN=alice@local.test", "220").await;
    client.ask("EHLO client.test", "250").await;
    client.mail("bob@foreign.test", "again").await;
    assert!(
        recorder.journal.has(r#"message ESMTPA relayed=1 "again\r\n""#),
        "{:?}",
        recorder.journal.entries()
    );
    client.ask("XCLIENT LOGIN=[UNAVAILABLE]", "220").await;
    client.ask("EHLO client.test", "250").await;
    client.ask("MAIL FROM:<>", "250").await;
    client.ask("RCPT TO:<bob@foreign.test>", "550 5.7.1").await;
}

#[tokio::test]
async fn nobody_else_has_xclient() {
    let recorder = Recorder::default();
    let elsewhere: Network = "192.0.2.0/24".parse().unwrap();
    let server = run(mx(&recorder).xclient([elsewhere]).xforward([elsewhere]), &recorder).await;
    let mut client = server.client().await;
    assert!(!client.ask("EHLO client.test", "250").await.contains("XCLIENT"));
    client.ask("XCLIENT ADDR=192.0.2.7", "502").await;
    client.ask("XFORWARD ADDR=192.0.2.7", "502").await;
}

#[tokio::test]
async fn xforward_is_for_the_log() {
    let recorder = Recorder::default();
    let trusted: Network = "192.0.2.0/24".parse().unwrap();
    let server = run(mx(&recorder).xforward(Network::LOOPBACK).trusted([trusted]), &recorder).await;
    let mut client = server.client().await;
    client.ask("EHLO filter.test", "250").await;
    client.ask("XFORWARD ADDR=192.0.2.7 NAME=client.test", "250").await;
    client.ask("MAIL FROM:<>", "250").await;
    client.ask("RCPT TO:<bob@foreign.test>", "550 5.7.1").await;
}
