//! From due to done: leases, outcomes, and what an operator does in between.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use smtpkit_queue::{
    Batch, DelayNotice, Event, Filter, Limits, MemorySpool, Options, Outcome, RecipientKey, RecipientState,
    RedbSpool, Site, Spool, Staged,
};

use crate::disk::Disk;
use crate::sample::{NOW, accept, deferred, done, engines, entry, failed, reply, seconds};

fn states(spool: &dyn Spool, id: smtpkit_queue::QueueId) -> Vec<RecipientState> {
    spool.get(id).unwrap().recipients.iter().map(|recipient| recipient.state).collect()
}

fn lease_all(spool: &dyn Spool, site: &str) -> Vec<RecipientKey> {
    let leases = spool.lease(&Site::new(site), NOW, 100);
    leases.iter().flat_map(|lease| lease.keys().collect::<Vec<_>>()).collect()
}

#[test]
fn each_recipient_goes_its_own_way_and_the_last_takes_the_entry_along() {
    for (engine, spool) in engines() {
        let id = accept(&*spool, &["a@x.example", "b@y.example", "c@x.example"]);
        let key = |index| RecipientKey { id, index };
        assert_eq!(spool.due(NOW, 9, &mut |_| true), [Site::new("x.example"), Site::new("y.example")]);
        assert_eq!(lease_all(&*spool, "x.example"), [key(0), key(2)], "{engine}: one transaction");
        assert!(lease_all(&*spool, "x.example").is_empty(), "{engine}: leased once");
        use RecipientState::{Done, Failed, Leased, Queued};
        assert_eq!(states(&*spool, id), [Leased, Queued, Leased]);

        let batch = Batch::default().record(key(0), done()).record(key(2), deferred(seconds(60)));
        assert_eq!(spool.commit(batch).wait().unwrap().changed, 2);
        assert_eq!(states(&*spool, id), [Done, Queued, Queued]);
        let third = &spool.get(id).unwrap().recipients[2];
        assert_eq!((third.attempts, third.last_attempt, third.due), (1, Some(NOW), seconds(60)));
        assert_eq!(third.last_reply, Some(reply("4.2.2", "452 4.2.2 mailbox full")));

        assert_eq!(lease_all(&*spool, "y.example"), [key(1)]);
        spool.commit(Batch::default().record(key(1), failed())).wait().unwrap();
        assert_eq!(states(&*spool, id), [Done, Failed, Queued]);
        assert_eq!(spool.next_due(NOW), Some(seconds(60)));

        let late =
            spool.commit(Batch::default().record(key(1), done()).record(key(2), done())).wait().unwrap();
        assert_eq!((late.changed, late.stale), (1, 1), "{engine}: the second outcome of one comes too late");
        assert!(spool.get(id).is_none(), "{engine}");
        assert!(spool.content(id).is_err(), "{engine}");
        assert_eq!(spool.counts().sites, 0);
    }
}

#[test]
fn a_lease_that_is_given_back_is_due_as_before() {
    for (_, spool) in engines() {
        accept(&*spool, &["a@x.example"]);
        let keys = lease_all(&*spool, "x.example");
        assert!(spool.due(NOW, 9, &mut |_| true).is_empty());
        assert_eq!(spool.counts().leased, 1);
        spool.give_back(&keys);
        spool.give_back(&keys);
        assert_eq!(lease_all(&*spool, "x.example"), keys);
    }
}

#[test]
fn a_report_and_its_event_come_with_the_failure() {
    for (engine, spool) in engines() {
        let id = accept(&*spool, &["a@x.example"]);
        let mut report = entry(spool.next_id(NOW), &["joe@example.org"]);
        report.origin.report_of = Some(id);
        let batch = Batch::default()
            .record(RecipientKey { id, index: 0 }, failed())
            .accept(Staged::inline("report"), [report.clone()])
            .event(Event { at: NOW, id, payload: "failed".into() });
        spool.commit(batch).wait().unwrap();
        assert!(spool.get(id).is_none());
        assert_eq!(spool.get(report.id).unwrap().origin.report_of, Some(id), "{engine}");

        let events = spool.events(None, 9).unwrap();
        let [(number, event)] = &events[..] else { panic!("{engine}: {events:?}") };
        assert_eq!(event.payload, "failed");
        assert!(spool.events(Some(*number), 9).unwrap().is_empty());
        spool.forget_events(*number).wait().unwrap();
        assert_eq!(spool.counts().events, 0, "{engine}");
        let again = Event { at: NOW, id, payload: "again".into() };
        spool.commit(Batch::default().event(again)).wait().unwrap();
        assert!(spool.events(None, 9).unwrap()[0].0 > *number, "{engine}: no number comes twice");
    }
}

#[test]
fn a_full_outbox_drops_the_oldest_and_says_so() {
    let spool = MemorySpool::with_limits(0, Limits { events: 2, ..Limits::default() });
    let id = spool.next_id(NOW);
    for payload in ["1", "2", "3"] {
        let event = Event { at: NOW, id, payload: payload.into() };
        spool.commit(Batch::default().event(event)).wait().unwrap();
    }
    let payloads: Vec<_> =
        spool.events(None, 9).unwrap().into_iter().map(|(_, event)| event.payload).collect();
    assert_eq!(payloads, ["2", "3"]);
    assert_eq!((spool.counts().events, spool.counts().events_lost), (2, 1));
}

#[test]
fn another_route_costs_no_attempt_and_a_notice_is_remembered() {
    for (engine, spool) in engines() {
        let id = accept(&*spool, &["a@x.example"]);
        let key = RecipientKey { id, index: 0 };
        lease_all(&*spool, "x.example");
        let elsewhere = Outcome::Rerouted { site: Site::new("mx:y.example"), due: NOW };
        spool.commit(Batch::default().record(key, elsewhere)).wait().unwrap();
        assert!(lease_all(&*spool, "x.example").is_empty());
        assert_eq!(lease_all(&*spool, "mx:y.example"), [key], "{engine}");
        assert_eq!(spool.get(id).unwrap().recipients[0].attempts, 0);
        assert_eq!(spool.list(&Filter::all().domain("x.example"), None, 9).entries.len(), 1);

        spool.commit(Batch::default().record(key, Outcome::Noticed)).wait().unwrap();
        let found = &spool.get(id).unwrap().recipients[0];
        assert_eq!((found.delay_notice, found.state), (DelayNotice::Sent, RecipientState::Leased));
    }
}

#[test]
fn an_operator_holds_releases_retries_and_removes() {
    for (engine, spool) in engines() {
        let id = accept(&*spool, &["a@x.example", "b@y.example"]);
        let key = RecipientKey { id, index: 0 };
        let x = Filter::all().domain("X.EXAMPLE");
        let changed =
            |receipt: smtpkit_queue::Pending<smtpkit_queue::Receipt>| receipt.wait().unwrap().changed;

        assert_eq!(changed(spool.hold(&x, NOW)), 1);
        assert_eq!(changed(spool.hold(&x, NOW)), 0, "{engine}: held already");
        assert!(lease_all(&*spool, "x.example").is_empty());
        let y = RecipientKey { id, index: 1 };
        spool.commit(Batch::default().record(y, deferred(seconds(60)))).wait().unwrap();
        assert_eq!(changed(spool.flush(NOW)), 1, "{engine}: only who is not held");
        assert_eq!(changed(spool.flush(NOW)), 0, "{engine}: due already");
        assert_eq!(changed(spool.release(&x, NOW)), 1);

        assert_eq!(lease_all(&*spool, "x.example"), [key]);
        assert_eq!(changed(spool.retry(&x, NOW)), 0, "{engine}: somebody is at it");
        assert_eq!(changed(spool.hold(&x, NOW)), 1);
        assert_eq!(states(&*spool, id)[0], RecipientState::Leased);
        spool.commit(Batch::default().record(key, deferred(seconds(60)))).wait().unwrap();
        assert_eq!(states(&*spool, id)[0], RecipientState::Held, "{engine}: after the attempt");
        assert_eq!(changed(spool.release(&x, seconds(1))), 1);
        assert_eq!(spool.get(id).unwrap().recipients[0].due, seconds(1));

        assert_eq!(changed(spool.remove(&x, NOW)), 1);
        assert_eq!(states(&*spool, id)[0], RecipientState::Failed);
        lease_all(&*spool, "y.example");
        assert_eq!(changed(spool.remove(&Filter::all().id(id), NOW)), 1);
        assert!(spool.get(id).is_none());
        let late = Batch::default().record(RecipientKey { id, index: 1 }, done());
        assert_eq!(spool.commit(late).wait().unwrap().stale, 1, "{engine}: delivered, though removed");
    }
}

#[tokio::test]
async fn a_pending_is_a_future_of_any_executor() {
    for (_, spool) in engines() {
        let id = spool.next_id(NOW);
        let batch = Batch::default().accept(Staged::inline("x"), [entry(id, &["a@x.example"])]);
        assert_eq!(spool.commit(batch).await.unwrap().changed, 1);
    }
}

#[test]
fn content_can_be_read_while_the_queue_changes() {
    const MAILS: usize = 300;
    let spool = RedbSpool::open_with_backend(Disk::default(), Options::default()).unwrap();
    let content = "x".repeat(60 * 1024);
    let newest = Mutex::new(None);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let id = *newest.lock().unwrap();
                    // it may have been delivered meanwhile
                    if let Some(id) = id
                        && let Ok(reader) = spool.content(id)
                    {
                        assert_eq!(reader.len(), content.len() as u64);
                    }
                }
            });
        }
        let written = (0..MAILS).try_for_each(|_| {
            let id = spool.next_id(NOW);
            let batch =
                Batch::default().accept(Staged::inline(content.clone()), [entry(id, &["a@x.example"])]);
            spool.commit(batch).wait()?;
            *newest.lock().unwrap() = Some(id);
            let key = RecipientKey { id, index: 0 };
            spool.commit(Batch::default().record(key, done())).wait().map(|_| ())
        });
        is_over.store(true, Ordering::Relaxed);
        written.unwrap();
    });
    assert_eq!(spool.counts().entries, 0);
}
