//! A server session is the same for every fragmentation of its input, and every line that it takes as a command gets
//! a reply. The first octet is the size of the pieces, the rest is what a client sends.
#![no_main]
use libfuzzer_sys::fuzz_target;
use smtpkit_codec::{DomainRef, Reply, ReplyCode};
use smtpkit_session::server::{Channel, Server, ServerConfig, ServerEvent as Event};
use smtpkit_session::{Iov, Tick, Wire};

fuzz_target!(|data: &[u8]| if let Some((step, input)) = data.split_first() {
    let whole = session(input, usize::MAX);
    assert_eq!(session(input, usize::from(*step) + 1), whole);
});

fn session(mut input: &[u8], step: usize) -> (String, Vec<String>, Vec<u8>) {
    let config = ServerConfig::new(DomainRef::parse("mx.test").expect("a domain"));
    let (mut server, mut now) = (Server::new(config.into(), Channel::plaintext(), Tick::ZERO), Tick::ZERO);
    let (mut replies, mut events, mut content) = (String::new(), Vec::new(), Vec::new());
    let mut begin = 0;
    loop {
        let event = server.poll(now);
        if !matches!(event, Event::Idle | Event::Content(_)) { events.push(format!("{event:?}")); }
        match event {
            Event::Greeting(owed) => server.greet(owed, Ok(())),
            Event::Hello { owed, .. } => server.hello(owed, Ok(())),
            Event::Mail { owed, .. } => server.mail(owed, Ok(())),
            Event::Rcpt { owed, .. } => server.rcpt(owed, Ok(())),
            Event::Data(owed) => {
                begin = content.len();
                server.content(owed, Ok(()));
            }
            // how much of it was lent before the octet that is wrong depends on the pieces, and counts for nothing
            Event::ContentRefused(_) => content.truncate(begin),
            Event::ContentEnd(owed) => server.message(owed, Ok(Reply::fixed(ReplyCode::OK, None, "ok"))),
            Event::Content(octets) => content.extend_from_slice(&octets),
            Event::Closed(_) => {
                let answered = replies.lines().filter(|line| line.as_bytes().get(3) == Some(&b' ')).count();
                assert!(answered >= server.counters().commands as usize, "{replies}");
                return (replies, events, content);
            }
            _ => step_wire(&mut server, &mut now, &mut input, step, &mut replies),
        }
    }
}

/// Writes what waits to be written, else reads a piece, else lets time pass.
fn step_wire(server: &mut Server, now: &mut Tick, input: &mut &[u8], step: usize, replies: &mut String) {
    let mut iov = Iov::new();
    server.transmit(&mut iov);
    let octets = iov.octets();
    iov.pieces().iter().for_each(|piece| replies.push_str(&String::from_utf8_lossy(piece)));
    if octets > 0 { return server.sent(octets, *now); }
    let slot = server.recv_slot();
    if slot.is_empty() {
        *now = server.deadline().expect("a session that reads nothing waits for a time");
        return server.expired(*now);
    }
    let n = slot.len().min(step).min(input.len());
    slot[..n].copy_from_slice(&input[..n]);
    *input = &input[n..];
    server.received(n, *now);
}
