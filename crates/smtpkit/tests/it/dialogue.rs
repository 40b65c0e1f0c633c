//! What a person with a terminal hears: every command in every state, and what each kind of listener takes.

use std::fs;

use crate::harness::{ALICE, BOB, PASSWORD, Server, smtpkit, until};
use crate::talk::{Talk, auth_plain};

/// A server for example.test with these listeners.
fn serve(listeners: &str) -> Server {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("users"), format!("{ALICE}:{PASSWORD}\n{BOB}:another one\n")).unwrap();
    let file = folder.path().join("smtpkit.toml");
    fs::write(&file, format!("hostname = \"mx.example.test\"\nuser_file = \"users\"\n{listeners}")).unwrap();
    let mut command = smtpkit();
    command.args(["serve", "--config"]).arg(file);
    Server::spawn(command, folder)
}

fn say_all(talk: &mut Talk, dialogue: &[(&str, &str)]) {
    for (line, expected) in dialogue {
        talk.ask(line, expected);
    }
}

#[test]
fn every_command_is_answered_in_every_state() {
    let server = Server::start();
    let mut talk = Talk::plain(&server, "mx");
    let anywhere = [
        ("NOOP", "250 2.0.0"),
        ("NOOP ignored", "250"),
        ("HELP", "214"),
        ("VRFY bob", "252"),
        ("EXPN all", "502"),
    ];
    let states: [&[(&str, &str)]; 4] = [
        &[("MAIL FROM:<a@b.test>", "503 5.5.1"), ("RCPT TO:<bob@example.test>", "503"), ("DATA", "503")],
        &[("EHLO client.test", "250"), ("RCPT TO:<bob@example.test>", "503"), ("DATA", "503")],
        &[("MAIL FROM:<a@b.test>", "250 2.1.0"), ("MAIL FROM:<a@b.test>", "503"), ("DATA", "503")],
        &[("RCPT TO:<bob@example.test>", "250 2.1.5"), ("RCPT TO:<nobody@example.test>", "550 5.1.1")],
    ];
    for state in states {
        say_all(&mut talk, state);
        say_all(&mut talk, &anywhere);
    }
    say_all(
        &mut talk,
        &[
            ("RSET", "250"),
            ("DATA", "503"),
            ("HELO client.test", "250"),
            ("MAIL FROM:<a@b.test>", "250"),
            ("RCPT TO:<Postmaster>", "250"),
            ("DATA", "354"),
            ("Subject: x\r\n\r\n..\r\n.", "250 2"),
            ("FROB", "500 5.5"),
            ("QUIT", "221 2.0.0"),
        ],
    );
    assert!(talk.has_ended());
}

#[test]
fn each_denial_has_a_status_of_its_own() {
    let server = Server::start_with(&["--max-message-size", "65536"]);
    let mut mx = Talk::plain(&server, "mx");
    let mut submission = Talk::plain(&server, "submission");
    let mut secured = Talk::secured(&server, "submission");
    say_all(
        &mut mx,
        &[
            ("EHLO client.test", "250"),
            ("AUTH PLAIN AGEAYg==", "502"),
            ("MAIL FROM:<a@b.test> SIZE=65537", "552 5.3.4"),
            ("MAIL FROM:<a@b.test> COLOUR=red", "555 5.5.4"),
            ("MAIL FROM:<a@b.test>", "250"),
            ("RCPT TO:<nobody@example.test>", "550 5.1.1"),
            ("RCPT TO:<x@elsewhere.test>", "550 5.7.1"),
            ("DATA", "554 5.5.1"),
        ],
    );
    say_all(
        &mut submission,
        &[
            ("EHLO client.test", "250"),
            ("MAIL FROM:<a@b.test>", "530 5.7.0"),
            (&auth_plain(ALICE, PASSWORD), "538 5.7.11"),
        ],
    );
    say_all(
        &mut secured,
        &[
            ("MAIL FROM:<alice@example.test>", "530 5.7.0"),
            (&auth_plain(ALICE, "wrong"), "535 5.7.8"),
            (&auth_plain(ALICE, PASSWORD), "235 2.7.0"),
            ("MAIL FROM:<bob@example.test>", "553 5.7.1"),
            ("MAIL FROM:<alice@example.test>", "250"),
            ("RCPT TO:<x@elsewhere.test>", "250"),
        ],
    );
}

#[test]
fn a_listener_for_people_takes_line_feeds_alone() {
    use std::io::Write as _;
    let server = serve("[[listener]]\nurl = \"mx://127.0.0.1:0\"\nbare_newline = \"normalise\"\n");
    let mut stream = crate::talk::connect(&server, "mx");
    stream.write_all(b"HELO me\nMAIL FROM:<a@b.test>\nRCPT TO:<bob@example.test>\nDATA\n").unwrap();
    // the end of the content is never a matter of taste: two programs that see it at different places are how mail is forged
    stream.write_all(b"Subject: by hand\n\nhi\n.\nthere\r\n.\r\nQUIT\n").unwrap();
    let mut heard = String::new();
    std::io::Read::read_to_string(&mut stream, &mut heard).unwrap();
    let codes: Vec<&str> = heard.lines().filter_map(|line| line.get(..3)).collect();
    assert_eq!(codes, ["220", "250", "250", "250", "354", "250", "221"], "{heard}");
    let stored = server.messages("bob");
    assert!(stored.len() == 1 && stored[0].starts_with(b"Return-Path: <a@b.test>\r\n"), "{stored:?}");
}

#[test]
fn a_submission_is_completed_and_mail_from_a_server_is_not() {
    let server = Server::start();
    let mut secured = Talk::secured(&server, "submissions");
    secured.ask(&auth_plain(ALICE, PASSWORD), "235");
    let mut mx = Talk::plain(&server, "mx");
    mx.ask("EHLO client.test", "250");
    for (talk, to) in [(&mut secured, BOB), (&mut mx, ALICE)] {
        talk.ask(&format!("MAIL FROM:<{ALICE}>"), "250");
        talk.ask(&format!("RCPT TO:<{to}>"), "250");
        talk.ask("DATA", "354");
        talk.ask("Subject: x\r\n\r\nhi\r\n.", "250");
    }
    let stored = |local_part| String::from_utf8(server.messages(local_part).remove(0)).unwrap();
    let (submitted, passed_on) = (stored("bob"), stored("alice"));
    assert!(submitted.contains("\nDate: ") && submitted.contains("\nMessage-ID: <"), "{submitted}");
    assert!(!passed_on.contains("\nDate: ") && !passed_on.contains("\nMessage-ID: <"), "{passed_on}");
}

#[test]
fn a_listener_can_want_tls_and_a_login() {
    let server = serve(
        "[[listener]]\nurl = \"mx://127.0.0.1:0\"\ntls = \"require\"\nrequire_auth = true\n\
         limits = { max_recipients = 1, max_message_size = 70000 }\n\
         [[listener]]\nurl = \"lmtp://127.0.0.1:0\"\n",
    );
    let mut talk = Talk::plain(&server, "mx");
    let offered = talk.ask("EHLO client.test", "250");
    assert!(
        offered.contains("STARTTLS") && offered.contains("SIZE 70000") && !offered.contains("AUTH"),
        "{offered}"
    );
    talk.ask("MAIL FROM:<a@b.test>", "530 5.7.0");
    let mut talk = Talk::secured(&server, "mx");
    say_all(
        &mut talk,
        &[
            ("MAIL FROM:<alice@example.test>", "530 5.7.0"),
            (&auth_plain(ALICE, PASSWORD), "235"),
            ("MAIL FROM:<alice@example.test>", "250"),
            ("RCPT TO:<bob@example.test>", "250"),
            ("RCPT TO:<alice@example.test>", "452 4.5.3"),
        ],
    );
    let mut talk = Talk::plain(&server, "lmtp");
    let offered = talk.ask("LHLO client.test", "250");
    assert!(!offered.contains("STARTTLS") && offered.contains("SIZE 52428800"), "{offered}");
}

#[test]
fn bounds_are_those_of_the_file() {
    let server = serve(
        "exempt = []\n[limits]\nhard_errors = 3\nconnection_rate = \"3/1h\"\n\
         [[listener]]\nurl = \"mx://127.0.0.1:0\"\ntls = \"off\"\n",
    );
    let mut talk = Talk::plain(&server, "mx");
    assert!(!talk.ask("EHLO client.test", "250").contains("STARTTLS"));
    say_all(&mut talk, &[("FROB", "500"), ("FROB", "500"), ("FROB", "421")]);
    assert!(talk.has_ended());
    drop(Talk::plain(&server, "mx"));
    drop(Talk::plain(&server, "mx"));
    let mut heard = String::new();
    std::io::Read::read_to_string(&mut crate::talk::connect(&server, "mx"), &mut heard).unwrap();
    assert!(heard.starts_with("421 4.7.0"), "{heard}");
}

#[test]
fn a_proxy_says_who_is_there() {
    use std::io::{Read as _, Write as _};
    let server = serve("[[listener]]\nurl = \"mx://127.0.0.1:0\"\nproxy_protocol = [\"127.0.0.1\"]\n");
    let mut stream = crate::talk::connect(&server, "mx");
    stream.write_all(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 25\r\n").unwrap();
    let mut greeting = [0; 4];
    stream.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"220 ");
    stream.write_all(b"QUIT\r\n").unwrap();
    assert!(until(|| server.log().contains("192.0.2.7:4711")), "{}", server.log());
}
