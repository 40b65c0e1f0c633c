//! How long the machine waits: time is counted while it is the peer's turn and stands still while the caller thinks.

use core::time::Duration;

use smtpkit_codec::BadLine;

use super::event::Closed;
use super::machine::Server;
use super::refusals;
use super::state::Activity;
use crate::timeout::ServerTimeouts;
use crate::wire::Tick;

/// What the peer has used of the machine's patience.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    /// When the connection was opened.
    opened: Tick,
    /// The latest time that anybody told.
    now: Tick,
    /// Since when it is the peer's turn to send.
    idle_since: Option<Tick>,
    /// Since when a reply waits to be taken by the peer.
    stuck_since: Option<Tick>,
    /// How long the peer took for the current line, or since the last octets of content.
    waited: Duration,
    /// How long the peer took for the content so far.
    content_waited: Duration,
    /// How much content came in that time.
    content_received: u64,
    /// Until when replies are held back.
    held_until: Option<Tick>,
}

impl Patience {
    pub(super) const fn new(now: Tick) -> Self {
        Self {
            opened: now,
            now,
            idle_since: None,
            stuck_since: None,
            waited: Duration::ZERO,
            content_waited: Duration::ZERO,
            content_received: 0,
            held_until: None,
        }
    }

    /// The patience with the session that goes on inside TLS.
    pub(super) const fn after_upgrade(&self, now: Tick) -> Self {
        Self { opened: self.opened, ..Self::new(now) }
    }

    /// The machine goes to work.
    pub(super) fn resume(&mut self, now: Tick) {
        self.now = self.now.max(now);
    }

    /// The machine has nothing to do until the peer moves.
    pub(super) fn wait(&mut self, now: Tick, has_output: bool) {
        if has_output {
            self.stuck_since.get_or_insert(now);
            self.idle_since = None;
        } else {
            self.stuck_since = None;
            self.idle_since.get_or_insert(now);
        }
    }

    /// The peer sent octets.
    pub(super) fn received(&mut self, octets: usize, is_content: bool, now: Tick) {
        self.resume(now);
        let waited = self.idle_since.take().map_or(Duration::ZERO, |since| now.since(since));
        if is_content {
            self.content_waited = self.content_waited.saturating_add(waited);
            self.content_received = self.content_received.saturating_add(octets as u64);
            self.waited = Duration::ZERO;
        } else {
            // A line that trickles in does not start the time-out anew.
            self.waited = self.waited.saturating_add(waited);
        }
    }

    /// A line was complete, or content was taken.
    pub(super) const fn progressed(&mut self) {
        self.waited = Duration::ZERO;
    }

    /// The peer took octets; `is_done` if nothing is left.
    pub(super) fn sent(&mut self, is_done: bool, now: Tick) {
        self.resume(now);
        self.stuck_since = if is_done { None } else { Some(now) };
        self.idle_since = if is_done { Some(now) } else { None };
    }

    /// Content starts.
    pub(super) const fn content_starts(&mut self) {
        self.content_waited = Duration::ZERO;
        self.content_received = 0;
        self.waited = Duration::ZERO;
        self.idle_since = None;
    }

    /// Holds all replies back for `delay`.
    pub(super) fn hold(&mut self, delay: Duration) {
        self.held_until = Some(self.now + delay);
    }

    pub(super) const fn is_held(&self) -> bool {
        self.held_until.is_some()
    }

    /// How long all content so far may have taken in all.
    fn content_allowance(&self, timeouts: &ServerTimeouts) -> Duration {
        match u64::from(timeouts.content_octets_per_second_min) {
            0 => Duration::MAX,
            rate => timeouts.data_block.max(Duration::from_secs(self.content_received / rate)),
        }
    }
}

impl Server {
    pub(super) fn next_deadline(&self) -> Option<Tick> {
        if matches!(self.activity, Activity::Owing(_) | Activity::Closed(_)) {
            return None;
        }
        let patience = &self.patience;
        let session = self.config.timeouts.session.map(|limit| patience.opened + limit);
        let own = patience.held_until.or_else(|| self.peer_deadline().map(|(deadline, _)| deadline));
        [session, own, self.line_end_deadline()].into_iter().flatten().min()
    }

    /// When a client is told that its LF ended no line. What it sends before the next CRLF is still the same line, so
    /// that nobody can hide a command behind the LF.
    fn line_end_deadline(&self) -> Option<Tick> {
        let is_due = self.ends_with_bare_lf && self.activity == Activity::Commands;
        let idle = self.patience.idle_since.filter(|_| is_due && !self.patience.is_held())?;
        Some(idle + self.config.timeouts.line_end)
    }

    /// When the peer will have been too slow, and in what.
    fn peer_deadline(&self) -> Option<(Tick, Closed)> {
        let (patience, timeouts) = (&self.patience, &self.config.timeouts);
        if let Some(stuck) = patience.stuck_since {
            return Some((stuck + timeouts.reply, Closed::TimedOut));
        }
        let idle = patience.idle_since?;
        if !matches!(self.activity, Activity::Data | Activity::Chunk | Activity::Skipping) {
            return Some((idle + timeouts.command.saturating_sub(patience.waited), Closed::TimedOut));
        }
        let block = (idle + timeouts.data_block, Closed::TimedOut);
        let left = patience.content_allowance(timeouts).saturating_sub(patience.content_waited);
        Some(block.min_by_tick((idle + left, Closed::TooSlow)))
    }

    pub(super) fn time_passed(&mut self, now: Tick) {
        self.patience.resume(now);
        if self.patience.held_until.is_some_and(|until| until <= now) {
            self.patience.held_until = None;
            return;
        }
        if self.next_deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        if self.line_end_deadline().is_some_and(|deadline| deadline <= now) {
            self.ends_with_bare_lf = false;
            return self.refuse(BadLine::BareLf.reply());
        }
        let why = match self.peer_deadline() {
            Some((deadline, why)) if deadline <= now => why,
            _ => Closed::TimedOut,
        };
        self.patience.held_until = None;
        if self.output.is_empty() {
            let reply = if why == Closed::TooSlow { &refusals::TOO_SLOW } else { &refusals::TIMED_OUT };
            self.end(reply, why);
            self.patience.wait(now, true);
        } else {
            // The peer takes no replies, so it would not take this one either.
            self.output = alloc::vec::Vec::new();
            self.written = 0;
            self.forget_input();
            self.activity = Activity::Closed(why);
        }
    }
}

trait Earlier {
    fn min_by_tick(self, other: Self) -> Self;
}

impl Earlier for (Tick, Closed) {
    fn min_by_tick(self, other: Self) -> Self {
        if other.0 < self.0 { other } else { self }
    }
}
