//! No password and no token reaches a log, an error or a transcript, in whatever disguise (RFC 4954 §9).

use std::fs;

use smtpkit_auth::line;

use crate::harness::{ALICE, BOB, Server, finish, smtpkit, with_input};
use crate::talk::{Talk, auth_plain};

const RIGHT: &str = "Tr0ub4dor&3-correct-horse";
const WRONG: &str = "hunter2-this-is-not-the-password";
const TOKEN: &str = "ya29.token-that-opens-the-mailbox-9f8e7d";
const WRONG_TOKEN: &str = "ya29.token-that-has-expired-1a2b3c4d5e";
const ROBOT: &str = "robot@example.test";

/// A secret as it is, and the part of its base64 form that does not depend on what stands around it, for each of the
/// three places in a group of three octets where it can begin.
fn disguises(secret: &str) -> Vec<String> {
    let mut disguises = vec![secret.to_owned(), secret.escape_debug().to_string()];
    for before in 0..3 {
        let text = line::encode_challenge(format!("{}{secret}", "x".repeat(before)).as_bytes());
        // one octet before spoils up to two characters, and the padding the last ones
        let whole = text.trim_end_matches('=');
        disguises.push(whole[(before * 4).div_ceil(3)..whole.len() - 1].to_owned());
    }
    disguises
}

#[track_caller]
fn holds_no_secret(what: &str, text: &str) {
    for secret in [RIGHT, WRONG, TOKEN, WRONG_TOKEN] {
        for disguise in disguises(secret) {
            assert!(!text.contains(&disguise), "{what} shows {secret} as {disguise}: {text}");
        }
    }
}

#[test]
fn the_search_would_find_them() {
    for before in ["", "a", "ab", "\0alice\0"] {
        let text = line::encode_challenge(format!("{before}{RIGHT}\u{1}").as_bytes());
        assert!(disguises(RIGHT).iter().any(|disguise| text.contains(disguise)), "{text}");
    }
}

#[test]
fn a_whole_run_at_trace_level_shows_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    fs::write(&users, format!("{ALICE}:{RIGHT}\n{ROBOT}:{{TOKEN}}{TOKEN}\n")).unwrap();
    let mut command = smtpkit();
    command.args(["serve", "-vv", "--user-file"]).arg(&users).env("SMTPKIT_LOG", "trace");
    // a password on the command line is warned about, and not repeated
    command.args(["--user", &format!("{BOB}:{RIGHT}")]);
    for scheme in ["mx", "submission", "submissions"] {
        command.args(["--listen", &format!("{scheme}://127.0.0.1:0")]);
    }
    let server = Server::spawn(command, folder);
    let file = |name: &str, secret: &str| {
        let path = server.scratch().join(name);
        fs::write(&path, format!("{secret}\n")).unwrap();
        path
    };
    let (right, wrong) = (file("right", RIGHT), file("wrong", WRONG));
    for (mechanism, scheme) in [
        ("PLAIN", "submission"),
        ("LOGIN", "submissions"),
        ("SCRAM-SHA-1", "submission"),
        ("SCRAM-SHA-256", "submissions"),
        ("SCRAM-SHA-256-PLUS", "submission"),
    ] {
        for (password, exit) in [(&right, 0), (&wrong, 77)] {
            let mut send = server.send(scheme);
            send.env_remove("SMTPKIT_PASSWORD")
                .env("SMTPKIT_LOG", "trace")
                .arg("--password-file")
                .arg(password);
            send.args(["-v", "--json", "--auth", mechanism, "--from", ALICE, "--to", BOB, "--subject", "x"]);
            let (code, out, err) = finish(&mut send);
            assert_eq!(code, exit, "{mechanism}: {err}");
            assert!(err.contains(&format!("AUTH {mechanism}")), "the transcript is empty: {err}");
            holds_no_secret(mechanism, &out);
            holds_no_secret(mechanism, &err);
        }
    }
    for mechanism in ["OAUTHBEARER", "XOAUTH2"] {
        for (token, exit) in [(TOKEN, 0), (WRONG_TOKEN, 77)] {
            let path = file("token", token);
            let mut send = server.send_as(ROBOT, "submissions");
            send.args(["--token-cmd", &format!("cat '{}'", path.display()), "-v", "--json"]);
            send.args(["--auth", mechanism, "--from", ROBOT, "--to", BOB, "--subject", "x"]);
            let (code, out, err) = finish(send.env("SMTPKIT_LOG", "trace"));
            assert_eq!(code, exit, "{mechanism}: {err}");
            holds_no_secret(mechanism, &out);
            holds_no_secret(mechanism, &err);
        }
    }
    // from standard input, to a server that takes no login, and where nobody listens
    let mut send = server.send("mx");
    send.args(["-v", "--user", ALICE, "--password-stdin", "--from", ALICE, "--to", BOB, "--subject", "x"]);
    let (code, out, err) = with_input(&mut send, RIGHT);
    assert_eq!(code, 77, "{err}");
    holds_no_secret("a login that is not offered", &(out + &err));
    // what comes in the clear, in the wrong order or half is no better a secret
    let mut talk = Talk::plain(&server, "submission");
    talk.ask(&auth_plain(ALICE, RIGHT), "5");
    talk.ask("EHLO client.test", "250");
    talk.ask(&auth_plain(ALICE, RIGHT), "538");
    talk.ask(auth_plain(ALICE, RIGHT).trim_start_matches("AUTH PLAIN "), "500");
    holds_no_secret("the log", &server.log());
    assert!(server.log().contains("TRACE"), "the log is not at trace level: {}", server.log());
}
