//! Opening a spool: who may, what it finds, and which formats it reads.

use redb::{Database, TableDefinition};
use smtpkit_queue::{Batch, OpenError, Options, RecipientKey, RecipientState, RedbSpool, Site, Spool};

use crate::sample::{NOW, accept, deferred, seconds, snapshot};

#[test]
fn a_second_opener_is_told_that_it_is_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let first = RedbSpool::open(directory.path(), Options::default()).unwrap();
    let error = RedbSpool::open(directory.path(), Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    drop(first);
    RedbSpool::open(directory.path(), Options::default()).unwrap();
}

#[test]
fn a_first_start_that_was_broken_off_is_no_reason() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("queue.redb.new"), [0; 4_096]).unwrap();
    let spool = RedbSpool::open(directory.path(), Options::default()).unwrap();
    accept(&spool, &["a@x.example"]);
    drop(spool);
    let spool = RedbSpool::open(directory.path(), Options::default()).unwrap();
    assert_eq!(spool.recovery().entries, 1);
    assert!(!directory.path().join("queue.redb.new").exists());
}

#[test]
fn a_newer_format_is_refused_by_name_and_left_alone() {
    const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
    let directory = tempfile::tempdir().unwrap();
    drop(RedbSpool::open(directory.path(), Options::default()).unwrap());
    let set_format = |format: u64| {
        let database = Database::open(directory.path().join("queue.redb")).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(META).unwrap().insert("format", format).unwrap();
        transaction.commit().unwrap();
    };
    set_format(2);
    let error = RedbSpool::open(directory.path(), Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::NewerFormat { found: 2, known: 1 }), "{error}");
    set_format(1);
    RedbSpool::open(directory.path(), Options::default()).unwrap();
}

#[test]
fn a_restart_keeps_everything_but_leases() {
    let directory = tempfile::tempdir().unwrap();
    let spool = RedbSpool::open(directory.path(), Options::default()).unwrap();
    let id = accept(&spool, &["a@x.example", "b@y.example"]);
    let other = accept(&spool, &["c@x.example"]);
    let first = RecipientKey { id, index: 0 };
    spool.commit(Batch::default().record(first, deferred(seconds(60)))).wait().unwrap();
    assert_eq!(spool.lease(&Site::new("x.example"), NOW, 9).len(), 1);
    let before = snapshot(&spool);
    drop(spool);

    let spool = RedbSpool::open(directory.path(), Options::default()).unwrap();
    assert_eq!(snapshot(&spool), before);
    assert_eq!(spool.get(other).unwrap().recipients[0].state, RecipientState::Queued);
    assert_eq!(spool.due(NOW, 9, &mut |_| true).len(), 2);
    assert!(spool.next_id(NOW) > other, "no id comes twice");
}

#[test]
fn a_row_that_cannot_be_read_keeps_nobody_else_from_starting() {
    const ENTRIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("entries");
    let directory = tempfile::tempdir().unwrap();
    let spool = RedbSpool::open(directory.path(), Options::default()).unwrap();
    let broken = accept(&spool, &["a@x.example"]);
    let sound = accept(&spool, &["b@x.example"]);
    drop(spool);
    {
        let database = Database::open(directory.path().join("queue.redb")).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(ENTRIES).unwrap().insert(broken.get(), &b"\x01\x00"[..]).unwrap();
        transaction.commit().unwrap();
    }
    let spool = RedbSpool::open(directory.path(), Options::default()).unwrap();
    assert_eq!(spool.recovery().damaged.iter().map(|damage| damage.id).collect::<Vec<_>>(), [broken]);
    assert!(spool.get(broken).is_none());
    assert!(spool.get(sound).is_some());
}

#[test]
fn dropping_a_spool_writes_what_was_handed_over() {
    let directory = tempfile::tempdir().unwrap();
    let spool = RedbSpool::open(directory.path(), Options::default()).unwrap();
    let pending: Vec<_> = (0..500)
        .map(|_| {
            let entry = crate::sample::entry(spool.next_id(NOW), &["a@x.example"]);
            spool.commit(Batch::default().accept(smtpkit_queue::Staged::inline("x"), [entry]))
        })
        .collect();
    drop(spool);
    assert!(pending.into_iter().all(|pending| pending.wait().is_ok()));
    assert_eq!(RedbSpool::open(directory.path(), Options::default()).unwrap().recovery().entries, 500);
}
