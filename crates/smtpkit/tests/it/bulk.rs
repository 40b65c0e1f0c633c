//! `smtpkit send --count`: many messages over a few connections, and what is told of them.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{ALICE, BOB, Server, check, finish, smtpkit, until};

fn objects(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_message_is_told_of_and_stored() {
    let server = Server::start();
    let sent = finish(server.send("mx").args(["--from", ALICE, "--to", BOB, "--subject", "x"]).args([
        "--count",
        "40",
        "--connections",
        "3",
        "--json",
    ]));
    check(&sent, 0, &["sent 40 of 40 messages over"]);
    let objects = objects(&sent.1);
    let (summary, messages) = objects.split_last().unwrap();
    let numbers: HashSet<u64> = messages.iter().map(|object| object["message"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=40).collect());
    assert!(messages.iter().all(|object| object["ok"] == true));
    let summary = &summary["summary"];
    assert_eq!(
        (&summary["accepted"], &summary["failed"], &summary["exit"]),
        (&40.into(), &0.into(), &0.into())
    );
    assert!((1..=3).contains(&summary["connections"].as_u64().unwrap()), "{summary}");
    let stored = server.messages("bob");
    let ids: HashSet<&str> = stored
        .iter()
        .map(|message| std::str::from_utf8(message).unwrap())
        .map(|message| message.lines().find(|line| line.starts_with("Message-ID:")).unwrap())
        .collect();
    assert_eq!((stored.len(), ids.len()), (40, 40), "each message has an identifier of its own");
}

#[test]
fn a_file_is_sent_as_often_as_asked() {
    let server = Server::start();
    let file = server.scratch().join("message.eml");
    std::fs::write(&file, "Subject: again\n\nhello\n").unwrap();
    let sent = finish(server.send("mx").args(["--from", ALICE, "--to", BOB, "--count", "3"]).arg(&file));
    check(&sent, 0, &["sent 3 of 3 messages"]);
    assert_eq!(sent.1, "", "results are for scripts");
    assert_eq!(server.messages("bob").len(), 3);
}

#[test]
fn a_rate_is_kept() {
    let server = Server::start();
    let start = Instant::now();
    let sent = finish(server.send("mx").args(["--from", ALICE, "--to", BOB, "--subject", "x"]).args([
        "--count",
        "5",
        "--connections",
        "5",
        "--rate",
        "20",
    ]));
    check(&sent, 0, &["sent 5 of 5"]);
    assert!(start.elapsed() >= Duration::from_millis(200), "four turns of 50 ms each");
}

#[test]
fn the_exit_code_is_that_of_the_outcome() {
    let server = Server::start();
    let nobody = "nobody@example.test";
    let send = |to: &str| {
        finish(server.send("mx").args(["--from", ALICE, "--to", to, "--subject", "x", "--count", "2"]))
    };
    check(&send(nobody), 67, &["sent 0 of 2 messages", "2 not accepted", nobody]);
    check(&send(&format!("{BOB},{nobody}")), 79, &["2 accepted for some recipients only", "550"]);
}

#[test]
fn a_server_that_takes_nothing_is_not_asked_a_thousand_times() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let many = ["--from", ALICE, "--to", BOB, "--subject", "x", "--count", "1000"];
    let gone = finish(smtpkit().args(["send", &format!("smtp://{free}?tls=off")]).args(many));
    check(&gone, 75, &["the rest is not tried"]);
    assert!(gone.2.lines().count() < 100, "{}", gone.2);
    let server = Server::start();
    let locked_out = finish(server.send("submission").args(many).env("SMTPKIT_PASSWORD", "wrong"));
    check(&locked_out, 77, &["535", "sent 0 of 0"]);
    assert_eq!(locked_out.2.matches("535").count(), 1, "it is asked once: {}", locked_out.2);
}

#[test]
fn an_interrupt_finishes_what_is_on_its_way() {
    let server = Server::start();
    let child = server
        .send("mx")
        .args(["--from", ALICE, "--to", BOB, "--subject", "x", "--count", "1000", "--rate", "20"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    assert!(until(|| !server.stored("bob").is_empty()), "the first message arrives");
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-s", "INT", &id]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(79), "{stderr}");
    assert!(stderr.contains("smtpkit: interrupted; "), "{stderr}");
    let sent: usize = stderr.split("sent ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert_eq!(server.messages("bob").len(), sent, "{stderr}");
}
