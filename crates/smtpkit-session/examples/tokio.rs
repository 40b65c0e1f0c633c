//! A driver on tokio: a server that takes mail for everybody, prints it, and keeps nothing. Loopback only.
//!
//! `cargo run -p smtpkit-session --example tokio -- 2525`
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use smtpkit_codec::{DomainRef, Reply, ReplyCode};
use smtpkit_session::server::{Channel, Server, ServerConfig, ServerEvent};
use smtpkit_session::{Iov, Tick, Wire};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "0".into()).parse()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("listening on {}", listener.local_addr()?);
    let config = Arc::new(ServerConfig::new(DomainRef::parse("mx.example.test")?));
    loop {
        let (stream, peer) = listener.accept().await?;
        let config = Arc::clone(&config);
        tokio::spawn(async move {
            if let Err(error) = serve(config, stream).await {
                println!("{peer}: {error}");
            }
        });
    }
}

async fn serve(config: Arc<ServerConfig>, mut stream: TcpStream) -> io::Result<()> {
    const TAKEN: Reply = Reply::fixed(ReplyCode::OK, None, "printed");
    let start = Instant::now();
    let now = || Tick::from_origin(start.elapsed());
    let mut server = Server::new(config, Channel::plaintext(), now());
    loop {
        match server.poll(now()) {
            ServerEvent::Greeting(owed) => server.greet(owed, Ok(())),
            ServerEvent::Hello { owed, .. } => server.hello(owed, Ok(())),
            ServerEvent::Mail { owed, reverse_path, .. } => {
                println!("from {reverse_path}");
                server.mail(owed, Ok(()));
            }
            ServerEvent::Rcpt { owed, forward_path, .. } => {
                println!("to {forward_path}");
                server.rcpt(owed, Ok(()));
            }
            ServerEvent::Data(owed) => server.content(owed, Ok(())),
            ServerEvent::Content(octets) => print!("{}", String::from_utf8_lossy(&octets)),
            ServerEvent::ContentEnd(owed) => server.message(owed, Ok(TAKEN)),
            ServerEvent::Closed(_) => return stream.shutdown().await,
            ServerEvent::Idle => turn(&mut server, &mut stream, start).await?,
            _ => {}
        }
    }
}

/// Writes what the machine lends, or else reads what the peer sends, until the machine's deadline at most. Nothing is
/// lost if the future is dropped: what was read lies in the machine.
async fn turn(machine: &mut impl Wire, stream: &mut TcpStream, start: Instant) -> io::Result<()> {
    let now = || Tick::from_origin(start.elapsed());
    let mut iov = Iov::new();
    machine.transmit(&mut iov);
    let (slices, used) = iov.io_slices();
    if let Some(slices) = slices.get(..used).filter(|slices| !slices.is_empty()) {
        let written = stream.write_vectored(slices).await?;
        machine.sent(written, now());
        return Ok(());
    }
    let deadline = machine.deadline().map(|deadline| start + deadline.since(Tick::ZERO));
    let read = stream.read(machine.recv_slot());
    let read = match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, read).await,
        None => Ok(read.await),
    };
    match read {
        Ok(n) => machine.received(n?, now()),
        Err(_elapsed) => machine.expired(now()),
    }
    Ok(())
}
