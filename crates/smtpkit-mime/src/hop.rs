//! What the next hop takes, and what a message needs: the three extensions that change content.

use core::fmt;
use core::ops::BitOr;

/// The content that a hop takes, or that a message needs (RFC 6152, RFC 3030, RFC 6531).
///
/// Without any of them content is 7-bit lines of at most 998 octets (RFC 5321 §4.5.3.1.6).
///
/// ```
/// use smtpkit_mime::HopCapabilities;
///
/// let hop = HopCapabilities::EIGHT_BIT | HopCapabilities::SMTPUTF8;
/// assert!(hop.covers(HopCapabilities::EIGHT_BIT));
/// assert!(!HopCapabilities::SEVEN_BIT.covers(hop));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct HopCapabilities(u8);

impl HopCapabilities {
    /// No extension: 7-bit lines.
    pub const SEVEN_BIT: Self = Self(0);
    /// Lines with octets above 127 in bodies: `8BITMIME` (RFC 6152).
    pub const EIGHT_BIT: Self = Self(1);
    /// Any octets in bodies, without lines: `BINARYMIME` (RFC 3030), which implies 8-bit lines.
    pub const BINARY: Self = Self(1 | 2);
    /// UTF-8 in header fields and addresses: `SMTPUTF8` (RFC 6531), which implies 8-bit lines.
    pub const SMTPUTF8: Self = Self(1 | 4);

    /// Whether everything that `needed` names is here too.
    pub const fn covers(self, needed: Self) -> bool {
        self.0 & needed.0 == needed.0
    }
}

impl BitOr for HopCapabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for HopCapabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named =
            [(Self::EIGHT_BIT, "8BITMIME"), (Self::BINARY, "BINARYMIME"), (Self::SMTPUTF8, "SMTPUTF8")];
        f.debug_set().entries(named.iter().filter(|(bit, _)| self.covers(*bit)).map(|(_, n)| n)).finish()
    }
}
