//! RRVS: deliver only if the mailbox has had the same owner since (RFC 7293).

use core::fmt;

use nom::Parser as _;
use nom::branch::alt;
use nom::combinator::{cut, opt, value};
use nom::sequence::preceded;

use crate::grammar::date_time::{DateTime, date_time};
use crate::grammar::{Parsed, token};
use crate::syntax_error::Expected;

/// The value of `RRVS` in RCPT (RFC 7293 §3.1).
///
/// ```
/// use smtpkit_codec::{DateTime, RcptParametersRef, Rrvs, RrvsUnsupported};
///
/// let rrvs = RcptParametersRef::parse("RRVS=2014-04-03T23:01:00Z;R")?.rrvs().unwrap();
/// assert_eq!(rrvs, Rrvs::new(DateTime::new("2014-04-03T23:01:00Z")?).or_else(RrvsUnsupported::Reject));
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rrvs<'a> {
    since: DateTime<'a>,
    unsupported: Option<RrvsUnsupported>,
}

/// What to do when a next hop does not support the extension (RFC 7293 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RrvsUnsupported {
    /// `C`: go on without.
    Continue,
    /// `R`: reject.
    Reject,
}

impl<'a> Rrvs<'a> {
    /// The mailbox must have had its owner since `since`.
    #[must_use]
    pub const fn new(since: DateTime<'a>) -> Self {
        Self { since, unsupported: None }
    }

    /// The same, saying what to do where the extension is not supported.
    #[must_use]
    pub const fn or_else(mut self, unsupported: RrvsUnsupported) -> Self {
        self.unsupported = Some(unsupported);
        self
    }

    /// Since when the owner must have been the same.
    #[must_use]
    pub const fn since(self) -> DateTime<'a> {
        self.since
    }

    /// What to do where the extension is not supported; [`RrvsUnsupported::Reject`] if not told.
    #[must_use]
    pub fn unsupported(self) -> RrvsUnsupported {
        self.unsupported.unwrap_or(RrvsUnsupported::Reject)
    }
}

impl fmt::Display for Rrvs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.since.fmt(f)?;
        f.write_str(match self.unsupported {
            None => "",
            Some(RrvsUnsupported::Continue) => ";C",
            Some(RrvsUnsupported::Reject) => ";R",
        })
    }
}

/// ```abnf
/// rrvs-param = "RRVS=" date-time [ ";" ( "C" / "R" ) ]     ; RFC 7293 §3.1
/// ```
pub(crate) fn rrvs(input: &str) -> Parsed<'_, Rrvs<'_>> {
    let action = alt((
        value(RrvsUnsupported::Continue, token::word(b"C", Expected::RrvsAction)),
        value(RrvsUnsupported::Reject, token::word(b"R", Expected::RrvsAction)),
    ));
    let action = opt(preceded(token::octet(b';', Expected::RrvsAction), cut(action)));
    let (rest, (since, unsupported)) = (date_time, action).parse(input)?;
    Ok((rest, Rrvs { since, unsupported }))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::grammar::whole;

    #[test]
    fn values_of_rfc_7293() {
        let check = |input: &str, expected: Option<&str>| {
            assert_eq!(whole(input, rrvs).ok().map(|rrvs| rrvs.to_string()).as_deref(), expected, "{input}");
        };
        check("2014-04-03T23:01:00Z", Some("2014-04-03T23:01:00Z"));
        check("2014-04-03T23:01:00Z;c", Some("2014-04-03T23:01:00Z;C"));
        check("2014-04-03T23:01:00-07:00;R", Some("2014-04-03T23:01:00-07:00;R"));
        check("2014-04-03T23:01:00Z;", None);
        check("2014-04-03T23:01:00Z;X", None);
        check("2014-04-03", None);
    }
}
