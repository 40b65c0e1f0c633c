//! Moments, as milliseconds since 1970-01-01T00:00:00Z.
//!
//! Entries outlive processes, so their times are wall-clock times. They come in as arguments; no
//! clock is read in this crate.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment in Unix milliseconds.
///
/// ```
/// use std::time::Duration;
/// use smtpkit_queue::Timestamp;
///
/// let arrival = Timestamp::from_seconds(1_767_225_600);
/// let retry = arrival.after(Duration::from_secs(300));
/// assert_eq!(retry.get(), 1_767_225_900_000);
/// assert_eq!(retry.since(arrival), Duration::from_secs(300));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The last moment that can be told: never.
    pub const MAX: Self = Self(u64::MAX);

    /// The moment so many milliseconds after 1970 began.
    #[must_use]
    pub const fn new(unix_milliseconds: u64) -> Self {
        Self(unix_milliseconds)
    }

    /// The moment so many seconds after 1970 began, or [`Timestamp::MAX`].
    #[must_use]
    pub const fn from_seconds(unix_seconds: u64) -> Self {
        Self(unix_seconds.saturating_mul(1000))
    }

    /// Unix milliseconds.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The moment `duration` later, or [`Timestamp::MAX`].
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(milliseconds))
    }

    /// How long ago `earlier` was; zero if it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl From<SystemTime> for Timestamp {
    /// A time before 1970 becomes the beginning of 1970.
    fn from(time: SystemTime) -> Self {
        Self(0).after(time.duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

impl From<Timestamp> for SystemTime {
    fn from(moment: Timestamp) -> Self {
        UNIX_EPOCH + Duration::from_millis(moment.0)
    }
}
