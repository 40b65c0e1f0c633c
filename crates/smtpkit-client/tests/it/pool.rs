//! Kept connections: used again, given up, never in a wrong state.

use crate::script::Scripted;
use smtpkit_client::{ClientTimeouts, Envelope, ErrorKind, PoolLimits, SendError, Stage};
use std::time::Duration;

const OPEN: &str = "S: 220 mx.test\nC: EHLO client.test\nS: 250-mx.test\nS: 250 PIPELINING\n";
const ASKED: &str = "C: MAIL FROM:<a@x.test>\nC: RCPT TO:<b@y.test>\nC: DATA\n";
const MESSAGE: &str = "C: MAIL FROM:<a@x.test>\nC: RCPT TO:<b@y.test>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nCONTENT\nS: 250 ok\n";
const QUIT: &str = "C: QUIT\nS: 221 bye\nEND\n";

fn envelope() -> Envelope {
    Envelope::new("a@x.test", ["b@y.test"]).expect("addresses")
}

#[tokio::test]
async fn one_connection_carries_several_messages() {
    let server = Scripted::start(&[OPEN, MESSAGE, MESSAGE, QUIT].concat()).await;
    let client = server.client();
    for _ in 0..2 {
        client.send(&envelope(), "Hello\r\n").await.expect("accepted");
    }
    let stats = client.stats();
    assert_eq!((stats.connections_opened, stats.connections_reused, stats.connections_idle), (1, 1, 1));
    client.close(Duration::from_secs(1)).await;
    let error = client.send(&envelope(), "Hello\r\n").await.expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::ClientClosed);
    server.finish().await;
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced_once() {
    let server = Scripted::start(&[OPEN, MESSAGE, "NEXT\n", OPEN, MESSAGE, QUIT].concat()).await;
    let client = server.client();
    for _ in 0..2 {
        client.send(&envelope(), "Hello\r\n").await.expect("accepted");
    }
    client.close(Duration::from_secs(1)).await;
    assert_eq!(server.finish().await.len(), 2);
}

#[tokio::test]
async fn a_kept_connection_that_ends_at_mail_is_replaced_once() {
    for end in ["", "S: 421 too long idle\n"] {
        let server =
            Scripted::start(&[OPEN, MESSAGE, ASKED, end, "NEXT\n", OPEN, MESSAGE, QUIT].concat()).await;
        let client = server.client();
        for _ in 0..2 {
            client.send(&envelope(), "Hello\r\n").await.expect("accepted");
        }
        client.close(Duration::from_secs(1)).await;
        assert_eq!(server.finish().await.len(), 2, "{end}");
    }
}

#[tokio::test]
async fn a_message_that_was_heard_of_is_not_sent_twice() {
    let server = Scripted::start(&[OPEN, MESSAGE, ASKED, "S: 250 ok\n"].concat()).await;
    let client = server.client();
    client.send(&envelope(), "Hello\r\n").await.expect("accepted");
    let error = client.send(&envelope(), "Hello\r\n").await.expect_err("lost");
    assert_eq!(error.kind(), ErrorKind::Closed);
    server.finish().await;
}

#[tokio::test]
async fn a_connection_has_its_share_of_messages() {
    let server = Scripted::start(&[OPEN, MESSAGE, QUIT, "NEXT\n", OPEN, MESSAGE, QUIT].concat()).await;
    let limits = PoolLimits { messages_max: 1, ..PoolLimits::default() };
    let client = server.builder("smtp", "?tls=off").pool(limits).build().expect("a client");
    for _ in 0..2 {
        client.send(&envelope(), "Hello\r\n").await.expect("accepted");
    }
    client.close(Duration::from_secs(1)).await;
    server.finish().await;
}

#[tokio::test]
async fn a_connection_carries_as_many_as_the_server_takes() {
    // RFC 9422 section 4.1
    let open =
        "S: 220 mx.test\nC: EHLO client.test\nS: 250-mx.test\nS: 250-PIPELINING\nS: 250 LIMITS MAILMAX=1\n";
    let once = [open, MESSAGE, QUIT].concat();
    let server = Scripted::start(&[once.as_str(); 4].join("NEXT\n")).await;
    let limits = PoolLimits { connections_max: 1, ..PoolLimits::default() };
    let client = server.builder("smtp", "?tls=off").pool(limits).build().expect("a client");
    for _ in 0..2 {
        client.send(&envelope(), "Hello\r\n").await.expect("accepted");
    }
    let mut batch = client.send_all((0..2).map(|_| (envelope(), "Hello\r\n".into())).collect::<Vec<_>>());
    while let Some((_, outcome)) = batch.next().await {
        outcome.expect("accepted");
    }
    client.close(Duration::from_secs(1)).await;
    server.finish().await;
}

#[tokio::test]
async fn the_bound_holds_and_waiting_has_an_end() {
    let server = Scripted::start("HANG\n").await;
    let limits = PoolLimits {
        connections_max: 1,
        acquire_timeout: Duration::from_millis(50),
        ..PoolLimits::default()
    };
    let client = server.builder("smtp", "?tls=off").pool(limits).build().expect("a client");
    let first = tokio::spawn({
        let client = client.clone();
        async move { client.send(&envelope(), "Hello\r\n").await }
    });
    while client.stats().connections_busy == 0 {
        tokio::task::yield_now().await;
    }
    let error: SendError = client.send(&envelope(), "Hello\r\n").await.expect_err("one is the bound");
    assert_eq!((error.kind(), error.stage()), (ErrorKind::PoolTimeout, Stage::Acquire));
    first.abort();
    assert!(first.await.is_err());
    server.finish().await;
}

#[tokio::test]
async fn a_connection_counts_until_it_has_said_good_bye() {
    let server =
        Scripted::start(&[OPEN, MESSAGE, "C: QUIT\nHANG\n", "NEXT\n", OPEN, MESSAGE, QUIT].concat()).await;
    let limits = PoolLimits {
        connections_max: 1,
        idle_max: Duration::from_millis(20),
        acquire_timeout: Duration::from_millis(20),
        ..PoolLimits::default()
    };
    let patience = Duration::from_secs(2);
    let timeouts = ClientTimeouts { quit: patience, ..ClientTimeouts::default() };
    let builder = server.builder("smtp", "?tls=off").timeouts(timeouts);
    let client = builder.pool(limits).build().expect("a client");
    client.send(&envelope(), "Hello\r\n").await.expect("accepted");
    while client.stats().connections_idle > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.stats().connections_busy, 1, "the server has not answered QUIT");
    let error: SendError = client.send(&envelope(), "Hello\r\n").await.expect_err("one is the bound");
    assert_eq!(error.kind(), ErrorKind::PoolTimeout);
    while client.stats().connections_busy > 0 {
        tokio::task::yield_now().await;
    }
    client.send(&envelope(), "Hello\r\n").await.expect("accepted");
    client.close(Duration::from_secs(1)).await;
    server.finish().await;
}

#[tokio::test]
async fn an_exclusive_connection_and_a_check() {
    let script =
        [OPEN, "C: NOOP\nS: 250 ok\n", "C: VRFY bob\nS: 252 perhaps\n", MESSAGE, QUIT, "NEXT\n", OPEN, QUIT];
    let server = Scripted::start(&script.concat()).await;
    let client = server.client();
    let mut connection = client.exclusive().await.expect("a connection");
    assert_eq!(connection.noop().await.expect("a reply").code().get(), 250);
    assert_eq!(connection.vrfy("bob").await.expect("a reply").code().get(), 252);
    connection.send(&envelope(), "Hello\r\n").await.expect("accepted");
    connection.quit().await;
    let session = client.check().await.expect("a session");
    assert!(session.ehlo().is_some());
    server.finish().await;
}

#[tokio::test]
async fn a_kept_connection_makes_room_for_an_exclusive_one() {
    let server = Scripted::start(&[OPEN, MESSAGE, "END\nNEXT\n", OPEN, QUIT].concat()).await;
    let limits = PoolLimits { connections_max: 1, ..PoolLimits::default() };
    let client = server.builder("smtp", "?tls=off").pool(limits).build().expect("a client");
    client.send(&envelope(), "Hello\r\n").await.expect("accepted");
    assert_eq!(client.stats().connections_idle, 1);
    // the server takes no second connection before the first one has ended
    let connection = client.exclusive().await.expect("a connection");
    connection.quit().await;
    server.finish().await;
}

#[tokio::test]
async fn messages_keep_their_distance() {
    let server = Scripted::start(&[OPEN, MESSAGE, MESSAGE, MESSAGE, QUIT].concat()).await;
    let interval = Duration::from_millis(40);
    let limits = PoolLimits { connections_max: 1, message_interval: Some(interval), ..PoolLimits::default() };
    let client = server.builder("smtp", "?tls=off").pool(limits).build().expect("a client");
    let start = std::time::Instant::now();
    let mails: Vec<_> = (0..3).map(|_| (envelope(), "Hello\r\n".into())).collect();
    let mut batch = client.send_all(mails);
    while let Some((_, outcome)) = batch.next().await {
        outcome.expect("accepted");
    }
    assert!(start.elapsed() >= 2 * interval, "the third message waits for two turns");
    client.close(Duration::from_secs(1)).await;
    server.finish().await;
}
