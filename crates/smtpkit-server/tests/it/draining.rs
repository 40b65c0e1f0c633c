//! How a server stops: idle sessions at once, transactions when they are done, all of it in bounded time.

use std::time::Duration;

use smtpkit_server::Limits;

use crate::world::{Recorder, mx, run};

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
    busy.ask("RCPT TO:<bob@local.test>", "250").await;
    busy.ask("DATA", "354").await;
    busy.send("hello\r\n.\r\n").await;
    busy.expect("250 2.0.0 ok, queued").await;
    busy.expect("421 4.3.2").await;
    busy.expect_end().await;
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
