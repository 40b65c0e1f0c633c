//! Free text behind a verb.

use core::fmt;

use crate::grammar::{Class, Fault, Parsed, token, whole};
use crate::syntax_error::{Expected, SyntaxError};

/// The argument of VRFY, EXPN, HELP, NOOP and VERB: not empty, any characters that can be seen, and
/// spaces between them (RFC 5321 §4.1.1.6 to §4.1.1.9).
///
/// ```
/// use smtpkit_codec::Text;
///
/// assert_eq!(Text::new("Jane Doe")?.as_str(), "Jane Doe");
/// assert!(Text::new("jane\r\nQUIT").is_err());
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// The text.
    ///
    /// # Errors
    /// If it is empty, begins or ends with white space, or holds a control.
    pub fn new(text: &'a str) -> Result<Self, SyntaxError> {
        whole(text, self::text)
    }

    /// The text as written.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Is the argument of VRFY or EXPN followed by `SMTPUTF8` (RFC 6531 §3.7.4.2)? Then the reply
    /// may hold UTF-8.
    #[must_use]
    pub fn asks_smtputf8(self) -> bool {
        self.split_smtputf8().1
    }

    /// The argument of VRFY or EXPN without the `SMTPUTF8` behind it (RFC 6531 §3.7.4.2).
    ///
    /// ```
    /// # use smtpkit_codec::Text;
    /// let text = Text::new("用户 SMTPUTF8")?;
    /// assert_eq!((text.without_smtputf8(), text.asks_smtputf8()), (Text::new("用户")?, true));
    /// # Ok::<(), smtpkit_codec::SyntaxError>(())
    /// ```
    #[must_use]
    pub fn without_smtputf8(self) -> Self {
        self.split_smtputf8().0
    }

    fn split_smtputf8(self) -> (Self, bool) {
        match self.0.rsplit_once(' ') {
            Some((before, last)) if last.eq_ignore_ascii_case("SMTPUTF8") => (Self(before.trim_end()), true),
            _ => (self, false),
        }
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({:?})", self.0)
    }
}

/// ```abnf
/// text = graphic [ *(graphic / SP) graphic ]
/// ```
/// Takes the rest of the line.
pub(crate) fn text(input: &str) -> Parsed<'_, Text<'_>> {
    let (rest, text) = token::run(Class::TEXT, Expected::Text)(input)?;
    if !rest.is_empty() {
        return Err(Fault::at(rest, Expected::Text));
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err(Fault::at(input, Expected::Text));
    }
    Ok((rest, Text(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_can_be_seen() {
        let check = |input: &str, expected: Result<(), usize>| {
            assert_eq!(Text::new(input).map(drop).map_err(SyntaxError::offset), expected, "{input:?}");
        };
        check("a", Ok(()));
        check("a  b c", Ok(()));
        check("a\tb", Err(1));
        check("ü", Ok(()));
        check("", Err(0));
        check(" a", Err(0));
        check("a ", Err(0));
        check("a\rb", Err(1));
        check("a\nb", Err(1));
        check("a\0b", Err(1));
        check("a\u{7f}", Err(1));
    }
}
