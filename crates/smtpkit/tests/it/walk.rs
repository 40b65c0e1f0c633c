//! The main job: a real message goes through `send` and `serve` and lies in the Maildir octet by octet.

use std::fs;
use std::process::Command;

use crate::harness::{ALICE, BOB, Server, check, finish, split_trace, with_input};

/// A message with everything that software gets wrong: dots, 8-bit text, long lines, an attachment.
fn real_message() -> Vec<u8> {
    let text = include_str!("../mail/startrek.eml");
    // its own Return-Path would rightly be replaced: that is another test's matter
    let (_, text) = text.split_once('\n').unwrap();
    text.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes()
}

fn delivers_octet_by_octet(scheme: &str, protocol: &str) {
    let server = Server::start();
    let message = real_message();
    let file = server.scratch().join("message.eml");
    fs::write(&file, &message).unwrap();
    let sent = finish(server.send(scheme).args(["--from", ALICE, "--to", BOB]).arg(&file));
    check(&sent, 0, &["1 of 1 recipients accepted"]);
    let stored = server.messages("bob");
    assert_eq!(stored.len(), 1);
    let (trace, content) = split_trace(&stored[0]);
    assert_eq!(trace[0], "Return-Path: <alice@example.test>");
    assert_eq!(trace[1], "Delivered-To: bob@example.test");
    assert!(trace[2].contains("by mx.example.test"), "{}", trace[2]);
    assert!(trace[2].contains(&format!("with {protocol}")), "{}", trace[2]);
    assert!(content == message, "the content differs from what was sent");
}

#[test]
fn starttls_and_auth() {
    delivers_octet_by_octet("submission", "ESMTPSA");
}

#[test]
fn implicit_tls_and_auth() {
    delivers_octet_by_octet("submissions", "ESMTPSA");
}

#[test]
fn mail_from_another_server() {
    delivers_octet_by_octet("mx", "ESMTP");
}

#[test]
fn every_mailbox_that_a_message_is_for_gets_it_once() {
    let server = Server::start();
    let sent = with_input(
        server.send("mx").args([
            "--from",
            "<>",
            "--to",
            "bob@example.test,bob+tag@example.test,ALICE@example.test",
        ]),
        "Subject: several\n\nhello\n",
    );
    check(&sent, 0, &["3 of 3 recipients accepted"]);
    for mailbox in ["alice", "bob"] {
        let stored = server.messages(mailbox);
        assert_eq!(stored.len(), 1, "{mailbox}");
        assert!(stored[0].starts_with(b"Return-Path: <>\r\n"));
    }
}

#[test]
fn line_ends_become_crlf_and_bcc_never_leaves() {
    let server = Server::start();
    let sent = with_input(
        server.send("mx").args(["--from", ALICE, "-t"]),
        "To: bob@example.test\nBcc: alice@example.test,\n alice+2@example.test\nSubject: x\n\n.dot\nlast line",
    );
    check(&sent, 0, &["3 of 3 recipients accepted"]);
    for mailbox in ["alice", "bob"] {
        let stored = server.messages(mailbox);
        let (_, content) = split_trace(&stored[0]);
        assert_eq!(
            String::from_utf8_lossy(content),
            "To: bob@example.test\r\nSubject: x\r\n\r\n.dot\r\nlast line\r\n"
        );
    }
}

#[test]
fn an_incoming_return_path_is_replaced() {
    let server = Server::start();
    let sent = with_input(
        server.send("mx").args(["--from", ALICE, "--to", BOB]),
        "Return-Path: <forged@example.test>\r\nSubject: x\r\n\r\n\r\n",
    );
    check(&sent, 0, &[]);
    let stored = server.messages("bob");
    let (_, content) = split_trace(&stored[0]);
    assert_eq!(String::from_utf8_lossy(content), "Subject: x\r\n\r\n\r\n");
}

#[test]
fn a_composed_message_has_what_the_flags_say() {
    let server = Server::start();
    let image = server.scratch().join("bild ä.png");
    let octets: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    fs::write(&image, &octets).unwrap();
    let sent = finish(
        server
            .send("submission")
            .args([
                "--from",
                ALICE,
                "--to",
                BOB,
                "--subject",
                "Grüße",
                "--text",
                "plain",
                "--html",
                "<p>rich</p>",
            ])
            .args(["--header", "X-Test: yes", "--attach"])
            .arg(&image),
    );
    check(&sent, 0, &[]);
    let stored = server.messages("bob");
    let path = server.scratch().join("stored.eml");
    fs::write(&path, &stored[0]).unwrap();
    let (code, json, stderr) =
        finish(crate::harness::smtpkit().args(["inspect", "--json", "--text"]).arg(&path));
    assert_eq!(code, 0, "{stderr}");
    let facts: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(facts["subject"], "Grüße");
    assert_eq!(facts["from"][0]["address"], ALICE);
    let parts = facts["parts"].as_array().unwrap();
    let types: Vec<_> = parts.iter().map(|part| part["content_type"].as_str().unwrap()).collect();
    assert_eq!(types, ["text/plain", "text/html", "image/png"]);
    assert_eq!(parts[2]["filename"], "bild ä.png");
    assert_eq!(parts[2]["size"], 10_000);
    assert_eq!(parts[0]["text"].as_str().unwrap().trim_end(), "plain");
    assert_eq!(facts["defects"].as_array().unwrap().len(), 0, "{json}");
}

#[test]
fn sigterm_ends_in_order() {
    let mut server = Server::start();
    server.signal("TERM");
    assert_eq!(server.wait(), 0, "{}", server.log());
}

#[test]
fn sighup_takes_new_accounts_without_a_restart() {
    let server = Server::start();
    let users = server.scratch().join("users");
    let refused =
        with_input(server.send("mx").args(["--from", ALICE, "--to", "carol@example.test"]), "A: b\n\n");
    check(&refused, 67, &["550"]);
    let more = fs::read_to_string(&users).unwrap() + "carol@example.test:new\n";
    fs::write(&users, more).unwrap();
    server.signal("HUP");
    // the reload is asynchronous: ask until it is there, at most as often as a slow machine needs
    let taken = (0..200).any(|_| {
        with_input(server.send("mx").args(["--from", ALICE, "--to", "carol@example.test"]), "A: b\n\n").0 == 0
    });
    assert!(taken, "{}", server.log());
}

#[test]
fn a_shell_user_can_do_it_with_curl() {
    let server = Server::start();
    let file = server.scratch().join("message.eml");
    fs::write(&file, "Subject: by curl\r\n\r\nhello\r\n").unwrap();
    let url = format!("smtp://127.0.0.1:{}/client.test", server.port("mx"));
    let sent = finish(
        Command::new("curl")
            .args(["-sS", "--url", &url, "--mail-from", ALICE, "--mail-rcpt", BOB, "--upload-file"])
            .arg(&file),
    );
    check(&sent, 0, &[]);
    assert!(server.messages("bob")[0].ends_with(b"Subject: by curl\r\n\r\nhello\r\n"));
}
