//! 8BITMIME and BINARYMIME: which octets the content holds (RFC 6152, RFC 3030).

use core::fmt;

use nom::Parser as _;
use nom::branch::alt;
use nom::combinator::value;

use crate::grammar::{Parsed, token};
use crate::syntax_error::Expected;

/// The value of `BODY` in MAIL (RFC 6152 §2, RFC 3030 §3).
///
/// ```
/// use smtpkit_codec::{Body, MailParametersRef};
///
/// assert_eq!(MailParametersRef::parse("body=8bitmime")?.body(), Some(Body::EightBitMime));
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Body {
    /// `7BIT`: ASCII lines of at most 1,000 octets.
    SevenBit,
    /// `8BITMIME`: any octets but CR, LF and NUL, in such lines.
    EightBitMime,
    /// `BINARYMIME`: any octets; goes by BDAT only.
    BinaryMime,
}

impl Body {
    /// The value as it is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SevenBit => "7BIT",
            Self::EightBitMime => "8BITMIME",
            Self::BinaryMime => "BINARYMIME",
        }
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// ```abnf
/// body-value = "7BIT" / "8BITMIME" / "BINARYMIME"      ; RFC 6152 §2, RFC 3030 §3
/// ```
#[inline]
pub(crate) fn body(input: &str) -> Parsed<'_, Body> {
    let seven_bit = value(Body::SevenBit, token::word(b"7BIT", Expected::Body));
    let eight_bit_mime = value(Body::EightBitMime, token::word(b"8BITMIME", Expected::Body));
    let binary_mime = value(Body::BinaryMime, token::word(b"BINARYMIME", Expected::Body));
    alt((eight_bit_mime, seven_bit, binary_mime)).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::whole;

    #[test]
    fn bodies_of_rfc_6152_and_3030() {
        let check =
            |input: &str, expected: Option<Body>| assert_eq!(whole(input, body).ok(), expected, "{input}");
        check("7BIT", Some(Body::SevenBit));
        check("8bitMIME", Some(Body::EightBitMime));
        check("BINARYMIME", Some(Body::BinaryMime));
        check("8BIT", None);
        check("8BITMIMEX", None);
        check("", None);
    }
}
