//! ATRN: turn the connection around, on demand and authenticated (RFC 2645).

use core::fmt;

use nom::Parser as _;
use nom::combinator::{cut, recognize};
use nom::multi::many0_count;
use nom::sequence::preceded;

use crate::address::{DomainRef, domain};
use crate::grammar::{Parsed, token, whole};
use crate::syntax_error::{Expected, SyntaxError};

/// The argument of the `ATRN` command (RFC 2645 §5.2.1): for which domains mail is wanted.
///
/// ```
/// use smtpkit_codec::Atrn;
///
/// let atrn = Atrn::new("example.com,example.org")?;
/// assert_eq!(atrn.domains().count(), 2);
/// assert_eq!(Atrn::ALL.domains().count(), 0);
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Atrn<'a>(&'a str);

impl Atrn<'static> {
    /// No argument: all domains of whoever is authenticated.
    pub const ALL: Self = Self("");
}

impl<'a> Atrn<'a> {
    /// The domains that `text` lists, separated by commas.
    ///
    /// # Errors
    /// If it is empty or something in it is not a domain.
    pub fn new(text: &'a str) -> Result<Self, SyntaxError> {
        whole(text, atrn)
    }

    /// The list as written.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Domain by domain.
    pub fn domains(self) -> impl Iterator<Item = DomainRef<'a>> {
        self.0.split(',').filter_map(|text| DomainRef::parse(text).ok())
    }
}

impl fmt::Display for Atrn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// ```abnf
/// atrn = "ATRN" [SP domain *("," domain)]      ; RFC 2645 §5.2.1
/// ```
/// Takes what follows "ATRN" and its space.
pub(crate) fn atrn(input: &str) -> Parsed<'_, Atrn<'_>> {
    let next = preceded(token::octet(b',', Expected::Domain), cut(domain));
    recognize((domain, many0_count(next))).map(Atrn).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_of_rfc_2645() {
        let check = |input: &str, expected: bool| assert_eq!(Atrn::new(input).is_ok(), expected, "{input}");
        check("example.com", true);
        check("a.b,c.d,e", true);
        check("", false);
        check("a,", false);
        check("a, b", false);
        check("a b", false);
    }
}
