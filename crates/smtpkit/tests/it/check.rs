//! `smtpkit check`: what is found out about a server, and whether it relays for strangers.

use serde_json::Value;

use crate::harness::{ALICE, PASSWORD, Server, check, finish, smtpkit};
use crate::scripted::answering;

fn object(outcome: &(i32, String, String)) -> Value {
    serde_json::from_str(&outcome.1).unwrap_or_else(|_| panic!("{outcome:?}"))
}

#[test]
fn our_own_server_relays_for_nobody() {
    let server = Server::start();
    let host = format!("127.0.0.1:{}", server.port("mx"));
    let found = finish(smtpkit().args(["check", "relay", &host]));
    check(&found, 0, &[]);
    assert!(found.1.contains("relays      no: ") && !found.1.contains("RELAYS"), "{}", found.1);
    let found = finish(smtpkit().args(["check", &format!("smtp://{host}?tls=off"), "--json"]));
    check(&found, 0, &[]);
    let object = object(&found);
    assert_eq!((&object["relay"]["open"], &object["ok"]), (&false.into(), &true.into()));
    assert!(object["relay"]["refused"].as_u64().unwrap() > 20, "{object}");
    assert_eq!(object["limits"]["SIZE"], 52_428_800);
    assert!(object["extensions"].as_array().unwrap().contains(&"PIPELINING".into()), "{object}");
    assert!(object["latency_ms"]["ehlo"].is_number(), "{object}");
    assert!(object["tls"].is_null());
}

#[test]
fn a_login_and_a_certificate_are_shown() {
    let server = Server::start();
    let url = format!("smtps://{ALICE}@127.0.0.1:{}", server.port("submissions"));
    let ca = server.data().join("tls/ca.pem");
    let with_login = |json: &str| {
        let mut command = smtpkit();
        command.args(["check", &url, json]).arg("--ca").arg(&ca).env("SMTPKIT_PASSWORD", PASSWORD);
        finish(&mut command)
    };
    let found = with_login("--json");
    check(&found, 0, &[]);
    let found = object(&found);
    assert_eq!(found["tls"]["verified"], true);
    assert!(found["mechanism"].is_string(), "{found}");
    let leaf = &found["tls"]["chain"][0];
    assert!(leaf["days_left"].is_number() && leaf["not_after"].is_string(), "{found}");
    assert!(leaf["names"].as_array().unwrap().contains(&"mx.example.test".into()), "{found}");
    assert_eq!(found["relay"]["open"], false, "the relay test runs without the login");
}

#[test]
fn a_certificate_that_does_not_hold_is_shown_all_the_same() {
    let server = Server::start();
    let url = format!("smtps://127.0.0.1:{}", server.port("submissions"));
    let found = finish(smtpkit().args(["check", &url]));
    check(&found, 77, &[]);
    for says in ["NOT verified", "issued by", "mechanisms", "failed      TLS handshake: ", "was not verified"]
    {
        assert!(found.1.contains(says), "`{says}` is not in: {}", found.1);
    }
}

#[test]
fn where_plaintext_would_do_a_bad_certificate_is_a_warning() {
    let server = Server::start();
    let found = finish(smtpkit().args(["check", &format!("127.0.0.1:{}", server.port("mx")), "--json"]));
    check(&found, 0, &[]);
    let found = object(&found);
    assert_eq!(found["tls"]["verified"], false, "{found}");
    assert_eq!(found["relay"]["open"], false);
    let warnings = found["warnings"].to_string();
    assert!(warnings.contains("TLS handshake: ") && warnings.contains("was not verified"), "{warnings}");
}

#[test]
fn an_open_relay_is_found() {
    let port = answering(|line| match line.split(' ').next().unwrap_or_default() {
        "EHLO" => "250 mx.example.test",
        "QUIT" => "221 bye",
        "RCPT" if line.contains("no-such-mailbox") => "550 5.1.1 nobody",
        "RCPT" if line.ends_with("<user%example.net@mx.example.test>") => "250 ok",
        "RCPT" => "550 5.7.1 no",
        _ => "250 ok",
    });
    let found = finish(smtpkit().args(["check", "relay", &format!("127.0.0.1:{port}"), "--json"]));
    check(&found, 69, &[]);
    let found = object(&found);
    let open: Vec<&Value> = found["relay"]["probes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|probe| probe["verdict"] == "relays")
        .collect();
    assert_eq!(open.len(), 1, "{found}");
    assert_eq!(open[0]["form"], "percent");
}

#[test]
fn a_server_that_takes_every_name_is_no_relay() {
    let port = answering(|line| match line.split(' ').next().unwrap_or_default() {
        "EHLO" => "250 mx.example.test",
        "QUIT" => "221 bye",
        "RCPT" if line.ends_with("@mx.example.test>") && !line.contains("@example.net@") => "250 ok",
        "RCPT" => "550 5.7.1 no",
        _ => "250 ok",
    });
    let found = finish(smtpkit().args(["check", "relay", &format!("127.0.0.1:{port}")]));
    check(&found, 0, &[]);
    assert!(found.1.contains("unclear (every name at the server is accepted)"), "{}", found.1);
}

#[test]
fn a_server_that_hangs_up_is_called_again_but_not_for_ever() {
    let port = answering(|line| match line.split(' ').next().unwrap_or_default() {
        "EHLO" => "250 mx.example.test",
        "RCPT" => "421 4.7.0 enough",
        _ => "250 ok",
    });
    let found = finish(smtpkit().args(["check", "relay", &format!("127.0.0.1:{port}")]));
    check(&found, 0, &[]);
    assert!(found.1.contains("untested (the server ended the connection)"), "{}", found.1);
}

#[test]
fn nobody_there_and_nothing_asked() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = finish(smtpkit().args(["check", &free.to_string()]));
    assert_eq!(gone.0, 75, "{gone:?}");
    assert!(gone.1.contains("failed      connecting: "), "{}", gone.1);
    check(&finish(smtpkit().arg("check")), 64, &["no server"]);
    check(&finish(smtpkit().args(["check", "relay", "--no-relay", "mx.test"])), 64, &["--no-relay"]);
    check(&finish(smtpkit().args(["check", "mx.test", "mx.test"])), 64, &["one argument too many"]);
}
