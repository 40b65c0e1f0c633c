//! Where a relay reads the time of day: the only place that asks for it.

use smtpkit_queue::Timestamp;
use tokio::time::Instant;

/// The time of day.
///
/// ```
/// use smtpkit_relay::Clock;
///
/// assert!(Clock::system().now().get() > 0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Clock(Source);

#[derive(Clone, Copy, Debug)]
enum Source {
    System,
    Runtime { origin: Instant, start: Timestamp },
}

impl Clock {
    /// The clock of the operating system, which may be set.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// The clock of the async runtime, which shows `start` now. Where that one is paused, so is this: for simulations.
    ///
    /// ```
    /// use smtpkit_relay::{Clock, queue::Timestamp};
    ///
    /// let start = Timestamp::from_seconds(1_767_225_600);
    /// assert!(Clock::of_runtime(start).now() >= start);
    /// ```
    #[must_use]
    pub fn of_runtime(start: Timestamp) -> Self {
        Self(Source::Runtime { origin: Instant::now(), start })
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self.0 {
            Source::System => Timestamp::from(std::time::SystemTime::now()),
            Source::Runtime { origin, start } => start.after(origin.elapsed()),
        }
    }
}
