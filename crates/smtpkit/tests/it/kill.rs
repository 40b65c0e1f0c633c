//! kill -9 under load: sessions hand mail over as fast as they can, the server passes it on to a sink, and is killed in
//! the middle of it, again and again. What was acknowledged arrives; what arrives twice was under way.
//!
//! `cargo xtask torture` runs the same with a hundred kills and fifty thousand messages, and shows the figures.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::harness::{Server, smtpkit, until};
use crate::load::{Load, Sink, number};

/// How many kills, if more than the usual few.
const KILLS: &str = "SMTPKIT_TORTURE_KILLS";
/// How many messages wait when the time of a start is taken.
const QUEUED: &str = "SMTPKIT_TORTURE_QUEUED";
/// Sessions that hand mail over at the same time.
const SESSIONS: usize = 16;
/// Deliveries to one site at a time, and the outcomes that one commit holds: what a kill can take the memory of.
const UNDER_WAY_MAX: usize = 20 + 256;

pub(crate) fn relay_to(port: u16, retry: &str) -> Server {
    let (folder, command) = (tempfile::tempdir().unwrap(), relaying(port, retry));
    Server::spawn(command, folder)
}

pub(crate) fn relaying(port: u16, retry: &str) -> std::process::Command {
    let mut command = smtpkit();
    command.args([
        "serve",
        "--hostname",
        "mx.example.test",
        "--domain",
        "example.test",
        "--listen",
        "mx://127.0.0.1:0",
    ]);
    command.args(["--smarthost", &format!("smtp://127.0.0.1:{port}?tls=off"), "--retry", retry]);
    command.args(["--trusted", "127.0.0.0/8"]);
    command
}

#[test]
fn what_was_acknowledged_survives_kill_9_under_load() {
    let (kills, sink, load) = (number(KILLS, 5), Sink::start("127.0.0.1:0"), Load::default());
    let mut server = relay_to(sink.port, "1s");
    let mut starts: Vec<Duration> = Vec::new();
    for kill in 0..kills {
        let (port, before) = (server.port("mx"), load.acknowledged().len());
        std::thread::scope(|scope| {
            for _ in 0..SESSIONS {
                scope.spawn(|| load.hand_over(port, |_| true));
            }
            // at another moment each time
            let enough = before + 50 + kill * 37 % 400;
            assert!(until(|| load.acknowledged().len() >= enough), "{}", server.log());
            server.kill();
        });
        let began = Instant::now();
        server.restart(relaying(sink.port, "1s"));
        starts.push(began.elapsed());
    }
    let acknowledged = load.acknowledged();
    sink.wait_for(&acknowledged);
    let drained = until(|| server.queue(&["list", "--json"]).1.is_empty());
    let (lost, twice) = (sink.lacks(&acknowledged), sink.second_copies());
    starts.sort();
    println!(
        "{kills} kills: {} acknowledged, {lost} lost, {twice} second copies; ready after {:?} (median), {:?} (most)",
        acknowledged.len(),
        starts[starts.len() / 2],
        starts[starts.len() - 1],
    );
    assert!(drained, "the queue does not drain\n{}", server.log());
    assert_eq!(lost, 0);
    assert!(twice <= kills * UNDER_WAY_MAX, "{twice} second copies");
}

#[test]
fn a_long_queue_is_there_again_after_a_kill() {
    let (queued, load) = (number(QUEUED, 500), Load::default());
    // nobody listens there
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = relay_to(closed, "1h");
    let port = server.port("mx");
    std::thread::scope(|scope| {
        for _ in 0..SESSIONS * 4 {
            scope.spawn(|| load.hand_over(port, |number| number < queued));
        }
    });
    assert_eq!(load.acknowledged().len(), queued);
    server.kill();
    let began = Instant::now();
    server.restart(relaying(closed, "1h"));
    println!("ready {:?} after the kill, with {queued} messages in the queue", began.elapsed());
    assert_eq!(server.queue(&["list", "--json"]).1.lines().count(), queued);
}
