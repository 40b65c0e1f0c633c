//! Sends many messages over a few connections, results as they come:
//! `cargo run -p smtpkit-client --example batch -- smtp://127.0.0.1:2525?tls=off bob@y.test 1000`

use smtpkit_client::{Client, Content, Envelope, PoolLimits};
use std::error::Error;
use std::io::Write;
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let [url, to, count] = <[String; 3]>::try_from(std::env::args().skip(1).collect::<Vec<_>>())
        .map_err(|_| "usage: batch URL TO COUNT")?;
    let limits = PoolLimits { connections_max: 2, ..PoolLimits::default() };
    let client = Client::builder(url.parse()?).pool(limits).build()?;
    let envelope = Envelope::new("news@example.test", [&to])?;
    let mails = (0..count.parse::<usize>()?).map(move |number| {
        (envelope.clone(), Content::from(format!("Subject: number {number}\r\n\r\nHello\r\n")))
    });
    let mut batch = client.send_all(mails);
    let mut failed = 0;
    while let Some((number, outcome)) = batch.next().await {
        if let Err(error) = outcome {
            failed += 1;
            writeln!(std::io::stderr(), "{number}: {error}")?;
        }
    }
    writeln!(std::io::stdout(), "{failed} failed; {:?}", client.stats())?;
    client.close(Duration::from_secs(5)).await;
    Ok(())
}
