//! The tables of the database, its format, and how the index is rebuilt from it.
//!
//! ```text
//! meta      name → number           the format, the next event
//! entries   id → row                what never changes about an entry; small, all read at the start
//! progress  (id, place) → row       recipients that are no longer as they were accepted
//! content   id → octets             content up to 64 KiB; apart, so that the start need not read it
//! outbox    number → row            events
//! ```

use std::collections::BTreeSet;

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use crate::content::ContentId;
use crate::error::OpenError;
use crate::index::{Loading, Progress};
use crate::queue_id::QueueId;
use crate::row::{self, BadRow};

use super::Damage;

pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
pub(super) const ENTRIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("entries");
pub(super) const PROGRESS: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("progress");
pub(super) const CONTENT: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("content");
pub(super) const OUTBOX: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("outbox");

/// The format that this version writes, and the newest that it reads.
pub(super) const FORMAT: u64 = 1;
const FORMAT_ROW: &str = "format";
pub(super) const EVENT_NEXT_ROW: &str = "event_next";

/// Makes the tables of a new database; checks the format of an old one.
pub(super) fn prepare(database: &Database) -> Result<(), OpenError> {
    let found = match database.begin_read()?.open_table(META) {
        Ok(meta) => meta.get(FORMAT_ROW)?.map(|format| format.value()),
        Err(TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(error.into()),
    };
    match found {
        Some(found) if found > FORMAT => Err(OpenError::NewerFormat { found, known: FORMAT }),
        Some(_) => Ok(()),
        None => create(database),
    }
}

fn create(database: &Database) -> Result<(), OpenError> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(true);
    transaction.open_table(META)?.insert(FORMAT_ROW, FORMAT)?;
    transaction.open_table(ENTRIES)?;
    transaction.open_table(PROGRESS)?;
    transaction.open_table(CONTENT)?;
    transaction.open_table(OUTBOX)?;
    transaction.commit()?;
    Ok(())
}

/// What was found in a database.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// Rows that cannot be read; they stay where they are.
    pub(super) damaged: Vec<Damage>,
    /// Contents that are files, with an entry that needs each.
    pub(super) files: Vec<(QueueId, QueueId)>,
    /// The highest id that is in use.
    pub(super) last_id: Option<QueueId>,
    pub(super) events: u64,
    pub(super) event_next: u64,
}

impl Loaded {
    pub(super) fn file_ids(&self) -> BTreeSet<QueueId> {
        self.files.iter().map(|(file, _)| *file).collect()
    }
}

/// Gathers all entries for the index.
pub(super) fn load(database: &Database, index: &mut Loading) -> Result<Loaded, OpenError> {
    let transaction = database.begin_read()?;
    let mut loaded = Loaded::default();
    load_outbox(&transaction, &mut loaded)?;
    let progress = transaction.open_table(PROGRESS)?;
    let mut progress = progress.iter()?.peekable();
    for entry in transaction.open_table(ENTRIES)?.iter()? {
        let (id, row) = entry?;
        let id = QueueId::from_u64(id.value());
        let mut stored: Vec<(u32, Progress)> = Vec::new();
        let mut damage: Option<BadRow> = None;
        // both tables are sorted by id
        while let Some(next) = progress.next_if(|next| match next {
            Ok((key, _)) => key.value().0 <= id.get(),
            Err(_) => true,
        }) {
            let (key, row) = next?;
            let (of, place) = key.value();
            match row::decode_progress(row.value()) {
                Ok(progress) if of == id.get() => stored.push((place, progress)),
                Ok(_) => {}
                Err(bad) => damage = Some(bad),
            }
        }
        loaded.last_id = loaded.last_id.max(Some(id));
        let content = match damage {
            None => index.add(id, row.value(), stored),
            Some(bad) => Err(bad),
        };
        match content {
            Ok(ContentId::File(file)) => {
                loaded.files.push((file, id));
                loaded.last_id = loaded.last_id.max(Some(file));
            }
            Ok(ContentId::Row(_)) => {}
            Err(bad) => loaded.damaged.push(Damage { id, what: bad.as_str() }),
        }
    }
    Ok(loaded)
}

fn load_outbox(transaction: &ReadTransaction, loaded: &mut Loaded) -> Result<(), OpenError> {
    let outbox = transaction.open_table(OUTBOX)?;
    loaded.events = redb::ReadableTableMetadata::len(&outbox)?;
    let next = transaction.open_table(META)?.get(EVENT_NEXT_ROW)?;
    loaded.event_next = next.map_or(0, |next| next.value());
    Ok(())
}
