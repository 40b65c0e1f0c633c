//! Mail servers for the tests of programs that send mail: on a free port, with an authority of their own, gone when
//! they are dropped.
//!
//! [`TestServer`] is a real server of this crate in one of its roles. It keeps every message, lets a test wait for
//! them, and fails where a [`Fault`] says so. [`ScriptedServer`] is none at all: it plays a [`Script`], line by line,
//! and tells where the client said something else; it is for what no server of this crate would ever say.
//!
//! ```
//! use std::time::Duration;
//! use smtpkit_client::{Client, Envelope};
//! use smtpkit_server::testing::{Fault, Step, TestServer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = TestServer::mx().start().await?;
//! server.inject(Fault::refuse(Step::Mail, 451, "4.3.0 not now")?.times(1));
//!
//! let client = Client::builder(server.url().parse()?).tls(server.connector()?).build()?;
//! let envelope = Envelope::new("alice@elsewhere.test", ["bob@example.test"])?;
//! let refused = client.send(&envelope, "Subject: hi\r\n\r\nhello\r\n").await;
//! assert!(refused.is_err_and(|error| error.reply().is_some_and(|reply| reply.code().get() == 451)));
//! client.send(&envelope, "Subject: hi\r\n\r\nhello\r\n").await?;
//!
//! let messages = server.wait_for(1, Duration::from_secs(10)).await?;
//! assert_eq!(messages[0].envelope().recipients[0].to_string(), "<bob@example.test>");
//! assert_eq!(messages[0].text(), "Subject: hi\r\n\r\nhello\r\n");
//! # Ok(())
//! # }
//! ```
//!
//! It has to be asked for with the feature `testing`, and belongs among the `dev-dependencies`.

mod authority;
mod error;
mod fault;
mod recorder;
mod script;
mod scripted;
mod server;

pub use authority::Authority;
pub use error::TestError;
pub use fault::{Fault, Step};
pub use recorder::{Received, Recording, TimedOut};
pub use script::{Script, ScriptError};
pub use scripted::{Dialogue, Divergence, ScriptedServer};
pub use server::{TestServer, TestServerBuilder};
