//! What is told of each delivery: one record, and the numbers that a monitor watches.

use metrics::{counter, gauge, histogram};
use smtpkit_queue::{Counts, Entry, Health, Recipient, Timestamp};

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
    let route = recipient.site.as_str().split(':').next().unwrap_or_default().to_owned();
    counter!("smtpkit_deliveries_total", "outcome" => outcome, "route" => route).increment(1);
    if outcome == "delivered" {
        histogram!("smtpkit_delivery_delay_seconds").record(now.since(entry.created()).as_secs_f64());
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

/// A message that was taken.
pub(crate) fn queued(entry: &Entry, transaction: &str) {
    counter!("smtpkit_queued_total").increment(1);
    tracing::info!(
        target: "smtpkit::queue",
        queue_id = %entry.id,
        transaction,
        account = entry.origin.account.as_deref(),
        reverse_path = %entry.reverse_path,
        recipients = entry.recipients.len(),
        "queued"
    );
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
    gauge!("smtpkit_queue_healthy").set(if *health == Health::Ready { 1.0 } else { 0.0 });
}
