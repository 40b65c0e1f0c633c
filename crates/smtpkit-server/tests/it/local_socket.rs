//! LMTP on a local socket: one reply per recipient, and a socket that a dead server left behind is no obstacle.

use smtpkit_server::{CancellationToken, Server, ServerError};
use tokio::net::UnixStream;

use crate::world::{Client, Recorder, domains, mx};

#[tokio::test]
async fn lmtp_answers_each_recipient() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lmtp.sock");
    let recorder = Recorder::default();
    // A server that died leaves its socket behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listening = Server::lmtp("mx.test", domains(), recorder.clone()).bind_unix(&path).await.unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(listening.serve(stop.clone()));
    let again = Server::lmtp("mx.test", domains(), recorder.clone()).bind_unix(&path).await;
    assert!(matches!(again, Err(ServerError::BindPath { .. })), "a living server keeps its socket");
    let mut client = Client::new(UnixStream::connect(&path).await.unwrap());
    client.expect("220 mx.test LMTP").await;
    client.ask("LHLO client.test", "250").await;
    client.ask("MAIL FROM:<>", "250").await;
    client.ask("RCPT TO:<bob@local.test>", "250").await;
    client.ask("RCPT TO:<nobody@local.test>", "550").await;
    client.ask("RCPT TO:<bob@foreign.test>", "550 5.7.1").await;
    client.ask("RCPT TO:<carol@local.test>", "250").await;
    client.ask("DATA", "354").await;
    client.ask("hello\r\n.", "250").await;
    client.expect("250").await;
    client.ask("QUIT", "221").await;
    stop.cancel();
    assert_eq!(task.await.unwrap().sessions, 2, "this one, and the one that looked whether somebody listens");
    assert!(!path.exists(), "the socket goes with the server");
    assert!(
        recorder.journal.has(r#"message LMTP relayed=0 "hello\r\n""#),
        "{:?}",
        recorder.journal.entries()
    );
}

#[tokio::test]
async fn smtp_has_no_local_socket() {
    let recorder = Recorder::default();
    let refused = mx(&recorder).bind_unix("/nonexistent/socket").await;
    assert!(matches!(refused, Err(ServerError::TcpOnly { .. })));
}
