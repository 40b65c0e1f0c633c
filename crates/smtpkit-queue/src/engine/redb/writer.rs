//! The one thread that writes: takes what has been handed over, makes one commit of it, and only
//! then answers.
//!
//! ```text
//! group ─► plan (index locked) ─► one transaction, synced ─► publish (index locked) ─► answers
//!                                        └ failed: nothing is answered with success ever again
//! ```

use std::sync::Arc;
use std::sync::atomic::Ordering;

use redb::{ReadableTable, ReadableTableMetadata, Table, WriteTransaction};

use crate::batch::{EventId, Receipt};
use crate::content::{ContentId, Kept};
use crate::engine::memory::MANAGED_AT_ONCE;
use crate::error::SpoolError;
use crate::index::{Gone, Plan};
use crate::pending::Promise;
use crate::recipient::RecipientKey;
use crate::row;

use super::Engine;
use super::handover::Command;
use super::tables::{CONTENT, ENTRIES, EVENT_NEXT_ROW, META, OUTBOX, PROGRESS};

/// An answer that waits for the commit.
struct Answer {
    promise: Promise<Receipt>,
    receipt: Result<Receipt, SpoolError>,
}

/// What one commit writes.
#[derive(Default)]
struct Group {
    plan: Plan,
    progress: Vec<(RecipientKey, Vec<u8>)>,
    /// Events up to this one are forgotten.
    forget: Option<EventId>,
    answers: Vec<Answer>,
    /// Actions that are not through yet.
    rest: Vec<Command>,
}

/// What a commit has done to the outbox.
#[derive(Default)]
struct Outbox {
    next: u64,
    count: u64,
    lost: u64,
}

/// Runs until the handover is closed and empty.
pub(super) fn run(engine: &Arc<Engine>) {
    let _watch = Watch(engine);
    while let Some(commands) = engine.handover.next_group() {
        write_group(engine, commands);
    }
}

/// One commit, and the answers to all who share it.
pub(super) fn write_group(engine: &Engine, commands: Vec<Command>) {
    if let Some(error) = engine.failure() {
        commands.into_iter().for_each(|command| command.fail(error.clone()));
        return;
    }
    let operations = commands.len() as u64;
    let _whole = engine.between_commits();
    let mut group = Group::of(engine, commands);
    match engine.write(&mut group) {
        Ok(outbox) => {
            engine.operations.fetch_add(operations, Ordering::Relaxed);
            group.succeed(engine, &outbox);
        }
        Err(error) => {
            engine.fail(&format!("a commit has failed: {error}"));
            group.fail(engine);
        }
    }
}

/// Should the writer end in any way, nobody waits for it in vain.
struct Watch<'a>(&'a Engine);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.0.fail("the writer has ended");
        self.0.handover.close();
        // what came while it worked; after the close nothing comes any more
        let failure = self.0.failure().unwrap_or(SpoolError::Closed);
        loop {
            let left = self.0.handover.waiting_group();
            if left.is_empty() {
                return;
            }
            left.into_iter().for_each(|command| command.fail(failure.clone()));
        }
    }
}

impl Group {
    fn of(engine: &Engine, commands: Vec<Command>) -> Self {
        let mut group = Self::default();
        let mut index = engine.index();
        for command in commands {
            match command {
                Command::Commit(batch, promise) => {
                    let receipt = index.plan(batch, &mut group.plan);
                    group.answers.push(Answer { promise, receipt });
                }
                Command::Manage { request, after, changed, promise } => {
                    let (more, next) = index.manage(&request, after, MANAGED_AT_ONCE, &mut group.plan);
                    let changed = changed + more;
                    if next.is_some() {
                        group.rest.push(Command::Manage { request, after: next, changed, promise });
                    } else {
                        let receipt = Ok(Receipt { changed, stale: 0 });
                        group.answers.push(Answer { promise, receipt });
                    }
                }
                Command::Forget(up_to, promise) => {
                    group.forget = group.forget.max(Some(up_to));
                    group.answers.push(Answer { promise, receipt: Ok(Receipt::default()) });
                }
            }
        }
        group.progress = group.plan.progress(&mut index);
        group
    }

    fn is_empty(&self) -> bool {
        self.plan.is_empty() && self.progress.is_empty() && self.forget.is_none()
    }

    fn succeed(self, engine: &Engine, outbox: &Outbox) {
        engine.event_next.store(outbox.next, Ordering::Relaxed);
        engine.event_count.store(outbox.count, Ordering::Relaxed);
        engine.events_lost.fetch_add(outbox.lost, Ordering::Relaxed);
        let mut index = engine.index();
        for entry in self.plan.entries {
            index.publish(entry);
        }
        drop(index);
        for answer in self.answers {
            answer.promise.keep(answer.receipt);
        }
        for rest in self.rest {
            engine.handover.push_rest(rest);
        }
        for gone in self.plan.gone {
            if let (Some(ContentId::File(file)), Some(folder)) = (gone.content, &engine.folder) {
                folder.remove(file);
            }
        }
    }

    fn fail(self, engine: &Engine) {
        let error = engine.failure().unwrap_or(SpoolError::Closed);
        for answer in self.answers {
            // who was refused for a reason of its own is told that
            answer.promise.keep(answer.receipt.and(Err(error.clone())));
        }
        for rest in self.rest {
            rest.fail(error.clone());
        }
    }
}

impl Engine {
    fn write(&self, group: &mut Group) -> Result<Outbox, redb::Error> {
        let mut outbox = Outbox {
            next: self.event_next.load(Ordering::Relaxed),
            count: self.event_count.load(Ordering::Relaxed),
            lost: 0,
        };
        if group.is_empty() {
            return Ok(outbox);
        }
        let mut transaction = self.database.begin_write()?;
        // a crash costs no repair at the start, and no checksum decides which commit is the last
        transaction.set_two_phase_commit(true);
        transaction.set_quick_repair(true);
        write_entries(&transaction, group)?;
        remove_entries(&transaction, &group.plan.gone)?;
        if group.forget.is_some() || !group.plan.events.is_empty() {
            let limit = self.index().limits.events as u64;
            write_outbox(&transaction, group, limit, &mut outbox)?;
        }
        transaction.commit()?;
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(outbox)
    }
}

fn write_entries(transaction: &WriteTransaction, group: &mut Group) -> Result<(), redb::Error> {
    if !group.plan.contents.is_empty() {
        let mut contents = transaction.open_table(CONTENT)?;
        for (id, staged) in group.plan.contents.drain(..) {
            match (id, staged.kept) {
                (ContentId::Row(id), Kept::Inline(content)) => {
                    contents.insert(id.get(), &content[..])?;
                }
                // from here on the commit may be on disk, also if it fails
                (_, Kept::File(file)) => file.keep(),
                (ContentId::File(_), Kept::Inline(_)) => {}
            }
        }
    }
    if !group.plan.entries.is_empty() {
        let mut entries = transaction.open_table(ENTRIES)?;
        for entry in &group.plan.entries {
            entries.insert(entry.id.get(), &entry.row[..])?;
        }
    }
    if !group.progress.is_empty() {
        let mut progress = transaction.open_table(PROGRESS)?;
        for (key, row) in &group.progress {
            progress.insert((key.id.get(), key.index), &row[..])?;
        }
    }
    Ok(())
}

fn remove_entries(transaction: &WriteTransaction, gone: &[Gone]) -> Result<(), redb::Error> {
    if gone.is_empty() {
        return Ok(());
    }
    let mut entries = transaction.open_table(ENTRIES)?;
    let mut contents = transaction.open_table(CONTENT)?;
    let mut progress = transaction.open_table(PROGRESS)?;
    for gone in gone {
        entries.remove(gone.id.get())?;
        if let Some(ContentId::Row(content)) = gone.content {
            contents.remove(content.get())?;
        }
        for key in &gone.stored {
            progress.remove((key.id.get(), key.index))?;
        }
    }
    Ok(())
}

fn write_outbox(
    transaction: &WriteTransaction,
    group: &Group,
    limit: u64,
    outbox: &mut Outbox,
) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(OUTBOX)?;
    for event in &group.plan.events {
        table.insert(outbox.next, &row::encode_event(event)[..])?;
        outbox.next += 1;
    }
    transaction.open_table(META)?.insert(EVENT_NEXT_ROW, outbox.next)?;
    if let Some(up_to) = group.forget {
        while first_of(&table)?.is_some_and(|first| first <= up_to.get()) {
            table.pop_first()?;
        }
    }
    outbox.count = table.len()?;
    while outbox.count > limit {
        table.pop_first()?;
        outbox.count -= 1;
        outbox.lost += 1;
    }
    Ok(())
}

fn first_of(table: &Table<'_, u64, &[u8]>) -> Result<Option<u64>, redb::Error> {
    Ok(table.first()?.map(|(number, _)| number.value()))
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use redb::backends::InMemoryBackend;

    use super::*;
    use crate::{Batch, Options, RedbSpool, Spool as _, Writer};

    #[test]
    fn a_writer_that_ends_leaves_nobody_waiting() {
        let options = Options::default().writer(Writer::Caller);
        let spool = RedbSpool::open_with_backend(InMemoryBackend::new(), options).unwrap();
        let waiting: Vec<_> = (0..1_000).map(|_| spool.commit(Batch::default())).collect();
        drop(Watch(&spool.engine));
        for pending in waiting {
            let answer = pin!(pending).poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(answer, Poll::Ready(Err(SpoolError::Unhealthy { .. }))), "{answer:?}");
        }
    }
}
