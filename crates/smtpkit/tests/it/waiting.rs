//! Mail that waits: because the sender wants it so, because the next hop is down, because an operator looks at it.

use std::fs;

use crate::harness::{ALICE, BOB, PASSWORD, Server, check, finish, smtpkit, until, with_input};
use crate::talk::{Talk, auth_plain};

/// A port where nobody listens.
fn dead_smarthost() -> String {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("smtp://127.0.0.1:{port}?tls=off")
}

fn submit(server: &Server, mail: &str, to: &str) {
    let mut talk = Talk::secured(server, "submissions");
    for (line, code) in [
        (&*auth_plain(ALICE, PASSWORD), "235"),
        (mail, "250"),
        (to, "250"),
        ("DATA", "354"),
        ("Subject: later\r\n\r\nhi\r\n.", "250"),
        ("QUIT", "221"),
    ] {
        talk.ask(line, code);
    }
}

#[test]
fn a_message_for_later_waits_survives_a_restart_and_can_be_called_back() {
    let mut server = Server::start();
    let mut talk = Talk::secured(&server, "submissions");
    talk.ask(&auth_plain(ALICE, PASSWORD), "235");
    let offered = talk.ask("EHLO client.test", "250");
    assert!(offered.contains("FUTURERELEASE "), "{offered}");
    talk.ask("MAIL FROM:<alice@example.test> HOLDFOR=99999999999", "5");
    submit(&server, "MAIL FROM:<alice@example.test> HOLDFOR=3600", "RCPT TO:<bob@example.test>");
    submit(&server, "MAIL FROM:<alice@example.test> HOLDFOR=1", "RCPT TO:<alice@example.test>");
    assert!(until(|| server.stored("alice").len() == 1), "{}", server.log());
    assert_eq!(server.stored("bob").len(), 0);
    server.signal("TERM");
    assert_eq!(server.wait(), 0);
    let listed = server.queue(&["list", "--json"]).1;
    let entry: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let recipient = &entry["recipients"][0];
    assert_eq!((&recipient["address"], &recipient["attempts"]), (&BOB.into(), &0.into()), "{listed}");
    let held = recipient["due"].as_u64().unwrap() - entry["created"].as_u64().unwrap();
    assert!((3_599..=3_601).contains(&held), "{listed}");
    assert_eq!(server.queue(&["remove", entry["id"].as_str().unwrap(), "--json"]).1, "{\"recipients\":1}\n");
    assert_eq!(server.queue(&["list", "--json"]).1, "");
}

#[test]
fn the_sender_hears_of_a_delay_once_unless_he_does_not_want_to() {
    let smarthost = dead_smarthost();
    let flags =
        ["--smarthost", &*smarthost, "--retry", "1s", "--delay-notice", "1s", "--trusted", "127.0.0.0/8"];
    let server = Server::start_with(&flags);
    submit(&server, "MAIL FROM:<alice@example.test>", "RCPT TO:<c@far.test> NOTIFY=NEVER");
    submit(&server, "MAIL FROM:<alice@example.test>", "RCPT TO:<d@far.test>");
    assert!(until(|| server.stored("alice").len() == 1), "{}", server.log());
    let attempts = |count: u64| {
        let listed = server.queue(&["list", "--json"]).1;
        listed.lines().all(|line| {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            entry["recipients"][0]["attempts"].as_u64().unwrap() >= count
        })
    };
    assert!(until(|| attempts(4)), "{}", server.log());
    let reports = server.stored("alice");
    assert_eq!(reports.len(), 1, "one notice, for one of them");
    let report = String::from_utf8(reports[0].clone()).unwrap();
    for part in ["Action: delayed\r\n", "Final-Recipient: rfc822; d@far.test\r\n", "Will-Retry-Until:"] {
        assert!(report.contains(part), "{part} is not in {report}");
    }
}

#[test]
fn a_waiting_message_can_be_read_octet_by_octet() {
    let smarthost = dead_smarthost();
    let mut server =
        Server::start_with(&["--smarthost", &smarthost, "--retry", "1h", "--trusted", "127.0.0.0/8"]);
    let body = "0123456789 .\n".repeat(20_000);
    let sent = with_input(
        server.send("mx").args(["--from", ALICE, "--to", "c@far.test"]),
        format!("Subject: large\n\n{body}"),
    );
    check(&sent, 0, &[]);
    let entry: serde_json::Value = serde_json::from_str(&server.queue(&["list", "--json"]).1).unwrap();
    let id = entry["id"].as_str().unwrap().to_owned();
    let running = server.queue(&["show", "--content", &id]);
    check(&running, 0, &[]);
    assert!(running.1.starts_with("Received: "), "{}", &running.1[..200]);
    assert!(running.1.ends_with(&format!("Subject: large\r\n\r\n{}", body.replace('\n', "\r\n"))));
    assert_eq!(running.1.len() as u64, entry["size"].as_u64().unwrap());
    server.signal("TERM");
    assert_eq!(server.wait(), 0);
    assert!(server.queue(&["show", "--content", &id]).1 == running.1, "a stopped server's is the same");

    let shown_on = |file: fs::File| {
        let mut command = smtpkit();
        command.args(["queue", "show", "--content", &id, "--data"]).arg(server.data()).stdout(file);
        finish(&mut command)
    };
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    check(&shown_on(full), 74, &["standard output: ", "space"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    check(&shown_on(fs::File::from(std::os::fd::OwnedFd::from(writer))), 0, &[]);

    check(&server.queue(&["show", "--content", "0000000000000"]), 66, &["not in the queue"]);
}

#[test]
fn a_data_folder_may_lie_deep() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("d".repeat(100)).join("e".repeat(100));
    fs::create_dir_all(&deep).unwrap();
    let mut command = smtpkit();
    command.args(["serve", "--listen", "mx://127.0.0.1:0", "--domain", "example.test", "--data"]).arg(&deep);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .stderr(fs::File::create(folder.path().join("log")).unwrap())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut ready)
        .unwrap();
    let listed = finish(smtpkit().args(["queue", "list", "--data"]).arg(&deep));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(ready, "ready\n", "{}", fs::read_to_string(folder.path().join("log")).unwrap());
    check(&listed, 0, &[]);
    assert!(listed.1.contains("empty"), "{}", listed.1);
}

/// Says MAIL, RCPT and one BDAT chunk with a lone LF in it (RFC 3030 §2), and hears what becomes of the chunk.
fn lone_line_feed(server: &Server, parameter: &str, to: &str) -> String {
    let mut talk = Talk::plain(server, "mx");
    talk.ask("EHLO client.test", "250");
    talk.ask(&format!("MAIL FROM:<alice@example.test>{parameter}"), "250");
    talk.ask(&format!("RCPT TO:<{to}>"), "250");
    let content = "Subject: odd\r\n\r\na lone\nline feed";
    talk.say(&format!("BDAT {} LAST\r\n{content}", content.len() + 2))
}

#[test]
fn content_that_the_next_hop_cannot_take_does_not_wait_for_ever() {
    // text may not have it (RFC 5321 §2.3.8), binary content may (RFC 3030 §3)
    let takes_binary = Server::start();
    let url = format!("smtp://127.0.0.1:{}?tls=off", takes_binary.port("mx"));
    let server = Server::start_with(&["--smarthost", &url, "--trusted", "127.0.0.0/8", "--retry", "1s"]);
    let refused = lone_line_feed(&server, "", "bob@example.test");
    assert!(refused.starts_with('5'), "{refused}");
    let taken = lone_line_feed(&server, " BODY=BINARYMIME", "bob@example.test");
    assert!(taken.starts_with("250"), "{taken}");
    let stored = server.messages("bob");
    assert!(stored.len() == 1 && stored[0].ends_with(b"a lone\nline feed\r\n"), "{stored:?}");

    // a next hop that takes lines alone: the sender hears of it at once
    let script: &[&str] = &["220 old.test", "250-old.test\n250 8BITMIME", "221 2.0.0 bye", "hang up"];
    let next = crate::scripted::Scripted::start(script);
    let url = format!("smtp://127.0.0.1:{}?tls=off", next.port);
    let server = Server::start_with(&["--smarthost", &url, "--trusted", "127.0.0.0/8", "--retry", "1s"]);
    let taken = lone_line_feed(&server, " BODY=BINARYMIME", "x@far.test");
    assert!(taken.starts_with("250"), "{taken}");
    assert!(until(|| server.stored("alice").len() == 1), "{}\n{}", server.queue(&["list"]).1, server.log());
    let report = String::from_utf8(server.stored("alice").remove(0)).unwrap();
    assert!(report.contains("Action: failed\r\nStatus: 5.6."), "{report}");
    assert!(server.queue(&["list", "--json"]).1.is_empty());
}
