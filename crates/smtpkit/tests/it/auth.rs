//! AUTH of the whole program: every mechanism from `send` to `serve`, and the rules of RFC 4954 line by line.

use std::fs;

use crate::harness::{ALICE, BOB, PASSWORD, Server, check, finish, smtpkit, with_input};
use crate::talk::{Talk, auth_plain};

const TOKEN: &str = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg";
const ROBOT: &str = "robot@example.test";

/// A server with a password, a token, and whatever else a configuration says.
fn server(config: &str) -> Server {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("alice.pw"), format!("{PASSWORD}\n")).unwrap();
    fs::write(folder.path().join("robot.pw"), format!("{{TOKEN}}{TOKEN}\n")).unwrap();
    let file = folder.path().join("smtpkit.toml");
    let accounts = format!(
        "hostname = \"mx.example.test\"\n{config}\n\
         [[account]]\naddress = \"{ALICE}\"\npassword_file = \"alice.pw\"\n\
         send_as = [\"sales@example.test\", \"*@shop.test\"]\n\
         [[account]]\naddress = \"{ROBOT}\"\npassword_file = \"robot.pw\"\n\
         [[domain]]\nname = \"example.test\"\nmailboxes = [\"bob\"]\n"
    );
    fs::write(&file, accounts).unwrap();
    let mut command = smtpkit();
    command.args(["serve", "--config"]).arg(&file);
    for scheme in ["mx", "submission", "submissions"] {
        command.args(["--listen", &format!("{scheme}://127.0.0.1:0")]);
    }
    Server::spawn(command, folder)
}

/// The mechanism that a send reports with `--json`.
fn mechanism_of(outcome: &(i32, String, String)) -> String {
    let object: serde_json::Value = serde_json::from_str(&outcome.1).unwrap();
    object["mechanism"].as_str().unwrap_or("none").to_owned()
}

#[test]
fn every_password_mechanism_logs_in_and_refuses() {
    let server = server("");
    for mechanism in [
        "PLAIN",
        "LOGIN",
        "SCRAM-SHA-1",
        "SCRAM-SHA-1-PLUS",
        "SCRAM-SHA-256",
        "SCRAM-SHA-256-PLUS",
        "SCRAM-SHA-512",
        "SCRAM-SHA-512-PLUS",
    ] {
        let send = |scheme: &str| {
            let mut command = server.send(scheme);
            command.args(["--json", "--auth", mechanism, "--from", ALICE, "--to", BOB, "--subject", "x"]);
            command
        };
        let right = finish(&mut send("submission"));
        check(&right, 0, &[]);
        assert_eq!(mechanism_of(&right), mechanism);
        check(&finish(send("submissions").env("SMTPKIT_PASSWORD", "not it")), 77, &["535"]);
    }
    assert_eq!(server.messages("bob").len(), 8);
}

#[test]
fn every_token_mechanism_logs_in_and_refuses() {
    let server = server("");
    for mechanism in ["OAUTHBEARER", "XOAUTH2"] {
        let send = |scheme: &str, token: &str| {
            let mut command = server.send_as(ROBOT, scheme);
            command.args(["--json", "--auth", mechanism, "--from", ROBOT, "--to", BOB]);
            command.args(["--subject", "x", "--token-cmd", &format!("echo {token}")]);
            finish(&mut command)
        };
        let right = send("submissions", TOKEN);
        check(&right, 0, &[]);
        assert_eq!(mechanism_of(&right), mechanism);
        check(&send("submission", "expired"), 77, &["535"]);
    }
    assert_eq!(server.messages("bob").len(), 2);
}

#[test]
fn the_strongest_mechanism_is_taken_unasked() {
    let server = server("");
    let common = ["--json", "--from", ALICE, "--to", BOB, "--subject", "x"];
    assert_eq!(mechanism_of(&finish(server.send("submission").args(common))), "SCRAM-SHA-512-PLUS");
}

#[test]
fn a_mechanism_that_is_off_is_named_with_the_reason() {
    let server = server("");
    let outcome = finish(server.send("submission").args([
        "--auth",
        "CRAM-MD5",
        "--from",
        ALICE,
        "--to",
        BOB,
        "--subject",
        "x",
    ]));
    check(&outcome, 77, &["SCRAM-SHA-256", "PLAIN"]);
    assert!(!Talk::secured(&server, "submission").say("EHLO client.test").contains("CRAM-MD5"));
}

#[test]
fn a_refused_token_is_fetched_once_more() {
    let server = server("");
    let counter = server.scratch().join("counter");
    let script = |second: &str| {
        format!("if [ -e {0} ]; then echo {second}; else touch {0}; echo expired; fi", counter.display())
    };
    let send = |command: &str| {
        let mut send = server.send_as(ROBOT, "submission");
        send.args(["--from", ROBOT, "--to", BOB, "--token-cmd", command]);
        with_input(&mut send, "Subject: refreshed\n\nfrom standard input\n")
    };
    check(&send(&script(TOKEN)), 0, &["1 of 1"]);
    fs::remove_file(&counter).unwrap();
    check(&send(&script("expired-too")), 77, &["535"]);
    assert_eq!(server.messages("bob").len(), 1);
    assert!(server.messages("bob")[0].ends_with(b"\r\n\r\nfrom standard input\r\n"));
}

#[test]
fn who_may_send_as_whom() {
    let server = server("");
    for (from, exit) in [
        (ALICE, 0),
        ("Sales@Example.test", 0),
        ("anybody@shop.test", 0),
        ("<>", 0),
        (BOB, 69),
        ("alice@elsewhere.test", 69),
    ] {
        let outcome = with_input(
            server.send("submission").args(["--from", from, "--to", BOB]),
            "Subject: x\n\nhello\n",
        );
        check(&outcome, exit, if exit == 0 { &[] } else { &["553", "5.7.1"] });
    }
    assert_eq!(server.messages("bob").len(), 4);
}

#[test]
fn nothing_is_offered_or_taken_without_tls() {
    let server = server("");
    let login = auth_plain(ALICE, PASSWORD);
    let mut talk = Talk::plain(&server, "submission");
    let offers = talk.ask("EHLO client.test", "250");
    assert!(offers.contains("STARTTLS") && !offers.contains("AUTH"), "{offers}");
    talk.ask(&login, "538 5.7.11");
    talk.ask("MAIL FROM:<alice@example.test>", "530 5.7.0");
    // servers do not log in with each other: TLS or not
    let mut talk = Talk::secured(&server, "mx");
    assert!(!talk.ask("EHLO client.test", "250").contains("AUTH"));
    talk.ask(&login, "50");
    let url = format!("smtp://127.0.0.1:{}?tls=off", server.port("submission"));
    let outcome = with_input(
        smtpkit()
            .args(["send", &url, "--user", ALICE, "--from", ALICE, "--to", BOB])
            .env("SMTPKIT_PASSWORD", PASSWORD),
        "Subject: x\n\n",
    );
    check(&outcome, 77, &["AUTH"]);
}

#[test]
fn the_rules_of_an_exchange() {
    let server = server("");
    let login = auth_plain(ALICE, PASSWORD);
    // RFC 4954 §4: not before EHLO
    let mut talk = Talk::greeted(&server, "submissions");
    talk.ask(&login, "503");
    let offers = talk.ask("EHLO client.test", "250");
    assert!(offers.contains("AUTH SCRAM-SHA-512-PLUS "), "{offers}");
    assert!(!offers.contains("EXTERNAL") && !offers.contains("ANONYMOUS"), "{offers}");
    talk.ask("MAIL FROM:<alice@example.test>", "530 5.7.0");
    // no argument, no such mechanism, one that is not offered
    talk.ask("AUTH", "501");
    talk.ask("AUTH XYZZY", "504 5.5.4");
    talk.ask("AUTH CRAM-MD5", "504 5.5.4");
    // an initial response that is no base64, and one that is empty
    talk.ask("AUTH PLAIN not!base64", "501 5.5.");
    talk.ask("AUTH PLAIN YWxpY2U", "501 5.5.");
    talk.ask("AUTH PLAIN =", "501 5.5.");
    // a cancelled exchange, and a response that is no base64
    talk.ask("AUTH PLAIN", "334");
    talk.ask("*", "501 5.");
    talk.ask("AUTH LOGIN", "334 VXNlcm5hbWU6");
    talk.ask("not base64", "501 5.5.");
    // none of that was a wrong password
    talk.ask("auth plain", "334");
    let (_, response) = login.rsplit_once(' ').unwrap();
    talk.ask(response, "235 2.7.0");
    // once is enough, in a transaction or not (§4)
    talk.ask(&login, "503 5.5.1");
    talk.ask("MAIL FROM:<alice@example.test>", "250");
    talk.ask(&login, "503 5.5.1");
    talk.ask("RCPT TO:<bob@example.test>", "250");
}

#[test]
fn a_line_of_an_exchange_has_12288_octets_at_most() {
    let server = server("");
    let mut talk = Talk::secured(&server, "submission");
    let line = |octets: usize| format!("AUTH PLAIN {}", "A".repeat(octets - "AUTH PLAIN \r\n".len()));
    // what is refused is the response, not the line: RFC 4954 §4 asks for 12,288 octets with CRLF
    let longest = talk.say(&line(12_287));
    assert!(longest.starts_with("501") || longest.starts_with("535"), "{longest}");
    talk.ask(&line(12_289), "500 5.5.");
    talk.ask(&line(1_000_000), "500 5.5.");
    talk.ask("AUTH PLAIN", "334");
    talk.ask(&"A".repeat(20_000), "500 5.5.");
    talk.ask(&auth_plain(ALICE, PASSWORD), "235");
}

#[test]
fn guessing_ends_the_session() {
    let server = server("");
    let mut talk = Talk::secured(&server, "submissions");
    talk.ask(&auth_plain(ALICE, "one"), "535 5.7.8");
    talk.ask(&auth_plain("nobody@example.test", PASSWORD), "535 5.7.8");
    talk.ask(&auth_plain(ALICE, "three"), "421 4.7.0");
    assert!(talk.has_ended());
}

#[test]
fn guessing_shuts_out_the_address() {
    let server = server("exempt = []");
    for at in 0..10 {
        let mut talk = Talk::secured(&server, "submissions");
        talk.ask(&auth_plain(ALICE, &format!("guess {at}")), "535 5.7.8");
    }
    let mut talk = Talk::secured(&server, "submissions");
    talk.ask(&auth_plain(ALICE, PASSWORD), "454 4.7.0");
    // this machine itself is not shut out unless somebody says so
    let server = self::server("");
    for at in 0..11 {
        let mut talk = Talk::secured(&server, "submissions");
        talk.ask(&auth_plain(ALICE, &format!("guess {at}")), "535 5.7.8");
    }
    Talk::secured(&server, "submissions").ask(&auth_plain(ALICE, PASSWORD), "235");
}
