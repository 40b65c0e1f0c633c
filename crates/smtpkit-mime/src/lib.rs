//! Mail content: read it, write it, report about it (RFC 5322, RFC 2045 to 2049, RFC 3464).

mod date_time;

pub use date_time::{DateTime, DateTimeError, Rfc3339, Weekday};
