//! How far a dialogue goes, over which port and which way, and what a person sees of it.

use std::net::TcpListener;

use crate::harness::{ALICE, BOB, Server, check, finish, smtpkit, with_input};
use crate::scripted::Scripted;

#[test]
fn a_rehearsal_ends_where_it_is_told_to() {
    let script: &[&str] = &["220 hi", "250-hi\n250 SIZE 1000", "250 ok", "250 ok", "354 go"];
    let cases: [(&str, &[&str]); 6] = [
        ("banner", &["QUIT"]),
        ("ehlo", &["EHLO", "QUIT"]),
        ("auth", &["EHLO", "QUIT"]),
        ("mail", &["EHLO", "MAIL FROM:<alice@example.test>", "QUIT"]),
        ("rcpt", &["EHLO", "MAIL", "RCPT TO:<bob@example.test>", "QUIT"]),
        ("data", &["EHLO", "MAIL", "RCPT", "DATA"]),
    ];
    for (step, expected) in cases {
        let server = Scripted::start(script);
        let url = format!("smtp://127.0.0.1:{}?tls=off", server.port);
        let outcome = finish(smtpkit().args([
            "send",
            &url,
            "--from",
            ALICE,
            "--to",
            BOB,
            "--subject",
            "x",
            "--quit-after",
            step,
        ]));
        check(&outcome, 0, &["nothing was sent"]);
        let heard = server.heard();
        assert_eq!(heard.len(), expected.len(), "{step}: {heard:?}");
        for (line, start) in heard.iter().zip(expected) {
            assert!(line.starts_with(start), "{step}: {heard:?}");
        }
    }
}

#[test]
fn a_rehearsal_has_the_exit_code_of_what_it_met() {
    let server = Server::start();
    let rehearse = |scheme: &str, to: &str, step: &str| {
        finish(server.send(scheme).args(["--from", ALICE, "--to", to, "--subject", "x"]).args([
            "--quit-after",
            step,
            "--json",
        ]))
    };
    check(&rehearse("mx", "nobody@example.test", "rcpt"), 67, &[]);
    check(&rehearse("mx", "nobody@example.test,bob@example.test", "data"), 79, &[]);
    check(&rehearse("mx", BOB, "tls"), 64, &["--quit-after tls"]);
    check(&rehearse("mx", BOB, "connect"), 0, &[]);
    let (code, stdout, _) = rehearse("submission", BOB, "data");
    let object: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &object["replies"][2]["reply"]["code"]), (0, &354.into()), "{object}");
    assert!(object["tls"].is_string() && object["mechanism"].is_string(), "{object}");
    assert!(server.messages("bob").is_empty());
}

#[test]
fn ports_are_tried_in_order() {
    let server = Server::start();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ports = format!("{closed},{}", server.port("mx"));
    let send = |ports: &str| {
        finish(smtpkit().args(["send", "--host", "127.0.0.1", "--tls", "off", "--port", ports]).args([
            "--from",
            ALICE,
            "--to",
            BOB,
            "--subject",
            "x",
        ]))
    };
    let used = format!("smtp://127.0.0.1:{}?tls=off can be reached and is used", server.port("mx"));
    check(&send(&ports), 0, &[&format!(":{closed}?tls=off cannot be reached"), &used]);
    assert_eq!(server.messages("bob").len(), 1);
    check(&send(&format!("{closed},{closed}")), 75, &["no port can be reached", "--port"]);
}

#[test]
fn addresses_and_families_are_as_asked() {
    let server = Server::start();
    let send = |flags: &[&str]| {
        finish(server.send("mx").args(["--from", ALICE, "--to", BOB, "--subject", "x"]).args(flags))
    };
    check(&send(&["-4", "--bind", "127.0.0.1"]), 0, &[]);
    check(&send(&["-6"]), 68, &["no address that can be used"]);
    check(&send(&["-4", "-6"]), 64, &["--ipv6"]);
    check(&send(&["--bind", "here"]), 64, &["--bind"]);
    let proxied = send(&["--proxy", "socks4://alice:secret@127.0.0.1:1"]);
    check(&proxied, 64, &["--proxy", "socks5://"]);
    assert!(!proxied.2.contains("secret"), "{}", proxied.2);
    assert_eq!(server.messages("bob").len(), 1);
}

#[test]
fn the_transcript_has_the_marks_of_swaks() {
    let server = Server::start();
    let nobody = "nobody@example.test";
    let outcome = with_input(
        server.send("submission").args(["-v", "--from", ALICE, "--to", nobody, "--to", BOB]),
        "Subject: x\n\nsecret content\n",
    );
    check(
        &outcome,
        79,
        &[
            "<-  220 ",
            " -> EHLO ",
            " -> STARTTLS",
            "=== TLS: ",
            " ~> AUTH ",
            "<~  235 ",
            " ~> MAIL FROM:",
            "<~* 550 ",
            " octets of content]",
        ],
    );
    assert!(!outcome.2.contains("secret content"), "{}", outcome.2);
}

#[test]
fn names_may_stand_before_addresses() {
    let server = Server::start();
    let sent = finish(server.send("mx").args([
        "--from",
        "Alice <alice@example.test>",
        "--to",
        "Bob <bob@example.test>",
        "--subject",
        "x",
    ]));
    check(&sent, 0, &[]);
    let message = String::from_utf8(server.messages("bob").remove(0)).unwrap();
    assert!(message.contains("\r\nTo: Bob <bob@example.test>\r\n"), "{message}");
}
