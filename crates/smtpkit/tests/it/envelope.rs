//! Who gets a message is what RCPT said, and no copy tells whom else it went to (RFC 5321 §2.3.1, RFC 5322 §3.6.3).

use crate::harness::{ALICE, BOB, Server, check, with_input};
use crate::talk::{Talk, auth_plain};

#[test]
fn delivery_follows_rcpt_and_not_the_header() {
    let server = Server::start();
    let content = "From: eve@elsewhere.test\nTo: alice@example.test\nCc: nobody@example.test\nSubject: x\n\n";
    let sent = with_input(server.send("mx").args(["--from", "x@y.test", "--to", BOB]), content);
    check(&sent, 0, &["1 of 1"]);
    let stored = server.messages("bob");
    assert_eq!((stored.len(), server.stored("alice").len()), (1, 0));
    let stored = String::from_utf8(stored[0].clone()).unwrap();
    assert!(stored.starts_with("Return-Path: <x@y.test>\r\n"), "{stored}");
    assert!(stored.ends_with(&content.replace('\n', "\r\n")), "the header stays as it is: {stored}");
}

#[test]
fn no_copy_tells_of_a_recipient_that_the_header_does_not_name() {
    let server = Server::start();
    // by the program, which takes Bcc out of the header
    let content = "To: bob@example.test\nBcc: alice+hidden@example.test\nSubject: x\n\nhi\n";
    let sent = with_input(server.send("submissions").args(["--from", ALICE, "-t"]), content);
    check(&sent, 0, &["2 of 2"]);
    // by a client that names it in RCPT alone
    let mut talk = Talk::secured(&server, "submissions");
    for (line, code) in [
        (&*auth_plain(ALICE, crate::harness::PASSWORD), "235"),
        ("MAIL FROM:<alice@example.test>", "250"),
        ("RCPT TO:<bob@example.test>", "250"),
        ("RCPT TO:<alice+hidden@example.test>", "250"),
        ("DATA", "354"),
        ("To: bob@example.test\r\nSubject: x\r\n\r\nhi\r\n.", "250"),
    ] {
        talk.ask(line, code);
    }
    let copies = server.messages("bob");
    assert_eq!((copies.len(), server.stored("alice").len()), (2, 2));
    for copy in copies {
        let copy = String::from_utf8(copy).unwrap();
        assert!(!copy.contains("hidden") && !copy.to_lowercase().contains("bcc"), "{copy}");
    }
}
