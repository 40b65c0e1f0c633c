//! A driver on blocking std sockets: sends one message from standard input.
//!
//! `cargo run -p smtpkit-session --example blocking -- 127.0.0.1:2525 me@x.test you@y.test < message.eml`
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use smtpkit_codec::{ClientName, Envelope};
use smtpkit_session::client::{Client, ClientConfig, ClientEvent, Plan, Protocol};
use smtpkit_session::{Iov, Tick, Wire};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, from, to @ ..] = arguments.as_slice() else {
        return Err("usage: blocking SERVER:PORT FROM TO... < message".into());
    };
    let mut content = Vec::new();
    io::stdin().read_to_end(&mut content)?;
    let mut mail = Some((Envelope::new(from, to)?, content));

    let start = Instant::now();
    let now = || Tick::from_origin(start.elapsed());
    let mut stream = TcpStream::connect(server)?;
    let mut client = Client::new(ClientConfig::new(Protocol::Smtp, ClientName::new("client.test")?), now());
    let mut content = Vec::new();
    loop {
        match client.poll() {
            ClientEvent::Reply { to, reply } => println!("{to:?}: {reply}"),
            ClientEvent::Content(_) => client.last_body(std::mem::take(&mut content), now())?,
            ClientEvent::Closed(closed) => {
                println!("{}", closed.why);
                return Ok(());
            }
            ClientEvent::Idle => match mail.take_if(|_| client.is_ready()) {
                Some((envelope, body)) => {
                    content = body;
                    client.transaction(&envelope, &Plan::default(), now())?;
                }
                None if client.is_ready() => client.quit(now())?,
                None => turn(&mut client, &mut stream, &now)?,
            },
            _ => {}
        }
    }
}

/// Writes what the machine lends, or else reads what the peer sends, until the machine's deadline at most.
fn turn(machine: &mut impl Wire, stream: &mut TcpStream, now: &impl Fn() -> Tick) -> io::Result<()> {
    let mut iov = Iov::new();
    machine.transmit(&mut iov);
    let (slices, used) = iov.io_slices();
    if let Some(slices) = slices.get(..used).filter(|slices| !slices.is_empty()) {
        let written = stream.write_vectored(slices)?;
        machine.sent(written, now());
        return Ok(());
    }
    let patience = machine.deadline().map(|deadline| deadline.since(now()));
    if patience.is_some_and(|left| left.is_zero()) {
        machine.expired(now());
        return Ok(());
    }
    stream.set_read_timeout(patience)?;
    match stream.read(machine.recv_slot()) {
        Ok(n) => machine.received(n, now()),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            machine.expired(now());
        }
        Err(error) => return Err(error),
    }
    Ok(())
}
