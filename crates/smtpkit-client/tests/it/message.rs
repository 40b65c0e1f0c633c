//! Messages that were built, and content that a server does not take as it is.

use crate::script::Scripted;
use smtpkit_client::mime::build::{Mailbox, MessageBuilder, Part, Stamp};
use smtpkit_client::mime::{DateTime, HopCapabilities};
use smtpkit_client::{Envelope, ErrorKind};
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
