//! Addresses and headers beyond ASCII (RFC 6531): octet by octet to a host that takes them, back to the sender from one
//! that does not, and never changed on the way.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::harness::{ALICE, Server, check, smtpkit, split_trace, until, with_input};
use crate::scripted::{Scripted, answering};
use crate::talk::Talk;

const DOMAIN: &str = "παράδειγμα.δοκιμή";
/// The same for name servers and folders (RFC 5891).
const A_LABELS: &str = "xn--hxajbheg2az3al.xn--jxalpdlp";

fn content() -> String {
    format!("From: Ἀλίκη <alice@example.test>\r\nTo: δοκιμή@{DOMAIN}\r\nSubject: δοκιμή\r\n\r\nΓειά σου\r\n")
}

/// Passes everything that is not local on to this port.
fn near(port: u16) -> Server {
    let smarthost = format!("smtp://127.0.0.1:{port}?tls=off");
    Server::start_with(&["--smarthost", &smarthost, "--trusted", "127.0.0.0/8", "--retry", "1s"])
}

fn send(server: &Server, to: &str) -> (i32, String, String) {
    with_input(server.send("mx").args(["--from", ALICE, "--to", to]), content())
}

#[test]
fn a_hop_that_takes_it_gets_it_octet_by_octet() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    std::fs::write(&users, format!("δοκιμή@{DOMAIN}:another one\n")).unwrap();
    let mut command = smtpkit();
    command.args(["serve", "--hostname", "mx.far.test", "--listen", "mx://127.0.0.1:0", "--user-file"]);
    command.arg(users);
    let far = Server::spawn(command, folder);
    let near = near(far.port("mx"));
    // both spellings of the domain mean the same mailbox
    for (nth, domain) in [DOMAIN, A_LABELS].into_iter().enumerate() {
        check(&send(&near, &format!("δοκιμή@{domain}")), 0, &["1 of 1"]);
        assert!(until(|| far.mailbox(A_LABELS, "δοκιμή").len() == nth + 1), "{}\n{}", near.log(), far.log());
    }
    for stored in far.mailbox(A_LABELS, "δοκιμή") {
        let (trace, rest) = split_trace(&stored);
        assert!(trace[2].contains("with UTF8SMTP"), "{trace:?}");
        assert!(String::from_utf8_lossy(rest).ends_with(&content()), "{}", String::from_utf8_lossy(rest));
    }
}

#[test]
fn who_asks_for_more_than_the_mail_needs_loses_nothing_by_it() {
    let far = Scripted::start(&[
        "220 old.test",
        "250-old.test\n250 8BITMIME",
        "250 ok",
        "250 ok",
        "354 go on",
        "250 kept",
        "221 bye",
    ]);
    let near = near(far.port);
    let mut talk = Talk::plain(&near, "mx");
    for (line, code) in [
        ("EHLO client.test", "250"),
        ("MAIL FROM:<alice@example.test> SMTPUTF8 BODY=8BITMIME", "250"),
        ("RCPT TO:<x@far.test>", "250"),
        ("DATA", "354"),
        ("Subject: plain\r\n\r\nGrüße\r\n.", "250"),
    ] {
        talk.ask(line, code);
    }
    assert!(until(|| near.queue(&["list", "--json"]).1.is_empty()), "{}", near.log());
    assert!(near.stored("alice").is_empty(), "{}", near.log());
    near.signal("TERM");
    let heard = far.heard();
    assert!(heard.contains(&"MAIL FROM:<alice@example.test> BODY=8BITMIME".to_owned()), "{heard:?}");
    assert!(heard.contains(&"Grüße".to_owned()), "{heard:?}");
}

#[test]
fn a_hop_that_takes_none_gets_nothing_and_the_sender_a_report() {
    let port = answering(|line| match line.split(' ').next() {
        Some("EHLO") => "250-old.test\r\n250-PIPELINING\r\n250 8BITMIME",
        Some("QUIT") => "221 bye",
        Some("RSET" | "NOOP") => "250 ok",
        // whatever it were, it would not be this mail
        _ => "554 5.7.0 this should not have been said",
    });
    let near = near(port);
    check(&send(&near, &format!("δοκιμή@{DOMAIN}")), 0, &["1 of 1"]);
    let reports = near.messages("alice");
    assert_eq!(reports.len(), 1, "{}", near.log());
    let report = String::from_utf8(reports[0].clone()).unwrap();
    // RFC 6533 section 3: who wrote without SMTPUTF8 may not be able to read it
    let readable = |c: char| if c.is_ascii() { c.into() } else { format!("\\x{{{:X}}}", u32::from(c)) };
    let recipient: String = format!("δοκιμή@{DOMAIN}").chars().map(readable).collect();
    for part in [
        "Return-Path: <>\r\n",
        &format!("Final-Recipient: utf-8;\r\n {recipient}\r\n"),
        "Action: failed\r\nStatus: 5.6.7\r\n",
    ] {
        assert!(report.contains(part), "{part} is not in {report}");
    }
    let header = report.rsplit_once("\r\n\r\n").unwrap().1.split("\r\n--").next().unwrap();
    let header = STANDARD.decode(header.replace("\r\n", "")).unwrap();
    let content = content();
    let given = content.split_once("\r\n\r\n").unwrap().0;
    assert!(String::from_utf8(header).unwrap().ends_with(&format!("{given}\r\n")), "{report}");
    assert!(!report.contains("should not have been said"), "{report}");
}
