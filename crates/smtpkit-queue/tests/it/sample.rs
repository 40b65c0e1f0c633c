//! Mails to test with, and what is seen of a spool from outside.

use std::io::Read;

use smtpkit_codec::EnhancedStatusCode;
use smtpkit_queue::{
    Batch, Entry, Event, Filter, LastReply, MemorySpool, Options, Outcome, QueueId, Recipient,
    RecipientState, RedbSpool, Site, Spool, Staged, Timestamp,
};

use crate::disk::Disk;

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// A mail of joe@example.org to these mailboxes, each with its domain as the next hop.
pub(crate) fn entry(id: QueueId, to: &[&str]) -> Entry {
    entry_from(id, "joe@example.org", to)
}

pub(crate) fn entry_from(id: QueueId, from: &str, to: &[&str]) -> Entry {
    to.iter().fold(Entry::new(id, from.parse().unwrap()), |entry, to| entry.with_recipient(recipient(to)))
}

pub(crate) fn recipient(to: &str) -> Recipient {
    let (_, domain) = to.split_once('@').unwrap();
    Recipient::new(to.parse().unwrap(), Site::new(domain)).with_due(NOW)
}

/// Takes a mail in; its id.
pub(crate) fn accept(spool: &dyn Spool, to: &[&str]) -> QueueId {
    let id = spool.next_id(NOW);
    let batch = Batch::default().accept(Staged::inline(format!("mail {id}")), [entry(id, to)]);
    assert_eq!(spool.commit(batch).wait().unwrap().changed, to.len() as u64);
    id
}

pub(crate) fn reply(status: &str, text: &str) -> LastReply {
    let status: EnhancedStatusCode = status.parse().unwrap();
    LastReply::new(status, text).from_host("mx.example.com")
}

pub(crate) fn done() -> Outcome {
    Outcome::Done { reply: reply("2.0.0", "250 2.0.0 ok"), at: NOW }
}

pub(crate) fn failed() -> Outcome {
    Outcome::Failed { reply: reply("5.1.1", "550 5.1.1 no such user"), at: NOW }
}

pub(crate) fn deferred(due: Timestamp) -> Outcome {
    Outcome::Deferred { reply: reply("4.2.2", "452 4.2.2 mailbox full"), at: NOW, due }
}

pub(crate) fn seconds(seconds: u64) -> Timestamp {
    NOW.after(std::time::Duration::from_secs(seconds))
}

/// Both engines, empty.
pub(crate) fn engines() -> [(&'static str, Box<dyn Spool>); 2] {
    let redb = RedbSpool::open_with_backend(Disk::default(), Options::default()).unwrap();
    [("memory", Box::new(MemorySpool::new(0))), ("redb", Box::new(redb))]
}

/// Everything that a restart must not change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) mails: Vec<(Entry, Vec<u8>)>,
    pub(crate) events: Vec<Event>,
}

pub(crate) fn snapshot(spool: &dyn Spool) -> Snapshot {
    let mut mails = Vec::new();
    let mut after = None;
    loop {
        let page = spool.list(&Filter::all(), after, 7);
        for found in page.entries {
            // a page may cut an entry in two
            let mut entry = spool.get(found.entry.id).unwrap();
            if mails.last().is_some_and(|(last, _): &(Entry, _)| last.id == entry.id) {
                continue;
            }
            for recipient in &mut entry.recipients {
                if recipient.state == RecipientState::Leased {
                    recipient.state = RecipientState::Queued;
                }
            }
            let mut content = Vec::new();
            spool.content(entry.id).unwrap().read_to_end(&mut content).unwrap();
            mails.push((entry, content));
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let events = spool.events(None, usize::MAX).unwrap();
    Snapshot { mails, events: events.into_iter().map(|(_, event)| event).collect() }
}
