//! Time and nonce of one message: what the crate cannot know because it is pure.

use crate::DateTime;

/// When a message is built, and octets that no other message has.
///
/// `Date`, `Message-ID` and the boundaries of multiparts come from here when the builder is not told otherwise, so
/// the same stamp gives the same octets: tests use a constant, programs the clock and the system's random source.
///
/// ```
/// use smtpkit_mime::DateTime;
/// use smtpkit_mime::build::Stamp;
///
/// let stamp = Stamp::new(DateTime::from_unix_seconds(0, 0)?, [0; 16]);
/// assert_eq!(stamp.now().year(), 1970);
/// # Ok::<(), smtpkit_mime::DateTimeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    now: DateTime,
    nonce: [u8; 16],
}

impl Stamp {
    /// A stamp of this moment; `nonce` must not repeat.
    pub const fn new(now: DateTime, nonce: [u8; 16]) -> Self {
        Self { now, nonce }
    }

    /// The moment.
    pub const fn now(&self) -> DateTime {
        self.now
    }

    /// The nonce in hexadecimal, `attempt` steps on.
    pub(crate) fn hex(&self, attempt: u8) -> [u8; 32] {
        let nonce = u128::from_be_bytes(self.nonce).wrapping_add(u128::from(attempt));
        let mut hex = [0; 32];
        for (at, digit) in hex.iter_mut().enumerate() {
            let nibble = (nonce >> (124 - 4 * at)) as u8 & 15;
            *digit = if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
        }
        hex
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nonce_is_written_in_hexadecimal() {
        let now = DateTime::from_unix_seconds(0, 0).unwrap();
        let mut nonce = [0xff; 16];
        assert_eq!(Stamp::new(now, nonce).hex(1), [b'0'; 32]);
        nonce[0] = 0x1a;
        assert_eq!(&Stamp::new(now, nonce).hex(0), b"1affffffffffffffffffffffffffffff");
    }
}
