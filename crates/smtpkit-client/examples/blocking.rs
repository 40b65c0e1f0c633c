//! Sends a file without an async runtime:
//! `cargo run -p smtpkit-client --no-default-features --features blocking --example blocking -- URL FROM TO FILE`

use smtpkit_client::{Builder, Content, Envelope};
use std::error::Error;
use std::io::Write;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let [url, from, to, file] = <[String; 4]>::try_from(std::env::args().skip(1).collect::<Vec<_>>())
        .map_err(|_| "usage: blocking URL FROM TO FILE")?;
    let client = Builder::new(url.parse()?).build_blocking()?;
    let report = client.send(&Envelope::new(&from, [&to])?, Content::file(file).normalised())?;
    writeln!(std::io::stdout(), "queued as {:?}", report.queue_id())?;
    client.close(Duration::from_secs(5));
    Ok(())
}
