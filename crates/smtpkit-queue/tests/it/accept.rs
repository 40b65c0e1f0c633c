//! Taking mail in: what is refused, what shares a content, and where large contents go.

use std::fs;
use std::io::Read;
use std::path::Path;

use smtpkit_queue::{
    Batch, Entry, Event, Filter, Health, INLINE_OCTETS, Limits, MemorySpool, Options, RecipientKey,
    RedbSpool, Spool, SpoolError, Staged,
};

use crate::sample::{NOW, accept, deferred, done, engines, entry, recipient};

#[test]
fn what_was_accepted_can_be_found_and_read() {
    for (engine, spool) in engines() {
        let id = accept(&*spool, &["jane@example.com", "jim@example.net"]);
        let found = spool.get(id).unwrap();
        assert_eq!(
            found.recipients,
            entry(id, &["jane@example.com", "jim@example.net"]).recipients,
            "{engine}"
        );
        assert_eq!(found.size, format!("mail {id}").len() as u64);
        assert_eq!(spool.content(id).unwrap().chunk(0, 100).unwrap(), format!("mail {id}"));
    }
}

#[test]
fn a_batch_that_cannot_be_made_changes_nothing() {
    for (engine, spool) in engines() {
        let there = accept(&*spool, &["jane@example.com"]);
        let fresh = || entry(spool.next_id(NOW), &["jane@example.com"]);
        let two = fresh();
        let check = |batch: Batch, why: &str| {
            // a good part in the same batch does not happen either
            let batch = batch.record(RecipientKey { id: there, index: 0 }, done()).event(Event {
                at: NOW,
                id: there,
                payload: "x".into(),
            });
            let error = spool.commit(batch).wait().unwrap_err();
            assert!(error.to_string().contains(why), "{engine}: {error}");
            assert_eq!(spool.counts().entries, 1, "{engine}");
            assert!(spool.events(None, 9).unwrap().is_empty(), "{engine}");
        };
        let batch = Batch::default;
        check(batch().accept(Staged::inline("x"), [entry(there, &["a@b.example"])]), "exists already");
        check(batch().accept(Staged::inline("x"), [two.clone(), two]), "exists already");
        check(batch().accept(Staged::inline("x"), []), "without a recipient");
        check(batch().accept(Staged::inline("x"), [entry(spool.next_id(NOW), &[])]), "without a recipient");
        check(batch().enqueue_copy(spool.next_id(NOW), fresh()), "no content");
        let many = (0..10_001).fold(fresh(), |entry, _| entry.with_recipient(recipient("a@b.example")));
        check(batch().accept(Staged::inline("x"), [many]), "10002 recipients");
    }
}

#[test]
fn a_full_queue_refuses_until_something_leaves() {
    let limits = Limits { entries: 2, ..Limits::default() };
    let spool = MemorySpool::with_limits(0, limits);
    let first = accept(&spool, &["a@b.example"]);
    accept(&spool, &["a@b.example"]);
    let batch =
        || Batch::default().accept(Staged::inline("x"), [entry(spool.next_id(NOW), &["a@b.example"])]);
    let error = spool.commit(batch()).wait().unwrap_err();
    assert!(error.is_temporary());
    assert_eq!(error.status().to_string(), "4.3.1");
    spool.remove(&Filter::all().id(first), NOW).wait().unwrap();
    spool.commit(batch()).wait().unwrap();
}

#[test]
fn shared_content_stays_until_its_last_entry_is_settled() {
    for (engine, spool) in engines() {
        let ids = [spool.next_id(NOW), spool.next_id(NOW), spool.next_id(NOW)];
        let one = |at: usize| entry(ids[at], &["a@b.example"]);
        spool.commit(Batch::default().accept(Staged::inline("shared"), [one(0), one(1)])).wait().unwrap();
        spool.commit(Batch::default().enqueue_copy(ids[1], one(2))).wait().unwrap();
        for (place, id) in ids.into_iter().enumerate() {
            for left in &ids[place..] {
                let content = spool.content(*left).unwrap().chunk(0, 10).unwrap();
                assert_eq!(content, "shared", "{engine}");
            }
            spool.commit(Batch::default().record(RecipientKey { id, index: 0 }, done())).wait().unwrap();
            assert!(matches!(spool.content(id), Err(SpoolError::UnknownContent)));
        }
        assert_eq!(spool.counts().octets, 0);
    }
}

#[test]
fn an_entry_can_be_replaced_by_a_copy_in_one_batch() {
    for (engine, spool) in engines() {
        let alias = accept(&*spool, &["list@example.org"]);
        let copy = spool.next_id(NOW);
        let batch = Batch::default()
            .enqueue_copy(alias, entry(copy, &["jane@example.com", "jim@example.net"]))
            .record(RecipientKey { id: alias, index: 0 }, done());
        spool.commit(batch).wait().unwrap();
        assert!(spool.get(alias).is_none());
        let content = spool.content(copy).unwrap().chunk(0, 100).unwrap();
        assert_eq!(content, format!("mail {alias}"), "{engine}");
    }
}

/// A mail with content of so many octets.
fn accept_octets(spool: &dyn Spool, octets: usize) -> Entry {
    let mut writer = spool.begin().unwrap();
    for piece in vec![b'x'; octets].chunks(10_000) {
        writer.write(piece).unwrap();
    }
    assert_eq!(writer.is_inline(), octets <= INLINE_OCTETS);
    let entry = entry(spool.next_id(NOW), &["jane@example.com"]);
    spool.commit(Batch::default().accept(writer.finish().unwrap(), [entry.clone()])).wait().unwrap();
    entry
}

fn files(directory: &Path) -> usize {
    fs::read_dir(directory.join("content")).unwrap().count()
}

#[test]
fn large_content_is_a_file_as_long_as_it_is_owed() {
    let directory = tempfile::tempdir().unwrap();
    let spool = RedbSpool::open(directory.path(), Options::default()).unwrap();
    accept_octets(&spool, INLINE_OCTETS);
    assert_eq!(files(directory.path()), 0);
    for octets in [INLINE_OCTETS + 1, 1_000_000] {
        let large = accept_octets(&spool, octets);
        assert_eq!(files(directory.path()), 1);

        let mut content = spool.content(large.id).unwrap();
        assert_eq!(content.len(), octets as u64);
        assert_eq!(content.chunk(octets as u64 - 5, 100).unwrap(), "xxxxx");
        assert!(content.chunk(octets as u64, 100).unwrap().is_empty());
        spool
            .commit(Batch::default().record(RecipientKey { id: large.id, index: 0 }, done()))
            .wait()
            .unwrap();
        // the answer comes before the file is removed; closing waits for that
        let mut all = Vec::new();
        content.read_to_end(&mut all).unwrap();
        assert!(all.len() == octets && all.iter().all(|octet| *octet == b'x'), "readable to the end");
        accept(&spool, &["after@example.com"]);
        assert_eq!(files(directory.path()), 0);
    }
}

#[test]
fn content_that_nobody_is_owed_leaves_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let spool = RedbSpool::open(directory.path(), Options::default()).unwrap();
    let large = || {
        let mut writer = spool.begin().unwrap();
        writer.write(&vec![b'x'; 300_000]).unwrap();
        writer
    };
    drop(large());
    assert_eq!(files(directory.path()), 0, "dropped while it was written");
    drop(large().finish().unwrap());
    assert_eq!(files(directory.path()), 0, "dropped when it was whole");
    let refused = spool.commit(Batch::default().accept(large().finish().unwrap(), [])).wait();
    assert!(refused.is_err());
    assert_eq!(files(directory.path()), 0, "refused");

    let other = MemorySpool::new(0);
    let entry = entry(other.next_id(NOW), &["jane@example.com"]);
    let refused = other.commit(Batch::default().accept(large().finish().unwrap(), [entry])).wait();
    assert!(matches!(refused, Err(SpoolError::UnknownContent)), "of another spool");
}

#[test]
fn a_start_collects_files_that_nobody_refers_to_and_tells_what_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let spool = RedbSpool::open(directory.path(), Options::default()).unwrap();
    let kept = accept_octets(&spool, 100_000);
    drop(spool);
    fs::write(directory.path().join("content/000000000CAFE"), "left by a crash").unwrap();
    fs::write(directory.path().join("content/README"), "not ours").unwrap();

    let spool = RedbSpool::open(directory.path(), Options::default()).unwrap();
    assert_eq!((spool.recovery().entries, spool.recovery().files_collected), (1, 1));
    assert!(spool.recovery().damaged.is_empty());
    assert_eq!(files(directory.path()), 2);
    assert_eq!(spool.content(kept.id).unwrap().len(), 100_000);
    drop(spool);

    for file in fs::read_dir(directory.path().join("content")).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    let spool = RedbSpool::open(directory.path(), Options::default()).unwrap();
    assert_eq!(spool.recovery().damaged[0].id, kept.id);
    assert!(matches!(spool.content(kept.id), Err(SpoolError::Damaged { .. })));
}

#[test]
fn no_mail_is_taken_without_free_space() {
    let directory = tempfile::tempdir().unwrap();
    let spool = RedbSpool::open(directory.path(), Options::default()).unwrap();
    let id = accept(&spool, &["jane@example.com"]);
    drop(spool);
    let spool = RedbSpool::open(directory.path(), Options::default().free_space_min(u64::MAX)).unwrap();
    assert_eq!(spool.health(), Health::Full);
    assert!(matches!(spool.begin(), Err(SpoolError::Full { .. })));
    // what is there is still delivered
    let leased = spool.due(NOW, 1, &mut |_| true).iter().flat_map(|site| spool.lease(site, NOW, 1)).count();
    assert_eq!(leased, 1);
    let key = RecipientKey { id, index: 0 };
    spool.commit(Batch::default().record(key, deferred(NOW))).wait().unwrap();
}
