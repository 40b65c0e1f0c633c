//! • The spool on disk: a redb database for what is small, a folder for what is large.
//!
//! ```text
//! DIRECTORY/lock         held while open: one process at a time
//! DIRECTORY/queue.redb   all rows; see `tables` and `file`
//! DIRECTORY/content/ID   contents above 64 KiB
//! ```
//!
//! One thread writes; all that is handed to it meanwhile shares its next commit. Questions are
//! answered by the index in memory. After a failed write nothing is accepted, leased or tried
//! again until the spool is opened anew: what the disk then holds is the truth.

mod file;
mod handover;
mod options;
mod tables;
mod writer;

use std::fmt;
use std::fs::{DirBuilder, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use bytes::Bytes;
use redb::{Database, ReadableDatabase, StorageBackend};

use crate::batch::{Action, Batch, Event, EventId, Receipt};
use crate::content::{ContentId, ContentReader, ContentWriter};
use crate::entry::Entry;
use crate::error::{OpenError, SpoolError};
use crate::filter::{Counts, Filter, Page};
use crate::index::{Index, Loading, Request};
use crate::pending::Pending;
use crate::queue_id::{IdSource, QueueId};
use crate::recipient::RecipientKey;
use crate::row;
use crate::site::Site;
use crate::spool::{Health, Lease, Spool};
use crate::timestamp::Timestamp;

use super::folder::ContentFolder;
use handover::{Command, Handover};
use tables::{CONTENT, OUTBOX};

pub use options::{COMMANDS_MAX, FREE_SPACE_OCTETS, GROUP_MAX, LINGER, Options, Writer};

/// How long the answer to the question for free space holds.
const SPACE_MILLISECONDS: u64 = 100;

const CONTENT_MISSING: &str = "its content is missing";

/// A [`Spool`] on disk. Dropped, it writes what has been handed over, and closes.
///
/// ```
/// use smtpkit_queue::{Batch, Entry, Options, Recipient, RedbSpool, Site, Spool, Staged, Timestamp};
///
/// let directory = tempfile::tempdir()?;
/// let spool = RedbSpool::open(directory.path(), Options::default())?;
/// let id = spool.next_id(Timestamp::from_seconds(1_767_225_600));
/// let entry = Entry::new(id, "joe@example.org".parse()?)
///     .with_recipient(Recipient::new("jane@example.com".parse()?, Site::new("mx:example.com")));
/// spool.commit(Batch::default().accept(Staged::inline("Subject: hi\r\n\r\n"), [entry])).wait()?;
/// drop(spool);
///
/// let spool = RedbSpool::open(directory.path(), Options::default())?;
/// assert_eq!(spool.recovery().entries, 1);
/// assert_eq!(spool.content(id)?.len(), 15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RedbSpool {
    engine: Arc<Engine>,
    writer: Option<JoinHandle<()>>,
    recovery: Recovery,
    /// Released last.
    _lock: Option<File>,
}

/// What was found when the spool was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// Mails that are still owed.
    pub entries: usize,
    /// Files of content that no mail referred to; a crash leaves some. They were removed.
    pub files_collected: usize,
    /// Mails whose row cannot be read, or whose content is missing. Their rows stay on disk; a mail
    /// without a readable row is not delivered.
    pub damaged: Vec<Damage>,
}

/// What is wrong with a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// Which one.
    pub id: QueueId,
    /// What was found.
    pub what: &'static str,
}

/// What the writer and those who ask share.
struct Engine {
    database: Database,
    index: Mutex<Index>,
    /// Held from the plan of a commit until all of it can be found.
    commit: Mutex<()>,
    handover: Handover,
    folder: Option<Arc<ContentFolder>>,
    ids: Arc<IdSource>,
    options: Options,
    /// Of what the free space counts.
    directory: Option<PathBuf>,
    opened: Instant,
    /// Until when, in milliseconds since it was opened, the free space need not be asked for.
    space_until: AtomicU64,
    /// Set once, for ever.
    failure: OnceLock<Arc<str>>,
    event_next: AtomicU64,
    event_count: AtomicU64,
    events_lost: AtomicU64,
    commits: AtomicU64,
    operations: AtomicU64,
}

impl RedbSpool {
    /// Opens the spool in a directory, which is made if it is not there.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if it is open already, [`OpenError::NewerFormat`] if this version cannot
    /// read it, [`OpenError::Io`] and [`OpenError::Database`] if the disk fails. A crash is no reason:
    /// it never needs a repair.
    pub fn open(directory: &Path, options: Options) -> Result<Self, OpenError> {
        let failed = |what, path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Io { what, path, source }
        };
        let mut builder = DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o700);
        builder.create(directory).map_err(failed("cannot make", directory))?;

        let path = directory.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(failed("cannot open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path: directory.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed("cannot lock", &path)(source)),
        }

        let ids = Arc::new(IdSource::new(options.nonce));
        let folder = Arc::new(ContentFolder::open(directory.join("content"), Arc::clone(&ids))?);
        let database = file::open(directory, options.cache_octets)?;
        // the names of database and folder have to survive as well
        let opened = File::open(directory).and_then(|directory| directory.sync_all());
        opened.map_err(failed("cannot sync", directory))?;
        let place = Place { folder: Some(folder), directory: Some(directory.to_owned()), ids };
        let mut spool = Self::start(database, place, options)?;
        spool._lock = Some(lock);
        Ok(spool)
    }

    /// Opens the spool that a redb storage backend holds. All content is kept in rows, whatever its
    /// size; there is no lock and no look at free space. For simulated disks.
    ///
    /// ```
    /// use smtpkit_queue::{Options, RedbSpool, Spool};
    ///
    /// let backend = redb::backends::InMemoryBackend::new();
    /// let spool = RedbSpool::open_with_backend(backend, Options::default())?;
    /// assert_eq!(spool.counts().entries, 0);
    /// # Ok::<(), smtpkit_queue::OpenError>(())
    /// ```
    ///
    /// # Errors
    /// [`OpenError::NewerFormat`] if this version cannot read it, [`OpenError::Database`] if the
    /// backend fails.
    pub fn open_with_backend(backend: impl StorageBackend, options: Options) -> Result<Self, OpenError> {
        let ids = Arc::new(IdSource::new(options.nonce));
        let mut builder = redb::Builder::new();
        let database = builder.set_cache_size(options.cache_octets).create_with_backend(backend)?;
        Self::start(database, Place { folder: None, directory: None, ids }, options)
    }

    fn start(database: Database, place: Place, options: Options) -> Result<Self, OpenError> {
        tables::prepare(&database)?;
        let mut loading = Loading::new(options.limits);
        let loaded = tables::load(&database, &mut loading)?;
        let index = loading.finish();
        if let Some(last) = loaded.last_id {
            place.ids.skip_past(last);
        }
        let recovery = recover(&index, &loaded, place.folder.as_deref())?;
        let engine = Arc::new(Engine {
            database,
            index: Mutex::new(index),
            commit: Mutex::new(()),
            handover: Handover::new(options.linger, options.group_max),
            folder: place.folder,
            ids: place.ids,
            options,
            directory: place.directory,
            opened: Instant::now(),
            space_until: AtomicU64::new(0),
            failure: OnceLock::new(),
            event_next: AtomicU64::new(loaded.event_next),
            event_count: AtomicU64::new(loaded.events),
            events_lost: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            operations: AtomicU64::new(0),
        });
        let writer = match engine.options.writer {
            Writer::Thread => Some(start_writer(&engine)?),
            Writer::Caller => None,
        };
        Ok(Self { engine, writer, recovery, _lock: None })
    }

    /// Makes one commit of what waits, and tells how many changes that were. Only a spool of [`Writer::Caller`] needs
    /// it; with a thread, whoever comes first writes.
    ///
    /// ```
    /// use smtpkit_queue::{Batch, Options, RedbSpool, Spool, Writer};
    ///
    /// let backend = redb::backends::InMemoryBackend::new();
    /// let spool = RedbSpool::open_with_backend(backend, Options::default().writer(Writer::Caller))?;
    /// let pending = spool.commit(Batch::default());
    /// assert_eq!(spool.write_waiting(), 1);
    /// assert_eq!(pending.wait()?.changed, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_waiting(&self) -> usize {
        let commands = self.engine.handover.waiting_group();
        let count = commands.len();
        if count > 0 {
            writer::write_group(&self.engine, commands);
        }
        count
    }

    /// What was found when it was opened.
    #[must_use]
    pub const fn recovery(&self) -> &Recovery {
        &self.recovery
    }
}

fn start_writer(engine: &Arc<Engine>) -> Result<JoinHandle<()>, OpenError> {
    let shared = Arc::clone(engine);
    let writer = std::thread::Builder::new().name("queue writer".into()).spawn(move || {
        writer::run(&shared);
    });
    writer.map_err(|source| OpenError::Io {
        what: "cannot start the writer of",
        path: PathBuf::from("the queue"),
        source,
    })
}

/// Where a database is, besides the database itself.
struct Place {
    folder: Option<Arc<ContentFolder>>,
    directory: Option<PathBuf>,
    ids: Arc<IdSource>,
}

/// Collects files that nobody refers to, and finds out what is missing.
fn recover(
    index: &Index,
    loaded: &tables::Loaded,
    folder: Option<&ContentFolder>,
) -> Result<Recovery, OpenError> {
    let mut recovery =
        Recovery { entries: index.counts().entries, damaged: loaded.damaged.clone(), ..Recovery::default() };
    let Some(folder) = folder else { return Ok(recovery) };
    // a row that cannot be read may refer to any of the files
    if loaded.damaged.is_empty() {
        recovery.files_collected = folder.collect(&loaded.file_ids())?;
    }
    for (file, entry) in &loaded.files {
        if !folder.holds(*file) {
            recovery.damaged.push(Damage { id: *entry, what: CONTENT_MISSING });
        }
    }
    Ok(recovery)
}

impl Drop for RedbSpool {
    fn drop(&mut self) {
        self.engine.handover.close();
        if let Some(writer) = self.writer.take() {
            // if it has panicked, its watch has told everybody
            let _ = writer.join();
        }
    }
}

impl fmt::Debug for RedbSpool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbSpool").field("directory", &self.engine.directory).finish_non_exhaustive()
    }
}

impl Engine {
    fn index(&self) -> MutexGuard<'_, Index> {
        // should the writer panic here, its watch declares the spool unhealthy
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the commit under way, and keeps the next one waiting.
    fn between_commits(&self) -> MutexGuard<'_, ()> {
        // it guards nothing that a panic could leave half done
        self.commit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self) -> Option<SpoolError> {
        self.failure.get().map(|reason| SpoolError::Unhealthy { reason: Arc::clone(reason) })
    }

    /// The first reason counts.
    fn fail(&self, reason: &str) {
        let _ = self.failure.set(reason.into());
    }

    /// Is there room on the disk? Once there was, it is not asked again for a moment.
    fn has_space(&self) -> Result<bool, SpoolError> {
        let Some(directory) = &self.directory else { return Ok(true) };
        let elapsed = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        if elapsed < self.space_until.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let found = rustix::fs::statvfs(directory).map_err(Into::into);
        let found = found.map_err(SpoolError::io("cannot ask for the free space of the queue"))?;
        let has_space = found.f_bavail.saturating_mul(found.f_frsize) >= self.options.free_space_min;
        if has_space {
            self.space_until.store(elapsed.saturating_add(SPACE_MILLISECONDS), Ordering::Relaxed);
        }
        Ok(has_space)
    }

    fn hand_over(
        &self,
        command: impl FnOnce(crate::pending::Promise<Receipt>) -> Command,
    ) -> Pending<Receipt> {
        if let Some(error) = self.failure() {
            return Pending::ready(Err(error));
        }
        let (promise, pending) = Pending::new();
        self.handover.push(command(promise));
        pending
    }

    fn read_row(&self, id: QueueId) -> Result<Option<Bytes>, redb::Error> {
        // owned: the page may be used again as soon as no transaction reads it any more
        let content = self.database.begin_read()?.open_table(CONTENT)?.get_owned(id.get())?;
        Ok(content.map(|content| Bytes::copy_from_slice(content.value())))
    }

    fn read_events(&self, first: u64, limit: usize) -> Result<Vec<(EventId, Event)>, redb::Error> {
        let mut events = Vec::new();
        for row in self.database.begin_read()?.open_table(OUTBOX)?.range(first..)?.take(limit) {
            let (number, row) = row?;
            // one that cannot be read is passed over; its number tells
            if let Ok(event) = row::decode_event(row.value()) {
                events.push((EventId::from_u64(number.value()), event));
            }
        }
        Ok(events)
    }
}

fn read_error(what: &'static str) -> impl FnOnce(redb::Error) -> SpoolError {
    move |error| match error {
        redb::Error::Io(source) => SpoolError::io(what)(source),
        error => SpoolError::io(what)(std::io::Error::other(error)),
    }
}

impl Spool for RedbSpool {
    fn next_id(&self, now: Timestamp) -> QueueId {
        self.engine.ids.next(now)
    }

    fn begin(&self) -> Result<ContentWriter, SpoolError> {
        if let Some(error) = self.engine.failure() {
            return Err(error);
        }
        if !self.engine.has_space()? {
            return Err(SpoolError::Full { what: "too little space on the disk" });
        }
        Ok(match &self.engine.folder {
            Some(folder) => {
                ContentWriter::with_folder(Arc::clone(folder), self.engine.options.limits.inline_octets)
            }
            None => ContentWriter::in_memory(),
        })
    }

    fn commit(&self, batch: Batch) -> Pending<Receipt> {
        if batch.has_content_outside(self.engine.folder.as_ref()) {
            return Pending::ready(Err(SpoolError::UnknownContent));
        }
        self.engine.hand_over(|promise| Command::Commit(batch, promise))
    }

    fn manage(&self, action: Action, filter: &Filter, now: Timestamp) -> Pending<Receipt> {
        let request = Request { action, filter: filter.clone(), now };
        self.engine.hand_over(|promise| Command::Manage { request, after: None, changed: 0, promise })
    }

    fn due(&self, now: Timestamp, limit: usize, eligible: &mut dyn FnMut(&Site) -> bool) -> Vec<Site> {
        if self.engine.failure.get().is_some() {
            return Vec::new();
        }
        self.engine.index().due(now, limit, eligible)
    }

    fn lease(&self, site: &Site, now: Timestamp, limit: usize) -> Vec<Lease> {
        // what cannot be recorded would be delivered again and again
        if self.engine.failure.get().is_some() {
            return Vec::new();
        }
        self.engine.index().lease(site, now, limit)
    }

    fn give_back(&self, keys: &[RecipientKey]) {
        self.engine.index().give_back(keys);
    }

    fn next_due(&self, after: Timestamp) -> Option<Timestamp> {
        if self.engine.failure.get().is_some() {
            return None;
        }
        self.engine.index().next_due(after)
    }

    fn get(&self, id: QueueId) -> Option<Entry> {
        self.engine.index().get(id)
    }

    fn list(&self, filter: &Filter, after: Option<RecipientKey>, limit: usize) -> Page {
        // else a failure would be gone from the list, and its report not yet there
        let _whole = self.engine.between_commits();
        self.engine.index().list(filter, after, limit)
    }

    fn content(&self, id: QueueId) -> Result<ContentReader, SpoolError> {
        let (content, octets) = self.engine.index().content(id).ok_or(SpoolError::UnknownContent)?;
        let missing = SpoolError::Damaged { id, what: CONTENT_MISSING };
        match content {
            ContentId::Row(row) => {
                let found = self.engine.read_row(row).map_err(read_error("cannot read content"))?;
                // it may have been removed since the index was asked
                let gone = if self.engine.index().content(id).is_none() {
                    SpoolError::UnknownContent
                } else {
                    missing
                };
                found.map(ContentReader::inline).ok_or(gone)
            }
            ContentId::File(file) => {
                let Some(folder) = &self.engine.folder else { return Err(missing) };
                folder.read(file, octets).map_err(|error| match error.kind() {
                    std::io::ErrorKind::NotFound => missing,
                    _ => SpoolError::io("cannot open a spool file")(error),
                })
            }
        }
    }

    fn events(&self, after: Option<EventId>, limit: usize) -> Result<Vec<(EventId, Event)>, SpoolError> {
        let first = after.map_or(0, |after| after.get().saturating_add(1));
        self.engine.read_events(first, limit).map_err(read_error("cannot read the outbox"))
    }

    fn forget_events(&self, up_to: EventId) -> Pending<Receipt> {
        self.engine.hand_over(|promise| Command::Forget(up_to, promise))
    }

    fn counts(&self) -> Counts {
        let engine = &self.engine;
        Counts {
            events: usize::try_from(engine.event_count.load(Ordering::Relaxed)).unwrap_or(usize::MAX),
            events_lost: engine.events_lost.load(Ordering::Relaxed),
            commits: engine.commits.load(Ordering::Relaxed),
            operations: engine.operations.load(Ordering::Relaxed),
            ..engine.index().counts()
        }
    }

    fn health(&self) -> Health {
        if let Some(reason) = self.engine.failure.get() {
            return Health::Unhealthy((&**reason).into());
        }
        match self.engine.has_space() {
            Ok(true) => Health::Ready,
            // asked again at the next mail
            Ok(false) | Err(_) => Health::Full,
        }
    }
}
