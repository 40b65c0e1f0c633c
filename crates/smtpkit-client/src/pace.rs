//! How fast messages follow each other: each gets a turn, and turns are no closer than the limits say.
//!
//! Turns are handed out in order and without a queue: whoever asks is told when its own turn is, and waits by itself.
//! A turn that nobody takes, because its message was dropped while it waited, is lost, not given to another.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The turns of one client.
pub(crate) struct Pace {
    interval: Option<Duration>,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    pub(crate) const fn new(interval: Option<Duration>) -> Self {
        Self { interval, next: Mutex::new(None) }
    }

    /// Whether there is a limit at all.
    #[cfg(feature = "tokio")]
    pub(crate) const fn is_limited(&self) -> bool {
        self.interval.is_some()
    }

    /// When the message that asks at `now` may begin; `None` is at once.
    pub(crate) fn turn(&self, now: Instant) -> Option<Instant> {
        let interval = self.interval?;
        // Nothing that holds the lock can panic half-way.
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = next.map_or(now, |next| next.max(now));
        *next = Some(turn + interval);
        (turn > now).then_some(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_no_closer_than_the_interval() {
        let second = Duration::from_secs(1);
        let pace = Pace::new(Some(second));
        let start = Instant::now();
        assert_eq!(pace.turn(start), None);
        assert_eq!(pace.turn(start), Some(start + second));
        assert_eq!(pace.turn(start + second / 2), Some(start + 2 * second));
        // time that nobody used is not made up for
        assert_eq!(pace.turn(start + 10 * second), None);
        assert_eq!(pace.turn(start + 10 * second), Some(start + 11 * second));
    }

    #[test]
    fn without_a_limit_every_turn_is_now() {
        let pace = Pace::new(None);
        let now = Instant::now();
        assert_eq!((pace.turn(now), pace.turn(now)), (None, None));
    }
}
