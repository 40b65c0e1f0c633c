//! The blocking client against the same scripts.

use crate::proxy::{BEHIND, Stub, behind, socks};
use crate::script::Scripted;
use smtpkit_client::{Content, Credentials, Delivered, Envelope, ErrorKind, Secret};
use std::time::Duration;

const CONTENT: &str = "Subject: hi\r\n\r\n.Hello\r\n";

macro_rules! dialogue {
    ($name:literal) => {
        include_str!(concat!("dialogues/", $name, ".txt"))
    };
}

fn envelope() -> Envelope {
    Envelope::new("a@x.test", ["b@y.test", "c@y.test"]).expect("addresses")
}

/// Runs blocking work beside the server.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plaintext_and_streams() {
    for content in [Content::from(CONTENT), Content::blocking_reader(CONTENT.as_bytes())] {
        let server = Scripted::start(dialogue!("everybody_accepted")).await;
        let client = server.builder("smtp", "?tls=off").build_blocking().expect("a client");
        let outcome = beside(move || {
            let outcome = client.send(&envelope(), content);
            client.close(Duration::from_secs(1));
            outcome
        });
        assert!(outcome.await.expect("accepted").all_accepted());
        assert_eq!(server.finish().await, ["Subject: hi\r\n\r\n..Hello\r\n"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starttls_and_auth() {
    let server = Scripted::start(dialogue!("starttls")).await;
    let credentials = Credentials::password("alice", Secret::from("secret"));
    let builder = server.builder("smtp", "").tls(server.trust()).tls_name("mx.test").credentials(credentials);
    let client = builder.build_blocking().expect("a client");
    let outcome = beside(move || {
        let outcome = client.send(&envelope(), CONTENT);
        client.close(Duration::from_secs(1));
        outcome
    });
    assert!(outcome.await.expect("accepted").session().tls().is_some());
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_after_the_dot_is_unknown() {
    let server = Scripted::start(dialogue!("silence_after_the_dot")).await;
    let builder = server.builder("smtp", "?tls=off").send_timeout(Duration::from_millis(300));
    let client = builder.build_blocking().expect("a client");
    let error = beside(move || client.send(&envelope(), CONTENT)).await.expect_err("nothing comes");
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Timeout, Delivered::Unknown));
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_the_server_closed_is_replaced_once() {
    let message = dialogue!("everybody_accepted").replace("C: QUIT\nS: 221 bye\nEND\n", "");
    let server = Scripted::start(&format!("{message}NEXT\n{}", dialogue!("everybody_accepted"))).await;
    let client = server.builder("smtp", "?tls=off").build_blocking().expect("a client");
    beside(move || {
        for _ in 0..2 {
            client.send(&envelope(), CONTENT).expect("accepted");
        }
        client.close(Duration::from_secs(1));
    })
    .await;
    assert_eq!(server.finish().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_a_socks5_proxy() {
    let server = Scripted::start(dialogue!("everybody_accepted")).await;
    let stub = Stub::start(socks, server.port);
    let builder = behind(&format!("socks5://alice:secret@127.0.0.1:{}", stub.port));
    let client = builder.build_blocking().expect("a client");
    let outcome = beside(move || {
        client.connect().expect("the server is there");
        let outcome = client.send(&envelope(), CONTENT);
        client.close(Duration::from_secs(5));
        outcome
    });
    assert!(outcome.await.expect("accepted").all_accepted());
    server.finish().await;
    assert_eq!(stub.asked(), format!("alice:secret {BEHIND}"));
}
