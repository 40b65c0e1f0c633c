//! One destination that takes five seconds for each reply, beside one that does not.
//!
//! `cargo xtask torture` does it with 1,000 live messages, and shows the figures.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::dead::{name_server, relaying_by_dns};
use crate::harness::{Server, until};
use crate::load::{Sink, Talk, number};

/// How many live messages, if more than the usual few.
const LIVE: &str = "SMTPKIT_TORTURE_SLOW";
/// Messages for the slow one.
const SLOW: usize = 200;
const REPLY: Duration = Duration::from_secs(5);

/// Answers every line with 250, in its own time. So it never takes a message: DATA wants 354.
fn answer(stream: &TcpStream) -> std::io::Result<()> {
    let mut output = stream;
    output.write_all(b"220 slow\r\n")?;
    for line in BufReader::new(stream).lines() {
        line?;
        std::thread::park_timeout(REPLY);
        output.write_all(b"250 ok\r\n")?;
    }
    Ok(())
}

/// Hands messages over and waits for them; the delays, sorted.
fn delays(talk: &mut Talk, sink: &Sink, subjects: &[String]) -> Vec<Duration> {
    let mut sent = Vec::new();
    for subject in subjects {
        sent.push(Instant::now());
        talk.hand_over(subject, &["x@live.test".to_owned()]).unwrap();
        std::thread::park_timeout(Duration::from_millis(2));
    }
    sink.wait_for(subjects);
    assert_eq!(sink.lacks(subjects), 0);
    let arrivals = subjects.iter().map(|subject| sink.arrival(subject).unwrap());
    let mut delays: Vec<Duration> = arrivals.zip(sent).map(|(arrival, sent)| arrival - sent).collect();
    delays.sort();
    delays
}

#[test]
fn a_slow_destination_takes_nothing_from_the_others() {
    let live = number(LIVE, 50);
    let sink = Sink::start("127.0.0.1:0");
    let slow = TcpListener::bind(("127.0.0.2", sink.port)).unwrap();
    std::thread::spawn(move || {
        for stream in slow.incoming() {
            std::thread::spawn(move || answer(&stream.unwrap()));
        }
    });
    let server = Server::spawn(relaying_by_dns(&name_server(), sink.port), tempfile::tempdir().unwrap());
    let mut talk = Talk::open(server.port("mx")).unwrap();
    let subjects = |kind: &str| (0..live).map(|number| format!("Subject: {kind} {number}")).collect();
    let (before, beside): (Vec<String>, Vec<String>) = (subjects("before"), subjects("beside"));

    let alone = delays(&mut talk, &sink, &before);
    for number in 0..SLOW {
        talk.hand_over(&format!("Subject: slow {number}"), &["x@slow.test".to_owned()]).unwrap();
    }
    let together = delays(&mut talk, &sink, &beside);
    println!(
        "{live} live messages: delay {:?} (median), {:?} (p99); beside {SLOW} for a host that takes {REPLY:?} for a reply: \
         {:?} (median), {:?} (p99)",
        alone[live / 2],
        alone[live * 99 / 100],
        together[live / 2],
        together[live * 99 / 100],
    );
    let waiting = || server.queue(&["list", "--json", "--domain", "slow.test"]).1.lines().count();
    assert_eq!(waiting(), SLOW, "it takes none of them");
    assert!(until(|| server.queue(&["list", "--json", "--domain", "live.test"]).1.is_empty()));
}
