//! The same over blocking streams: TCP on loopback, and Unix socket pairs.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use smtpkit_tls::{BlockingStream, BlockingTransport, ChannelBindingKind, Error, ErrorKind, server_name};

use crate::pki::{HOST, good};
use crate::wire::WAIT;

fn talk<S: BlockingTransport + Send + 'static>(near: S, far: S) {
    let (ca, acceptor) = good();
    let server = thread::spawn(move || {
        let mut stream = acceptor.accept_blocking(far, WAIT).expect("the server finishes");
        stream.write_all(b"220 mx.example.test\r\n").expect("the client reads");
        stream.flush().expect("the client reads");
        let mut heard = String::new();
        stream.read_to_string(&mut heard).expect("a proper end");
        assert_eq!(heard, "QUIT\r\n");
        stream.channel_binding(ChannelBindingKind::TlsExporter).expect("TLS 1.3").data().to_vec()
    });
    let name = server_name(HOST).expect("a name");
    let mut client = ca.connector().connect_blocking(near, name, WAIT).expect("the client finishes");
    assert_eq!(client.info().trace(), "(TLS1_3 TLS_AES_256_GCM_SHA384)");
    let mut greeting = [0; 21];
    client.read_exact(&mut greeting).expect("the server writes");
    assert_eq!(&greeting, b"220 mx.example.test\r\n");
    client.write_all(b"QUIT\r\n").expect("the server reads");
    client.close().expect("the close_notify goes out");
    let binding = client.channel_binding(ChannelBindingKind::TlsExporter).expect("TLS 1.3");
    assert_eq!(server.join().expect("the server succeeds"), binding.data());
}

fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback works");
    let near = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let (far, _) = listener.accept().expect("somebody has connected");
    (near, far)
}

#[test]
fn a_session_over_tcp() {
    let (near, far) = tcp_pair();
    talk(near, far);
}

#[test]
fn a_session_over_a_unix_socket() {
    let (near, far) = UnixStream::pair().expect("socket pairs work");
    talk(near, far);
}

#[tokio::test]
async fn a_blocking_client_meets_an_asynchronous_server_over_tcp() {
    let (ca, acceptor) = good();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback works");
    let address = listener.local_addr().expect("bound");
    let connector = ca.connector();
    let client = tokio::task::spawn_blocking(move || {
        let stream = TcpStream::connect(address).expect("it listens");
        let name = server_name(HOST).expect("a name");
        let mut stream = connector.connect_blocking(stream, name, WAIT).expect("the client finishes");
        let mut heard = String::new();
        stream.read_to_string(&mut heard).expect("a proper end");
        heard
    });
    let (stream, _) = listener.accept().await.expect("somebody connects");
    let mut stream = acceptor.accept(stream, WAIT).await.expect("the server finishes");
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"220 mx\r\n").await.expect("the client reads");
    tokio::io::AsyncWriteExt::shutdown(&mut stream).await.expect("the close_notify goes out");
    assert_eq!(client.await.expect("the client succeeds"), "220 mx\r\n");
}

#[test]
fn a_silent_peer_does_not_hold_a_handshake_for_ever() {
    let (ca, acceptor) = good();
    let (near, far) = tcp_pair();
    let limit = Duration::from_millis(50);
    let error = acceptor.accept_blocking(far, limit).expect_err("nobody speaks");
    assert!(matches!(error, Error::Timeout { after } if after == limit), "{error:?}");
    drop(near);
    let (near, _far) = tcp_pair();
    let name = server_name(HOST).expect("a name");
    let error = ca.connector().connect_blocking(near, name, limit).expect_err("nobody answers");
    assert!(matches!(error, Error::Timeout { after } if after == limit), "{error:?}");
}

#[test]
fn a_plaintext_peer_is_told_on_both_sides() {
    let (ca, acceptor) = good();
    let (mut near, far) = tcp_pair();
    near.write_all(b"EHLO client.example.test\r\n").expect("there is room");
    let error = acceptor.accept_blocking(far, WAIT).expect_err("plaintext is no TLS");
    assert_eq!(error.kind(), ErrorKind::Plaintext, "{error:?}");
    let mut answer = Vec::new();
    // the operating system may report the octets that the server never read as a reset
    let _ended = near.read_to_end(&mut answer);
    assert_eq!(answer, b"");

    let (near, mut far) = tcp_pair();
    far.write_all(b"220 mx.example.test ESMTP\r\n").expect("there is room");
    let name = server_name(HOST).expect("a name");
    let error = ca.connector().connect_blocking(near, name, WAIT).expect_err("plaintext is no TLS");
    assert_eq!(error.kind(), ErrorKind::Plaintext, "{error:?}");
}

#[test]
fn an_untrusted_server_is_refused_and_told() {
    let (_, acceptor) = good();
    let (stranger, _) = good();
    let (near, far) = tcp_pair();
    let server =
        thread::spawn(move || acceptor.accept_blocking(far, WAIT).map(|_: BlockingStream<TcpStream>| ()));
    let name = server_name(HOST).expect("a name");
    let error = stranger.connector().connect_blocking(near, name, WAIT).expect_err("its CA is not trusted");
    assert_eq!(error.kind(), ErrorKind::Certificate, "{error:?}");
    let error = server.join().expect("no panic").expect_err("the client has refused");
    assert!(matches!(error.kind(), ErrorKind::Refused | ErrorKind::Closed), "{error:?}");
}

#[test]
fn an_end_without_close_notify_is_an_error() {
    let (ca, acceptor) = good();
    let (near, far) = UnixStream::pair().expect("socket pairs work");
    let server =
        thread::spawn(move || drop(acceptor.accept_blocking(far, WAIT).expect("the server finishes")));
    let name = server_name(HOST).expect("a name");
    let mut client = ca.connector().connect_blocking(near, name, WAIT).expect("the client finishes");
    server.join().expect("no panic");
    let error = client.read_to_end(&mut Vec::new()).expect_err("the end may have been cut off");
    assert!(matches!(Error::from_io(error), Error::Truncated));
}
