//! The order of things: what a command means in each state (RFC 5321 §4.1.4), and which of several mistakes is told first.

use std::io::{Read as _, Write as _};

use crate::harness::{ALICE, PASSWORD, Server};
use crate::talk::{Talk, auth_plain, connect};

/// Commands that change nothing, and what they are answered.
const ANYWHERE: [(&str, &str); 6] = [
    ("NOOP", "250 2.0.0"),
    ("HELP", "214"),
    ("HELP MAIL", "214"),
    ("VRFY bob", "252"),
    ("VRFY nobody", "252"),
    ("EXPN all", "502 5.5"),
];

#[test]
fn rset_takes_back_a_transaction_in_every_state_and_nothing_else() {
    let server = Server::start();
    let (mail, rcpt) = (("MAIL FROM:<a@b.test>", "250 2.1.0"), ("RCPT TO:<bob@example.test>", "250 2.1.5"));
    let states: [&[(&str, &str)]; 5] = [
        &[],
        &[("EHLO client.test", "250")],
        &[("HELO client.test", "250")],
        &[("EHLO client.test", "250"), mail],
        &[("EHLO client.test", "250"), mail, rcpt],
    ];
    for state in states {
        let mut talk = Talk::plain(&server, "mx");
        for (line, expected) in state {
            talk.ask(line, expected);
        }
        talk.ask("RSET", "250 2.0.0");
        talk.ask("RCPT TO:<bob@example.test>", "503 5.5.1");
        talk.ask("DATA", "503 5.5.1");
        // who has said hello need not do it again
        talk.ask(mail.0, if state.is_empty() { "503 5.5.1" } else { "250" });
        talk.ask("RSET now", "501 5.5");
        talk.ask("QUIT", "221");
        assert!(talk.has_ended());
    }
}

#[test]
fn what_changes_nothing_is_answered_on_every_listener_behind_every_step() {
    let server = Server::start();
    let login = auth_plain(ALICE, PASSWORD);
    let check = |talk: &mut Talk, steps: &[(&str, &str)]| {
        for (line, expected) in steps {
            talk.ask(line, expected);
            for (line, expected) in ANYWHERE {
                talk.ask(line, expected);
            }
            talk.ask("NOOP with words", "250");
        }
    };
    check(&mut Talk::plain(&server, "submission"), &[("NOOP", "250"), ("EHLO client.test", "250")]);
    for scheme in ["submission", "submissions"] {
        let steps = [
            ("RSET", "250"),
            ("EHLO client.test", "250"),
            (&login, "235"),
            ("MAIL FROM:<alice@example.test>", "250"),
            ("RCPT TO:<x@elsewhere.test>", "250"),
        ];
        check(&mut Talk::greeted(&server, scheme), &steps);
    }
}

#[test]
fn of_several_mistakes_the_first_in_the_order_of_the_policy_is_told() {
    // address, then TLS, then login, then sender, then recipient
    let server = Server::configured(
        "hostname = \"mx.example.test\"\nuser_file = \"users\"\nexempt = []\n\
         [[listener]]\nurl = \"submission://127.0.0.1:0\"\n\
         [limits]\nconnection_rate = \"2/1h\"\n",
    );
    let wrong = ["MAIL FROM:<bob@example.test>", "RCPT TO:<nobody@example.test>"];
    let mut talk = Talk::plain(&server, "submission");
    talk.ask("EHLO client.test", "250");
    let plaintext = talk.ask(wrong[0], "530 5.7.0");
    talk.ask(&auth_plain(ALICE, PASSWORD), "538 5.7.11");
    talk.ask(wrong[1], "503 5.5.1");
    let mut talk = Talk::secured(&server, "submission");
    let nobody = talk.ask(wrong[0], "530 5.7.0");
    assert_ne!(plaintext, nobody, "TLS is missing, then a login");
    talk.ask(&auth_plain(ALICE, PASSWORD), "235");
    talk.ask(wrong[0], "553 5.7.1");
    talk.ask(wrong[1], "503 5.5.1");
    talk.ask(&format!("MAIL FROM:<{ALICE}>"), "250");
    talk.ask(wrong[1], "550 5.1.1");
    let mut heard = String::new();
    connect(&server, "submission").read_to_string(&mut heard).unwrap();
    assert!(heard.starts_with("421 4.7.0"), "{heard}");
}

#[test]
fn a_line_feed_alone_is_told_to_a_person_and_ends_no_content() {
    let server = Server::start();
    let mut stream = connect(&server, "mx");
    stream.write_all(b"HELO me\n").unwrap();
    let mut heard = [0; 200];
    let mut said = String::new();
    while said.lines().count() < 2 {
        let count = stream.read(&mut heard).unwrap();
        assert!(count > 0, "{said}");
        said.push_str(&String::from_utf8_lossy(&heard[..count]));
    }
    assert!(
        said.lines().nth(1).unwrap().starts_with("500 5.5.2 bare LF in line, lines end with CRLF"),
        "{said}"
    );

    // smuggling: a lone dot between line feeds is content of a message that is refused, and what follows no command
    let mut talk = Talk::plain(&server, "mx");
    for (line, expected) in [
        ("EHLO client.test", "250"),
        ("MAIL FROM:<a@b.test>", "250"),
        ("RCPT TO:<bob@example.test>", "250"),
        ("DATA", "354"),
        ("Subject: x\r\n\r\nhi\n.\nMAIL FROM:<eve@b.test>\r\n.", "5"),
        ("NOOP", "250"),
    ] {
        talk.ask(line, expected);
    }
    assert!(server.messages("bob").is_empty());
}
