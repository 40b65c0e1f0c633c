//! Many at once, and slow ones: everybody is served, and nobody waits for somebody else.

use std::time::Duration;

use smtpkit_server::CancellationToken;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::world::{Client, Recorder, mx, run};

#[tokio::test]
async fn five_hundred_at_once() {
    let recorder = Recorder::default();
    let server = run(mx(&recorder), &recorder).await;
    let mut clients = Vec::new();
    for _ in 0..500 {
        clients.push(server.client().await);
    }
    let mut sending = JoinSet::new();
    for (number, mut client) in clients.into_iter().enumerate() {
        sending.spawn(async move {
            client.ask("EHLO client.test", "250").await;
            client.mail("bob@local.test", &format!("number {number}.")).await;
            client.ask("QUIT", "221").await;
        });
    }
    sending.join_all().await;
    let entries = server.journal.entries();
    for number in 0..500 {
        let message = format!(r#"message ESMTP relayed=0 "number {number}.\r\n""#);
        assert_eq!(entries.iter().filter(|entry| **entry == message).count(), 1, "{number}");
    }
    assert_eq!(server.stop().await.sessions, 500);
}

#[tokio::test]
async fn a_slow_reader_gets_every_reply_and_holds_up_nobody() {
    let recorder = Recorder::default();
    let listening = mx(&recorder).bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    // The wire holds 64 octets, and the client reads when it has sent everything.
    let (mut slow, stream) = tokio::io::duplex(64);
    let (mut reader, mut writer) = tokio::io::split(&mut slow);
    let input = format!("EHLO c\r\nMAIL FROM:<>\r\n{}QUIT\r\n", "RCPT TO:<bob@local.test>\r\n".repeat(900));
    let write = async { writer.write_all(input.as_bytes()).await.unwrap() };
    let read = async {
        let mut said = Vec::new();
        let mut octet = [0];
        while reader.read(&mut octet).await.unwrap() > 0 {
            said.extend_from_slice(&octet);
        }
        String::from_utf8(said).unwrap()
    };
    let (_, said, ()) =
        tokio::join!(write, read, listening.serve_stream(stream, None, CancellationToken::new()));
    assert_eq!(said.matches("250 2.1.5 ok\r\n").count(), 900);
    assert!(said.ends_with("221 2.0.0 bye\r\n"));
}

#[tokio::test]
async fn a_slow_writer_is_heard_to_the_end() {
    let recorder = Recorder::default();
    let listening = mx(&recorder).bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (mut client, stream) = tokio::io::duplex(64 * 1024);
    let talk = async {
        let dialogue =
            b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@local.test>\r\nDATA\r\nSubject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n";
        for octet in dialogue {
            client.write_all(&[*octet]).await.unwrap();
            tokio::task::yield_now().await;
        }
        client.shutdown().await.unwrap();
    };
    tokio::join!(talk, listening.serve_stream(stream, None, CancellationToken::new()));
    assert!(recorder.journal.has(r#"message ESMTP relayed=0 "Subject: x\r\n\r\nhello\r\n""#));
}

/// `line`, and then an octet every ten seconds; the server must give up with `expected`.
async fn trickle(line: &str, expected: &str) -> Duration {
    let recorder = Recorder::default();
    let listening = mx(&recorder).bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (client, stream) = tokio::io::duplex(64 * 1024);
    let mut client = Client::new(client);
    let start = tokio::time::Instant::now();
    let talk = async {
        client.expect("220").await;
        client.send(line).await;
        let said = loop {
            sleep(Duration::from_secs(10)).await;
            if client.stream.write_all(b"x").await.is_err() {
                let mut said = String::new();
                client.stream.read_to_string(&mut said).await.unwrap();
                break said;
            }
        };
        assert!(said.contains(expected), "{said}");
    };
    tokio::join!(talk, listening.serve_stream(stream, None, CancellationToken::new()));
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_command_that_trickles_in_is_given_up_after_its_time() {
    let took = trickle("NOOP ", "421 4.4.2 timed out").await;
    assert!((300..330).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn content_below_the_rate_is_given_up() {
    let start = "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@local.test>\r\nDATA\r\n";
    let took = trickle(start, "421 4.4.2 content comes too slowly").await;
    assert!((180..210).contains(&took.as_secs()), "{took:?}");
}
