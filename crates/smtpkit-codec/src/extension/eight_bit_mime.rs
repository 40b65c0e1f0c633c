//! 8BITMIME and BINARYMIME: which octets the content holds (RFC 6152, RFC 3030).

use core::fmt;

use crate::grammar::{Fault, Parsed, token};
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
    let body = match input.as_bytes().first() {
        Some(b'7') => Body::SevenBit,
        Some(b'8') => Body::EightBitMime,
        Some(b'B' | b'b') => Body::BinaryMime,
        _ => return Err(Fault::at(input, Expected::Body)),
    };
    token::word(body.as_str(), Expected::Body)(input).map(|(rest, ())| (rest, body))
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
