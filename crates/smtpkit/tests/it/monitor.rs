//! What an operator sees: the page of numbers, and the records that a queue id leads to.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::harness::{ALICE, BOB, PASSWORD, Server, check, until, with_input};
use crate::talk::Talk;

/// Asks as a collector does: status line and body.
fn get(server: &Server, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(server.metrics()).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

/// The value of a sample, zero if it is not there.
fn value(page: &str, sample: &str) -> f64 {
    let of_sample = |line: &str| line.strip_prefix(sample)?.strip_prefix(' ')?.parse().ok();
    page.lines().find_map(of_sample).unwrap_or(0.0)
}

#[test]
fn the_page_counts_what_happened() {
    let server = Server::start_with(&["--metrics", "127.0.0.1:0"]);
    check(&with_input(server.send("submissions").args(["--from", ALICE, "--to", BOB]), "A: b\n\n"), 0, &[]);
    check(
        &with_input(server.send("mx").args(["--from", ALICE, "--to", "nobody@example.test"]), "A: b\n\n"),
        67,
        &["5.1.1"],
    );
    let mut wrong = server.send("submissions");
    wrong.env("SMTPKIT_PASSWORD", "a wrong one").args(["--from", ALICE, "--to", BOB]);
    check(&with_input(&mut wrong, "A: b\n\n"), 77, &[]);
    let mut talk = Talk::plain(&server, "mx");
    for (line, code) in [
        ("EHLO client.test", "250"),
        ("VRFY bob", "252"),
        ("VRFY nobody", "252"),
        ("EXPN list", "502"),
        ("MAIL FROM:<a@b.test>", "250"),
        ("RCPT TO:<c@elsewhere.test>", "550 5.7.1"),
        ("QUIT", "221"),
    ] {
        talk.ask(line, code);
    }
    assert_eq!(server.messages("bob").len(), 1);
    let expected = [
        ("smtpkit_transactions_total{role=\"submission\",code=\"250\"}", 1.0),
        ("smtpkit_session_tls_total{role=\"submission\",version=\"1.3\"}", 2.0),
        ("smtpkit_session_tls_total{role=\"mx\",version=\"none\"}", 2.0),
        ("smtpkit_auth_failures_total{role=\"submission\"}", 1.0),
        ("smtpkit_recipients_refused_total{role=\"mx\",reason=\"unknown\"}", 1.0),
        ("smtpkit_recipients_refused_total{role=\"mx\",reason=\"denied\"}", 1.0),
        ("smtpkit_probes_total{role=\"mx\",command=\"vrfy\"}", 2.0),
        ("smtpkit_probes_total{role=\"mx\",command=\"expn\"}", 1.0),
        ("smtpkit_queued_total", 1.0),
        ("smtpkit_deliveries_total{outcome=\"delivered\",route=\"mailbox\"}", 1.0),
        ("smtpkit_delivery_delay_seconds_count{route=\"mailbox\"}", 1.0),
        ("smtpkit_queue_entries", 0.0),
        ("smtpkit_queue_healthy", 1.0),
        ("smtpkit_connections", 0.0),
    ];
    let mut page = String::new();
    let is_right = until(|| {
        page = get(&server, "GET /metrics").1;
        expected.iter().all(|(sample, expected)| (value(&page, sample) - expected).abs() < 0.5)
    });
    let wrong: Vec<_> =
        expected.iter().filter(|(sample, expected)| value(&page, sample) != *expected).collect();
    assert!(is_right, "{wrong:?}\n{page}");
    assert!(value(&page, "smtpkit_queue_commits_total") >= 1.0, "{page}");
    for name in page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()) {
        assert!(page.contains(&format!("# HELP {name} ")), "{name} has no help text");
    }
}

#[test]
fn the_queue_is_measured_when_somebody_looks() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let smarthost = format!("smtp://127.0.0.1:{port}?tls=off");
    let server = Server::start_with(&[
        "--metrics",
        "127.0.0.1:0",
        "--smarthost",
        &smarthost,
        "--trusted",
        "127.0.0.0/8",
        "--retry",
        "1h",
    ]);
    check(&with_input(server.send("mx").args(["--from", ALICE, "--to", "c@far.test"]), "A: b\n\n"), 0, &[]);
    let is_measured = || {
        let page = get(&server, "GET /metrics").1;
        value(&page, "smtpkit_queue_entries") == 1.0
            && value(&page, "smtpkit_queue_recipients{state=\"queued\"}") == 1.0
            && value(&page, "smtpkit_deliveries_total{outcome=\"deferred\",route=\"via\"}") == 1.0
            && value(&page, "smtpkit_queue_oldest_seconds") > 0.0
    };
    assert!(until(is_measured), "{}", get(&server, "GET /metrics").1);
}

#[test]
fn the_page_says_whether_all_is_well_and_nothing_else() {
    let server = Server::start_with(&["--metrics", "127.0.0.1:0"]);
    assert_eq!(get(&server, "GET /healthz"), ("HTTP/1.1 200 OK".into(), "ok\n".into()));
    assert_eq!(get(&server, "GET /../users").0, "HTTP/1.1 404 Not Found");
    assert_eq!(get(&server, "POST /metrics").0, "HTTP/1.1 405 Method Not Allowed");
}

/// The records of a kind: JSON objects with that target.
fn records(server: &Server, target: &str) -> Vec<Value> {
    let log = server.log();
    let objects = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    objects.filter(|record| record["target"] == target).collect()
}

#[test]
fn a_queue_id_leads_to_everything_that_became_of_a_message() {
    let server = Server::start_with(&["--log-json"]);
    let sent = with_input(
        server.send("submission").args(["--from", ALICE, "--to", BOB, "--to", ALICE]),
        "Subject: a secret subject\n\nhi\n",
    );
    check(&sent, 0, &[]);
    assert_eq!(server.messages("bob").len(), 1);
    assert!(until(|| records(&server, "smtpkit::session").len() == 1), "{}", server.log());

    let transactions = records(&server, "smtpkit::transaction");
    let [transaction] = transactions.as_slice() else { panic!("{transactions:?}") };
    let id = transaction["queue_id"].as_str().unwrap();
    assert!(sent.2.contains(id) || sent.1.contains(id), "the sender heard another id: {sent:?}");
    for (field, expected) in [
        ("account", ALICE),
        ("reverse_path", "<alice@example.test>"),
        ("recipients", "<bob@example.test> <alice@example.test>"),
        ("role", "submission"),
        ("outcome", "accepted"),
    ] {
        assert_eq!(transaction[field], expected, "{field} in {transaction}");
    }
    assert!(transaction["duration_ms"].is_u64(), "{transaction}");
    assert!(transaction["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{transaction}");
    assert!(transaction["tls"].as_str().unwrap().contains("TLS"), "{transaction}");
    assert!(
        !transaction["hello"].as_str().unwrap().is_empty() && transaction["octets"].as_u64().unwrap() > 20
    );

    let deliveries = records(&server, "smtpkit::delivery");
    assert_eq!(deliveries.len(), 2, "{deliveries:?}");
    for delivery in &deliveries {
        assert_eq!((&delivery["queue_id"], &delivery["outcome"]), (&id.into(), &"delivered".into()));
        assert_eq!(delivery["account"], ALICE);
    }
    let sessions = records(&server, "smtpkit::session");
    assert_eq!(sessions[0]["session"], transaction["session"]);
    assert_eq!((&sessions[0]["outcome"], &sessions[0]["account"]), (&"quit".into(), &ALICE.into()));
    assert!(!server.log().contains(PASSWORD) && !server.log().contains("a secret subject"));
}
