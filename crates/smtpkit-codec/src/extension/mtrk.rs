//! MTRK: let a mail be tracked by whoever knows its secret (RFC 3885).

use core::fmt;

use nom::Parser as _;
use nom::combinator::{cut, opt};
use nom::sequence::preceded;

use crate::grammar::{Parsed, token, whole};
use crate::syntax_error::{Expected, SyntaxError};

/// The value of `MTRK` in MAIL: the certifier and how long to keep the trace (RFC 3885 §4.1).
///
/// ```
/// use smtpkit_codec::Mtrk;
///
/// let tracking = Mtrk::new("2jmj7l5rSw0yVb/vlWAYkK/YBwk=", Some(86_400))?;
/// assert_eq!(tracking.to_string(), "2jmj7l5rSw0yVb/vlWAYkK/YBwk=:86400");
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mtrk<'a> {
    certifier: &'a str,
    timeout_seconds: Option<u32>,
}

impl<'a> Mtrk<'a> {
    /// Tracking by `certifier`, the base64 of a hash of the secret.
    ///
    /// # Errors
    /// If the certifier is not base64, or the time has more than nine digits.
    pub fn new(certifier: &'a str, timeout_seconds: Option<u32>) -> Result<Self, SyntaxError> {
        let certifier = whole(certifier, token::base64(Expected::Base64))?;
        match timeout_seconds {
            Some(1_000_000_000..) => Err(SyntaxError::new(0, Expected::SmallerNumber)),
            _ => Ok(Self { certifier, timeout_seconds }),
        }
    }

    /// The certifier, in base64.
    #[must_use]
    pub const fn certifier(self) -> &'a str {
        self.certifier
    }

    /// For how many seconds the trace is wanted.
    #[must_use]
    pub const fn timeout_seconds(self) -> Option<u32> {
        self.timeout_seconds
    }
}

impl fmt::Display for Mtrk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.certifier)?;
        self.timeout_seconds.map_or(Ok(()), |seconds| write!(f, ":{seconds}"))
    }
}

/// ```abnf
/// mtrk-parameter = "MTRK=" mtrk-certifier [ ":" mtrk-timeout ]     ; RFC 3885 §4.1
/// mtrk-certifier = base64
/// mtrk-timeout   = 1*9DIGIT
/// ```
pub(crate) fn mtrk(input: &str) -> Parsed<'_, Mtrk<'_>> {
    let timeout = preceded(token::octet(b':', Expected::Number), cut(token::seconds(Expected::Number)));
    let (rest, (certifier, timeout_seconds)) =
        (token::base64(Expected::Base64), opt(timeout)).parse(input)?;
    Ok((rest, Mtrk { certifier, timeout_seconds }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_rfc_3885() {
        let check = |input: &str, expected: Option<(&str, Option<u32>)>| {
            let found =
                whole(input, mtrk).ok().map(|tracking| (tracking.certifier(), tracking.timeout_seconds()));
            assert_eq!(found, expected, "{input}");
        };
        check("AGFi", Some(("AGFi", None)));
        check("AA==:60", Some(("AA==", Some(60))));
        check("AGFi:", None);
        check("AGFi:1000000000", None);
        check("AGF", None);
        check("", None);
    }
}
