//! Five servers in a row, and each of them in turn is killed half-way.

use std::net::TcpListener;

use crate::harness::{Server, smtpkit, until};
use crate::load::Load;

const HOPS: usize = 5;
/// Messages between one kill and the next.
const MESSAGES: usize = 60;

/// The server at a place in the row: the last one has the mailbox, the others pass on.
fn serve(ports: &[u16], place: usize, users: &str) -> std::process::Command {
    let mut command = smtpkit();
    command.args(["serve", "--hostname", &format!("mx{place}.hop.test"), "--retry", "1s"]);
    command.args(["--listen", &format!("mx://127.0.0.1:{}", ports[place])]);
    match ports.get(place + 1) {
        Some(next) => command.args(["--smarthost", &format!("smtp://127.0.0.1:{next}?tls=off")]).args([
            "--trusted",
            "127.0.0.0/8",
            "--domain",
            "hop.test",
        ]),
        None => command.args(["--user-file", users]),
    };
    command
}

fn field<'m>(message: &'m str, name: &str) -> &'m str {
    message.lines().find(|line| line.starts_with(name)).unwrap()
}

#[test]
fn any_hop_may_be_killed_half_way_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    std::fs::write(&users, "x@far.test:another one\n").unwrap();
    let users = users.to_str().unwrap();
    // each has to come back where it was
    let listeners: Vec<TcpListener> = (0..HOPS).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let ports: Vec<u16> = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
    drop(listeners);
    let start = |place| Server::spawn(serve(&ports, place, users), tempfile::tempdir().unwrap());
    let mut hops: Vec<Server> = (0..HOPS).map(start).collect();

    let load = Load::default();
    for place in 0..HOPS {
        let before = load.acknowledged().len();
        let most = load.begun() + MESSAGES;
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| load.hand_over(ports[0], |number| number < most));
            }
            assert!(until(|| load.acknowledged().len() >= before + MESSAGES / 4), "{}", hops[0].log());
            hops[place].kill();
        });
        hops[place].restart(serve(&ports, place, users));
    }

    let mut sent = load.acknowledged();
    sent.sort();
    assert!(sent.len() >= HOPS * MESSAGES / 4, "{}", sent.len());
    let last = &hops[HOPS - 1];
    let arrived = || -> Vec<String> {
        let messages = last.mailbox("far.test", "x").into_iter();
        messages.map(|message| String::from_utf8(message).unwrap()).collect()
    };
    let lacking = || {
        let mut subjects: Vec<String> =
            arrived().iter().map(|message| field(message, "Subject:").to_owned()).collect();
        subjects.sort();
        sent.iter().filter(|subject| subjects.binary_search(subject).is_err()).count()
    };
    assert!(until(|| lacking() == 0), "{} of {} are lacking\n{}", lacking(), sent.len(), last.log());
    for message in arrived() {
        assert_eq!(message.matches("\nReceived:").count(), HOPS, "{message}");
    }
}
