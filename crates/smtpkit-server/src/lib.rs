//! Receives mail: SMTP and LMTP listeners, connections, and the [`Handler`] that you implement (RFC 5321 §4, RFC 2033).
//!
//! The dialogue itself is a machine without I/O in `smtpkit-session`; this crate gives it sockets, time, TLS, and
//! somebody who decides. You write a [`Session`]: who may receive mail here ([`rcpt`](Session::rcpt)), and what
//! becomes of a message ([`message`](Session::message)). Everything else has a default.
//!
//! ```
//! use smtpkit_server::{Body, LocalDomains, Peer, Recipient, Refusal, RelayGrant, Reply, Route, Server};
//! use smtpkit_server::{Session, Transaction, accepted, each};
//!
//! struct Discard;
//!
//! impl Session for Discard {
//!     async fn rcpt<'a>(
//!         &mut self, _: &Peer, _: &Transaction, _: &Recipient, _: Option<RelayGrant<'a>>,
//!     ) -> Result<Route<'a>, Refusal> {
//!         Ok(Route::local())
//!     }
//!     async fn message(&mut self, _: &Peer, _: &Transaction, body: &mut Body<'_>) -> Result<Reply, Refusal> {
//!         body.discard().await?;
//!         Ok(accepted())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let domains = LocalDomains::new(["example.test"])?;
//! let listening = Server::mx("mx.example.test", domains, each(|_| Discard)).bind("127.0.0.1:0".parse()?).await?;
//! println!("{:?}", listening.local_addrs());
//! # Ok(())
//! # }
//! ```
//!
//! # What cannot be written with it
//! An open relay: a foreign recipient is refused before `rcpt` runs unless the client may relay, and only the server
//! makes the [`RelayGrant`] that says so. A session that answers twice, or out of order. A `250` for content that was
//! cut short or not clean: [`Body`] never ends well then, and the server's own refusal wins.
//!
//! # Reading order
//! | module | idea |
//! |---|---|
//! | `handler`, `refusal`, `delivery` | what you implement and how you say no |
//! | `layer`, `boxed` | composition, and choice at run time |
//! | `peer`, `transaction`, `route`, `body` | what you are told |
//! | `server`, `builder`, `limits`, `domains`, `network`, `error` | roles and their set-up |
//! | `listening`, `order`, `gate`, `rates` | sockets, draining, limits over all connections |
//! | `connection`, `mailing`, `exchange`, `link`, `transport` | one connection |
//! | `header` | hops, and fields that a submission lacks |
//! | `proxy`, `forwarded` | clients that come through a proxy |
//! | `record` | what is logged |
//! | [`maildir`] | a mailbox format for handlers that store mail |
//! | `testing` | with the feature of this name: servers for the tests of programs that send mail |

mod body;
mod boxed;
mod builder;
mod connection;
mod delivery;
mod domains;
mod error;
mod exchange;
mod forwarded;
mod gate;
mod handler;
mod header;
mod layer;
mod limits;
mod link;
mod listening;
pub mod maildir;
mod mailing;
mod network;
mod order;
mod peer;
mod proxy;
mod rates;
mod record;
mod refusal;
mod route;
mod server;
mod tally;
#[cfg(feature = "testing")]
pub mod testing;
mod transaction;
mod transport;

pub use smtpkit_auth as auth;
pub use smtpkit_codec as codec;
pub use smtpkit_tls as tls;

pub use bytes::Bytes;
pub use smtpkit_codec::{BareNewline, MailParameters, Recipient, Reply, ReplyCode, ReversePath};
pub use smtpkit_session::server::{ContentFault, Extensions, Hello};
pub use smtpkit_session::timeout::ServerTimeouts;
pub use tokio_util::sync::CancellationToken;

pub use body::{Body, BodyError};
pub use boxed::{BoxHandler, BoxSession};
pub use builder::Builder;
pub use delivery::Delivery;
pub use domains::{BadDomain, LocalDomains};
pub use error::ServerError;
pub use gate::Gate;
pub use handler::{Each, Handler, Session, each};
pub use layer::{Layer, Layered, LayeredSession};
pub use limits::{Limits, Rate};
pub use listening::{Listening, Served};
pub use network::{BadNetwork, Network};
pub use peer::{Peer, Role};
pub use refusal::{Refusal, accepted, accepted_as};
pub use route::{Decision, Grant, GrantReason, RelayGrant, Route, RouteKind, Verdict};
pub use server::Server;
pub use tally::describe_metrics;
pub use transaction::{Transaction, unix_seconds};

/// The README's examples, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
