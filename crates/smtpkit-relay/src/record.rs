//! What is told of each delivery: one record, and the numbers that a monitor watches.
//!
//! Records find each other by the queue id: that of the transaction names it, so does each delivery, and a report names the
//! mail that it is about. No label of a number holds a text of a peer.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use smtpkit_queue::{Counts, Entry, Health, QueueId, Recipient, Timestamp};

use crate::NextHop;
use crate::outcome::Fate;

/// What is known about the way that a mail took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Way {
    /// The host that spoke for the site; empty if none did.
    pub(crate) host: String,
    /// The cipher suite, if there was TLS.
    pub(crate) tls: Option<String>,
}

/// One recipient of one attempt.
pub(crate) fn delivery(entry: &Entry, recipient: &Recipient, fate: &Fate, way: &Way, now: Timestamp) {
    let (outcome, reply) = match fate {
        Fate::Done(reply) => ("delivered", Some(reply)),
        Fate::Failed(reply) => ("failed", Some(reply)),
        Fate::Deferred(reply) => ("deferred", Some(reply)),
        Fate::Again => ("rerouted", None),
    };
    let route = NextHop::of(&recipient.site).map_or("unknown", |hop| hop.kind());
    counter!("smtpkit_deliveries_total", "outcome" => outcome, "route" => route).increment(1);
    if outcome == "delivered" {
        histogram!("smtpkit_delivery_delay_seconds", "route" => route)
            .record(now.since(entry.created()).as_secs_f64());
    }
    tracing::info!(
        target: "smtpkit::delivery",
        queue_id = %entry.id,
        account = entry.origin.account.as_deref(),
        peer = entry.origin.peer.map(tracing::field::display),
        reverse_path = %entry.reverse_path,
        recipient = %recipient.path,
        site = %recipient.site,
        host = way.host,
        tls = way.tls,
        attempt = recipient.attempts + 1,
        outcome,
        status = reply.map(|reply| tracing::field::display(reply.status)),
        reply = reply.map(|reply| &*reply.text),
        delay_ms = u64::try_from(now.since(entry.created()).as_millis()).unwrap_or(u64::MAX),
        "delivery"
    );
}

/// A report that was queued.
pub(crate) fn report(about: QueueId, id: QueueId) {
    counter!("smtpkit_reports_total").increment(1);
    tracing::info!(target: "smtpkit::queue", queue_id = %id, %about, "report");
}

/// A message that was taken. The record of its transaction names the first entry; each further one, which has another
/// reverse-path, gets a record of its own.
pub(crate) fn queued(entry: &Entry, first: QueueId, transaction: &str) {
    counter!("smtpkit_queued_total").increment(1);
    if entry.id == first {
        return;
    }
    tracing::info!(
        target: "smtpkit::queue",
        queue_id = %entry.id,
        first = %first,
        transaction,
        account = entry.origin.account.as_deref(),
        reverse_path = %entry.reverse_path,
        recipients = entry.recipients.len(),
        "queued"
    );
}

/// Gives the recorder that is installed the help texts of what a relay counts. Call it once, when the recorder is there.
///
/// ```
/// // without a recorder it does nothing
/// smtpkit_relay::describe_metrics();
/// ```
pub fn describe_metrics() {
    describe_counter!(
        "smtpkit_queued_total",
        "Entries that were queued; a mail has one for each reverse-path."
    );
    describe_counter!("smtpkit_reports_total", "Delivery status notifications that were queued.");
    describe_counter!(
        "smtpkit_deliveries_total",
        "Attempts to deliver to a recipient, by outcome and route."
    );
    describe_histogram!(
        "smtpkit_delivery_delay_seconds",
        Unit::Seconds,
        "Time from the acceptance of a mail to its delivery to a recipient, by route."
    );
    describe_gauge!("smtpkit_queue_entries", "Mails in the queue.");
    describe_gauge!("smtpkit_queue_recipients", "Recipients in the queue, by state.");
    describe_gauge!("smtpkit_queue_octets", Unit::Bytes, "Content of the mails in the queue.");
    describe_gauge!("smtpkit_queue_sites", "Next hops that something waits for.");
    describe_gauge!("smtpkit_queue_oldest_seconds", Unit::Seconds, "Age of the oldest mail in the queue.");
    describe_gauge!(
        "smtpkit_queue_healthy",
        "1 if the queue takes mail; 0 after a failed write or without room."
    );
    describe_counter!(
        "smtpkit_queue_commits_total",
        "Commits of the queue; each is one or two syncs of the disk."
    );
    describe_counter!("smtpkit_queue_operations_total", "Batches and actions that shared these commits.");
    describe_gauge!("smtpkit_deliveries_in_flight", "Deliveries in progress.");
}

/// How full the queue is.
pub(crate) fn queue(counts: &Counts, health: &Health, in_flight: usize, now: Timestamp) {
    gauge!("smtpkit_queue_entries").set(counts.entries as f64);
    gauge!("smtpkit_queue_recipients", "state" => "queued").set(counts.queued as f64);
    gauge!("smtpkit_queue_recipients", "state" => "leased").set(counts.leased as f64);
    gauge!("smtpkit_queue_recipients", "state" => "held").set(counts.held as f64);
    gauge!("smtpkit_queue_sites").set(counts.sites as f64);
    gauge!("smtpkit_deliveries_in_flight").set(in_flight as f64);
    gauge!("smtpkit_queue_oldest_seconds")
        .set(counts.oldest.map_or(0.0, |oldest| now.since(oldest).as_secs_f64()));
    gauge!("smtpkit_queue_octets").set(counts.octets as f64);
    counter!("smtpkit_queue_commits_total").absolute(counts.commits);
    counter!("smtpkit_queue_operations_total").absolute(counts.operations);
    gauge!("smtpkit_queue_healthy").set(if *health == Health::Ready { 1.0 } else { 0.0 });
}
