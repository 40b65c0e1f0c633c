//! What comes of one message, for each way in which a server can answer.

use crate::script::Scripted;
use smtpkit_client::{
    Client, Content, Delivered, Delivery, Envelope, ErrorKind, Pipelining, RecipientOutcome, Report, Retry,
    SendError, Stage, Transfer,
};
use std::time::Duration;

const CONTENT: &str = "Subject: hi\r\n\r\n.Hello\r\n";

fn envelope() -> Envelope {
    Envelope::new("a@x.test", ["b@y.test", "c@y.test"]).expect("addresses")
}

async fn send(script: &str) -> (Result<Report, SendError>, Vec<String>) {
    let server = Scripted::start(script).await;
    let client = server.client();
    let outcome = client.send(&envelope(), CONTENT).await;
    client.close(Duration::from_secs(1)).await;
    (outcome, server.finish().await)
}

/// The facts that decide an exit code.
async fn check(script: &str, kind: ErrorKind, stage: Stage, retry: Retry, delivered: Delivered) {
    let (outcome, _) = send(script).await;
    let error = outcome.expect_err("the server does not take it");
    let facts = (error.kind(), error.stage(), error.retry(), error.delivered());
    assert_eq!(facts, (kind, stage, retry, delivered), "{script}\n{error}");
}

macro_rules! dialogue {
    ($name:literal) => {
        include_str!(concat!("dialogues/", $name, ".txt"))
    };
}

#[tokio::test]
async fn everybody_accepted() {
    let (outcome, contents) = send(dialogue!("everybody_accepted")).await;
    let report = outcome.expect("accepted");
    assert!(report.all_accepted());
    assert_eq!(report.queue_id().as_deref(), Some("4D5F"));
    assert_eq!(report.session().hello_name(), "client.test");
    assert_eq!(contents, ["Subject: hi\r\n\r\n..Hello\r\n"]);
}

#[tokio::test]
async fn one_of_two_accepted() {
    let (outcome, contents) = send(dialogue!("one_of_two_accepted")).await;
    let report = outcome.expect("accepted for one");
    assert_eq!((report.accepted_count(), contents.len()), (1, 1));
    let RecipientOutcome::Refused(reply) = &report.recipients()[0] else { panic!("the first is refused") };
    assert_eq!(reply.to_string(), "550 5.1.1 no such user");
    assert!(report.recipients()[1].is_accepted());
}

#[tokio::test]
async fn refusals_by_stage() {
    use {Delivered::No, ErrorKind as Kind, Retry::Later, Retry::Never};
    check(dialogue!("greeting_refused"), Kind::Refused, Stage::Greeting, Never, No).await;
    check(dialogue!("sender_refused"), Kind::Refused, Stage::Mail, Never, No).await;
    check(dialogue!("all_recipients_refused"), Kind::Recipients, Stage::Rcpt, Never, No).await;
    check(dialogue!("all_recipients_deferred"), Kind::Recipients, Stage::Rcpt, Later, No).await;
    check(dialogue!("content_refused"), Kind::Refused, Stage::EndOfContent, Never, No).await;
    check(dialogue!("unavailable_after_rcpt"), Kind::Refused, Stage::Data, Later, No).await;
}

#[tokio::test]
async fn broken_servers() {
    use {Delivered::No, Delivered::Unknown, ErrorKind as Kind, Retry::Later};
    check("S: HELLO\n", Kind::Protocol, Stage::Greeting, Later, No).await;
    check("RAW: 220 a\\n\n", Kind::Protocol, Stage::Greeting, Later, No).await;
    check("", Kind::Closed, Stage::Greeting, Later, No).await;
    check(dialogue!("vanishes_before_the_dot"), Kind::Closed, Stage::Rcpt, Later, No).await;
    check(dialogue!("vanishes_after_the_dot"), Kind::Closed, Stage::EndOfContent, Later, Unknown).await;
}

#[tokio::test]
async fn nobody_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let client = Client::from_url(&format!("smtp://127.0.0.1:{port}?tls=off")).expect("a client");
    let error = client.send(&envelope(), CONTENT).await.expect_err("nobody listens");
    assert_eq!(
        (error.kind(), error.stage(), error.retry()),
        (ErrorKind::Connect, Stage::Connect, Retry::Later)
    );
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let server = Scripted::start("HANG\n").await;
    let client =
        server.builder("smtp", "?tls=off").send_timeout(Duration::from_millis(50)).build().expect("a client");
    let error = client.send(&envelope(), CONTENT).await.expect_err("nothing comes");
    assert_eq!((error.kind(), error.stage()), (ErrorKind::Timeout, Stage::Greeting));
    server.finish().await;
}

#[tokio::test]
async fn silence_after_the_dot_is_unknown() {
    let server = Scripted::start(dialogue!("silence_after_the_dot")).await;
    let client = server
        .builder("smtp", "?tls=off")
        .send_timeout(Duration::from_millis(300))
        .build()
        .expect("a client");
    let error = client.send(&envelope(), CONTENT).await.expect_err("nothing comes");
    assert_eq!((error.kind(), error.delivered()), (ErrorKind::Timeout, Delivered::Unknown));
    server.finish().await;
}

#[tokio::test]
async fn all_or_nothing_leaves_nobody_with_it() {
    let server = Scripted::start(dialogue!("all_or_nothing")).await;
    let client =
        server.builder("smtp", "?tls=off").delivery(Delivery::AllOrNothing).build().expect("a client");
    let error = client.send(&envelope(), CONTENT).await.expect_err("one is refused");
    assert_eq!(error.kind(), ErrorKind::Recipients);
    assert!(error.recipients().iter().all(|outcome| !outcome.is_accepted()));
    client.close(Duration::from_secs(1)).await;
    assert_eq!(server.finish().await.len(), 0);
}

#[tokio::test]
async fn without_pipelining_and_in_chunks() {
    let server = Scripted::start(dialogue!("one_by_one")).await;
    let client = server.builder("smtp", "?tls=off").pipelining(Pipelining::Never).build().expect("a client");
    client.send(&envelope(), CONTENT).await.expect("accepted");
    client.close(Duration::from_secs(1)).await;
    server.finish().await;

    let server = Scripted::start(dialogue!("chunks")).await;
    let client = server.builder("smtp", "?tls=off").transfer(Transfer::Chunks).build().expect("a client");
    client.send(&envelope(), "Hello\r\n").await.expect("accepted");
    client.close(Duration::from_secs(1)).await;
    server.finish().await;
}

#[tokio::test]
async fn lmtp_answers_for_each() {
    let server = Scripted::start(dialogue!("lmtp")).await;
    let client = server.builder("lmtp", "").build().expect("a client");
    let report = client.send(&envelope(), CONTENT).await.expect("one has it");
    assert_eq!(report.accepted_count(), 1);
    assert!(matches!(report.recipients()[1], RecipientOutcome::Refused(_)));
    client.close(Duration::from_secs(1)).await;
    server.finish().await;
}

#[tokio::test]
async fn unclean_content_costs_no_connection() {
    let client = Client::from_url("smtp://127.0.0.1:1?tls=off").expect("a client");
    let error = client.send(&envelope(), "a\nb").await.expect_err("a bare LF");
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Content, Retry::Never));
}

#[tokio::test]
async fn files_and_readers_are_streamed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.eml");
    let text = "a line of text\n".repeat(40_000);
    std::fs::write(&path, &text).expect("written");
    let expected = text.replace('\n', "\r\n");
    let reader = std::io::Cursor::new(text.clone().into_bytes());
    for content in [
        Content::file(&path).normalised(),
        Content::reader(tokio::io::BufReader::new(std::io::Cursor::new(text.into_bytes()))).normalised(),
        Content::blocking_reader(reader).normalised(),
    ] {
        let server = Scripted::start(dialogue!("everybody_accepted")).await;
        let client = server.client();
        client.send(&envelope(), content).await.expect("accepted");
        client.close(Duration::from_secs(1)).await;
        assert!(server.finish().await == [expected.as_str()], "the content differs");
    }
}
