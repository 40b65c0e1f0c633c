//! How a server stops: idle sessions at once, transactions when they are done, all of it in bounded time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use smtpkit_server::Limits;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use crate::world::{Client, PATIENCE, Recorder, mx, run};

#[tokio::test]
async fn idle_sessions_end_at_once_and_transactions_finish() {
    let recorder = Recorder::default();
    let server = run(mx(&recorder), &recorder).await;
    let mut idle = server.client().await;
    let mut busy = server.client().await;
    busy.ask("EHLO client.test", "250").await;
    busy.ask("MAIL FROM:<>", "250").await;
    server.stop.cancel();
    idle.expect("421 4.3.2").await;
    idle.expect_end().await;
    // Whoever goes need not be waited for.
    drop(idle);
    busy.ask("RCPT TO:<bob@local.test>", "250").await;
    busy.ask("DATA", "354").await;
    busy.send("hello\r\n.\r\n").await;
    busy.expect("250 2.0.0 ok, queued").await;
    busy.expect("421 4.3.2").await;
    busy.expect_end().await;
    drop(busy);
    let journal = server.journal.clone();
    let served = server.stop().await;
    assert_eq!((served.sessions, served.aborted), (2, 0));
    assert!(journal.has(r#"message ESMTP relayed=0 "hello\r\n""#));
}

#[tokio::test]
async fn the_grace_is_bounded() {
    let recorder = Recorder::default();
    let limits = Limits { grace: Duration::from_millis(50), ..Limits::default() };
    let server = run(mx(&recorder).limits(limits), &recorder).await;
    let mut client = server.client().await;
    client.ask("EHLO client.test", "250").await;
    client.ask("MAIL FROM:<>", "250").await;
    assert_eq!(server.stop().await.aborted, 1);
    client.expect_end().await;
}

/// Sends message after message until the server says 421 or closes; gives those that were acknowledged.
async fn send_on(mut client: Client<TcpStream>, number: usize, count: Arc<AtomicUsize>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    loop {
        let name = format!("{number}/{}", acknowledged.len());
        let message = format!("MAIL FROM:<>\r\nRCPT TO:<bob@local.test>\r\nDATA\r\n{name}\r\n.\r\n");
        if client.stream.write_all(message.as_bytes()).await.is_err() {
            return acknowledged;
        }
        for expected in ["250", "250", "354", "250"] {
            let reply = client.reply().await;
            if !reply.starts_with(expected) {
                assert!(reply.is_empty() || reply.starts_with("421 4.3.2"), "{reply}");
                return acknowledged;
            }
        }
        count.fetch_add(1, Ordering::Relaxed);
        acknowledged.push(name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_stored_whenever_the_server_stops() {
    for round in 0..20 {
        let recorder = Recorder::default();
        let server = run(mx(&recorder), &recorder).await;
        let (count, mut sending, mut idle) = (Arc::default(), JoinSet::new(), JoinSet::new());
        for number in 0..8 {
            let mut client = server.client().await;
            client.ask("EHLO client.test", "250").await;
            sending.spawn(send_on(client, number, Arc::clone(&count)));
            let mut client = server.client().await;
            idle.spawn(async move { client.expect("421 4.3.2").await });
        }
        timeout(PATIENCE, async {
            while count.load(Ordering::Relaxed) < round * 5 {
                yield_now().await;
            }
        })
        .await
        .unwrap();
        let journal = server.journal.clone();
        let served = server.stop().await;
        idle.join_all().await;
        assert_eq!((served.sessions, served.aborted), (16, 0), "round {round}");
        for name in sending.join_all().await.concat() {
            let message = format!(r#"message ESMTP relayed=0 "{name}\r\n""#);
            assert!(journal.has(&message), "round {round}: {name} is lost");
        }
    }
}
