//! Mail content: read it, write it, report about it (RFC 5322, RFC 2045 to 2049, RFC 3464).
//!
//! The crate knows octets only: no socket, file, clock or random source.
//!
//! - Reading never fails. [`Message`] indexes content in memory and computes values when they are asked for;
//!   [`PushParser`] takes content in pieces and keeps next to nothing. Both take the same steps, and both tell
//!   what is wrong as [`Defects`], with offsets.
//!
//! ```
//! use smtpkit_mime::Message;
//!
//! let message = Message::parse(b"Subject: =?utf-8?q?Caf=C3=A9?=\r\n\r\nAt one?\r\n");
//! assert_eq!(message.subject().as_deref(), Some("Café"));
//! ```

pub mod build;
pub mod canonical;
pub mod conformance;
pub mod decode;
pub mod downgrade;
pub mod encode;
pub mod facts;
pub mod header;
pub mod report;

mod date_time;
mod defect;
mod hop;
mod lanes;
mod limits;
mod parse;

pub use date_time::{DateTime, DateTimeError, Rfc3339, Weekday};
pub use defect::{Defect, DefectKind, Defects};
pub use header::{Field, Header};
pub use hop::HopCapabilities;
pub use limits::Limits;
pub use parse::{
    Body, Children, Event, Events, Message, Part, PartHead, PartKind, Partial, Parts, PushParser,
};
