//! A server of ours with what the example `discard` leaves out: TLS, AUTH, PROXY, a handler that is slow.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser as _;
use smtpkit_auth::{Account, Secret, StoredCredential, Users};
use smtpkit_benches::Certificates;
use smtpkit_codec::Reply;
use smtpkit_server::{
    Body, CancellationToken, Decision, Grant, Limits, Network, Peer, Recipient, Refusal, Route, Server,
    Session, Transaction, accepted, each,
};
use smtpkit_tls::{Acceptor, Identity};

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Takes mail and throws it away.
#[derive(clap::Parser)]
struct Arguments {
    /// TLS from the first octet; the authority of the certificate is written to this file
    #[arg(long)]
    authority: Option<PathBuf>,
    /// Offer AUTH, also without TLS
    #[arg(long)]
    auth: bool,
    /// Expect a PROXY header
    #[arg(long)]
    proxy: bool,
    /// How fast content is taken
    #[arg(long)]
    octets_per_second: Option<u64>,
}

#[derive(Clone, Copy)]
struct Discard {
    octets_per_second: Option<u64>,
}

impl Session for Discard {
    async fn rcpt<'a>(&mut self, _: &Peer, _: &Transaction, _: &Recipient, _: Grant<'a>) -> Decision<'a> {
        Ok(Route::local())
    }

    async fn message(&mut self, _: &Peer, _: &Transaction, body: &mut Body<'_>) -> Result<Reply, Refusal> {
        match self.octets_per_second {
            None => drop(body.discard().await?),
            Some(rate) => {
                while let Some(chunk) = body.chunk().await? {
                    tokio::time::sleep(Duration::from_micros(chunk.len() as u64 * 1_000_000 / rate)).await;
                }
            }
        }
        Ok(accepted())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let arguments = Arguments::parse();
    let discard = Discard { octets_per_second: arguments.octets_per_second };
    let limits = Limits {
        connections_max: 20_000,
        connections_per_address_max: 20_000,
        message_octets_max: 2 << 30,
        ..Limits::default()
    };
    let mut server = Server::catch_all("receive.test", each(move |_: &Peer| discard)).limits(limits);
    if let Some(authority) = arguments.authority {
        let certificates = Certificates::generate()?;
        let identity = Identity::from_pem(certificates.chain.as_bytes(), certificates.key.as_bytes())?;
        server = server.tls(Acceptor::new(identity)?).implicit_tls();
        std::fs::write(authority, certificates.authority)?;
    }
    if arguments.auth {
        let mut users = Users::new(Secret::from("server secret"));
        users.insert(Account::new("jane", StoredCredential::plaintext("pencil".into())?))?;
        server = server.auth(users).auth_without_tls();
    }
    if arguments.proxy {
        server = server.proxy_protocol(Network::LOOPBACK);
    }
    let listening = server.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    for address in listening.local_addrs() {
        println!("{address}");
    }
    listening.serve(CancellationToken::new()).await;
    Ok(())
}
