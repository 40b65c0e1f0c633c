//! Final delivery over a local socket: a folder for each recipient, and a reply of its own.
use smtpkit_server::*;

struct Folders;

impl Session for Folders {
    async fn rcpt<'a>(&mut self, _: &Peer, _: &Transaction, _: &Recipient, _: Grant<'a>) -> Decision<'a> {
        Ok(Route::local())
    }
    async fn message(&mut self, _: &Peer, _: &Transaction, _: &mut Body<'_>) -> Verdict {
        Err(Refusal::try_later()) // never asked: `deliver` below comes first
    }
    async fn deliver(&mut self, _: &Peer, tx: &Transaction, body: &mut Body<'_>) -> Delivery {
        let content = body.read_to_end(50_000_000).await;
        let store = |to: &Recipient| {
            // `mail/<bob@example.test>`, which somebody made; without it this recipient is told to wait.
            let folder = to.path.to_string().replace('/', "_");
            std::fs::write(format!("mail/{folder}/{}.eml", tx.id()), content.clone()?)?;
            Ok(accepted())
        };
        Delivery::Each(tokio::task::block_in_place(|| tx.recipients().iter().map(store).collect()))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::lmtp("mail.example.test", LocalDomains::new(["example.test"])?, each(|_| Folders));
    server.bind_unix("lmtp.sock").await?.serve(CancellationToken::new()).await;
    Ok(())
}
