//! Sends one message: `cargo run -p smtpkit-client --example simple -- smtp://127.0.0.1:2525?tls=off alice@x.test bob@y.test`

use smtpkit_client::{Client, Envelope};
use std::error::Error;
use std::io::Write;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [url, from, to] = <[String; 3]>::try_from(std::env::args().skip(1).collect::<Vec<_>>())
        .map_err(|_| "usage: simple URL FROM TO")?;
    let client = Client::from_url(&url)?;
    let content = format!("From: <{from}>\r\nTo: <{to}>\r\nSubject: hello\r\n\r\nHello from smtpkit.\r\n");
    let report = client.send(&Envelope::new(&from, [&to])?, content).await?;
    writeln!(std::io::stdout(), "{} of {} accepted", report.accepted_count(), report.recipients().len())?;
    client.close(Duration::from_secs(5)).await;
    Ok(())
}
