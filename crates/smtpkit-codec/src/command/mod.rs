//! Commands: what a client says (RFC 5321 §4.1), read from a [`Line`](crate::Line) and written back.
//!
//! A [`Command`] is a borrowed view, `Copy`, made by [`Command::parse`] in one pass over the line
//! and without allocation, also if it fails. [`CommandBuf`] keeps one. The commands that extensions
//! add live with their extensions ([`crate::extension`]).
//!
//! Read leniently where RFC 5321 asks for it and nothing is at stake: verbs and keywords in either
//! case, white space at the end of a line (§4.1.1), spaces behind the colon of `FROM:` and `TO:`.
//! Everything else is refused with an offset.

mod any;
mod buf;
mod client_name;
mod mail;
mod mail_parameters;
mod rcpt;
mod rcpt_parameters;
mod text;
mod unknown;
mod verb;

pub use self::any::Command;
pub use self::buf::CommandBuf;
pub use self::client_name::{ClientName, ClientNameBuf};
pub use self::mail::Mail;
pub use self::mail_parameters::{MailParameters, MailParametersRef};
pub use self::rcpt::Rcpt;
pub use self::rcpt_parameters::{RcptParameters, RcptParametersRef};
pub use self::text::Text;
pub use self::unknown::Unknown;
pub use self::verb::Verb;
