//! Peers that are no good: plaintext, ancient, silent, gone, tampered with.

use std::sync::atomic::Ordering;
use std::time::Duration;

use smtpkit_tls::{Error, ErrorKind, server_name};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::pki::{HOST, good};
use crate::wire::{Flipping, WAIT, say, session};

fn name() -> smtpkit_tls::ServerName<'static> {
    server_name(HOST).expect("a name")
}

/// The first flight of a client, as octets.
async fn client_hello() -> Vec<u8> {
    let (ca, _) = good();
    let (near, mut far) = duplex(64 * 1024);
    let mut octets = Vec::new();
    let connector = ca.connector();
    tokio::select! {
        outcome = connector.connect(near, name(), WAIT) => panic!("nobody has answered: {outcome:?}"),
        read = far.read_buf(&mut octets) => assert!(read.expect("a duplex does not fail") > 0),
    }
    octets
}

#[tokio::test]
async fn a_plaintext_client_on_a_tls_port_gets_no_answer() {
    let (_, acceptor) = good();
    let (mut near, far) = duplex(64 * 1024);
    near.write_all(b"EHLO client.example.test\r\n").await.expect("there is room");
    let error = acceptor.accept(far, WAIT).await.expect_err("plaintext is no TLS");
    assert!(matches!(error, Error::NotTls), "{error:?}");
    let mut answer = Vec::new();
    near.read_to_end(&mut answer).await.expect("the server has dropped the stream");
    assert_eq!(answer, b"");
}

#[tokio::test]
async fn a_plaintext_server_is_told_from_a_broken_one() {
    for greeting in
        ["220 mx.example.test ESMTP\r\n", "454 4.7.0 TLS not available\r\n", "HTTP/1.1 400 Bad Request\r\n"]
    {
        let (ca, _) = good();
        let (near, mut far) = duplex(64 * 1024);
        far.write_all(greeting.as_bytes()).await.expect("there is room");
        let error = ca.connector().connect(near, name(), WAIT).await.expect_err("plaintext is no TLS");
        assert_eq!(error.kind(), ErrorKind::Plaintext, "{greeting:?}: {error:?}");
    }
}

/// A TLS 1.0 ServerHello (RFC 2246 §7.4.1.3) and the two alerts that old servers send (RFC 5246 §7.2).
#[tokio::test]
async fn a_server_of_an_old_version_is_refused() {
    let mut server_hello = vec![0x16, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
    server_hello.extend([0x55; 32]);
    server_hello.extend([0, 0x00, 0x2f, 0]);
    let alert = [0x15, 3, 1, 0, 2, 2, 70].to_vec();
    for answer in [server_hello, alert] {
        let (ca, _) = good();
        let (near, mut far) = duplex(64 * 1024);
        far.write_all(&answer).await.expect("there is room");
        let error = ca.connector().connect(near, name(), WAIT).await.expect_err("TLS 1.0 is not spoken");
        assert!(matches!(error, Error::ProtocolVersion), "{answer:02x?}: {error:?}");
    }
}

/// A TLS 1.0 ClientHello (RFC 2246 §7.4.1.2) without extensions, and one with signature algorithms (RFC 5246 §7.4.1.4.1);
/// the alerts are handshake_failure and protocol_version.
#[tokio::test]
async fn a_client_of_an_old_version_is_refused_and_told() {
    let bare = ([0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 1], &[][..], 40);
    let extended = ([0x16, 3, 1, 0, 55, 1, 0, 0, 51, 3, 1], &[0, 8, 0, 13, 0, 4, 0, 2, 4, 1][..], 70);
    for (head, extensions, alert) in [bare, extended] {
        let (_, acceptor) = good();
        let (mut near, far) = duplex(64 * 1024);
        let hello = [&head[..], &[0x55; 32], &[0, 0, 2, 0x00, 0x2f, 1, 0], extensions].concat();
        near.write_all(&hello).await.expect("there is room");
        let error = acceptor.accept(far, WAIT).await.expect_err("TLS 1.0 is not spoken");
        assert!(matches!(error, Error::ProtocolVersion), "{error:?}");
        let mut answer = Vec::new();
        near.read_to_end(&mut answer).await.expect("the server has dropped the stream");
        assert!(
            matches!(answer.as_slice(), [0x15, 3, _, 0, 2, 2, code] if *code == alert),
            "no alert {alert} in {answer:02x?}"
        );
    }
}

#[tokio::test]
async fn a_truncated_handshake_is_told_on_both_sides() {
    let hello = client_hello().await;
    for cut in [0, 1, 5, hello.len() / 2, hello.len() - 1, hello.len()] {
        let (_, acceptor) = good();
        let (mut near, far) = duplex(64 * 1024);
        near.write_all(&hello[..cut]).await.expect("there is room");
        near.shutdown().await.expect("a duplex can be shut down");
        let error = acceptor.accept(far, WAIT).await.expect_err("the client has gone");
        assert!(matches!(error, Error::Closed), "cut at {cut}: {error:?}");
    }
    for answer in [&[][..], &[0x16], &[0x16, 3, 3, 0, 42, 2, 0, 0]] {
        let (ca, _) = good();
        let (near, mut far) = duplex(64 * 1024);
        far.write_all(answer).await.expect("there is room");
        far.shutdown().await.expect("a duplex can be shut down");
        let error = ca.connector().connect(near, name(), WAIT).await.expect_err("the server has gone");
        assert!(matches!(error, Error::Closed), "{answer:02x?}: {error:?}");
    }
}

/// The transcript covers all of it (RFC 8446 §4.4.1) but the version in the record's header, which is ignored (§5.1).
#[tokio::test(start_paused = true)]
async fn an_octet_flipped_in_a_client_hello_never_gives_a_session() {
    let (ca, acceptor) = good();
    let whole = client_hello().await.len();
    for place in [0].into_iter().chain((3..whole).step_by(3)) {
        let connector = ca.connector();
        let (near, far) = duplex(64 * 1024);
        let far = Flipping::at(far, place);
        let (server, client) =
            tokio::join!(acceptor.accept(far, WAIT), connector.connect(near, name(), WAIT));
        assert!(server.is_err() && client.is_err(), "octet {place}: {server:?}, {client:?}");
    }
}

#[tokio::test]
async fn a_flipped_octet_in_a_record_is_an_error_on_both_sides() {
    let (ca, acceptor) = good();
    let (near, far) = duplex(64 * 1024);
    let (near, armed) = Flipping::when_armed(near);
    let connector = ca.connector();
    let (server, client) = tokio::join!(acceptor.accept(far, WAIT), connector.connect(near, name(), WAIT));
    let (mut server, mut client) = (server.expect("finishes"), client.expect("finishes"));
    say(&mut server, &mut client, "220 mx.example.test\r\n").await.expect("nothing is altered yet");

    armed.store(true, Ordering::SeqCst);
    let error = say(&mut server, &mut client, "250 ok\r\n").await.expect_err("the record is altered");
    assert!(matches!(Error::from_io(error), Error::CorruptRecord));
    let error = server.read_u8().await.expect_err("the client has sent an alert");
    assert!(matches!(Error::from_io(error), Error::CorruptRecord));
}

#[tokio::test]
async fn an_end_without_close_notify_is_an_error() {
    let (ca, acceptor) = good();
    let (mut server, mut client) = session(&acceptor, &ca.connector()).await;
    say(&mut server, &mut client, "250 2.0.0 ok\r\n").await.expect("the session works");
    drop(server);
    let mut rest = Vec::new();
    let error = client.read_to_end(&mut rest).await.expect_err("the end may have been cut off");
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    let error = Error::from_io(error);
    assert!(matches!(error, Error::Truncated), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn an_end_with_close_notify_is_an_end() {
    let (ca, acceptor) = good();
    let (mut server, mut client) = session(&acceptor, &ca.connector()).await;
    server.write_all(b"221 bye\r\n").await.expect("there is room");
    server.shutdown().await.expect("the close_notify goes out");
    drop(server);
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.expect("this is a proper end");
    assert_eq!(rest, b"221 bye\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_does_not_hold_a_handshake_for_ever() {
    let (ca, acceptor) = good();
    let limit = Duration::from_secs(17);
    let (_near, far) = duplex(64 * 1024);
    let start = tokio::time::Instant::now();
    let error = acceptor.accept(far, limit).await.expect_err("nobody speaks");
    assert!(matches!(error, Error::Timeout { after } if after == limit), "{error:?}");
    let (near, _far) = duplex(64 * 1024);
    let error = ca.connector().connect(near, name(), limit).await.expect_err("nobody answers");
    assert!(matches!(error, Error::Timeout { after } if after == limit), "{error:?}");
    assert_eq!(start.elapsed(), limit * 2);
    assert!(error.is_temporary());
}

/// One bound for the whole handshake: octets that trickle in do not extend it.
#[tokio::test(start_paused = true)]
async fn a_trickling_peer_does_not_hold_a_handshake_for_ever() {
    let hello = client_hello().await;
    let (_, acceptor) = good();
    let (mut near, far) = duplex(64 * 1024);
    let limit = Duration::from_secs(10);
    let trickle = async {
        for octet in hello {
            near.write_all(&[octet]).await?;
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        near.flush().await
    };
    let (outcome, _trickled) = tokio::join!(acceptor.accept(far, limit), trickle);
    assert!(matches!(outcome, Err(Error::Timeout { .. })), "{outcome:?}");
}

#[tokio::test]
async fn what_is_written_vectored_arrives_in_order() {
    let (ca, acceptor) = good();
    let (mut server, mut client) = session(&acceptor, &ca.connector()).await;
    assert!(tokio::io::AsyncWrite::is_write_vectored(&server));
    let parts = [std::io::IoSlice::new(b"250-mx.example.test\r\n"), std::io::IoSlice::new(b"250 SIZE\r\n")];
    let written = server.write_vectored(&parts).await.expect("there is room");
    assert_eq!(written, 31);
    server.shutdown().await.expect("the close_notify goes out");
    let mut heard = String::new();
    client.read_to_string(&mut heard).await.expect("a proper end");
    assert_eq!(heard, "250-mx.example.test\r\n250 SIZE\r\n");
}

#[tokio::test]
async fn handshakes_and_streams_move_between_threads() {
    let (ca, acceptor) = good();
    let (near, far) = duplex(64 * 1024);
    let server = tokio::spawn(async move { acceptor.accept(far, WAIT).await });
    let client = tokio::spawn(async move { ca.connector().connect(near, name(), WAIT).await });
    let mut server = server.await.expect("no panic").expect("the server finishes");
    let mut client = client.await.expect("no panic").expect("the client finishes");
    say(&mut server, &mut client, "220 mx.example.test\r\n").await.expect("the session works");
}
