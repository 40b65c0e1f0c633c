//! `smtpkit send` against servers that refuse, vanish or lie: exit codes and what a person is told.

use crate::harness::{ALICE, BOB, Server, check, finish, smtpkit, with_input};
use crate::scripted::Scripted;

/// Sends a small message to a scripted server.
fn against(script: &'static [&'static str], flags: &[&str]) -> (i32, String, String) {
    let server = Scripted::start(script);
    let url = format!("smtp://127.0.0.1:{}?tls=off", server.port);
    let outcome = with_input(
        smtpkit().args(["send", &url, "--no-pipeline", "--from", ALICE, "--to", BOB]).args(flags),
        "Subject: x\n\nhello\n",
    );
    server.heard();
    outcome
}

#[test]
fn exit_codes_by_what_the_server_does() {
    let cases: [(&'static [&'static str], i32, &str); 10] = [
        (
            &["220 hi", "250 hi", "250 ok", "250 ok", "354 go", "250 2.0.0 queued as 5", "221 bye"],
            0,
            "1 of 1",
        ),
        (&["554 go away"], 69, "554"),
        (&["421 later"], 75, "421"),
        (&["220 hi", "250 hi", "550 5.7.1 not you", "221 bye"], 69, "550"),
        (&["220 hi", "250 hi", "451 4.3.0 later", "221 bye"], 75, "451"),
        // RFC 4954 section 6: the client has to log in first
        (&["220 hi", "250 hi", "530 5.7.0 log in", "221 bye"], 77, "530"),
        (&["220 hi", "250 hi", "250 ok", "550 5.1.1 nobody", "221 bye"], 67, "550"),
        (&["220 hi", "250 hi", "250 ok", "450 4.2.1 busy", "221 bye"], 75, "450"),
        (&["220 hi", "250 hi", "250 ok", "250 ok", "354 go", "554 5.6.0 no", "221 bye"], 69, "554"),
        (&["what is this"], 76, "reply"),
    ];
    for (script, exit, says) in cases {
        check(&against(script, &[]), exit, &[says]);
    }
}

#[test]
fn a_server_that_vanishes_after_the_final_dot_leaves_the_outcome_unknown() {
    let outcome = against(&["220 hi", "250 hi", "250 ok", "250 ok", "354 go", "hang up"], &[]);
    check(&outcome, 75, &["outcome unknown"]);
    let outcome = against(&["220 hi", "250 hi", "250 ok", "250 ok", "354 go", "hang up"], &["--json"]);
    let object: serde_json::Value = serde_json::from_str(&outcome.1).unwrap();
    assert_eq!(object["delivered"], "unknown");
    assert_eq!(object["exit"], 75);
}

#[test]
fn a_server_that_vanishes_before_content_has_not_got_it() {
    let outcome = against(&["220 hi", "250 hi", "250 ok", "hang up"], &["--json"]);
    assert_eq!(outcome.0, 75);
    let object: serde_json::Value = serde_json::from_str(&outcome.1).unwrap();
    assert_eq!(object["delivered"], "no");
}

#[test]
fn starttls_that_is_stripped_fails_closed() {
    let server = Scripted::start(&["220 hi", "250 hi", "221 bye"]);
    let url = format!("smtp://127.0.0.1:{}", server.port);
    let outcome =
        with_input(smtpkit().args(["send", &url, "--from", ALICE, "--to", BOB]), "Subject: x\n\nhello\n");
    check(&outcome, 77, &["STARTTLS"]);
    assert!(server.heard().iter().all(|line| !line.starts_with("MAIL")));
}

#[test]
fn octets_behind_the_starttls_reply_are_fatal() {
    let server = Scripted::start(&["220 hi", "250-hi\n250 STARTTLS", "220 go\n250 injected", "hang up"]);
    let url = format!("smtp://127.0.0.1:{}", server.port);
    let outcome =
        with_input(smtpkit().args(["send", &url, "--from", ALICE, "--to", BOB]), "Subject: x\n\nhello\n");
    assert!(outcome.0 == 77 || outcome.0 == 76, "{outcome:?}");
}

#[test]
fn nobody_there() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("smtp://{free}?tls=off");
    let outcome = with_input(smtpkit().args(["send", &url, "--from", ALICE, "--to", BOB]), "A: b\n\n");
    check(&outcome, 75, &["refused"]);
}

#[test]
fn recipients_one_by_one() {
    let server = Server::start();
    let nobody = "nobody@example.test";
    let all = with_input(server.send("mx").args(["--from", ALICE, "--to", nobody]), "A: b\n\n");
    check(&all, 67, &["550", nobody]);
    let some = with_input(server.send("mx").args(["--from", ALICE, "--to", nobody, "--to", BOB]), "A: b\n\n");
    check(&some, 79, &["1 of 2", nobody]);
    assert_eq!(server.messages("bob").len(), 1);
    let none = with_input(
        server.send("mx").args(["--all-or-nothing", "--from", ALICE, "--to", nobody, "--to", BOB]),
        "A: b\n\n",
    );
    check(&none, 67, &[nobody]);
    assert_eq!(server.messages("bob").len(), 1);
    let foreign =
        with_input(server.send("mx").args(["--from", ALICE, "--to", "x@elsewhere.test"]), "A: b\n\n");
    check(&foreign, 67, &["550", "5.7.1"]);
}

#[test]
fn whom_to_trust_and_who_is_trusted() {
    let server = Server::start();
    let url = format!("smtps://127.0.0.1:{}", server.port("submissions"));
    let from_to = ["--from", ALICE, "--to", BOB, "--subject", "x"];
    let untrusted = finish(smtpkit().args(["send", &url]).args(from_to));
    check(&untrusted, 77, &["certificate"]);
    let insecure = finish(server.send("submissions").arg("--insecure").args(from_to));
    check(&insecure, 0, &[]);
    let named = url.replace("127.0.0.1", "127.0.0.2");
    let wrong_name = finish(
        smtpkit().args(["send", &named]).args(from_to).arg("--ca").arg(server.data().join("tls/ca.pem")),
    );
    // whoever listens on 127.0.0.1 alone refuses the connection; elsewhere the name is wrong
    assert!([75, 77].contains(&wrong_name.0), "{wrong_name:?}");
    let wrong_password =
        finish(server.send("submissions").args(from_to).env("SMTPKIT_PASSWORD", "not the password"));
    check(&wrong_password, 77, &["535"]);
    assert!(!wrong_password.2.contains("not the password"));
    let no_login = finish(
        smtpkit().args(["send", &url]).args(from_to).arg("--ca").arg(server.data().join("tls/ca.pem")),
    );
    check(&no_login, 77, &["530"]);
    assert_eq!(server.messages("bob").len(), 1);
}

#[test]
fn a_message_that_is_too_large_is_refused_before_it_is_read() {
    let server = Server::start();
    let file = server.scratch().join("large.eml");
    let mut content = b"Subject: large\r\n\r\n".to_vec();
    content.resize(60 * 1024 * 1024, b'x');
    std::fs::write(&file, content).unwrap();
    let outcome = finish(server.send("mx").args(["--from", ALICE, "--to", BOB]).arg(&file));
    check(&outcome, 69, &["52428800"]);
    assert!(server.messages("bob").is_empty());
}

#[test]
fn the_transcript_shows_no_secret() {
    let server = Server::start();
    let outcome = finish(server.send("submission").args([
        "-v",
        "--from",
        ALICE,
        "--to",
        BOB,
        "--subject",
        "x",
        "--auth",
        "PLAIN",
    ]));
    check(&outcome, 0, &["EHLO", "STARTTLS", "AUTH PLAIN", "MAIL FROM"]);
    let secret = crate::harness::PASSWORD;
    assert!(!outcome.2.contains(secret));
    // base64 of NUL, user, NUL, password: its middle does not depend on what surrounds it
    assert!(
        !outcome.2.contains("Y29ycmVjdCBob3JzZ") && !outcome.2.contains("NvcnJlY3QgaG9yc2"),
        "{}",
        outcome.2
    );
}
