//! Many recipients wait on the disk and are delivered; what the process takes for them is bounded.
//!
//! `SMTPKIT_TORTURE_RECIPIENTS` makes them a million.

use std::fs;

use smtpkit_codec::EnhancedStatusCode;
use smtpkit_queue::{
    Batch, Entry, LastReply, Options, Outcome, Recipient, RedbSpool, Site, Spool, Staged, Timestamp,
};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
/// Recipients of one mail.
const LIST: usize = 1_000;
const DOMAINS: usize = 50;
/// What a recipient may take in memory while it waits.
const RECIPIENT_OCTETS: usize = 512;
/// What the database may keep in memory, and what a commit may take.
const CACHE_OCTETS: usize = 16 * 1024 * 1024;
const COMMIT_OCTETS: usize = 16 * 1024 * 1024;

/// A value of `/proc/self/status` in octets.
fn status(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

fn accept(spool: &RedbSpool, mail: usize) {
    let id = spool.next_id(NOW);
    let entry = (0..LIST).fold(Entry::new(id, "list@example.test".parse().unwrap()), |entry, place| {
        let domain = format!("d{}.example", (mail + place) % DOMAINS);
        let path = format!("reader{mail}-{place}@{domain}").parse().unwrap();
        entry.with_recipient(Recipient::new(path, Site::new(format!("mx:{domain}").as_str())).with_due(NOW))
    });
    spool
        .commit(Batch::default().accept(Staged::inline("Subject: news\r\n\r\nhi\r\n"), [entry]))
        .wait()
        .unwrap();
}

/// Delivers everything; tells how many recipients that were.
fn drain(spool: &RedbSpool) -> usize {
    let reply = LastReply::new(EnhancedStatusCode::OK, "delivered");
    let mut delivered = 0;
    loop {
        let sites = spool.due(NOW, DOMAINS, &mut |_| true);
        if sites.is_empty() {
            return delivered;
        }
        for site in sites {
            let leases = spool.lease(&site, NOW, 16);
            let keys = leases.iter().flat_map(|lease| lease.keys().collect::<Vec<_>>());
            let batch = keys.fold(Batch::default(), |batch, key| {
                delivered += 1;
                batch.record(key, Outcome::Done { reply: reply.clone(), at: NOW })
            });
            spool.commit(batch).wait().unwrap();
        }
    }
}

#[test]
fn a_long_queue_takes_a_bounded_part_of_memory() {
    let asked = std::env::var("SMTPKIT_TORTURE_RECIPIENTS").ok().map(|count| count.parse::<usize>().unwrap());
    let recipients = asked.unwrap_or(50_000);
    let folder = tempfile::tempdir().unwrap();
    let spool = RedbSpool::open(folder.path(), Options::default().cache(CACHE_OCTETS)).unwrap();
    let before = status("VmRSS");
    (0..recipients / LIST).for_each(|mail| accept(&spool, mail));
    assert_eq!(spool.counts().queued, recipients);
    let waiting = status("VmRSS").saturating_sub(before);
    // 5 sets the high-water mark back to what is used now.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    assert_eq!(drain(&spool), recipients);
    let most = status("VmHWM").saturating_sub(before);
    assert_eq!(spool.counts().entries, 0);
    println!("{recipients} recipients: {waiting} octets while they wait, {most} while they are delivered");
    let bound = recipients * RECIPIENT_OCTETS + CACHE_OCTETS + COMMIT_OCTETS;
    assert!(most <= bound, "{most} of {bound} octets");
}
