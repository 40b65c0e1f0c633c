//! Content reaches the handler whole, clean, and only then; a disconnect at any octet delivers nothing.

use std::io::Cursor;

use smtpkit_server::{CancellationToken, Handler as _, Limits};
use tokio::io::AsyncWriteExt as _;

use crate::world::{Client, Recorder, mx, run};

#[tokio::test]
async fn a_message_by_data_and_one_by_bdat() {
    let recorder = Recorder::default();
    let server = run(mx(&recorder), &recorder).await;
    let mut client = server.client().await;
    client.ask("EHLO client.test", "250").await;
    client.mail("bob@local.test", "Subject: x\r\n\r\n..dot").await;
    client
        .send("MAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<bob@local.test>\r\nBDAT 4\r\none\nBDAT 3 LAST\r\ntwoQUIT\r\n")
        .await;
    for expected in ["250 2.1.0", "250 2.1.5", "250 2.0.0", "250 2.0.0 ok, queued as 4711", "221"] {
        client.expect(expected).await;
    }
    client.expect_end().await;
    let journal = server.journal.clone();
    assert_eq!(server.stop().await.sessions, 1);
    assert!(
        journal.has(r#"message ESMTP relayed=0 "Subject: x\r\n\r\n.dot\r\n""#),
        "{:?}",
        journal.entries()
    );
    assert!(journal.has(r#"message ESMTP relayed=0 "one\ntwo""#), "{:?}", journal.entries());
    assert_eq!(journal.entries().last().map(String::as_str), Some("closed"));
}

#[tokio::test]
async fn refused_content_is_no_message() {
    let recorder = Recorder::default();
    let limits = Limits { message_octets_max: 100, ..Limits::default() };
    let server = run(mx(&recorder).limits(limits), &recorder).await;
    let mut client = server.client().await;
    client.ask("EHLO client.test", "250").await;
    for (content, expected) in [
        ("a\nb".to_owned(), "550 5.6.0"),
        ("a\0b".to_owned(), "550 5.6.0"),
        ("a\r\n.\nb".to_owned(), "550 5.6.0"),
        ("x".repeat(200), "552 5.3.4"),
        ("disk full".to_owned(), "452 4.3.1"),
    ] {
        client.ask("MAIL FROM:<alice@local.test>", "250").await;
        client.ask("RCPT TO:<bob@local.test>", "250").await;
        client.ask("DATA", "354").await;
        client.ask(&format!("{content}\r\n."), expected).await;
    }
    client.ask("MAIL FROM:<>", "250").await;
    client.ask("RCPT TO:<bob@local.test>", "250").await;
    client.send("BDAT 3 LAST\r\na\nb").await;
    client.expect("550 5.6.0").await;
    client.ask("MAIL FROM:<> SIZE=101", "552 5.3.4").await;
    client.mail("bob@local.test", "good").await;
    let messages = server.journal.entries().iter().filter(|entry| entry.starts_with("message")).count();
    assert_eq!(messages, 2, "the one that found the disk full, and the good one");
}

#[tokio::test]
async fn a_disconnect_at_any_octet_delivers_nothing() {
    let recorder = Recorder::default();
    let listening = mx(&recorder).bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let dialogue =
        b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@local.test>\r\nDATA\r\nSubject: x\r\n\r\nhello\r\n.\r\n";
    for cut in 0..dialogue.len() {
        let (mut client, stream) = tokio::io::duplex(64 * 1024);
        client.write_all(&dialogue[..cut]).await.unwrap();
        client.shutdown().await.unwrap();
        listening.serve_stream(stream, None, CancellationToken::new()).await;
        assert!(!recorder.journal.entries().iter().any(|entry| entry.starts_with("message")), "cut at {cut}");
    }
    let (mut client, stream) = tokio::io::duplex(64 * 1024);
    client.write_all(dialogue).await.unwrap();
    client.shutdown().await.unwrap();
    listening.serve_stream(stream, None, CancellationToken::new()).await;
    assert!(recorder.journal.has(r#"message ESMTP relayed=0 "Subject: x\r\n\r\nhello\r\n""#));
}

#[tokio::test]
async fn a_pipelined_group_is_answered_in_one_write() {
    let recorder = Recorder::default();
    let listening = mx(&recorder).bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let stream = tokio_test_stream(&[
        b"EHLO c\r\n",
        b"MAIL FROM:<>\r\nRCPT TO:<bob@local.test>\r\nRCPT TO:<nobody@local.test>\r\nDATA\r\n",
        b"x\r\n.\r\nQUIT\r\n",
    ]);
    let writes = stream.writes.clone();
    listening.serve_stream(stream, None, CancellationToken::new()).await;
    let writes = writes.lock().unwrap().clone();
    let lines: Vec<usize> = writes.iter().map(|write| write.matches("\r\n").count()).collect();
    assert_eq!(writes.len(), 4, "{writes:?}");
    assert_eq!(lines[2..], [4, 2], "{writes:?}");
}

#[tokio::test]
async fn a_group_whose_data_is_refused_is_answered_in_one_write_too() {
    let recorder = Recorder::default();
    let listening = mx(&recorder).bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let stream = tokio_test_stream(&[
        b"EHLO c\r\n",
        b"MAIL FROM:<>\r\nRCPT TO:<nobody@local.test>\r\nRCPT TO:<a@foreign.test>\r\nDATA\r\nRSET\r\nNOOP\r\n",
        b"MAIL FROM:<>\r\nRCPT TO:<bob@local.test>\r\nBDAT 1 LAST\r\nxMAIL FROM:<>\r\nQUIT\r\n",
    ]);
    let writes = stream.writes.clone();
    listening.serve_stream(stream, None, CancellationToken::new()).await;
    let writes = writes.lock().unwrap().clone();
    let codes = |write: &String| write.lines().map(|line| line[..3].to_owned()).collect::<Vec<_>>();
    assert_eq!(writes.len(), 4, "{writes:?}");
    assert_eq!(codes(&writes[2]), ["250", "550", "550", "554", "250", "250"]);
    assert_eq!(codes(&writes[3]), ["250", "250", "250", "250", "221"]);
}

#[tokio::test]
async fn a_panic_ends_its_own_session_only() {
    let recorder = Recorder::default();
    let server = run(mx(&recorder), &recorder).await;
    let mut witness = server.client().await;
    let mut client = server.client().await;
    client.ask("EHLO client.test", "250").await;
    client.ask("MAIL FROM:<>", "250").await;
    client.ask("RCPT TO:<panic@local.test>", "421 4.3.0").await;
    client.expect_end().await;
    witness.ask("EHLO client.test", "250").await;
    witness.mail("bob@local.test", "still here").await;
}

#[tokio::test]
async fn a_shared_handler_is_a_handler() {
    let shared = std::sync::Arc::new(Recorder::default());
    let listening = smtpkit_server::Server::mx("mx.test", crate::world::domains(), shared.clone())
        .bind("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let (client, stream) = tokio::io::duplex(1024);
    let mut client = Client::new(client);
    let session = async {
        client.expect("220").await;
        client.ask("QUIT", "221").await;
    };
    tokio::join!(listening.serve_stream(stream, None, CancellationToken::new()), session);
    assert!(shared.journal.has("connect"));
    let _is_handler =
        |shared: std::sync::Arc<Recorder>| async move { shared.connect(unreachable_peer()).await.is_ok() };
}

fn unreachable_peer<'a>() -> &'a smtpkit_server::Peer {
    unreachable!("the closure above is compiled, not called")
}

/// A stream that gives one segment per read and keeps each write.
struct Segments {
    reads: Vec<Cursor<Vec<u8>>>,
    writes: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

fn tokio_test_stream(segments: &[&[u8]]) -> Segments {
    let reads = segments.iter().rev().map(|segment| Cursor::new(segment.to_vec())).collect();
    Segments { reads, writes: std::sync::Arc::default() }
}

mod segments {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::Segments;

    impl AsyncRead for Segments {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if let Some(segment) = self.get_mut().reads.pop() {
                buf.put_slice(segment.get_ref());
            }
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Segments {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
            self.writes.lock().unwrap().push(String::from_utf8(octets.to_vec()).unwrap());
            Poll::Ready(Ok(octets.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
}
