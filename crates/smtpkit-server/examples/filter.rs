//! A filter: it takes mail, adds a field, and says 250 when the server behind it has said so.
use smtpkit_client::{Client, Delivery::AllOrNothing};
use smtpkit_server::*;

struct Filter(Client);

impl Session for Filter {
    async fn rcpt<'a>(&mut self, _: &Peer, _: &Transaction, _: &Recipient, _: Grant<'a>) -> Decision<'a> {
        Ok(Route::local())
    }
    async fn message(&mut self, _: &Peer, tx: &Transaction, body: &mut Body<'_>) -> Verdict {
        let content = body.read_to_end(50_000_000).await?;
        let content = [b"X-Filtered: yes\r\n", &content[..]].concat();
        match self.0.send(tx.envelope(), content).await {
            Ok(report) => Ok(report.reply().cloned().unwrap_or_else(accepted)),
            Err(error) => Err(error.reply().cloned().map_or_else(Refusal::try_later, Refusal::from)),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let onward = "smtp://127.0.0.1:10026?tls=off".parse()?;
    let onward = Client::builder(onward).delivery(AllOrNothing).build()?;
    let server = Server::catch_all("filter.example.test", each(move |_| Filter(onward.clone())));
    server.bind("127.0.0.1:10025".parse()?).await?.serve(CancellationToken::new()).await;
    Ok(())
}
