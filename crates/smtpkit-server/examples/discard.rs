//! Accepts every message on a loopback ADDRESS and throws it away: `discard 127.0.0.1:2525`. For load tests.
#![expect(clippy::print_stdout, reason = "with port 0 the address has to be told")]

use smtpkit_server::*;

struct Discard;

impl Session for Discard {
    async fn rcpt<'a>(&mut self, _: &Peer, _: &Transaction, _: &Recipient, _: Grant<'a>) -> Decision<'a> {
        Ok(Route::local())
    }
    async fn message(&mut self, _: &Peer, _: &Transaction, body: &mut Body<'_>) -> Verdict {
        body.discard().await?;
        Ok(accepted())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let limits = Limits { connections_max: 20_000, ..Limits::default() };
    let listening =
        Server::catch_all("discard.test", each(|_| Discard)).limits(limits).bind(address.parse()?).await?;
    println!("{}", listening.local_addrs().iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    listening.serve(CancellationToken::new()).await;
    Ok(())
}
