//! How a driver moves octets and time in and out of a machine.
//!
//! The machine owns its receive buffer, so that no plaintext can hide in a driver when TLS starts, and lends what it
//! wants to send, so that content is never copied. A driver does four things in a loop: read into
//! [`Wire::recv_slot`], write what [`Wire::transmit`] lends, sleep until [`Wire::deadline`], and ask the machine's
//! `poll` what happened.

use core::time::Duration;

/// A point in monotonic time, counted from an origin that the driver chooses and keeps for the life of a machine.
///
/// Resolution one nanosecond; about 584 years fit.
///
/// ```
/// use core::time::Duration;
/// use smtpkit_session::Tick;
///
/// let start = Tick::ZERO;
/// let later = start + Duration::from_secs(5);
/// assert_eq!(later.since(start), Duration::from_secs(5));
/// assert_eq!(start.since(later), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(u64);

impl Tick {
    /// The driver's origin.
    pub const ZERO: Self = Self(0);

    /// The point `elapsed` after the origin; the last representable one if that lies beyond it.
    pub fn from_origin(elapsed: Duration) -> Self {
        Self(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
    }

    /// The time from `earlier` to here; zero if `earlier` lies after this point.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl core::ops::Add<Duration> for Tick {
    type Output = Self;

    fn add(self, later_by: Duration) -> Self {
        Self(self.0.saturating_add(Self::from_origin(later_by).0))
    }
}

/// How many pieces one vectored write can carry.
pub const IOV_PIECES: usize = 32;

/// The pieces of one vectored write, lent by a machine.
///
/// ```
/// use smtpkit_session::Iov;
///
/// let mut iov = Iov::new();
/// assert!(iov.push(b"250 ok\r\n"));
/// assert_eq!(iov.octets(), 8);
/// assert_eq!(iov.pieces(), [b"250 ok\r\n"]);
/// ```
#[derive(Clone, Debug)]
pub struct Iov<'s> {
    pieces: [&'s [u8]; IOV_PIECES],
    len: usize,
    octets: usize,
}

impl<'s> Iov<'s> {
    /// A list without pieces.
    pub const fn new() -> Self {
        Self { pieces: [&[]; IOV_PIECES], len: 0, octets: 0 }
    }

    /// Adds a piece; `false` if the list is full and the piece was left out. An empty piece takes no place.
    #[must_use = "a piece that found no place has to be sent by the next write"]
    pub fn push(&mut self, piece: &'s [u8]) -> bool {
        if piece.is_empty() {
            return true;
        }
        let Some(place) = self.pieces.get_mut(self.len) else { return false };
        *place = piece;
        self.len += 1;
        self.octets += piece.len();
        true
    }

    /// The pieces in the order in which they are to be written.
    pub fn pieces(&self) -> &[&'s [u8]] {
        self.pieces.get(..self.len).unwrap_or_default()
    }

    /// How many octets all pieces have together.
    pub const fn octets(&self) -> usize {
        self.octets
    }

    /// Whether nothing is to be written.
    pub const fn is_empty(&self) -> bool {
        self.octets == 0
    }

    /// Whether no further piece finds a place.
    pub const fn is_full(&self) -> bool {
        self.len == IOV_PIECES
    }

    /// The pieces as the standard library's vectored writes take them; the second value says how many are in use.
    #[cfg(feature = "std")]
    pub fn io_slices(&self) -> ([std::io::IoSlice<'s>; IOV_PIECES], usize) {
        (self.pieces.map(std::io::IoSlice::new), self.len)
    }
}

impl Default for Iov<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// What a driver does for a machine: move octets and tell the time.
///
/// Every method returns at once. `now` never runs backwards for one machine.
pub trait Wire {
    /// Where the driver reads to. The buffer belongs to the machine and is made when it is asked for; an empty slice
    /// says that the machine wants nothing more for now (its peer has to wait).
    fn recv_slot(&mut self) -> &mut [u8];

    /// The driver read `n` octets to the start of [`recv_slot`](Self::recv_slot); 0 is the end of the stream.
    fn received(&mut self, n: usize, now: Tick);

    /// Adds to `iov` what waits to be written: replies or commands, and lent pieces of content.
    fn transmit<'s>(&'s self, iov: &mut Iov<'s>);

    /// The driver wrote the first `n` octets of what [`transmit`](Self::transmit) lent.
    fn sent(&mut self, n: usize, now: Tick);

    /// When [`expired`](Self::expired) is to be called if nothing happens before; `None` while nothing can expire.
    fn deadline(&self) -> Option<Tick>;

    /// The deadline passed.
    fn expired(&mut self, now: Tick);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_never_wraps() {
        assert_eq!(Tick(u64::MAX) + Duration::from_secs(1), Tick(u64::MAX));
        assert_eq!(Tick::from_origin(Duration::MAX), Tick(u64::MAX));
    }

    #[test]
    fn a_full_list_refuses_the_piece() {
        let mut iov = Iov::new();
        for _ in 0..IOV_PIECES {
            assert!(iov.push(b"x"));
        }
        assert!(iov.is_full());
        assert!(!iov.push(b"y"));
        assert!(iov.push(b""));
        assert_eq!(iov.octets(), IOV_PIECES);
    }
}
