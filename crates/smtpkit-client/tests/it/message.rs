//! Messages that were built, and content that a server does not take as it is.

use crate::memory::{Memory, Temper};
use crate::script::Scripted;
use smtpkit_client::mime::build::{Mailbox, MessageBuilder, Part, Stamp};
use smtpkit_client::mime::{DateTime, HopCapabilities};
use smtpkit_client::{Client, Content, Delivered, Envelope, ErrorKind, Stage, Transfer};
use std::time::Duration;

const OPEN: &str = "S: 220 mx.test\nC: EHLO client.test\nS: 250 mx.test\n";
const REST: &str = "S: 250 ok\nC: DATA\nS: 354 go\nCONTENT\nS: 250 ok\nC: QUIT\nS: 221 bye\nEND\n";
const EIGHT_BIT: &str = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
                         Content-Transfer-Encoding: 8bit\r\n\r\nGrüße an alle, die dies lesen\r\n";

fn stamp() -> Stamp {
    Stamp::new(DateTime::from_unix_seconds(1_795_000_000, 0).expect("a time"), [7; 16])
}

#[tokio::test]
async fn a_built_message_goes_to_all_that_it_names_and_nobody_sees_bcc() {
    let rcpt = |name: &str| format!("C: RCPT TO:<{name}@y.test>\n");
    let (bob, carol) = (rcpt("bob"), rcpt("carol"));
    let script = [OPEN, "C: MAIL FROM:<ada@x.test>\nS: 250 ok\n", &bob, "S: 250 ok\n", &carol, REST].concat();
    let server = Scripted::start(&script).await;
    let message = MessageBuilder::new()
        .from(Mailbox::new("ada@x.test").expect("an address"))
        .to(Mailbox::new("bob@y.test").expect("an address"))
        .bcc(Mailbox::new("carol@y.test").expect("an address"))
        .text("See the attachment.\n")
        .attach(Part::octets("image/png".parse().expect("a type"), vec![0x89; 200_000]))
        .build(HopCapabilities::SEVEN_BIT, &stamp())
        .expect("a message");
    let client = server.client();
    let report = client.send_message(message).await.expect("accepted");
    assert_eq!(report.accepted_count(), 2);
    client.close(Duration::from_secs(1)).await;
    let content = server.finish().await.remove(0);
    assert!(content.contains("To: bob@y.test\r\n") && !content.contains("carol"), "{content}");
    assert!(content.len() > 260_000, "the attachment is there");
}

#[tokio::test]
async fn eight_bit_content_is_encoded_for_a_server_that_takes_none() {
    let mail = "C: MAIL FROM:<a@x.test>\nS: 250 ok\nC: RCPT TO:<b@y.test>\n";
    let server = Scripted::start(&[OPEN, mail, REST].concat()).await;
    let envelope = Envelope::new("a@x.test", ["b@y.test"]).expect("addresses");
    let client = server.client();
    client.send(&envelope, EIGHT_BIT).await.expect("accepted");
    client.close(Duration::from_secs(1)).await;
    let content = server.finish().await.remove(0);
    assert!(
        content.ends_with("quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe an alle, die dies lesen\r\n"),
        "{content}"
    );
}

#[tokio::test]
async fn what_cannot_be_encoded_is_refused_with_a_reason() {
    let server = Scripted::start(&[OPEN, "C: QUIT\nS: 221 bye\nEND\n"].concat()).await;
    let envelope = Envelope::new("a@x.test", ["b@y.test"]).expect("addresses");
    let client = server.client();
    let error = client.send(&envelope, format!("DKIM-Signature: v=1\r\n{EIGHT_BIT}")).await;
    let error = error.expect_err("a signature would break");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("a DKIM signature"), "{error}");
    client.close(Duration::from_secs(1)).await;
    server.finish().await;
}

/// The same content as each kind of stream.
fn streams(text: &str, folder: &std::path::Path) -> [Content; 3] {
    let path = folder.join("mail.eml");
    std::fs::write(&path, text).expect("written");
    let cursor = || std::io::Cursor::new(text.to_owned());
    [Content::reader(cursor()), Content::blocking_reader(cursor()), Content::file(path)]
}

#[tokio::test]
async fn a_stream_is_encoded_for_a_server_that_takes_no_eight_bit_content() {
    let folder = tempfile::tempdir().expect("a folder");
    let mail = "C: MAIL FROM:<a@x.test>\nS: 250 ok\nC: RCPT TO:<b@y.test>\n";
    let envelope = Envelope::new("a@x.test", ["b@y.test"]).expect("addresses");
    for content in streams(EIGHT_BIT, folder.path()) {
        let server = Scripted::start(&[OPEN, mail, REST].concat()).await;
        let client = server.client();
        client.send(&envelope, content).await.expect("accepted");
        client.close(Duration::from_secs(1)).await;
        let content = server.finish().await.remove(0);
        assert!(content.ends_with("\r\n\r\nGr=C3=BC=C3=9Fe an alle, die dies lesen\r\n"), "{content}");
    }
}

#[tokio::test]
async fn a_stream_that_is_too_long_to_be_encoded_never_arrives() {
    let folder = tempfile::tempdir().expect("a folder");
    let envelope = Envelope::new("a@x.test", ["b@y.test"]).expect("addresses");
    let long = [&"seven bits, and so on\r\n".repeat(60_000), "Grüße\r\n"].concat();
    let started =
        "C: MAIL FROM:<a@x.test>\nS: 250 ok\nC: RCPT TO:<b@y.test>\nS: 250 ok\nC: DATA\nS: 354 go\nHANG\n";
    for (content, is_measured) in streams(&long, folder.path()).into_iter().zip([false, false, true]) {
        let rest = if is_measured { "C: QUIT\nS: 221 bye\nEND\n" } else { started };
        let server = Scripted::start(&[OPEN, rest].concat()).await;
        let client = server.client();
        let error = client.send(&envelope, content).await.expect_err("it must not arrive in pieces");
        let stage = if is_measured { Stage::Mail } else { Stage::Content };
        assert_eq!((error.kind(), error.stage()), (ErrorKind::Unsupported, stage), "{error}");
        assert_eq!(error.delivered(), Delivered::No);
        assert!(error.to_string().contains("too long to be held in memory"), "{error}");
        client.close(Duration::from_secs(1)).await;
        server.finish().await;
    }
    // without such an octet the same length passes
    let script = started.replace("HANG\n", "CONTENT\nS: 250 ok\nC: QUIT\nS: 221 bye\nEND\n");
    let long = "seven bits, and so on\r\n".repeat(60_000);
    let server = Scripted::start(&[OPEN, &script].concat()).await;
    let client = server.client();
    client.send(&envelope, Content::reader(std::io::Cursor::new(long.clone()))).await.expect("accepted");
    client.close(Duration::from_secs(1)).await;
    assert_eq!(server.finish().await, [long]);
}

#[tokio::test]
async fn a_stream_that_may_have_eight_bit_octets_is_announced_as_such() {
    let open = "S: 220 mx.test\nC: EHLO client.test\nS: 250-mx.test\nS: 250 8BITMIME\n";
    let mail = "C: MAIL FROM:<a@x.test> BODY=8BITMIME\nS: 250 ok\nC: RCPT TO:<b@y.test>\n";
    let server = Scripted::start(&[open, mail, REST].concat()).await;
    let envelope = Envelope::new("a@x.test", ["b@y.test"]).expect("addresses");
    let client = server.client();
    client.send(&envelope, Content::reader(EIGHT_BIT.as_bytes())).await.expect("accepted");
    client.close(Duration::from_secs(1)).await;
    assert_eq!(server.finish().await, [EIGHT_BIT]);
}

#[tokio::test]
async fn a_chunk_waits_for_the_answer_to_the_last_where_nothing_is_pipelined() {
    let content = "a line of a long message\r\n".repeat(10_000);
    for is_lmtp in [false, true] {
        let temper = Temper { wire_octets: 4096, is_lmtp, pipelines: false, takes_chunks: true };
        let memory = Memory::new(temper);
        let url = if is_lmtp { "lmtp://mx.test:24?tls=off" } else { "smtp://mx.test?tls=off" };
        let builder = Client::builder(url.parse().expect("a URL")).hello_name("client.test");
        let client = builder.transfer(Transfer::Chunks).connector(memory.clone()).build().expect("a client");
        let envelope = Envelope::new("a@x.test", ["b@y.test"]).expect("addresses");
        let stream = Content::reader(std::io::Cursor::new(content.clone()));
        client.send(&envelope, stream).await.expect("accepted");
        let books = memory.books();
        assert!(books.accepted == [content.clone()] && books.wrong.is_empty(), "{:?}", books.wrong);
    }
}
