//! Who hears that mail was not delivered, and who must not: the peer in the session, or the sender in a report, never both
//! (RFC 5321 §4.2.5, §6.1, RFC 3464).

use crate::harness::{ALICE, Server, check, with_input};
use crate::scripted::answering;
use crate::talk::Talk;

/// A server for example.test that passes everything else on to one that answers as `rule` says.
fn before(rule: fn(&str) -> &'static str) -> Server {
    let smarthost = format!("smtp://127.0.0.1:{}?tls=off", answering(rule));
    Server::start_with(&["--smarthost", &smarthost, "--trusted", "127.0.0.0/8"])
}

fn send(server: &Server, from: &str, to: &str) -> (i32, String, String) {
    with_input(server.send("mx").args(["--from", from, "--to", to]), "Subject: lost\n\nhi\n")
}

#[test]
fn a_report_has_what_the_host_said() {
    for (rule, status) in [
        (
            (|line| match line.split(' ').next() {
                Some("RCPT") => "550 5.1.1 <carol@far.test> nobody of that name",
                Some("DATA") => "503 5.5.1 no",
                _ => "250 2.0.0 ok",
            }) as fn(&str) -> &'static str,
            "5.1.1",
        ),
        (
            |line| match line.split(' ').next() {
                Some("MAIL") => "554 5.7.1 we do not want your mail",
                Some("RCPT" | "DATA") => "503 5.5.1 no",
                _ => "250 2.0.0 ok",
            },
            "5.7.1",
        ),
    ] {
        let server = before(rule);
        check(&send(&server, ALICE, "carol@far.test"), 0, &[]);
        let reports = server.messages("alice");
        assert_eq!(reports.len(), 1, "{}", server.log());
        let report = String::from_utf8(reports[0].clone()).unwrap();
        let said = if status == "5.1.1" {
            "550 5.1.1 <carol@far.test> nobody of that name"
        } else {
            "554 5.7.1 we do not want your mail"
        };
        for part in [
            "Return-Path: <>\r\n",
            "To: alice@example.test\r\n",
            "Final-Recipient: rfc822; carol@far.test\r\n",
            "Action: failed\r\n",
            &format!("Status: {status}\r\n"),
            "Remote-MTA: dns; ",
            "Subject: lost\r\n",
        ] {
            assert!(report.contains(part), "{part} is not in {report}");
        }
        let diagnostic = report.split_once("Diagnostic-Code: smtp; ").unwrap().1.replace("\r\n ", " ");
        assert!(diagnostic.starts_with(said), "{report}");
        assert!(!report.contains("xtext"), "{report}");
        assert!(server.stored("bob").is_empty());
    }
}

#[test]
fn mail_from_nobody_is_reported_to_nobody() {
    let server = before(|line| match line.split(' ').next() {
        Some("RCPT") => "550 5.1.1 nobody",
        Some("DATA") => "503 5.5.1 no",
        _ => "250 2.0.0 ok",
    });
    check(&send(&server, "<>", "carol@far.test"), 0, &[]);
    // a report to a sender who does not exist, either
    check(&send(&server, "eve@far.test", "carol@far.test"), 0, &[]);
    assert!(server.messages("alice").is_empty(), "{}", server.log());
    assert!(server.stored("postmaster").is_empty() && server.stored("bob").is_empty());
    assert_eq!(server.log().matches("ERROR").count(), 0, "{}", server.log());
}

#[test]
fn what_is_refused_in_the_session_is_not_reported_too() {
    let server = Server::start_with(&["--max-message-size", "65536"]);
    let mut talk = Talk::plain(&server, "mx");
    talk.ask("EHLO client.test", "250");
    let large = format!("Subject: x\r\n\r\n{}.", "0123456789abcdef\r\n".repeat(5_000));
    for (rcpt, content, code) in [
        ("RCPT TO:<nobody@example.test>", None, "550 5.1.1"),
        ("RCPT TO:<x@elsewhere.test>", None, "550 5.7.1"),
        ("RCPT TO:<bob@example.test>", Some(large.as_str()), "552 5.3.4"),
    ] {
        talk.ask(&format!("MAIL FROM:<{ALICE}>"), "250");
        match content {
            None => drop(talk.ask(rcpt, code)),
            Some(content) => {
                talk.ask(rcpt, "250");
                talk.ask("DATA", "354");
                talk.ask(content, code);
            }
        }
        talk.ask("RSET", "250");
    }
    assert!(server.messages("alice").is_empty() && server.stored("bob").is_empty(), "{}", server.log());
}
