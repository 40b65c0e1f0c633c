//! The production spool on a simulated disk: its commits take time, and happen when the world says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use smtpkit_queue::{
    Action, Batch, ContentReader, ContentWriter, Counts, Entry, Event, EventId, Filter, Health, Lease,
    OpenError, Options, Page, Pending, QueueId, Receipt, RecipientKey, RedbSpool, Site, Spool, SpoolError,
    Timestamp, Writer,
};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::dice::Dice;
use crate::disk::Disk;
use crate::power::Power;

/// A [`RedbSpool`] whose writer is a task of the world.
pub(crate) struct TimedSpool {
    inner: RedbSpool,
    waiting: Notify,
    entries_most: AtomicUsize,
}

impl TimedSpool {
    /// A new database comes into being all at once, as the file of one does by its renaming.
    pub(crate) fn open(disk: &Disk, options: Options) -> Result<Arc<Self>, OpenError> {
        if disk.is_empty() {
            let draft = Disk::new(Power::on());
            drop(RedbSpool::open_with_backend(draft.clone(), options.clone().writer(Writer::Caller))?);
            disk.begin_with(&draft);
        }
        let inner = RedbSpool::open_with_backend(disk.clone(), options.writer(Writer::Caller))?;
        Ok(Arc::new(Self { inner, waiting: Notify::new(), entries_most: AtomicUsize::new(0) }))
    }

    /// Writes what is handed over, until the machine loses its power.
    pub(crate) async fn write(self: Arc<Self>, power: Power, mut dice: Dice) {
        while power.is_on() {
            self.waiting.notified().await;
            let busy =
                if dice.per_mille(10) { dice.milliseconds(500, 5_000) } else { dice.milliseconds(0, 12) };
            sleep(busy).await;
            while power.is_on() && self.inner.write_waiting() > 0 {
                self.entries_most.fetch_max(self.inner.counts().entries, Ordering::Relaxed);
            }
        }
    }

    /// The most mails that there were at once.
    pub(crate) fn entries_most(&self) -> usize {
        self.entries_most.load(Ordering::Relaxed)
    }
}

impl Spool for TimedSpool {
    fn next_id(&self, now: Timestamp) -> QueueId {
        self.inner.next_id(now)
    }

    fn begin(&self) -> Result<ContentWriter, SpoolError> {
        self.inner.begin()
    }

    fn commit(&self, batch: Batch) -> Pending<Receipt> {
        let pending = self.inner.commit(batch);
        self.waiting.notify_one();
        pending
    }

    fn manage(&self, action: Action, filter: &Filter, now: Timestamp) -> Pending<Receipt> {
        let pending = self.inner.manage(action, filter, now);
        self.waiting.notify_one();
        pending
    }

    fn due(&self, now: Timestamp, limit: usize, eligible: &mut dyn FnMut(&Site) -> bool) -> Vec<Site> {
        self.inner.due(now, limit, eligible)
    }

    fn lease(&self, site: &Site, now: Timestamp, limit: usize) -> Vec<Lease> {
        self.inner.lease(site, now, limit)
    }

    fn give_back(&self, keys: &[RecipientKey]) {
        self.inner.give_back(keys);
    }

    fn next_due(&self, after: Timestamp) -> Option<Timestamp> {
        self.inner.next_due(after)
    }

    fn get(&self, id: QueueId) -> Option<Entry> {
        self.inner.get(id)
    }

    fn list(&self, filter: &Filter, after: Option<RecipientKey>, limit: usize) -> Page {
        self.inner.list(filter, after, limit)
    }

    fn content(&self, id: QueueId) -> Result<ContentReader, SpoolError> {
        self.inner.content(id)
    }

    fn events(&self, after: Option<EventId>, limit: usize) -> Result<Vec<(EventId, Event)>, SpoolError> {
        self.inner.events(after, limit)
    }

    fn forget_events(&self, up_to: EventId) -> Pending<Receipt> {
        let pending = self.inner.forget_events(up_to);
        self.waiting.notify_one();
        pending
    }

    fn counts(&self) -> Counts {
        self.inner.counts()
    }

    fn health(&self) -> Health {
        self.inner.health()
    }
}
