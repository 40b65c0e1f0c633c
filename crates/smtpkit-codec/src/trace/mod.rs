//! Trace information: the fields that a server puts in front of content (RFC 5321 §4.4).
//!
//! Builders, not parsers: every word in them is a checked type, long fields are folded, and
//! the time is the caller's. Whoever reads trace fields parses a message, which is not the
//! business of this crate.

mod date_time;
mod field;
mod protocol;
mod received;
mod return_path;

pub use date_time::DateTime;
pub use protocol::Protocol;
pub use received::{BadClause, Received};
pub use return_path::ReturnPath;
