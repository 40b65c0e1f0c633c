//! What a client has done so far, counted.

use crate::error::SendError;
use crate::outcome::Report;
use crate::settings::Settings;
use crate::transcript::Entry;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a client has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections made.
    pub connections_opened: u64,
    /// Connections that a message found kept.
    pub connections_reused: u64,
    /// Kept connections that the server had closed meanwhile.
    pub connections_stale: u64,
    /// Connections kept now.
    pub connections_idle: usize,
    /// Connections in use or being made now.
    pub connections_busy: usize,
    /// Messages that at least one recipient was accepted for.
    pub messages_accepted: u64,
    /// Messages that failed.
    pub messages_failed: u64,
}

/// Counters of a client.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) opened: AtomicU64,
    pub(crate) reused: AtomicU64,
    pub(crate) stale: AtomicU64,
    pub(crate) accepted: AtomicU64,
    pub(crate) failed: AtomicU64,
}

impl Counters {
    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection was made.
    pub(crate) fn count_opened(&self) {
        Self::count(&self.opened);
        metrics::counter!("smtpkit_client_connections_total", "what" => "opened").increment(1);
    }

    /// A kept connection was used again.
    pub(crate) fn count_reused(&self) {
        Self::count(&self.reused);
        metrics::counter!("smtpkit_client_connections_total", "what" => "reused").increment(1);
    }

    /// A kept connection had been closed by the server.
    pub(crate) fn count_stale(&self) {
        Self::count(&self.stale);
        metrics::counter!("smtpkit_client_connections_total", "what" => "stale").increment(1);
    }

    /// The numbers now, with those that the pool knows.
    pub(crate) fn stats(&self, idle: usize, busy: usize) -> Stats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            connections_opened: load(&self.opened),
            connections_reused: load(&self.reused),
            connections_stale: load(&self.stale),
            connections_idle: idle,
            connections_busy: busy,
            messages_accepted: load(&self.accepted),
            messages_failed: load(&self.failed),
        }
    }

    /// Counts a message, and tells the log and the observer of it.
    pub(crate) fn record(&self, settings: &Settings, outcome: &Result<Report, SendError>) {
        match outcome {
            Ok(report) => {
                Self::count(&self.accepted);
                // labels that stand here as they are make a key that nobody has to build
                metrics::counter!("smtpkit_client_messages_total", "outcome" => "accepted").increment(1);
                metrics::histogram!("smtpkit_client_transaction_seconds")
                    .record(report.timings().transaction.as_secs_f64());
                tracing::debug!(
                    peer = report.session().peer(),
                    accepted = report.accepted_count(),
                    recipients = report.recipients().len(),
                    "message sent"
                );
            }
            Err(error) => {
                Self::count(&self.failed);
                metrics::counter!("smtpkit_client_messages_total", "outcome" => "failed").increment(1);
                tracing::debug!(kind = ?error.kind(), stage = %error.stage(), %error, "message not sent");
                if let Some(observer) = &settings.observer {
                    observer.record(&Entry::Failed(error));
                }
            }
        }
    }
}
