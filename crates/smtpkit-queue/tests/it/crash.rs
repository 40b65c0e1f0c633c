//! Power loss at every sync, and disks that refuse to sync: whatever was acknowledged is there
//! afterwards, and nothing is half there.

use bytes::Bytes;
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use smtpkit_queue::{
    Action, Batch, Entry, Event, Filter, Health, IdSource, MemorySpool, Options, QueueId, RecipientKey,
    RedbSpool, Spool, SpoolError, Staged,
};

use crate::disk::{Disk, EIO, ENOSPC, Fault};
use crate::sample::{NOW, accept, deferred, done, entry, failed, seconds, snapshot};

/// Set to run more than the seeds of a usual test run.
const SEEDS_VARIABLE: &str = "SMTPKIT_CRASH_SEEDS";
const SEEDS: u64 = 250;

/// What is done with two spools at once: one in memory, which never fails, and one on the disk.
struct Twins {
    random: TestRng,
    memory: MemorySpool,
    ids: IdSource,
    keys: Vec<RecipientKey>,
    events: u64,
}

impl Twins {
    fn new(seed: u64) -> Self {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        Self { random, memory: MemorySpool::new(0), ids: IdSource::new(0), keys: Vec::new(), events: 0 }
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.random.next_u64() % limit
    }

    fn some_key(&mut self) -> Option<RecipientKey> {
        let place = self.below(self.keys.len().max(1) as u64) as usize;
        self.keys.get(place).copied()
    }

    fn new_entry(&mut self) -> Entry {
        let id = self.ids.next(NOW);
        let to = ["a@x.example", "b@y.example", "c@x.example"];
        let count = 1 + self.below(3) as usize;
        self.keys.extend((0..count as u32).map(|index| RecipientKey { id, index }));
        entry(id, &to[..count])
    }

    fn content(&mut self) -> Bytes {
        let octets = [0, 10, 4_000, 20_000, 200_000][self.below(5) as usize];
        vec![self.below(256) as u8; octets].into()
    }

    /// Something that changes a spool, made twice.
    fn next_change(&mut self) -> [Change; 2] {
        if self.keys.is_empty() || self.below(3) == 0 {
            let content = self.content();
            let entries: Vec<Entry> = (0..1 + self.below(2)).map(|_| self.new_entry()).collect();
            return [0, 1].map(|_| {
                Change::Batch(Batch::default().accept(Staged::inline(content.clone()), entries.clone()))
            });
        }
        let key = self.some_key().unwrap();
        if self.below(4) == 0 {
            let actions = [Action::Hold, Action::Release, Action::Retry, Action::Remove];
            let action = actions[self.below(4) as usize];
            let filter =
                [Filter::all().id(key.id), Filter::all().recipient(key)][self.below(2) as usize].clone();
            return [0, 1].map(|_| Change::Manage(action, filter.clone()));
        }
        // a failure, its report and the event about it are one
        let outcome = [done(), failed(), deferred(seconds(60))][self.below(3) as usize].clone();
        let report = (self.below(2) == 0).then(|| (self.content(), self.new_entry()));
        self.events += 1;
        let event = Event { at: NOW, id: key.id, payload: format!("event {}", self.events).into() };
        [0, 1].map(|_| {
            let mut batch = Batch::default().record(key, outcome.clone()).event(event.clone());
            if let Some((content, entry)) = &report {
                batch = batch.accept(Staged::inline(content.clone()), [entry.clone()]);
            }
            Change::Batch(batch)
        })
    }
}

enum Change {
    Batch(Batch),
    Manage(Action, Filter),
}

impl Change {
    fn make(self, spool: &dyn Spool) -> Result<(), SpoolError> {
        match self {
            Self::Batch(batch) => spool.commit(batch).wait(),
            Self::Manage(action, filter) => spool.manage(action, &filter, seconds(30)).wait(),
        }
        .map(drop)
    }
}

fn seeds() -> u64 {
    std::env::var(SEEDS_VARIABLE).ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS)
}

fn open(disk: &Disk) -> RedbSpool {
    // a small cache, so that the disk is read too
    RedbSpool::open_with_backend(disk.clone(), Options::default().cache(1 << 20)).unwrap()
}

/// One life of a spool, ended by a power loss at some sync; then the next one.
fn live_and_crash(seed: u64) {
    let mut twins = Twins::new(seed);
    let mut disk = Disk::default();
    drop(open(&disk));
    for life in 0..3 {
        let before_open = snapshot(&twins.memory);
        let at_sync = disk.syncs() + 1 + twins.below(24);
        disk.set_fault(Fault::PowerLoss { at_sync, seed: seed ^ life });
        // it may go while it is opened
        let Ok(spool) = RedbSpool::open_with_backend(disk.clone(), Options::default()) else {
            disk = disk.survivor();
            assert_eq!(snapshot(&open(&disk)), before_open, "seed {seed}: opening changes nothing");
            disk = disk.survivor();
            continue;
        };
        assert_eq!(snapshot(&spool), before_open, "seed {seed}, life {life}");
        loop {
            let [in_memory, on_disk] = twins.next_change();
            let before = snapshot(&twins.memory);
            in_memory.make(&twins.memory).unwrap();
            if let Err(error) = on_disk.make(&spool) {
                assert!(matches!(error, SpoolError::Unhealthy { .. }), "seed {seed}: {error}");
                drop(spool);
                disk = disk.survivor();
                let found = snapshot(&open(&disk));
                disk = disk.survivor();
                if found == before {
                    // it was never acknowledged; both go on without it
                    twins.memory = revive(&before);
                } else {
                    assert_eq!(found, snapshot(&twins.memory), "seed {seed}: wholly or not at all");
                }
                break;
            }
        }
    }
}

/// A spool in memory that looks like this.
fn revive(snapshot: &crate::sample::Snapshot) -> MemorySpool {
    let spool = MemorySpool::new(0);
    let mut batch = Batch::default();
    for (entry, content) in &snapshot.mails {
        batch = batch.accept(Staged::inline(content.clone()), [entry.clone()]);
    }
    for event in &snapshot.events {
        batch = batch.event(event.clone());
    }
    spool.commit(batch).wait().unwrap();
    spool
}

#[test]
fn power_loss_at_any_sync_loses_nothing_acknowledged() {
    for seed in 0..seeds() {
        live_and_crash(seed);
    }
}

#[test]
fn a_failed_sync_ends_all_acknowledgement() {
    for number in [EIO, ENOSPC] {
        for later in 1..6 {
            let disk = Disk::default();
            let spool = open(&disk);
            let kept = accept(&spool, &["jane@example.com"]);
            disk.set_fault(Fault::Error { at_sync: disk.syncs() + later, number });

            let mut refused = None;
            while refused.is_none() {
                let id = spool.next_id(NOW);
                let batch = Batch::default().accept(Staged::inline("x"), [entry(id, &["jane@example.com"])]);
                refused = spool.commit(batch).wait().err();
            }
            assert!(matches!(refused, Some(SpoolError::Unhealthy { .. })), "{refused:?}");
            let syncs = disk.syncs();
            assert!(matches!(spool.begin().err(), Some(SpoolError::Unhealthy { .. })));
            assert!(matches!(spool.commit(Batch::default()).wait(), Err(SpoolError::Unhealthy { .. })));
            assert!(matches!(spool.flush(NOW).wait(), Err(SpoolError::Unhealthy { .. })));
            assert!(matches!(spool.health(), Health::Unhealthy(_)));
            assert!(spool.due(NOW, 10, &mut |_| true).is_empty(), "what cannot be recorded is not tried");
            assert!(spool.get(kept).is_some(), "it can still be looked at");
            assert_eq!(disk.syncs(), syncs, "a failed sync is not repeated");
            drop(spool);

            let spool = open(&disk.survivor());
            assert_eq!(spool.health(), Health::Ready);
            assert!(spool.get(kept).is_some(), "error {number} at sync {later}");
        }
    }
}

#[test]
fn a_sync_that_fails_for_ever_is_an_error_at_every_start_and_never_a_panic() {
    let disk = Disk::default();
    let kept = accept(&open(&disk), &["jane@example.com"]);
    for _ in 0..5 {
        let image = disk.survivor();
        image.set_fault(Fault::Error { at_sync: 1, number: EIO });
        match RedbSpool::open_with_backend(image, Options::default()) {
            Err(error) => assert!(error.to_string().contains("cannot be opened"), "{error}"),
            Ok(spool) => {
                assert!(spool.get(kept).is_some());
                let id: QueueId = spool.next_id(NOW);
                let batch = Batch::default().accept(Staged::inline("x"), [entry(id, &["jane@example.com"])]);
                assert!(spool.commit(batch).wait().is_err());
            }
        }
    }
    assert!(open(&disk.survivor()).get(kept).is_some());
}
