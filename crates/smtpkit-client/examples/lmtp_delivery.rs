//! Delivers over LMTP (RFC 2033) and shows each recipient's own reply:
//! `cargo run -p smtpkit-client --example lmtp -- lmtp+unix:/run/lmtp.sock alice@x.test bob@x.test`

use smtpkit_client::{Client, Envelope, RecipientOutcome};
use std::error::Error;
use std::io::Write;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (url, recipients) = arguments.split_first().ok_or("usage: lmtp URL TO...")?;
    let client = Client::from_url(url)?;
    let envelope = Envelope::new("<>", recipients)?;
    let report = client.send(&envelope, "Subject: hello\r\n\r\nHello over LMTP.\r\n").await?;
    for (recipient, outcome) in recipients.iter().zip(report.recipients()) {
        match outcome {
            RecipientOutcome::Accepted(Some(reply)) => writeln!(std::io::stdout(), "{recipient}: {reply}")?,
            RecipientOutcome::Refused(reply) => writeln!(std::io::stdout(), "{recipient} refused: {reply}")?,
            other => writeln!(std::io::stdout(), "{recipient}: {other:?}")?,
        }
    }
    Ok(())
}
