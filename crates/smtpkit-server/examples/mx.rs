//! A TLS mail exchanger for `example.test` that stores each message in a file of its own.
use smtpkit_server::*;
use tokio::{fs::File, io::AsyncWriteExt as _};

struct Store;

impl Session for Store {
    async fn rcpt<'a>(&mut self, _: &Peer, _: &Transaction, _: &Recipient, _: Grant<'a>) -> Decision<'a> {
        Ok(Route::local())
    }
    async fn message(&mut self, client: &Peer, tx: &Transaction, body: &mut Body<'_>) -> Verdict {
        let mut file = File::create(format!("{}.eml", tx.id())).await?;
        file.write_all(&tx.received(client, unix_seconds())).await?;
        file.write_all(&body.read_to_end(50_000_000).await?).await?;
        file.sync_all().await?;
        Ok(accepted_as(tx.id()))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tls = tls::Acceptor::new(tls::Identity::from_pem_files("cert.pem", "key.pem")?)?;
    let domains = LocalDomains::new(["example.test"])?;
    let server = Server::mx("mx.example.test", domains, each(|_| Store)).tls(tls);
    server.bind("[::]:25".parse()?).await?.serve(CancellationToken::new()).await;
    Ok(())
}
