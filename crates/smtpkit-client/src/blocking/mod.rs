//! The same client over blocking std sockets, without an async runtime in the tree.
//!
//! ```no_run
//! use smtpkit_client::{Builder, Envelope};
//!
//! # fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Builder::new("smtp://127.0.0.1:2525?tls=off".parse()?).build_blocking()?;
//! let envelope = Envelope::new("alice@example.test", ["bob@example.test"])?;
//! let report = client.send(&envelope, "Subject: hi\r\n\r\nHello\r\n")?;
//! println!("{} accepted", report.accepted_count());
//! client.close(std::time::Duration::from_secs(5));
//! # Ok(())
//! # }
//! ```

mod client;
mod connect;
mod connection;
mod link;
mod pool;
mod stream;
mod wait;

pub use client::Client;
pub use connection::Connection;
