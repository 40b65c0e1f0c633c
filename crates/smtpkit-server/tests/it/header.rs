//! The header section: mail loops are cut, and a submission gets the fields that it lacks.

use smtpkit_server::{Limits, Network};

use crate::world::{Recorder, mx, run};

#[tokio::test]
async fn a_mail_loop_is_cut() {
    let recorder = Recorder::default();
    let limits = Limits { hops_max: 2, ..Limits::default() };
    let server = run(mx(&recorder).limits(limits), &recorder).await;
    let mut client = server.client().await;
    client.ask("EHLO client.test", "250").await;
    client.mail("bob@local.test", "Received: 1\r\nReceived: 2\r\n\r\nReceived: text").await;
    client.ask("MAIL FROM:<>", "250").await;
    client.ask("RCPT TO:<bob@local.test>", "250").await;
    client.ask("DATA", "354").await;
    client.ask("Received: 1\r\nreceived: 2\r\nRECEIVED: 3\r\n\r\nx\r\n.", "554 5.4.6").await;
    let messages = recorder.journal.entries().iter().filter(|entry| entry.starts_with("message")).count();
    assert_eq!(messages, 1);
}

#[tokio::test]
async fn a_submission_gets_what_it_lacks() {
    let recorder = Recorder::default();
    let server = run(mx(&recorder).trusted(Network::LOOPBACK).complete_headers(), &recorder).await;
    let mut client = server.client().await;
    client.ask("EHLO client.test", "250").await;
    client.mail("bob@local.test", "Subject: x\r\n\r\nbody").await;
    client.mail("bob@local.test", "Date: x\r\nMessage-ID: <a@b.test>\r\n\r\nbody").await;
    // The empty line in two chunks.
    client.send("MAIL FROM:<>\r\nRCPT TO:<bob@local.test>\r\n").await;
    client.expect("250").await;
    client.expect("250").await;
    client.send("BDAT 10\r\nDate: x\r\n\rBDAT 2 LAST\r\n\nb").await;
    client.expect("250").await;
    client.expect("250").await;
    let entries = recorder.journal.entries();
    let messages: Vec<&String> = entries.iter().filter(|entry| entry.starts_with("message")).collect();
    let [first, second, third] = messages[..] else { panic!("{messages:?}") };
    assert!(first.contains(r#""Subject: x\r\nDate: "#), "{first}");
    assert!(
        first.contains(r"\r\nMessage-ID: <") && first.ends_with(r#"@mx.test>\r\n\r\nbody\r\n""#),
        "{first}"
    );
    assert!(second.ends_with(r#""Date: x\r\nMessage-ID: <a@b.test>\r\n\r\nbody\r\n""#), "{second}");
    assert!(
        third.contains(r#""Date: x\r\nMessage-ID: <"#) && third.ends_with(r#"@mx.test>\r\n\r\nb""#),
        "{third}"
    );
}
