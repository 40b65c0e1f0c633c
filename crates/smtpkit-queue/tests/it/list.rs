//! 100,000 recipients at 1,000 domains: every question looks at as many rows as it answers, and no
//! commit grows beyond its bound.

use std::time::Duration;

use smtpkit_queue::{
    Batch, Filter, GROUP_MAX, MemorySpool, Options, RecipientKey, RecipientState, RedbSpool, Site, Spool,
    Staged, Timestamp,
};

use crate::disk::Disk;
use crate::sample::{NOW, accept, engines, entry, entry_from, failed};

const MAILS: u64 = 100_000;
const DOMAINS: u64 = 1_000;
const SENDERS: u64 = 500;

fn arrival(mail: u64) -> Timestamp {
    NOW.after(Duration::from_millis(mail))
}

fn filled() -> MemorySpool {
    let spool = MemorySpool::new(0);
    for mail in 0..MAILS {
        let from = format!("sender{}@example.org", mail % SENDERS);
        let to = format!("jane@d{}.example", mail % DOMAINS);
        let id = spool.next_id(arrival(mail));
        let batch = Batch::default().accept(Staged::inline("x"), [entry_from(id, &from, &[&to])]);
        spool.commit(batch).wait().unwrap();
    }
    spool
}

/// All that a filter means, in pages; how many there are, and the most rows looked at for a page.
fn walk(spool: &dyn Spool, filter: &Filter, limit: usize) -> (usize, usize) {
    let (mut found, mut examined) = (0, 0);
    let mut after: Option<RecipientKey> = None;
    loop {
        let page = spool.list(filter, after, limit);
        let keys: Vec<_> = page.entries.iter().flat_map(|found| found.keys().collect::<Vec<_>>()).collect();
        assert!(keys.is_sorted() && keys.iter().all(|key| Some(*key) > after), "in order, none twice");
        found += keys.len();
        examined = examined.max(page.examined);
        after = page.next;
        if after.is_none() {
            return (found, examined);
        }
    }
}

#[test]
fn no_question_scans_the_queue() {
    let spool = filled();
    let check = |filter: Filter, found: usize| {
        assert_eq!(walk(&spool, &filter, 50), (found, found.min(50)), "{filter:?}");
    };
    let all = Filter::all;
    check(all(), 100_000);
    check(all().domain("D17.example"), 100);
    check(all().domain("nowhere.example"), 0);
    check(all().sender("sender3@example.org"), 200);
    check(all().sender(""), 0);
    check(all().site(Site::new("d9.example")), 100);
    check(all().state(RecipientState::Held), 0);
    check(all().created_before(arrival(1_000)), 1_000);
    check(all().created_from(arrival(99_900)), 100);
    check(all().created_from(arrival(500)).created_before(arrival(600)), 100);
    // the sender of every second mail of the domain
    check(all().domain("d17.example").sender("sender17@example.org"), 100);
    check(all().domain("d17.example").created_before(arrival(50_000)), 50);

    let held = spool.hold(&all().domain("d4.example"), NOW).wait().unwrap();
    assert_eq!(held.changed, 100);
    check(all().state(RecipientState::Held), 100);
    let site = Site::new("d5.example");
    assert_eq!(spool.lease(&site, arrival(MAILS), 40).len(), 40);
    check(all().state(RecipientState::Leased), 40);
    let (found, examined) = walk(&spool, &all().site(site).state(RecipientState::Leased), 50);
    assert_eq!((found, examined), (40, 40), "the narrower index leads");
    assert_eq!(spool.remove(&all().domain("d6.example"), NOW).wait().unwrap().changed, 100);
    assert_eq!(spool.counts().entries, 99_900);
    assert_eq!(walk(&spool, &all().domain("d6.example"), 50), (0, 0));

    // both conditions are wide and have nothing in common
    spool.hold(&all().created_before(arrival(50_000)), NOW).wait().unwrap();
    let nothing = all().state(RecipientState::Queued).created_before(arrival(50_000));
    let (found, examined) = walk(&spool, &nothing, 10);
    assert_eq!(found, 0);
    assert!(examined <= 10_000, "one call looks at a bounded number of rows: {examined}");
}

#[test]
fn who_is_settled_is_found_by_the_next_hop_it_had() {
    for (engine, spool) in engines() {
        let id = accept(&*spool, &["a@x.example", "b@y.example"]);
        let key = RecipientKey { id, index: 0 };
        spool.commit(Batch::default().record(key, failed())).wait().unwrap();
        let settled = Filter::all().site(Site::new("x.example")).state(RecipientState::Failed);
        assert_eq!(walk(&*spool, &settled, 9).0, 1, "{engine}");
    }
}

#[test]
fn a_commit_holds_a_bounded_number_of_changes() {
    let spool = RedbSpool::open_with_backend(Disk::default(), Options::default()).unwrap();
    let pending: Vec<_> = (0..2_000)
        .map(|_| {
            let entry = entry(spool.next_id(NOW), &["jane@example.com"]);
            spool.commit(Batch::default().accept(Staged::inline("x"), [entry]))
        })
        .collect();
    for pending in pending {
        pending.wait().unwrap();
    }
    let counts = spool.counts();
    assert_eq!((counts.entries, counts.operations), (2_000, 2_000));
    assert!(counts.commits >= 2_000 / GROUP_MAX as u64, "{} commits", counts.commits);
    assert!(counts.commits < 2_000, "they share commits");
}

#[test]
fn an_action_on_many_is_made_in_steps() {
    let spool = RedbSpool::open_with_backend(Disk::default(), Options::default()).unwrap();
    let to: Vec<String> = (0..10_000).map(|user| format!("u{user}@example.com")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let entry = entry(spool.next_id(NOW), &to);
    spool.commit(Batch::default().accept(Staged::inline("x"), [entry])).wait().unwrap();
    let before = spool.counts().commits;
    assert_eq!(spool.hold(&Filter::all(), NOW).wait().unwrap().changed, 10_000);
    assert_eq!(spool.counts().held, 10_000);
    assert_eq!(spool.counts().commits - before, 3, "of 4,096 recipients each");
    assert_eq!(spool.remove(&Filter::all(), NOW).wait().unwrap().changed, 10_000);
    assert_eq!(spool.counts().entries, 0);
}
