//! When waiting has to end (RFC 5321 §4.5.3.2): one moment computed from what is awaited, never a list of timers.
//!
//! Only whole replies and written octets count as progress, so a peer that sends its reply octet by octet gains
//! nothing. Time in which the caller owes the machine content or an AUTH answer is not held against the peer.

use super::Awaited;
use crate::Tick;
use crate::timeout::ClientTimeouts;
use core::time::Duration;

/// What the machine knows about time.
#[derive(Debug)]
pub(super) struct Clock {
    now: Tick,
    /// Since when the peer has to do something.
    since: Tick,
    /// Start of the oldest unfinished transaction.
    transaction: Option<Tick>,
    /// Since when content has waited for the peer without a break, and how long before that.
    content_since: Option<Tick>,
    content_before: Duration,
}

impl Clock {
    pub(super) const fn new(now: Tick) -> Self {
        Self { now, since: now, transaction: None, content_since: None, content_before: Duration::ZERO }
    }

    /// Time has passed.
    pub(super) fn advance(&mut self, now: Tick) {
        self.now = self.now.max(now);
    }

    /// The peer did something, or is given something new to do.
    pub(super) const fn progress(&mut self) {
        self.since = self.now;
    }

    pub(super) const fn transaction_started(&mut self) {
        if self.transaction.is_none() {
            self.transaction = Some(self.now);
        }
    }

    /// The oldest transaction is finished; another one may be under way.
    pub(super) const fn transaction_finished(&mut self, has_next: bool) {
        self.transaction = if has_next { Some(self.now) } else { None };
    }

    pub(super) const fn content_started(&mut self) {
        self.content_since = None;
        self.content_before = Duration::ZERO;
    }

    /// A piece of content waits to be written.
    pub(super) fn piece_lent(&mut self) {
        self.content_since = Some(self.now);
    }

    /// The piece is out; the caller has the word.
    pub(super) fn piece_written(&mut self) {
        if let Some(since) = self.content_since.take() {
            self.content_before += self.now.since(since);
        }
    }

    /// When the wait for `awaited` is over, with `octets` of content written.
    pub(super) fn deadline(&self, timeouts: &ClientTimeouts, awaited: Awaited, octets: u64) -> Tick {
        let limit = match awaited {
            Awaited::Greeting => timeouts.initial_220,
            Awaited::Mail => timeouts.mail,
            Awaited::Rcpt => timeouts.rcpt,
            Awaited::Data => timeouts.data_initiation,
            Awaited::EndOfContent | Awaited::Chunk => timeouts.data_termination,
            Awaited::Quit => timeouts.quit,
            Awaited::Hello | Awaited::StartTls | Awaited::Auth | Awaited::Other => timeouts.command,
        };
        let limit = if self.content_since.is_some() { timeouts.data_block } else { limit };
        let mut deadline = self.since + limit;
        if let Some(by_rate) = self.rate_deadline(timeouts, octets) {
            deadline = deadline.min(by_rate);
        }
        self.transaction_deadline(timeouts).map_or(deadline, |total| deadline.min(total))
    }

    /// When the transaction as a whole has taken too long, whoever is to blame.
    pub(super) fn transaction_deadline(&self, timeouts: &ClientTimeouts) -> Option<Tick> {
        Some(self.transaction? + timeouts.transaction?)
    }

    /// When the average rate of content falls under the minimum, first measured after one block's time.
    fn rate_deadline(&self, timeouts: &ClientTimeouts, octets: u64) -> Option<Tick> {
        let since = self.content_since?;
        let rate = u64::from(timeouts.content_octets_per_second_min);
        let earned = Duration::from_secs(octets.checked_div(rate)?);
        Some(since + earned.max(timeouts.data_block).saturating_sub(self.content_before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Tick {
        Tick::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn each_command_has_its_own_time() {
        let timeouts = ClientTimeouts::default();
        let mut clock = Clock::new(at(100));
        for (awaited, seconds) in [
            (Awaited::Greeting, 300),
            (Awaited::Mail, 300),
            (Awaited::Rcpt, 300),
            (Awaited::Data, 120),
            (Awaited::EndOfContent, 600),
            (Awaited::Quit, 5),
        ] {
            assert_eq!(clock.deadline(&timeouts, awaited, 0), at(100 + seconds), "{awaited}");
        }
        clock.piece_lent();
        assert_eq!(clock.deadline(&timeouts, Awaited::EndOfContent, 0), at(280));
    }

    #[test]
    fn a_slow_reader_is_given_up() {
        let timeouts = ClientTimeouts { content_octets_per_second_min: 10, ..ClientTimeouts::default() };
        let mut clock = Clock::new(at(0));
        clock.content_started();
        clock.piece_lent();
        clock.advance(at(170));
        clock.progress();
        assert_eq!(clock.deadline(&timeouts, Awaited::EndOfContent, 100), at(180));
        assert_eq!(clock.deadline(&timeouts, Awaited::EndOfContent, 10_000), at(350));
        assert_eq!(clock.deadline(&timeouts, Awaited::EndOfContent, 3_000), at(300));
    }

    #[test]
    fn the_callers_own_time_is_not_the_peers() {
        let timeouts = ClientTimeouts { content_octets_per_second_min: 10, ..ClientTimeouts::default() };
        let mut clock = Clock::new(at(0));
        clock.piece_lent();
        clock.advance(at(10));
        clock.piece_written();
        clock.advance(at(1_000));
        clock.progress();
        clock.piece_lent();
        assert_eq!(clock.deadline(&timeouts, Awaited::EndOfContent, 0), at(1_170));
    }

    #[test]
    fn a_transaction_has_a_total() {
        let timeouts =
            ClientTimeouts { transaction: Some(Duration::from_secs(30)), ..ClientTimeouts::default() };
        let mut clock = Clock::new(at(5));
        clock.transaction_started();
        clock.advance(at(20));
        clock.progress();
        assert_eq!(clock.deadline(&timeouts, Awaited::Mail, 0), at(35));
    }
}
