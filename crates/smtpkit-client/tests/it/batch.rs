//! Many messages: chained where the server allows it, each answered for.

use crate::script::Scripted;
use smtpkit_client::{Batch, Content, Envelope, ErrorKind, PoolLimits};
use std::time::Duration;

const OPEN: &str = "S: 220 mx.test\nC: EHLO client.test\nS: 250-mx.test\nS: 250 PIPELINING\n";
const ASKED: &str = "C: MAIL FROM:<a@x.test>\nC: RCPT TO:<b@y.test>\nC: DATA\n";
const GO: &str = "S: 250 ok\nS: 250 ok\nS: 354 go\n";
const QUIT: &str = "C: QUIT\nS: 221 bye\nEND\n";

fn mails(count: usize) -> Vec<(Envelope, Content)> {
    let envelope = Envelope::new("a@x.test", ["b@y.test"]).expect("addresses");
    (0..count).map(|index| (envelope.clone(), Content::from(format!("{index}\r\n")))).collect()
}

fn batch(server: &Scripted, count: usize) -> (smtpkit_client::Client, Batch) {
    let limits = PoolLimits { connections_max: 1, ..PoolLimits::default() };
    let client = server.builder("smtp", "?tls=off").pool(limits).build().expect("a client");
    let batch = client.send_all(mails(count));
    (client, batch)
}

async fn results(mut batch: Batch) -> Vec<(usize, Option<ErrorKind>)> {
    let mut results = Vec::new();
    while let Some((index, outcome)) = batch.next().await {
        results.push((index, outcome.err().map(|error| error.kind())));
    }
    results
}

#[tokio::test]
async fn the_next_commands_share_the_flight_of_the_content() {
    // The server says nothing between the content and the next DATA: it would wait for ever if they came apart.
    let script =
        [OPEN, ASKED, GO, "CONTENT\n", ASKED, "S: 250 one\n", GO, "CONTENT\n", ASKED, "S: 250 two\n", GO];
    let script = script.concat() + "CONTENT\nS: 250 three\n" + QUIT;
    let server = Scripted::start(&script).await;
    let (client, batch) = batch(&server, 3);
    assert_eq!(results(batch).await, [(0, None), (1, None), (2, None)]);
    client.close(Duration::from_secs(1)).await;
    assert_eq!(server.finish().await, ["0\r\n", "1\r\n", "2\r\n"]);
}

#[tokio::test]
async fn a_chained_message_outlives_the_connection_of_the_one_before() {
    // The second message was not heard of when the server vanished after the first's dot.
    let script =
        [OPEN, ASKED, GO, "CONTENT\n", ASKED, "NEXT\n", OPEN, ASKED, GO, "CONTENT\nS: 250 ok\n", QUIT];
    let server = Scripted::start(&script.concat()).await;
    let (client, batch) = batch(&server, 2);
    assert_eq!(results(batch).await, [(0, Some(ErrorKind::Closed)), (1, None)]);
    client.close(Duration::from_secs(1)).await;
    assert_eq!(server.finish().await, ["0\r\n", "1\r\n"]);
}

#[tokio::test]
async fn a_refusal_stops_nobody_else() {
    let script = [OPEN, ASKED, "S: 250 ok\nS: 550 no\nS: 503 no\n", "C: RSET\n", ASKED, "S: 250 ok\n", GO];
    let script = script.concat() + "CONTENT\nS: 250 ok\n" + QUIT;
    let server = Scripted::start(&script).await;
    let (client, batch) = batch(&server, 2);
    assert_eq!(results(batch).await, [(0, Some(ErrorKind::Recipients)), (1, None)]);
    client.close(Duration::from_secs(1)).await;
    server.finish().await;
}

#[tokio::test]
async fn unclean_content_is_answered_and_the_rest_goes_on() {
    let script = [OPEN, ASKED, GO, "CONTENT\nS: 250 ok\n", QUIT];
    let server = Scripted::start(&script.concat()).await;
    let envelope = Envelope::new("a@x.test", ["b@y.test"]).expect("addresses");
    let limits = PoolLimits { connections_max: 1, ..PoolLimits::default() };
    let client = server.builder("smtp", "?tls=off").pool(limits).build().expect("a client");
    let mails = [(envelope.clone(), Content::from("a\nb")), (envelope, Content::from("Hello\r\n"))];
    assert_eq!(results(client.send_all(mails)).await, [(0, Some(ErrorKind::Content)), (1, None)]);
    client.close(Duration::from_secs(1)).await;
    server.finish().await;
}
