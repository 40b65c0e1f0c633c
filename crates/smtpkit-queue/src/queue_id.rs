//! The name of an entry: sortable by time, short enough to stand in a reply and in a log line.
//!
//! ```text
//! 63            20 19        0
//! ├─ Unix ms, 44 ─┼─ low, 20 ─┤   as 13 digits of Crockford's base 32
//! ```
//!
//! The low bits start anew in every millisecond at a place that the nonce decides, and count up.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::mix::mix;
use crate::timestamp::Timestamp;

const LOW_BITS: u32 = 20;
const DIGITS: usize = 13;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The name of an entry, rising with time.
///
/// Its text has 13 letters and digits, is safe as a file name, and sorts as the entries arrived.
///
/// ```
/// use smtpkit_queue::{IdSource, QueueId, Timestamp};
///
/// let id = IdSource::new(7).next(Timestamp::from_seconds(1_767_225_600));
/// assert_eq!(id.to_string().len(), 13);
/// assert_eq!(id.to_string().to_lowercase().parse::<QueueId>()?, id);
/// assert_eq!(id.timestamp(), Timestamp::from_seconds(1_767_225_600));
/// # Ok::<(), smtpkit_queue::BadQueueId>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueId(u64);

impl QueueId {
    /// The id that this number is.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// The id as a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// When the id was made.
    #[must_use]
    pub const fn timestamp(self) -> Timestamp {
        Timestamp::new(self.0 >> LOW_BITS)
    }

    /// The lowest id of that moment.
    #[must_use]
    pub(crate) const fn first_at(moment: Timestamp) -> Self {
        if moment.get() >> (u64::BITS - LOW_BITS) == 0 {
            Self(moment.get() << LOW_BITS)
        } else {
            Self(u64::MAX)
        }
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut text = [b'0'; DIGITS];
        for place in text.iter_mut().rev() {
            let digit = usize::try_from(rest & 31).unwrap_or_default();
            *place = ALPHABET.get(digit).copied().unwrap_or(b'0');
            rest >>= 5;
        }
        f.pad(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueueId({self})")
    }
}

/// This text is no queue id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a queue id: 13 letters and digits are expected")]
pub struct BadQueueId(());

impl BadQueueId {
    pub(crate) const NEW: Self = Self(());
}

impl FromStr for QueueId {
    type Err = BadQueueId;

    fn from_str(text: &str) -> Result<Self, BadQueueId> {
        if text.len() != DIGITS {
            return Err(BadQueueId(()));
        }
        let mut number: u64 = 0;
        for (place, octet) in text.bytes().enumerate() {
            let upper = octet.to_ascii_uppercase();
            let digit = ALPHABET.iter().position(|known| *known == upper).ok_or(BadQueueId(()))? as u64;
            // the first digit stands for four bits only
            if place == 0 && digit > 15 {
                return Err(BadQueueId(()));
            }
            number = number << 5 | digit;
        }
        Ok(Self(number))
    }
}

/// Makes ids that never repeat and always rise, also when the clock steps back.
///
/// ```
/// use smtpkit_queue::{IdSource, Timestamp};
///
/// let source = IdSource::new(1);
/// let first = source.next(Timestamp::from_seconds(100));
/// assert!(source.next(Timestamp::from_seconds(50)) > first);
/// ```
#[derive(Debug)]
pub struct IdSource {
    nonce: u64,
    last: AtomicU64,
}

impl IdSource {
    /// A source; `nonce` keeps apart what several sources make in the same millisecond.
    #[must_use]
    pub const fn new(nonce: u64) -> Self {
        Self { nonce, last: AtomicU64::new(0) }
    }

    /// The next id.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> QueueId {
        let milliseconds = now.get();
        let low = mix(self.nonce ^ mix(milliseconds)) & ((1 << LOW_BITS) - 1);
        self.rise_to(QueueId::first_at(now).get() | low)
    }

    /// An id after the last one, for what has no time of its own.
    pub(crate) fn following(&self) -> QueueId {
        self.rise_to(0)
    }

    /// From now on every id is above this one.
    pub(crate) fn skip_past(&self, id: QueueId) {
        self.last.fetch_max(id.get(), Ordering::Relaxed);
    }

    fn rise_to(&self, wanted: u64) -> QueueId {
        let next = |last: u64| wanted.max(last.saturating_add(1));
        let before = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        QueueId(next(before.unwrap_or_else(|last| last)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_sorts_like_the_number_and_reads_back() {
        let mut last = String::new();
        for number in [0, 1, 31, 32, 1 << 20, (1 << 44) - 1, u64::MAX >> 1, u64::MAX] {
            let text = QueueId(number).to_string();
            assert_eq!(text.parse(), Ok(QueueId(number)), "{text}");
            assert!(text > last, "{text} after {last}");
            last = text;
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "0", "0000000000000000", "000000000000U", "G000000000000", "000000000000ä", "../../../../.."]
        {
            assert!(text.parse::<QueueId>().is_err(), "{text}");
        }
    }

    #[test]
    fn ids_rise_through_a_full_millisecond_and_a_clock_that_steps_back() {
        let source = IdSource::new(3);
        let mut last = source.next(Timestamp::new(5_000));
        for now in (0..5_000).rev() {
            let id = source.next(Timestamp::new(now));
            assert!(id > last, "{id} after {last}");
            last = id;
        }
        source.skip_past(QueueId::first_at(Timestamp::new(9_000)));
        assert!(source.following() > QueueId::first_at(Timestamp::new(9_000)));
    }

    #[test]
    fn nonces_keep_sources_apart() {
        let now = Timestamp::from_seconds(1_767_225_600);
        assert_ne!(IdSource::new(1).next(now), IdSource::new(2).next(now));
    }
}
