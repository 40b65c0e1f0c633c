//! The receiving side: an SMTP or LMTP server session without I/O (RFC 5321 §4.1.4, RFC 2033).
//!
//! A [`Server`] is fed octets and time through [`Wire`](crate::Wire) and tells through [`Server::poll`] what the peer
//! wants. An event that the caller has to decide carries an [`Owed`] token, which the answer method of the same kind
//! takes: one reply per command, of the right kind, in order. The machine itself refuses everything that is out of
//! order, unknown, too large, too slow or not clean, so a caller sees only what may happen.
//!
//! Replies are queued and lent for writing when no complete command is left in the input, so that a pipelined group
//! costs one write (RFC 2920 §3.2).
//!
//! | file | idea |
//! |---|---|
//! | `state` | the phases of a session, their drawing, and the table of what may be said when |
//! | `event`, `owed` | what the caller sees and what it owes |
//! | `config`, `extensions` | what the server offers and where its limits are |
//! | `machine` | the loop: lines, content, closing |
//! | `command`, `parameters` | what each command does, and the rules for the parameters of MAIL and RCPT |
//! | `content` | DATA and BDAT |
//! | `answer`, `announce` | one method per kind of answer; greeting and list of extensions |
//! | `patience` | time-outs and rates |
//! | `wire` | octets in and out |
//! | `upgrade` | STARTTLS |

mod announce;
mod answer;
mod auth_text;
mod command;
mod config;
mod content;
mod event;
mod extensions;
mod machine;
mod owed;
mod parameters;
mod patience;
mod refusals;
mod state;
mod upgrade;
mod wire;

pub use answer::AuthFailure;
pub use auth_text::AuthText;
pub use config::{Authentication, Channel, EarlyTalkers, Protocol, ServerConfig, ServerLimits, TlsRule};
pub use event::{Closed, ContentFault, Hello, InitialResponse, ServerEvent};
pub use extensions::Extensions;
pub use machine::{Counters, Notes, Server};
pub use owed::{Owed, owed_for};
pub use upgrade::{Fatal, ServerUpgrade};

#[cfg(test)]
mod tests;
