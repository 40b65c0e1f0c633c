//! Mail that goes on: two servers, a queue that waits, reports that come back.

use std::fs;

use crate::harness::{ALICE, BOB, Server, check, finish, smtpkit, until, with_input};

/// A server for far.test with one mailbox, carol.
fn far() -> Server {
    far_on("127.0.0.1:0")
}

fn far_on(address: &str) -> Server {
    far_with(&format!("mx://{address}"))
}

fn far_with(listener: &str) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    fs::write(&users, "carol@far.test:another one\n").unwrap();
    let mut command = smtpkit();
    command.args(["serve", "--hostname", "mx.far.test", "--listen", listener, "--user-file"]);
    command.arg(users);
    Server::spawn(command, folder)
}

/// A server for example.test that passes everything else on to `port`, and tries again every second.
fn near(port: u16, flags: &[&str]) -> Server {
    let smarthost = format!("smtp://127.0.0.1:{port}?tls=opportunistic");
    let mut all = vec!["--smarthost", &smarthost, "--trusted", "127.0.0.0/8"];
    all.extend_from_slice(if flags.contains(&"--retry") { &[] } else { &["--retry", "1s"] });
    all.extend_from_slice(flags);
    Server::start_with(&all)
}

fn mailbox(server: &Server, domain: &str, local_part: &str) -> Vec<Vec<u8>> {
    let new = server.data().join("mail").join(domain).join(local_part).join("new");
    let Ok(entries) = fs::read_dir(new) else { return Vec::new() };
    entries.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_message_passes_two_servers_octet_by_octet() {
    let (far, content) = (
        far(),
        "Subject: on\r\nMessage-ID: <1@x.test>\r\nDate: Sat, 21 Nov 2026 00:00:00 +0000\r\n\r\n.dots\r\n",
    );
    let near = near(far.port("mx"), &[]);
    let sent = with_input(near.send("submission").args(["--from", ALICE, "--to", "carol@far.test"]), content);
    check(&sent, 0, &[]);
    assert!(until(|| mailbox(&far, "far.test", "carol").len() == 1), "{}\n{}", near.log(), far.log());
    let stored = String::from_utf8(mailbox(&far, "far.test", "carol").remove(0)).unwrap();
    assert!(
        stored.starts_with("Return-Path: <alice@example.test>\r\nDelivered-To: carol@far.test\r\nReceived:")
    );
    assert_eq!(stored.matches("\nReceived:").count(), 2, "one for each hop: {stored}");
    assert_eq!(stored.matches("Return-Path:").count(), 1);
    assert!(stored.ends_with(content), "{stored}");
    assert!(until(|| near.queue(&["list", "--json"]) == (0, String::new(), String::new())), "nothing waits");
}

#[test]
fn a_smarthost_is_logged_into_over_verified_tls() {
    let far = far_with("submissions://127.0.0.1:0");
    let password = far.scratch().join("password");
    fs::write(&password, "another one\n").unwrap();
    let url = format!("smtps://carol%40far.test@127.0.0.1:{}", far.port("submissions"));
    let ca = far.data().join("tls/ca.pem");
    let near = Server::start_with(&[
        "--smarthost",
        &url,
        "--smarthost-password-file",
        password.to_str().unwrap(),
        "--smarthost-ca",
        ca.to_str().unwrap(),
        "--trusted",
        "127.0.0.0/8",
    ]);
    let from = ["--from", "carol@far.test", "--to", "carol@far.test"];
    check(&with_input(near.send("mx").args(from), "Subject: x\n\nhi\n"), 0, &[]);
    assert!(until(|| mailbox(&far, "far.test", "carol").len() == 1), "{}\n{}", near.log(), far.log());
    let stored = String::from_utf8(mailbox(&far, "far.test", "carol").remove(0)).unwrap();
    assert!(stored.contains("with ESMTPSA"), "{stored}");
    assert!(!near.log().contains("another one") && !far.log().contains("another one"));
}

#[test]
fn a_smarthost_that_nobody_vouches_for_gets_neither_password_nor_mail() {
    let far = far_with("submissions://127.0.0.1:0");
    let password = far.scratch().join("password");
    fs::write(&password, "another one\n").unwrap();
    let url = format!("smtps://carol%40far.test@127.0.0.1:{}", far.port("submissions"));
    let near = Server::start_with(&[
        "--smarthost",
        &url,
        "--smarthost-password-file",
        password.to_str().unwrap(),
        "--trusted",
        "127.0.0.0/8",
    ]);
    let from = ["--from", "carol@far.test", "--to", "carol@far.test"];
    check(&with_input(near.send("mx").args(from), "Subject: x\n\nhi\n"), 0, &[]);
    let waits = || near.queue(&["list", "--json"]).1.contains("\"last_status\":\"4.7.5\"");
    assert!(until(waits), "{}\n{}", near.queue(&["list"]).1, near.log());
    assert!(mailbox(&far, "far.test", "carol").is_empty());
    assert!(!far.log().contains("carol@far.test"), "nobody logged in: {}", far.log());
}

#[test]
fn a_folder_belongs_to_one_server() {
    let server = Server::start();
    let second =
        finish(smtpkit().args(["serve", "--listen", "mx://127.0.0.1:0", "--data"]).arg(server.data()));
    check(&second, 74, &["in use", "--data"]);
}

#[test]
fn strangers_relay_nothing() {
    let far = far();
    let sent =
        with_input(far.send("mx").args(["--from", "eve@evil.test", "--to", "x@elsewhere.test"]), "A: b\n\n");
    check(&sent, 67, &["550", "5.7.1"]);
}

#[test]
fn mail_waits_while_the_next_hop_is_down_and_goes_when_it_is_back() {
    let port = free_port();
    let near = near(port, &[]);
    let sent = with_input(
        near.send("mx").args(["--from", ALICE, "--to", "carol@far.test"]),
        "Subject: later\n\nhi\n",
    );
    check(&sent, 0, &["1 of 1"]);
    let tried = || near.queue(&["list", "--json"]).1.contains("\"last_status\":\"4.4.1\"");
    assert!(until(tried), "{}\n{}", near.queue(&["list"]).1, near.log());
    let far = far_on(&format!("127.0.0.1:{port}"));
    assert!(until(|| mailbox(&far, "far.test", "carol").len() == 1), "{}", near.log());
}

#[test]
fn a_refused_recipient_is_reported_to_the_sender() {
    let far = far();
    let near = near(far.port("mx"), &[]);
    let sent = with_input(
        near.send("mx").args(["--from", ALICE, "--to", "nobody@far.test"]),
        "Subject: lost\n\nhi\n",
    );
    check(&sent, 0, &[]);
    assert!(until(|| near.stored("alice").len() == 1), "{}", near.log());
    let report = near.stored("alice");
    let report = String::from_utf8(report[0].clone()).unwrap();
    for part in [
        "Return-Path: <>\r\n",
        "Content-Type: multipart/report",
        "Final-Recipient: rfc822; nobody@far.test\r\n",
        "Action: failed\r\n",
        "Status: 5.1.1\r\n",
        "Subject: lost\r\n",
    ] {
        assert!(report.contains(part), "{part} is not in {report}");
    }
}

#[test]
fn what_cannot_be_delivered_in_time_is_given_up() {
    let near = near(free_port(), &["--give-up", "1s"]);
    let sent = with_input(
        near.send("mx").args(["--from", ALICE, "--to", "carol@far.test"]),
        "Subject: late\n\nhi\n",
    );
    check(&sent, 0, &[]);
    assert!(until(|| near.stored("alice").len() == 1), "{}", near.log());
    let report = String::from_utf8(near.stored("alice").remove(0)).unwrap();
    assert!(report.contains("Action: failed\r\nStatus: 5.4.7\r\n"), "{report}");
}

#[test]
fn an_operator_decides_about_the_queue_of_a_running_and_of_a_stopped_server() {
    let mut near = near(free_port(), &["--retry", "1h"]);
    for to in ["a@far.test", "b@far.test", "c@other.test"] {
        check(&with_input(near.send("mx").args(["--from", ALICE, "--to", to]), "A: b\n\n"), 0, &[]);
    }
    let lines = |server: &Server, arguments: &[&str]| server.queue(arguments).1.lines().count();
    let tried = || near.queue(&["list", "--json"]).1.matches("\"attempts\":1").count() == 3;
    assert!(until(tried), "{}", near.queue(&["list"]).1);
    assert_eq!(lines(&near, &["list", "--json"]), 3);
    assert_eq!(lines(&near, &["list", "--json", "--domain", "far.test"]), 2);
    assert_eq!(lines(&near, &["list", "--json", "--sender", ALICE]), 3);
    assert_eq!(lines(&near, &["list", "--json", "--sender", BOB]), 0);
    assert_eq!(near.queue(&["hold", "--domain", "far.test", "--json"]).1, "{\"recipients\":2}\n");
    assert_eq!(lines(&near, &["list", "--json", "--state", "held"]), 2);
    assert_eq!(near.queue(&["remove"]).0, 64, "everything has to be said");
    assert_eq!(near.queue(&["flush", "--domain", "far.test"]).0, 64, "it cannot be done by halves");
    assert_eq!(near.queue(&["show"]).0, 64);
    let held = near.queue(&["list", "--state", "held"]).1;
    assert!(held.contains("held") && !held.contains("next in"), "{held}");
    check(&near.queue(&["retry", "--state", "held"]), 0, &[]);
    assert!(near.queue(&["retry", "--state", "held"]).1.contains("released first"));
    check(&near.queue(&["hold", "0000000000000"]), 66, &["0000000000000 is not in the queue"]);

    near.signal("TERM");
    assert_eq!(near.wait(), 0, "{}", near.log());
    assert_eq!(lines(&near, &["list", "--json", "--state", "held"]), 2, "a restart forgets nothing");
    assert_eq!(near.queue(&["release", "--all", "--json"]).1, "{\"recipients\":2}\n");
    let listed = near.queue(&["list", "--json", "--domain", "other.test"]).1;
    let entry: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let id = entry["id"].as_str().unwrap();
    let shown = near.queue(&["show", id]);
    check(&shown, 0, &[]);
    assert!(shown.1.contains("c@other.test") && shown.1.contains("A: b"), "{}", shown.1);
    assert_eq!(near.queue(&["remove", id, "--json"]).1, "{\"recipients\":1}\n");
    assert_eq!(near.queue(&["show", id]).0, 66);
    check(&near.queue(&["remove", id]), 66, &["is not in the queue"]);
    assert_eq!(lines(&near, &["list", "--json"]), 2);

    // by age, and several by their ids
    assert_eq!(near.queue(&["hold", "--older-than", "1h", "--json"]).1, "{\"recipients\":0}\n");
    assert_eq!(near.queue(&["hold", "--older-than", "0s", "--json"]).1, "{\"recipients\":2}\n");
    let listed = near.queue(&["list", "--json"]).1;
    let entries = listed.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let ids: Vec<String> = entries.map(|entry| entry["id"].as_str().unwrap().to_owned()).collect();
    let both = near.queue(&["remove", &ids[0], &format!("{}/0", ids[1]), id, "--json"]);
    check(&both, 66, &[&format!("{id} is not in the queue")]);
    assert_eq!(both.1, "{\"recipients\":2}\n");
    assert_eq!(lines(&near, &["list", "--json"]), 0);
}

#[test]
fn routes_lead_where_the_file_says_and_a_reload_changes_them() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("smtpkit.toml");
    let write = |target: &str| {
        let text = format!(
            "hostname = \"mx.example.test\"\n[[listener]]\nurl = \"mx://127.0.0.1:0\"\n[[domain]]\nname = \"example.test\"\n\
             mailboxes = [\"alice\", \"bob\"]\n[[route]]\nmatch = \"sales@example.test\"\nto = [\"{target}\"]\n\
             [[route]]\nmatch = \"gone@example.test\"\nreject = \"550 5.7.1 moved away\"\n"
        );
        fs::write(&config, text).unwrap();
    };
    write(ALICE);
    let mut command = smtpkit();
    command.args(["serve", "--config"]).arg(&config);
    let server = Server::spawn(command, folder);
    let send = |to: &str| with_input(server.send("mx").args(["--from", "x@y.test", "--to", to]), "A: b\n\n");
    check(&send("sales@example.test"), 0, &[]);
    assert_eq!(server.messages("alice").len(), 1);
    check(&send("gone@example.test"), 67, &["550", "moved away"]);
    write(BOB);
    server.signal("HUP");
    let moved = until(|| {
        check(&send("sales@example.test"), 0, &[]);
        !server.messages("bob").is_empty()
    });
    assert!(moved, "{}", server.log());
}

#[test]
fn an_acknowledged_message_survives_kill() {
    let mut near = near(free_port(), &["--retry", "1h"]);
    let sent = with_input(
        near.send("mx").args(["--from", ALICE, "--to", "carol@far.test"]),
        "Subject: kept\n\nhi\n",
    );
    check(&sent, 0, &[]);
    near.signal("KILL");
    near.wait();
    let listed = finish(smtpkit().args(["queue", "list", "--json", "--data"]).arg(near.data()));
    check(&listed, 0, &[]);
    assert!(listed.1.contains("carol@far.test"), "{}", listed.1);
}
