//! How an entry looks on disk: rows of octets, written by hand, each with its version first.
//!
//! ```text
//! entry     what never changes: envelope, origin, terms, and each recipient as it was accepted
//! progress  what has become of one recipient; only written when it differs from the entry's row
//! event     one row of the outbox
//! ```
//!
//! So the usual mail, delivered at the first attempt, costs one row (and one for its content), and
//! an outcome never rewrites a row that grows with the number of recipients.

mod entry_row;
mod event_row;
mod octets;
mod progress_row;

pub(crate) use entry_row::{EntryRow, RecipientRow, decode_entry, encode_entry};
pub(crate) use event_row::{decode_event, encode_event};
pub(crate) use octets::BadRow;
pub(crate) use progress_row::{decode_progress, encode_progress};
