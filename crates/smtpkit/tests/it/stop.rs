//! SIGTERM under load: two hundred sessions hand mail over as fast as they can, others say nothing, and the server is
//! told to stop, again and again. Transactions finish, idle sessions are told at once, and what was acknowledged, and
//! nothing else, is in the queue.
//!
//! `cargo xtask torture` runs the same a hundred times, and shows the figures.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::harness::until;
use crate::kill::{relay_to, relaying};
use crate::load::{Load, Talk, number};

/// How often, if more than the usual few times.
const STOPS: &str = "SMTPKIT_TORTURE_STOPS";
/// Sessions that hand mail over at the same time.
const ACTIVE: usize = 200;
/// Sessions that say nothing.
const IDLE: usize = 20;

#[test]
fn what_was_acknowledged_survives_sigterm_under_load() {
    let (stops, load) = (number(STOPS, 2), Load::default());
    // nobody listens there, so that all of it stays in the queue
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = relay_to(closed, "1h");
    let (mut told, mut ended): (Vec<Duration>, Vec<Duration>) = (Vec::new(), Vec::new());
    for stop in 0..stops {
        let (port, before) = (server.port("mx"), load.acknowledged().len());
        std::thread::scope(|scope| {
            for _ in 0..ACTIVE {
                scope.spawn(|| load.hand_over(port, |_| true));
            }
            let idle = || {
                let mut idle = Talk::open(port).unwrap();
                scope.spawn(move || idle.farewell())
            };
            let idle: Vec<_> = (0..IDLE).map(|_| idle()).collect();
            // at another moment each time
            let enough = before + ACTIVE + stop * 37 % 400;
            assert!(until(|| load.acknowledged().len() >= enough), "{}", server.log());
            let began = Instant::now();
            server.signal("TERM");
            told.extend(idle.into_iter().map(|idle| idle.join().unwrap() - began));
            assert_eq!(server.wait(), 0, "{}", server.log());
            ended.push(began.elapsed());
        });
        server.restart(relaying(closed, "1h"));
    }
    let acknowledged = load.acknowledged().len();
    let stored = server.queue(&["list", "--json"]).1.lines().count();
    told.sort();
    ended.sort();
    println!(
        "{stops} stops: {acknowledged} acknowledged, {stored} stored; idle sessions told after {:?} (median), {:?} (most); \
         ended after {:?} (median), {:?} (most)",
        told[told.len() / 2],
        told[told.len() - 1],
        ended[ended.len() / 2],
        ended[ended.len() - 1],
    );
    assert_eq!(stored, acknowledged);
}
