//! SIZE: how large a mail is and how large it may be (RFC 1870).

use core::fmt;

use crate::grammar::{Parsed, token, whole};
use crate::syntax_error::Expected;

/// What a server says about the largest mail that it takes (RFC 1870 §4, `SIZE` in the reply to EHLO).
///
/// ```
/// use smtpkit_codec::SizeLimit;
///
/// assert_eq!(SizeLimit::Octets(52_428_800).octets(), Some(52_428_800));
/// assert_eq!(SizeLimit::Unlimited.octets(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SizeLimit {
    /// `SIZE` alone: the server checks declared sizes, but tells no limit.
    Untold,
    /// `SIZE 0`: no fixed limit.
    Unlimited,
    /// The largest content in octets.
    Octets(u64),
}

impl SizeLimit {
    /// The limit in octets, where there is one.
    #[must_use]
    pub const fn octets(self) -> Option<u64> {
        match self {
            Self::Untold | Self::Unlimited | Self::Octets(0) => None,
            Self::Octets(octets) => Some(octets),
        }
    }

    /// ```abnf
    /// size-param = [1*20DIGIT]         ; RFC 1870 §4
    /// ```
    pub(crate) fn announced(arguments: &str) -> Option<Self> {
        match arguments {
            "" => Some(Self::Untold),
            _ => Some(match whole(arguments, size).ok()? {
                0 => Self::Unlimited,
                octets => Self::Octets(octets),
            }),
        }
    }
}

impl fmt::Display for SizeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untold => Ok(()),
            Self::Unlimited => f.write_str("0"),
            Self::Octets(octets) => octets.fmt(f),
        }
    }
}

/// ```abnf
/// size-value = 1*20DIGIT               ; RFC 1870 §3; a number over 2^64 − 1 is an error
/// ```
#[inline]
pub(crate) fn size(input: &str) -> Parsed<'_, u64> {
    token::number(Expected::Number)(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_rfc_1870() {
        let check = |arguments: &str, expected: Option<SizeLimit>| {
            assert_eq!(SizeLimit::announced(arguments), expected, "{arguments}");
        };
        check("", Some(SizeLimit::Untold));
        check("0", Some(SizeLimit::Unlimited));
        check("1000000", Some(SizeLimit::Octets(1_000_000)));
        check("18446744073709551616", None);
        check("-1", None);
        check("1 2", None);
    }
}
