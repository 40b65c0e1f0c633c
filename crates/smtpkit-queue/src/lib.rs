//! What mail is still owed to whom, and when: the queue of a relay.
//!
//! ```text
//! content ─ begin, write, finish ─► Staged ┐
//!                                  entries ┴─ Batch ─ commit ─► Pending ─► now, and not before, "250"
//! due ─► lease ─► an attempt (somebody else's) ─► Outcome per recipient ─ Batch ─ commit ─► …
//!                                      └ deferred: Schedule says when │ failed: the report is in the batch
//! ```
//!
//! An [`Entry`] is one mail; each of its [`Recipient`]s has a [`RecipientState`] of its own. A
//! [`Spool`] keeps entries: [`MemorySpool`] for tests and simulations, [`RedbSpool`] on disk. Both
//! mean the same by the same call, because they share one index.
//!
//! This crate never connects, resolves or decides a retry; it reads no clock: every moment is an
//! argument. Its only I/O is in the engines.

mod queue_id;
mod site;
mod timestamp;

mod entry;
mod recipient;
mod schedule;

mod batch;
mod content;
mod error;
mod filter;
mod pending;
mod spool;

mod engine;
mod index;
mod mix;
mod row;

pub use batch::{Action, Batch, Event, EventId, Outcome, Receipt};
pub use content::{ContentReader, ContentWriter, INLINE_OCTETS, Staged};
pub use engine::memory::MemorySpool;
pub use engine::redb::{
    COMMANDS_MAX, Damage, FREE_SPACE_OCTETS, GROUP_MAX, LINGER, Options, Recovery, RedbSpool, Writer,
};
pub use entry::{Entry, Origin};
pub use error::{OpenError, SpoolError};
pub use filter::{Counts, Filter, Match, Page};
pub use index::Limits;
pub use pending::Pending;
pub use queue_id::{BadQueueId, IdSource, QueueId};
pub use recipient::{DelayNotice, LastReply, REPLY_TEXT_OCTETS, Recipient, RecipientKey, RecipientState};
pub use schedule::{BadSchedule, INTERVALS_MAX, JITTER_PERCENT_MAX, Next, Schedule, Terms};
pub use site::Site;
pub use spool::{Health, Lease, Spool};
pub use timestamp::Timestamp;

pub use ::redb::StorageBackend;
