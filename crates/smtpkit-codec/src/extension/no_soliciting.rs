//! NO-SOLICITING: which unsolicited mail a server refuses, and what a mail says it is (RFC 3865).

use core::fmt;

use crate::grammar::{Class, Fault, Parsed, token, whole};
use crate::syntax_error::{Expected, SyntaxError};

/// Solicitation keywords, separated by commas (RFC 3865 §3): the value of `SOLICIT` in MAIL and the
/// argument of `NO-SOLICITING` in the reply to EHLO.
///
/// ```
/// use smtpkit_codec::Solicitation;
///
/// let keywords = Solicitation::new("net.example:ADV,org.example:ADV:ADLT")?;
/// assert!(keywords.iter().eq(["net.example:ADV", "org.example:ADV:ADLT"]));
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Solicitation<'a>(&'a str);

impl<'a> Solicitation<'a> {
    /// The keywords that `text` lists.
    ///
    /// # Errors
    /// If it is empty, longer than 1,000 octets, or holds something that is no keyword.
    pub fn new(text: &'a str) -> Result<Self, SyntaxError> {
        whole(text, solicitation)
    }

    /// The list as written.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Keyword by keyword.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        self.0.split(',')
    }
}

impl fmt::Display for Solicitation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// ```abnf
/// Solicitation-keywords = word 0*("," word)        ; RFC 3865 §3, at most 1,000 octets
/// word                  = ALPHA 0*(wordchar)
/// wordchar              = "." / "-" / "_" / ":" / ALPHA / DIGIT
/// ```
pub(crate) fn solicitation(input: &str) -> Parsed<'_, Solicitation<'_>> {
    let mut rest = input;
    loop {
        if !rest.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Err(Fault::at(rest, Expected::SolicitationKeyword));
        }
        rest = token::run(Class::SOLICITATION, Expected::SolicitationKeyword)(rest)?.0;
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None => break,
        }
    }
    let octets = input.len() - rest.len();
    if octets > 1000 {
        return Err(Fault::at(input, Expected::SolicitationKeyword));
    }
    token::split(input, octets, Expected::SolicitationKeyword).map(|(rest, text)| (rest, Solicitation(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_of_rfc_3865() {
        let check =
            |input: &str, expected: bool| assert_eq!(Solicitation::new(input).is_ok(), expected, "{input}");
        check("net.example:ADV", true);
        check("a,b", true);
        check("org.example:ADV:ADLT", true);
        check("", false);
        check("1a", false);
        check("a,", false);
        check(",a", false);
        check("a b", false);
        check(&"a".repeat(1000), true);
        check(&"a".repeat(1001), false);
    }
}
