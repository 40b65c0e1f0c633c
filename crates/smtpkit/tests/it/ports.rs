//! Host, port, encryption and login: the four words of every settings page, right and wrong.

use crate::harness::{ALICE, BOB, PASSWORD, Server, check, finish, smtpkit};

/// Sends to a listener with these flags.
fn send(server: &Server, scheme: &str, flags: &[&str]) -> (i32, String, String) {
    let mut command = smtpkit();
    command.args(["send", "--host", "127.0.0.1", "--port", &server.port(scheme).to_string()]).args(flags);
    command.args(["--from", ALICE, "--to", BOB, "--subject", "x"]);
    command.arg("--ca").arg(server.data().join("tls/ca.pem")).env("SMTPKIT_PASSWORD", PASSWORD);
    finish(&mut command)
}

#[test]
fn the_four_words_reach_the_listener_that_they_mean() {
    let server = Server::start();
    let user = ["--user", ALICE];
    for (scheme, tls, login) in [
        ("mx", "none", &[][..]),
        ("mx", "off", &[]),
        ("mx", "opportunistic", &[]),
        ("mx", "starttls", &[]),
        ("submission", "starttls", &user),
        ("submission", "require", &user),
        ("submissions", "implicit", &user),
    ] {
        let sent = send(&server, scheme, &[&["--tls", tls], login].concat());
        check(&sent, 0, &["1 of 1", if matches!(tls, "none" | "off") { "(no TLS)" } else { "(TLS1_3" }]);
    }
    assert_eq!(server.messages("bob").len(), 7);
}

#[test]
fn words_that_do_not_fit_are_named_with_the_remedy() {
    // who waits for a greeting without TLS waits as long as the server waits for a handshake
    let server = Server::configured(
        "hostname = \"mx.example.test\"\nuser_file = \"users\"\n\
         [[listener]]\nurl = \"mx://127.0.0.1:0\"\n[[listener]]\nurl = \"submission://127.0.0.1:0\"\n\
         [[listener]]\nurl = \"submissions://127.0.0.1:0\"\nlimits = { tls_timeout = \"5s\" }\n",
    );
    let user = ["--user", ALICE];
    for (scheme, tls, login, exit, says) in [
        ("submission", "implicit", &user[..], 77, "--tls require"),
        ("mx", "implicit", &[], 77, "--tls require"),
        ("submissions", "require", &user, 75, "--tls implicit"),
        ("submissions", "off", &[], 75, "--tls implicit"),
        ("submission", "off", &user, 77, "--tls require"),
        ("submission", "off", &[], 77, "--tls require and --user"),
        ("submission", "require", &[], 77, "take --user"),
        ("submissions", "implicit", &[], 77, "take --user"),
        ("mx", "require", &user, 77, "leave --user out"),
        ("mx", "off", &user, 77, "--tls require"),
    ] {
        let refused = send(&server, scheme, &[&["--tls", tls], login].concat());
        check(&refused, exit, &[says]);
        assert_eq!(refused.2.lines().count(), 2, "what is wrong, and what to do: {}", refused.2);
    }
    let nobody = finish(
        smtpkit()
            .args(["send", "--host", "127.0.0.1", "--port", "1", "--from", ALICE, "--to", BOB])
            .args(["--subject", "x"]),
    );
    check(&nobody, 75, &["is the port right?"]);
    assert!(server.messages("bob").is_empty());
}
