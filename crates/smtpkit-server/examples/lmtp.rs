//! Final delivery over a local socket: each recipient has a folder, and a reply of its own.
use smtpkit_server::*;
use tokio::fs;

struct Folders;

impl Session for Folders {
    async fn rcpt<'a>(&mut self, _: &Peer, _: &Transaction, to: &Recipient, _: Grant<'a>) -> Decision<'a> {
        if fs::try_exists(folder(to)).await? { Ok(Route::local()) } else { Err(Refusal::no_such_user()) }
    }
    async fn message(&mut self, _: &Peer, _: &Transaction, _: &mut Body<'_>) -> Result<Reply, Refusal> {
        Err(Refusal::try_later())
    }
    async fn deliver(&mut self, _: &Peer, tx: &Transaction, body: &mut Body<'_>) -> Delivery {
        let content = match body.read_to_end(50_000_000).await {
            Ok(content) => content,
            Err(error) => return Delivery::All(Err(error.into())),
        };
        let mut verdicts = Vec::new();
        for to in tx.recipients() {
            let stored = fs::write(format!("{}/{}.eml", folder(to), tx.id()), &content).await;
            verdicts.push(stored.map(|()| accepted()).map_err(Refusal::from));
        }
        Delivery::Each(verdicts)
    }
}

/// Only letters and digits of the name count, so that no address can point out of the folder.
fn folder(to: &Recipient) -> String {
    let mailbox = to.path.as_ref().mailbox().map(|mailbox| mailbox.local_part().as_str().to_lowercase());
    let name = mailbox
        .as_deref()
        .unwrap_or("postmaster")
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>();
    format!("mail/{name}")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::lmtp("mail.example.test", LocalDomains::new(["example.test"])?, each(|_| Folders));
    server.bind_unix("lmtp.sock").await?.serve(CancellationToken::new()).await;
    Ok(())
}
