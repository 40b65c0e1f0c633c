//! A submission server with a file of `name:password-or-hash` lines; what is submitted goes into a spool folder.
use smtpkit_server::auth::{Secret, Users};
use smtpkit_server::*;
use tokio::fs;

struct Spool;

impl Session for Spool {
    async fn rcpt<'a>(&mut self, _: &Peer, _: &Transaction, _: &Recipient, grant: Grant<'a>) -> Decision<'a> {
        Ok(grant.map_or(Route::local(), Route::relay))
    }
    async fn message(&mut self, _: &Peer, tx: &Transaction, body: &mut Body<'_>) -> Verdict {
        fs::write(format!("spool/{}.eml", tx.id()), body.read_to_end(10_000_000).await?).await?;
        Ok(accepted_as(tx.id()))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tls = tls::Acceptor::new(tls::Identity::from_pem_files("cert.pem", "key.pem")?)?;
    let users = Users::parse(&fs::read_to_string("users").await?, Secret::new(fs::read("secret").await?))?;
    let server = Server::submission("mail.example.test", tls, users, each(|_| Spool));
    server.bind("[::]:587".parse()?).await?.serve(CancellationToken::new()).await;
    Ok(())
}
