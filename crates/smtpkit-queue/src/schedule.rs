//! When the next attempt is made, when the sender is told of a delay, and when all hope is given
//! up (RFC 5321 §4.5.4.1). Pure: moments and seeds come in as arguments, and the same arguments
//! give the same answer for ever.

use std::time::Duration;

use smtpkit_codec::{ByMode, Hold, MailParametersRef};

use crate::mix::mix;
use crate::timestamp::Timestamp;

/// The most intervals that a schedule may name.
pub const INTERVALS_MAX: usize = 64;
/// The most jitter, in percent of an interval.
pub const JITTER_PERCENT_MAX: u8 = 50;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Retry intervals, give-up time and delay notice (RFC 5321 §4.5.4.1).
///
/// The default: attempts after 1, 5 and 15 minutes, 1 hour and then every 4 hours, each ± 10 %; a
/// delay notice after 4 hours; the end after 5 days.
///
/// ```
/// use std::time::Duration;
/// use smtpkit_codec::MailParametersRef;
/// use smtpkit_queue::{Next, Schedule, Timestamp};
///
/// let schedule = Schedule::new(vec![Duration::from_secs(60), Duration::from_secs(600)])?.with_jitter(0)?;
/// let arrival = Timestamp::from_seconds(1_000);
/// let terms = schedule.terms(arrival, MailParametersRef::default());
/// assert_eq!(schedule.next_attempt(1, arrival, &terms, 0), Next::At(Timestamp::from_seconds(1_060)));
/// assert_eq!(schedule.next_attempt(9, arrival, &terms, 0), Next::At(Timestamp::from_seconds(1_600)));
/// assert_eq!(schedule.next_attempt(9, terms.expires, &terms, 0), Next::Expired);
/// # Ok::<(), smtpkit_queue::BadSchedule>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Never empty, none zero.
    intervals: Vec<Duration>,
    jitter_percent: u8,
    give_up: Duration,
    delay_notice: Option<Duration>,
}

/// Why a schedule was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSchedule {
    /// There must be an interval.
    #[error("a schedule needs at least one retry interval")]
    Empty,
    /// More than [`INTERVALS_MAX`].
    #[error("a schedule has at most {INTERVALS_MAX} retry intervals")]
    TooMany,
    /// An interval of nothing would be a busy loop.
    #[error("retry interval {0} is shorter than a second")]
    TooShort(usize),
    /// More than [`JITTER_PERCENT_MAX`].
    #[error("jitter is at most {JITTER_PERCENT_MAX} percent")]
    Jitter,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            intervals: vec![MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR],
            jitter_percent: 10,
            give_up: 5 * 24 * HOUR,
            delay_notice: Some(4 * HOUR),
        }
    }
}

impl Schedule {
    /// A schedule with these intervals, the last of which repeats.
    ///
    /// # Errors
    /// If there is none, more than [`INTERVALS_MAX`], or one shorter than a second.
    pub fn new(intervals: Vec<Duration>) -> Result<Self, BadSchedule> {
        if intervals.is_empty() {
            return Err(BadSchedule::Empty);
        }
        if intervals.len() > INTERVALS_MAX {
            return Err(BadSchedule::TooMany);
        }
        if let Some(place) = intervals.iter().position(|interval| *interval < Duration::from_secs(1)) {
            return Err(BadSchedule::TooShort(place));
        }
        Ok(Self { intervals, ..Self::default() })
    }

    /// The same with another give-up time.
    #[must_use]
    pub const fn with_give_up(mut self, give_up: Duration) -> Self {
        self.give_up = give_up;
        self
    }

    /// The same with the delay notice at another time, or without one.
    #[must_use]
    pub const fn with_delay_notice(mut self, delay_notice: Option<Duration>) -> Self {
        self.delay_notice = delay_notice;
        self
    }

    /// The same with another jitter: each interval is up to so many percent shorter or longer.
    ///
    /// # Errors
    /// If it is more than [`JITTER_PERCENT_MAX`].
    pub fn with_jitter(mut self, percent: u8) -> Result<Self, BadSchedule> {
        if percent > JITTER_PERCENT_MAX {
            return Err(BadSchedule::Jitter);
        }
        self.jitter_percent = percent;
        Ok(self)
    }

    /// How long a mail waits for its second attempt, but for the jitter.
    #[must_use]
    pub fn first_interval(&self) -> Duration {
        self.intervals.first().copied().unwrap_or(HOUR)
    }

    /// From when until when a mail that arrives now is tried.
    ///
    /// HOLDFOR and HOLDUNTIL (RFC 4865) move the beginning, and all else with it. BY (RFC 2852)
    /// moves the end (`R`) or the delay notice (`N`).
    #[must_use]
    pub fn terms(&self, created: Timestamp, parameters: MailParametersRef<'_>) -> Terms {
        let release = match parameters.hold() {
            Some(Hold::For(interval)) => created.after(Duration::from_secs(interval.seconds().into())),
            Some(Hold::Until(moment)) => {
                let seconds = u64::try_from(moment.unix_seconds()).unwrap_or_default();
                Timestamp::from_seconds(seconds).max(created)
            }
            _ => created,
        };
        let mut terms = Terms {
            release,
            expires: release.after(self.give_up),
            notice: self.delay_notice.map(|delay| release.after(delay)),
            by_deadline: false,
        };
        if let Some(by) = parameters.by() {
            let left = Duration::from_secs(u64::try_from(by.seconds()).unwrap_or_default());
            let deadline = release.after(left);
            terms.by_deadline = true;
            match by.mode() {
                ByMode::Return => terms.expires = terms.expires.min(deadline),
                _ => terms.notice = Some(deadline),
            }
        }
        terms
    }

    /// When to try again after `attempts` attempts, the last of which has just ended.
    ///
    /// No attempt is later than the delay notice that is still to come, or than the end: so both
    /// are punctual. `seed` decides the jitter; with the entry's id as the seed, the recipients that
    /// failed together are tried together.
    #[must_use]
    pub fn next_attempt(&self, attempts: u32, now: Timestamp, terms: &Terms, seed: u64) -> Next {
        if now >= terms.expires {
            return Next::Expired;
        }
        let place = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let interval = self.intervals.get(place).or(self.intervals.last()).copied().unwrap_or(HOUR);
        let mut at = now.after(self.jittered(interval, seed, attempts)).max(terms.release).min(terms.expires);
        if let Some(notice) = terms.notice
            && now < notice
        {
            at = at.min(notice);
        }
        Next::At(at)
    }

    fn jittered(&self, interval: Duration, seed: u64, attempts: u32) -> Duration {
        // 0 ..= 2·jitter, in thousandths of a percent, evenly enough
        let width = u64::from(self.jitter_percent) * 2_000;
        let spread = mix(seed ^ mix(attempts.into())) % (width + 1);
        let share = 100_000 - width / 2 + spread;
        let milliseconds = interval.as_millis().saturating_mul(share.into()) / 100_000;
        Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX))
    }
}

/// From when until when one mail is tried. Made by [`Schedule::terms`] and kept with the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// Not before (RFC 4865).
    pub release: Timestamp,
    /// When it is given up.
    pub expires: Timestamp,
    /// When the sender is told that it is late.
    pub notice: Option<Timestamp>,
    /// Did the sender ask for one of these times with BY (RFC 2852)?
    pub by_deadline: bool,
}

impl Terms {
    /// At once and for ever, without a notice: for mail that nobody waits for.
    ///
    /// ```
    /// use smtpkit_queue::{Terms, Timestamp};
    ///
    /// assert_eq!(Terms::unlimited(Timestamp::new(1)).expires, Timestamp::MAX);
    /// ```
    #[must_use]
    pub const fn unlimited(created: Timestamp) -> Self {
        Self { release: created, expires: Timestamp::MAX, notice: None, by_deadline: false }
    }
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another one, then.
    At(Timestamp),
    /// None: the give-up time is over.
    Expired,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARRIVAL: Timestamp = Timestamp::from_seconds(1_000_000);

    fn seconds(moment: Timestamp) -> u64 {
        moment.since(ARRIVAL).as_secs()
    }

    fn terms(parameters: &str) -> Terms {
        Schedule::default().terms(ARRIVAL, MailParametersRef::parse(parameters).unwrap())
    }

    #[test]
    fn parameters_move_the_terms() {
        let check = |parameters: &str, release: u64, expires: u64, notice: u64| {
            let terms = terms(parameters);
            let found = (seconds(terms.release), seconds(terms.expires), terms.notice.map(seconds));
            assert_eq!(found, (release, expires, Some(notice)), "{parameters:?}");
        };
        check("", 0, 432_000, 14_400);
        check("HOLDFOR=3600", 3_600, 435_600, 18_000);
        check("HOLDUNTIL=1970-01-12T13:48:20Z", 100, 432_100, 14_500);
        check("HOLDUNTIL=1970-01-01T00:00:00Z", 0, 432_000, 14_400);
        check("BY=120;R", 0, 120, 14_400);
        check("BY=120;N", 0, 432_000, 120);
        check("BY=-5;N", 0, 432_000, 0);
        check("BY=999999;R", 0, 432_000, 14_400);
    }

    #[test]
    fn attempts_follow_the_intervals_and_meet_notice_and_end() {
        let schedule = Schedule::default().with_jitter(0).unwrap();
        let terms = terms("");
        let mut now = ARRIVAL;
        let mut met = Vec::new();
        for attempts in 1..=200 {
            match schedule.next_attempt(attempts, now, &terms, 7) {
                Next::At(at) => {
                    assert!(at > now, "time passes");
                    met.push(seconds(at));
                    now = at;
                }
                Next::Expired => break,
            }
        }
        assert_eq!(met.get(..6), Some(&[60, 360, 1_260, 4_860, 14_400, 28_800][..]));
        assert_eq!(met.last(), Some(&432_000), "the last attempt falls on the give-up time");
    }

    #[test]
    fn jitter_stays_within_its_share_and_depends_only_on_the_seed() {
        let schedule = Schedule::new(vec![Duration::from_secs(1_000)]).unwrap();
        let terms = Terms::unlimited(ARRIVAL);
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..1_000 {
            let Next::At(at) = schedule.next_attempt(1, ARRIVAL, &terms, seed) else {
                panic!("no end was set")
            };
            assert_eq!(schedule.next_attempt(1, ARRIVAL, &terms, seed), Next::At(at));
            let wait = at.since(ARRIVAL).as_millis();
            assert!((900_000..=1_100_000).contains(&wait), "{wait}");
            seen.insert(wait);
        }
        assert!(seen.len() > 900, "{} different waits", seen.len());
    }

    #[test]
    fn schedules_that_cannot_work_are_refused() {
        assert_eq!(Schedule::new(vec![]), Err(BadSchedule::Empty));
        assert_eq!(Schedule::new(vec![MINUTE, Duration::ZERO]), Err(BadSchedule::TooShort(1)));
        assert_eq!(Schedule::new(vec![MINUTE; INTERVALS_MAX + 1]), Err(BadSchedule::TooMany));
        assert_eq!(Schedule::default().with_jitter(51), Err(BadSchedule::Jitter));
    }
}
