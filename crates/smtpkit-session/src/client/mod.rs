//! The sending side: a machine for one connection to an SMTP or LMTP server (RFC 5321 §3, RFC 2033).
//!
//! A driver makes a [`Client`], moves octets and time through [`Wire`](crate::Wire), gives orders (STARTTLS, AUTH, a
//! mail transaction, QUIT) while [`Client::is_ready`], and reads what happened from [`Client::poll`].
//!
//! # What the machine sees to
//! - Replies belong to commands one to one. A reply that nothing asked for, or of a class that the command cannot have,
//!   ends the connection; 421 is taken at any time.
//! - With PIPELINING (RFC 2920) MAIL, every RCPT and DATA share one flight, and the next message's commands may follow
//!   the content of the last ([`Client::can_chain`]). Without it commands go one by one.
//! - [`Delivery::AllOrNothing`] keeps DATA back until every recipient is accepted. When nobody was accepted and the
//!   peer asks for content all the same, it gets the lone dot.
//! - Content is lent, never copied. A bare CR, bare LF or NUL in it never gets an end mark, so no message is made of it.
//! - Nothing is said that the peer did not offer, nothing in plaintext that the configuration refuses, and an upgrade
//!   to TLS goes on only if no octet of plaintext is left.
//! - After a lost connection it is known whether the peer may have the message: [`Closed::unknown`].
//!
//! # What it refuses to do
//! It opens nothing, knows no host names, keeps no password, decides no retry.
//!
//! | module | what is in it |
//! |---|---|
//! | `awaited` | the state table and its drawing |
//! | `machine`, `order` | orders and [`Wire`](crate::Wire) |
//! | `state` | the state that orders and replies act on |
//! | `replies` | what a reply does |
//! | `flight` | which commands are on the wire |
//! | `content` | content on its way out |
//! | `transaction`, `offers` | one message; what it needs and the peer offers |
//! | `clock`, `inbox`, `config`, `event`, `upgrade` | time, received octets, configuration, events, STARTTLS |

mod awaited;
mod clock;
mod config;
mod content;
mod event;
mod flight;
mod inbox;
mod machine;
mod offers;
mod order;
mod replies;
mod state;
mod transaction;
mod upgrade;

pub use awaited::Awaited;
pub use config::{ClientConfig, Hello, Pipelining, Plaintext, Protocol, UNANSWERED_OCTETS};
pub use content::Transfer;
pub use event::{Answered, ClientEvent, Closed, Ending, Ticket};
pub use flight::Note;
pub use machine::Client;
pub use offers::Unsupported;
pub use order::OrderError;
pub use transaction::{Delivery, Plan};
pub use upgrade::{ClientUpgrade, Fatal};
