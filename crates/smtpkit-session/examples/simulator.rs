//! A driver in memory: client and server on a wire with latency, in time that the program makes. What takes hours takes
//! microseconds, and the same seed gives the same session.
//!
//! `cargo run -p smtpkit-session --example simulator -- 7`
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::error::Error;
use std::time::Duration;

use smtpkit_codec::{ClientName, DomainRef, Envelope, Reply, ReplyCode};
use smtpkit_session::client::{Client, ClientConfig, ClientEvent, Plan, Protocol};
use smtpkit_session::server::{Channel, Server, ServerConfig, ServerEvent};
use smtpkit_session::{Iov, Tick, Wire};

const LATENCY: Duration = Duration::from_millis(40);

fn main() -> Result<(), Box<dyn Error>> {
    let mut seed: u64 = std::env::args().nth(1).unwrap_or_else(|| "1".into()).parse()?;
    let mut now = Tick::ZERO;
    let mut client = Client::new(ClientConfig::new(Protocol::Smtp, ClientName::new("client.test")?), now);
    let config = ServerConfig::new(DomainRef::parse("mx.example.test")?);
    let mut server = Server::new(config.into(), Channel::plaintext(), now);
    let mut mail = Some(Envelope::new("me@x.test", ["you@y.test"])?);
    loop {
        serve(&mut server, now);
        match client.poll() {
            ClientEvent::Reply { to, reply } => println!("{:>7.3} s  {to:?}: {reply}", seconds(now)),
            ClientEvent::Content(_) => client.last_body(b"Subject: hi\r\n\r\nHello.\r\n".to_vec(), now)?,
            ClientEvent::Closed(closed) => {
                println!("{:>7.3} s  {}", seconds(now), closed.why);
                return Ok(());
            }
            ClientEvent::Idle => match mail.take_if(|_| client.is_ready()) {
                Some(envelope) => drop(client.transaction(&envelope, &Plan::default(), now)?),
                None if client.is_ready() => client.quit(now)?,
                None => now = turn(&mut client, &mut server, &mut seed, now),
            },
            _ => {}
        }
    }
}

fn seconds(now: Tick) -> f64 {
    now.since(Tick::ZERO).as_secs_f64()
}

/// Carries one flight each way, or else lets time pass until the client's deadline; gives the time after that.
fn turn(client: &mut Client<Vec<u8>>, server: &mut Server, seed: &mut u64, before: Tick) -> Tick {
    let mut now = before;
    if carry(client, server, seed, now) {
        now = now + LATENCY;
    }
    serve(server, now);
    if carry(server, client, seed, now) {
        now = now + LATENCY;
    }
    if now == before
        && let Some(deadline) = client.deadline()
    {
        now = deadline;
        client.expired(now);
    }
    now
}

/// Answers what the server asks, yes to all.
fn serve(server: &mut Server, now: Tick) {
    const TAKEN: Reply = Reply::fixed(ReplyCode::OK, None, "taken");
    loop {
        match server.poll(now) {
            ServerEvent::Idle | ServerEvent::Closed(_) => return,
            ServerEvent::Greeting(owed) => server.greet(owed, Ok(())),
            ServerEvent::Hello { owed, .. } => server.hello(owed, Ok(())),
            ServerEvent::Mail { owed, .. } => server.mail(owed, Ok(())),
            ServerEvent::Rcpt { owed, .. } => server.rcpt(owed, Ok(())),
            ServerEvent::Data(owed) => server.content(owed, Ok(())),
            ServerEvent::ContentEnd(owed) => server.message(owed, Ok(TAKEN)),
            _ => {}
        }
    }
}

/// Moves all that waits from one machine to the other; `false` if nothing did.
fn carry(from: &mut impl Wire, to: &mut impl Wire, seed: &mut u64, now: Tick) -> bool {
    let mut moved = false;
    loop {
        let mut iov = Iov::new();
        from.transmit(&mut iov);
        let octets = iov.pieces().concat();
        // Knuth's linear congruence: good enough for lengths, and the same everywhere
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let cut = 1 + usize::try_from(*seed >> 60).unwrap_or_default();
        let slot = to.recv_slot();
        let n = cut.min(octets.len()).min(slot.len());
        let (Some(slot), Some(piece)) = (slot.get_mut(..n), octets.get(..n)) else { return moved };
        if n == 0 {
            return moved;
        }
        slot.copy_from_slice(piece);
        from.sent(n, now);
        to.received(n, now);
        moved = true;
    }
}
