//! When mail goes out: not before its time and hardly after it, and again at the intervals of the file.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::harness::{ALICE, BOB, PASSWORD, Server, check, smtpkit, until, with_input};
use crate::talk::{Talk, auth_plain};

/// What the time of a file may lie behind the clock.
const TICK: Duration = Duration::from_millis(20);

/// Submits a message to be held, and gives the times before and behind that: the hold is counted from some moment between.
fn submit(server: &Server, hold: &str, to: &str) -> [Duration; 2] {
    let before = now();
    let mut talk = Talk::secured(server, "submissions");
    for (line, code) in [
        (auth_plain(ALICE, PASSWORD), "235"),
        (format!("MAIL FROM:<{ALICE}> {hold}"), "250"),
        (format!("RCPT TO:<{to}>"), "250"),
        ("DATA".to_owned(), "354"),
        ("Subject: later\r\n\r\nhi\r\n.".to_owned(), "250"),
    ] {
        talk.ask(&line, code);
    }
    [before, now()]
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// The second in which a moment lies, as HOLDUNTIL has it (RFC 4865 §4, RFC 3339).
fn date(moment: Duration) -> String {
    let date = std::process::Command::new("date")
        .args(["-u", "-d", &format!("@{}", moment.as_secs()), "+%Y-%m-%dT%H:%M:%SZ"])
        .output()
        .unwrap();
    String::from_utf8(date.stdout).unwrap().trim().to_owned()
}

/// When the messages of a mailbox were stored, in their order.
fn arrivals(server: &Server, local_part: &str) -> Vec<Duration> {
    let new = server.data().join("mail/example.test").join(local_part).join("new");
    let files = std::fs::read_dir(new).unwrap();
    let mut times: Vec<Duration> = files
        .map(|file| file.unwrap().metadata().unwrap().modified().unwrap().duration_since(UNIX_EPOCH).unwrap())
        .collect();
    times.sort();
    times
}

#[test]
fn held_mail_goes_out_within_a_second_of_its_time_and_not_before() {
    let server = Server::start();
    let moment = now() + Duration::from_secs(3);
    submit(&server, &format!("HOLDUNTIL={}", date(moment)), ALICE);
    // as many as it takes that a busy machine is not busy when one of them is due
    let punctual = (1..=10).any(|count| {
        let hold = Duration::from_secs(2);
        let [earliest, latest] = submit(&server, "HOLDFOR=2", BOB).map(|moment| moment + hold);
        assert!(until(|| server.stored("bob").len() == count), "{}", server.log());
        let arrived = arrivals(&server, "bob")[count - 1];
        // the clock of files ticks in steps
        assert!(arrived + TICK >= earliest, "{arrived:?} is before {earliest:?}");
        arrived < latest + Duration::from_secs(1)
    });
    assert!(punctual, "{}", server.log());
    assert!(until(|| server.stored("alice").len() == 1), "{}", server.log());
    assert!(arrivals(&server, "alice")[0].as_secs() >= moment.as_secs());
}

#[test]
fn held_mail_goes_out_at_its_time_after_a_restart() {
    let mut server = Server::start();
    let users = server.scratch().join("users");
    let [began, _] = submit(&server, "HOLDFOR=3", BOB);
    server.kill();
    let mut command = smtpkit();
    command.args(["serve", "--hostname", "mx.example.test", "--listen", "mx://127.0.0.1:0", "--user-file"]);
    command.arg(users);
    server.restart(command);
    assert!(until(|| server.stored("bob").len() == 1), "{}", server.log());
    let arrived = arrivals(&server, "bob")[0];
    assert!(arrived + TICK >= began + Duration::from_secs(3), "{arrived:?} is before its time");
}

/// A recipient that waits, once it was tried so often.
fn tried(server: &Server, attempts: u64) -> Value {
    let mut entry = Value::Null;
    let is_tried = until(|| {
        entry = serde_json::from_str(&server.queue(&["list", "--json"]).1).unwrap_or_default();
        entry["recipients"][0]["attempts"] == attempts
    });
    assert!(is_tried, "{entry}\n{}", server.log());
    entry["recipients"][0].clone()
}

#[test]
fn attempts_are_made_at_the_intervals_of_the_file_and_the_mail_arrives_once() {
    // it has to come up where nobody was
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let near = Server::configured(&format!(
        "hostname = \"mx.example.test\"\n[[listener]]\nurl = \"mx://127.0.0.1:0\"\n\
         [relay]\nsmarthost = \"smtp://127.0.0.1:{port}?tls=off\"\ntrusted = [\"127.0.0.0/8\"]\n\
         retry = [\"1h\", \"2h\", \"3h\"]\n"
    ));
    let sent = with_input(near.send("mx").args(["--from", "x@y.test", "--to", "carol@far.test"]), "A: b\n\n");
    check(&sent, 0, &[]);
    for (attempts, hours) in [(1, 1.0), (2, 2.0), (3, 3.0), (4, 3.0)] {
        let before = now().as_secs_f64();
        if attempts > 1 {
            assert_eq!(near.queue(&["retry", "--json"]).1, "{\"recipients\":1}\n");
        }
        let recipient = tried(&near, attempts);
        assert_eq!((&recipient["state"], &recipient["last_status"]), (&"queued".into(), &"4.4.1".into()));
        let due = recipient["due"].as_f64().unwrap();
        let (least, most) = ((due - now().as_secs_f64()) / 3_600.0, (due - before) / 3_600.0);
        // 10 percent of jitter; the list has whole seconds
        assert!(most > hours * 0.9 - 0.001 && least < hours * 1.1 + 0.001, "{least} … {most}, not {hours} h");
    }
    let mut command = smtpkit();
    let users = near.scratch().join("users");
    std::fs::write(&users, "carol@far.test:another one\n").unwrap();
    command.args(["serve", "--hostname", "mx.far.test", "--listen", &format!("mx://127.0.0.1:{port}")]);
    command.arg("--user-file").arg(users);
    let far = Server::spawn(command, tempfile::tempdir().unwrap());
    check(&near.queue(&["flush"]), 0, &[]);
    assert!(until(|| !far.mailbox("far.test", "carol").is_empty()), "{}", near.log());
    assert!(until(|| near.queue(&["list", "--json"]).1.is_empty()), "{}", near.log());
    assert_eq!(far.mailbox("far.test", "carol").len(), 1);
}
