//! Sends mail over SMTP and LMTP (RFC 5321, RFC 2033): TLS, AUTH, kept connections, one outcome for each recipient.
//!
//! [`Client`] works on tokio, `blocking::Client` on std sockets without tokio (feature `blocking`). Both take an
//! [`Envelope`] and [`Content`] and give back a [`Report`], or a [`SendError`] that says what went wrong, whether to
//! try again and whether the message may have arrived all the same.
//!
//! | module | what is in it |
//! |---|---|
//! | `url`, `settings`, `pool_limits`, `proxy` | where to and how: [`ServerUrl`], [`Builder`] |
//! | `content`, `fit`, `message`, `newline` | what: [`Content`] |
//! | `outcome`, `session`, `stats`, `error`, `failure` | what came of it: [`Report`], [`Session`], [`Stats`], [`SendError`] |
//! | `transcript`, `spans` | what was said: [`Observer`], and what is traced of it |
//! | `opening`, `sending`, `hello_name`, `pace`, `tokens`, `signer` | the dialogue, its speed, login and signatures, without I/O |
//! | `tokio_driver`, `blocking` | the two drivers |
//!
//! # What it tells
//! [`tracing`] spans of level `DEBUG`: `connection`, from its first octet to its end, with the fields `server`, `peer`,
//! `tls`, `mechanism` and `error`; `transaction`, from MAIL to its last reply, with `peer`, `recipients`, `accepted`,
//! `octets`, `reply` (the code) and `outcome` (`accepted`, `failed`, `unknown`; absent if the send was dropped). Neither
//! has a mailbox, content or a secret in it. Each outcome is an event of that level, too.
//!
//! Through the `metrics` crate it counts
//! `smtpkit_client_messages_total` by `outcome`, `smtpkit_client_connections_total` by `what` became of them (`opened`,
//! `reused`, `stale`), and records `smtpkit_client_transaction_seconds`.
//!
//! # What it refuses to do
//! Nothing is sent in plaintext unless the URL says so, no password without TLS unless the builder says so. A bare CR,
//! bare LF or NUL never goes out. A connection that was left in the middle of something is never used again. A retry
//! is the caller's decision, but for a kept connection that the server had closed before it heard anything.
#![forbid(unsafe_code)]

mod pool_limits;
mod proxy;
mod settings;
mod url;

mod content;
mod fit;
mod message;
mod newline;

mod error;
mod failure;
mod outcome;
mod session;
mod spans;
mod stats;
mod transcript;

mod hello_name;
mod opening;
mod pace;
mod sending;
mod signer;
mod tokens;

#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "tokio")]
#[doc = include_str!("../docs/coming-from-lettre.md")]
pub mod coming_from_lettre {}
#[cfg(feature = "tokio")]
mod tokio_driver;

pub use content::Content;
pub use error::{Delivered, ErrorKind, Retry, SendError, Stage};
pub use outcome::{RecipientOutcome, Report, Timings};
pub use pool_limits::PoolLimits;
pub use proxy::{BadProxy, Proxy};
pub use session::Session;
pub use settings::{AddressFamily, Builder, CheckStep, ConfigError, PasswordInClear};
pub use stats::Stats;
pub use transcript::{Entry, Observer, ReplyText};
pub use url::{Endpoint, ServerUrl, UrlError};

pub use smtpkit_auth::{AccessToken, Credentials, Mechanism, Secret, TokenError, TokenFuture, TokenSource};
pub use smtpkit_codec::{Envelope, Reply};
/// Messages: how to build what is sent.
pub use smtpkit_mime as mime;
pub use smtpkit_session::client::{Delivery, Pipelining, Protocol, Transfer, Unsupported};
pub use smtpkit_session::timeout::ClientTimeouts;
/// TLS: connectors, roots, pins, and what a session turned out to be.
pub use smtpkit_tls as tls;
pub use smtpkit_tls::Anchors;

#[cfg(feature = "tokio")]
pub use tokio_driver::{AsyncStream, Batch, BoxFuture, Client, Connect, Connection, Resolve};
