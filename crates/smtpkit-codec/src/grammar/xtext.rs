//! xtext: any octets as printable ASCII (RFC 3461 §4), the form in which several parameters carry
//! text. It is kept as written; decoding is on request, because what comes out may hold any octet.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::syntax_error::{Expected, SyntaxError};

use super::{Class, Fault, Parsed, whole};

/// Text in the encoding of RFC 3461 §4, as it stands in `ENVID`, `ORCPT` and `AUTH`.
///
/// Printable ASCII but "+" and "=" stands for itself; every other octet is "+" and two upper-case
/// hexadecimal digits.
///
/// ```
/// use smtpkit_codec::Xtext;
///
/// let id = Xtext::new("QQ314159+2BQQ")?;
/// assert_eq!(id.as_str(), "QQ314159+2BQQ");
/// assert_eq!(&*id.decode(), b"QQ314159+QQ");
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Xtext<'a>(&'a str);

impl<'a> Xtext<'a> {
    /// Text that is already xtext, not empty.
    ///
    /// # Errors
    /// At the first octet that xtext does not allow.
    ///
    /// ```
    /// # use smtpkit_codec::Xtext;
    /// assert_eq!(Xtext::new("a=b").unwrap_err().offset(), 1);
    /// ```
    pub fn new(text: &'a str) -> Result<Self, SyntaxError> {
        whole(text, xtext)
    }

    /// The encoded text, as it stands on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// The octets that were encoded. They may be any octets: CR, LF and NUL among them.
    #[must_use]
    pub fn decode(self) -> Cow<'a, [u8]> {
        if !self.0.contains('+') {
            return Cow::Borrowed(self.0.as_bytes());
        }
        let mut decoded = Vec::with_capacity(self.0.len());
        let mut octets = self.0.bytes();
        while let Some(octet) = octets.next() {
            let (b'+', Some(high), Some(low)) =
                (octet, hex_digit(octets.clone().next()), hex_digit(octets.clone().nth(1)))
            else {
                decoded.push(octet);
                continue;
            };
            decoded.push(high << 4 | low);
            octets.next();
            octets.next();
        }
        Cow::Owned(decoded)
    }

    /// The xtext form of `octets`.
    ///
    /// ```
    /// # use smtpkit_codec::Xtext;
    /// assert_eq!(Xtext::encode(b"rfc822;a+b=c d"), "rfc822;a+2Bb+3Dc+20d");
    /// ```
    #[must_use]
    pub fn encode(octets: &[u8]) -> String {
        let mut encoded = String::with_capacity(octets.len());
        for &octet in octets {
            if Class::XCHAR.has(octet) {
                encoded.push(char::from(octet));
            } else {
                encoded.push('+');
                for digit in [octet >> 4, octet & 0xf] {
                    encoded.push(char::from(if digit < 10 { b'0' + digit } else { b'A' + digit - 10 }));
                }
            }
        }
        encoded
    }
}

impl fmt::Display for Xtext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Xtext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Xtext({})", self.0)
    }
}

/// ```abnf
/// xtext   = 1*( xchar / hexchar )      ; RFC 3461 §4 allows none; nothing has a use for that
/// hexchar = "+" 2(DIGIT / "A" / "B" / "C" / "D" / "E" / "F")
/// ```
pub(crate) fn xtext(input: &str) -> Parsed<'_, Xtext<'_>> {
    let octets = input.as_bytes();
    let mut end = Class::XCHAR.run(octets);
    while octets.get(end) == Some(&b'+') {
        let digits = (hex_digit(octets.get(end + 1).copied()), hex_digit(octets.get(end + 2).copied()));
        if !matches!(digits, (Some(_), Some(_))) {
            return Err(Fault::at(input.get(end..).unwrap_or(""), Expected::Xtext));
        }
        end += 3;
        end += Class::XCHAR.run(octets.get(end..).unwrap_or_default());
    }
    match input.split_at_checked(end) {
        Some((text, rest)) if end > 0 => Ok((rest, Xtext(text))),
        _ => Err(Fault::at(input, Expected::Xtext)),
    }
}

/// The value of an upper-case hexadecimal digit.
const fn hex_digit(octet: Option<u8>) -> Option<u8> {
    match octet {
        Some(digit @ b'0'..=b'9') => Some(digit - b'0'),
        Some(digit @ b'A'..=b'F') => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xtext_is_read_and_decoded() {
        let check = |input: &str, expected: Result<&[u8], usize>| {
            let found = Xtext::new(input);
            let found = found.as_ref().map(|text| text.decode()).map_err(|error| error.offset());
            assert_eq!(
                found.as_deref().map_err(|&offset| offset),
                expected.as_ref().map(|&octets| octets).map_err(|&o| o),
                "{input}"
            );
        };
        check("abc", Ok(b"abc"));
        check("a+2Bb", Ok(b"a+b"));
        check("+00+0D+0A", Ok(b"\0\r\n"));
        check("+FF+C3", Ok(&[0xff, 0xc3]));
        check("", Err(0));
        check("a+2b", Err(1));
        check("a+", Err(1));
        check("a+2", Err(1));
        check("a=b", Err(1));
        check("a b", Err(1));
        check("é", Err(0));
    }

    #[test]
    fn every_octet_survives() {
        let octets: Vec<u8> = (0..=255).collect();
        let encoded = Xtext::encode(&octets);
        assert_eq!(&*Xtext::new(&encoded).unwrap().decode(), &*octets);
    }
}
