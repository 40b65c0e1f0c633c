//! Sends a file: `cargo run -p smtpkit-client --example attachment -- smtp://127.0.0.1:2525?tls=off alice@x.test bob@y.test photo.jpg`

use smtpkit_client::Client;
use smtpkit_client::mime::build::{Mailbox, MessageBuilder, Part, Stamp};
use smtpkit_client::mime::{DateTime, HopCapabilities};
use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [url, from, to, path] = <[String; 4]>::try_from(std::env::args().skip(1).collect::<Vec<_>>())
        .map_err(|_| "usage: attachment URL FROM TO FILE")?;
    // the file is read while it is sent
    let media_type = mime_guess::from_path(&path).first_or_octet_stream().essence_str().parse()?;
    let file = Part::reader(media_type, File::open(&path)?).attachment(&path)?;
    let message = MessageBuilder::new()
        .from(Mailbox::new(&from)?)
        .to(Mailbox::new(&to)?)
        .subject("A file for you")?
        .text("You find it attached.\n")
        .attach(file);

    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let stamp = Stamp::new(DateTime::from_unix_seconds(now.cast_signed(), 0)?, nonce);

    let client = Client::from_url(&url)?;
    let report = client.send_message(message.build(HopCapabilities::SEVEN_BIT, &stamp)?).await?;
    writeln!(std::io::stdout(), "{} octets, queued as {:?}", report.content_octets(), report.queue_id())?;
    client.close(Duration::from_secs(5)).await;
    Ok(())
}
