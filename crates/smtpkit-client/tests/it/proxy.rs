//! Through a proxy: SOCKS5 (RFC 1928, RFC 1929) and HTTP CONNECT (RFC 9110 §9.3.6), to a server behind it.

use crate::script::Scripted;
use smtpkit_client::{Builder, Envelope, ErrorKind, Stage};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

/// A proxy for one client: takes what is asked for, answers, and passes octets on.
pub(crate) struct Stub {
    pub(crate) port: u16,
    thread: JoinHandle<io::Result<String>>,
}

impl Stub {
    pub(crate) fn start(ask: fn(&mut TcpStream) -> io::Result<String>, target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let thread = std::thread::spawn(move || {
            let (mut client, _) = listener.accept()?;
            let asked = ask(&mut client)?;
            let mut server = TcpStream::connect(("127.0.0.1", target))?;
            let (mut to_client, mut from_server) = (client.try_clone()?, server.try_clone()?);
            let back = std::thread::spawn(move || {
                let _ = io::copy(&mut from_server, &mut to_client);
                to_client.shutdown(std::net::Shutdown::Write)
            });
            io::copy(&mut client, &mut server)?;
            server.shutdown(std::net::Shutdown::Write)?;
            // either side may be gone already
            let _ = back.join();
            Ok(asked)
        });
        Self { port, thread }
    }

    pub(crate) fn asked(self) -> String {
        self.thread.join().expect("no panic").expect("a client that knows how to ask")
    }
}

fn read<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut octets = [0; N];
    stream.read_exact(&mut octets)?;
    Ok(octets)
}

fn text(stream: &mut TcpStream) -> io::Result<String> {
    let [length] = read(stream)?;
    let mut octets = vec![0; usize::from(length)];
    stream.read_exact(&mut octets)?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

/// SOCKS5 with user and password; gives back who asked for what.
pub(crate) fn socks(stream: &mut TcpStream) -> io::Result<String> {
    let [version, methods] = read(stream)?;
    assert_eq!(version, 5);
    let mut offered = vec![0; usize::from(methods)];
    stream.read_exact(&mut offered)?;
    assert!(offered.contains(&2), "{offered:?}");
    stream.write_all(&[5, 2])?;
    assert_eq!(read(stream)?, [1]);
    let (user, password) = (text(stream)?, text(stream)?);
    stream.write_all(&[1, 0])?;
    assert_eq!(read(stream)?, [5, 1, 0, 3], "a name, which is not looked up here");
    let host = text(stream)?;
    let port = u16::from_be_bytes(read(stream)?);
    stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 25])?;
    Ok(format!("{user}:{password} {host}:{port}"))
}

fn header(stream: &mut TcpStream) -> io::Result<String> {
    let mut header = Vec::new();
    while !header.ends_with(b"\r\n\r\n") {
        header.extend(read::<1>(stream)?);
    }
    Ok(String::from_utf8_lossy(&header).into_owned())
}

fn http(stream: &mut TcpStream) -> io::Result<String> {
    let header = header(stream)?;
    stream.write_all(b"HTTP/1.1 200 Connection established\r\nVia: stub\r\n\r\n")?;
    Ok(header)
}

fn refusing(stream: &mut TcpStream) -> io::Result<String> {
    header(stream)?;
    stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")?;
    Err(io::ErrorKind::PermissionDenied.into())
}

/// A server that nobody here could look up.
pub(crate) const BEHIND: &str = "mx.behind.test:2525";

/// What it takes to reach it.
pub(crate) fn behind(proxy: &str) -> Builder {
    let url = format!("smtp://{BEHIND}?tls=off").parse().expect("a URL");
    Builder::new(url).hello_name("client.test").proxy(proxy.parse().expect("a proxy"))
}

/// Sends through the proxy; gives back what it was asked.
async fn send(scheme: &str, ask: fn(&mut TcpStream) -> io::Result<String>) -> String {
    let server = Scripted::start(include_str!("dialogues/everybody_accepted.txt")).await;
    let stub = Stub::start(ask, server.port);
    let client =
        behind(&format!("{scheme}://alice:secret@127.0.0.1:{}", stub.port)).build().expect("a client");
    let envelope = Envelope::new("a@x.test", ["b@y.test", "c@y.test"]).expect("addresses");
    let report = client.send(&envelope, "Subject: hi\r\n\r\n.Hello\r\n").await.expect("accepted");
    client.close(Duration::from_secs(5)).await;
    assert_eq!(report.session().peer(), BEHIND);
    assert_eq!(server.finish().await, ["Subject: hi\r\n\r\n..Hello\r\n"]);
    stub.asked()
}

#[tokio::test]
async fn a_socks5_proxy_looks_the_server_up() {
    assert_eq!(send("socks5", socks).await, format!("alice:secret {BEHIND}"));
}

#[tokio::test]
async fn an_http_proxy_is_asked_to_connect() {
    let asked = send("http", http).await;
    assert!(asked.starts_with(&format!("CONNECT {BEHIND} HTTP/1.1\r\n")), "{asked}");
    assert!(asked.contains("\r\nProxy-Authorization: Basic YWxpY2U6c2VjcmV0\r\n"), "{asked}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named() {
    let stub = Stub::start(refusing, 0);
    let proxy = format!("http://alice:secret@127.0.0.1:{}", stub.port);
    let client = behind(&proxy).build().expect("a client");
    let error = client.check().await.expect_err("refused");
    assert_eq!((error.kind(), error.stage()), (ErrorKind::Connect, Stage::Proxy));
    let text = error.to_string();
    assert!(text.contains("407") && text.contains("http://127.0.0.1:") && !text.contains("secret"), "{text}");
}
