//! FUTURERELEASE: hold a mail until later (RFC 4865).

use core::fmt;

use crate::grammar::date_time::{DateTime, date_time};
use crate::grammar::{Fault, Parsed, token, whole};
use crate::syntax_error::{Expected, SyntaxError};

/// The value of `HOLDFOR` or `HOLDUNTIL` in MAIL; only one of them may stand there (RFC 4865 §5).
///
/// ```
/// use smtpkit_codec::{Hold, MailParametersRef};
///
/// let parameters = MailParametersRef::parse("HOLDFOR=86400")?;
/// assert_eq!(parameters.hold(), Some(Hold::For(Interval::new(86_400)?)));
/// assert!(MailParametersRef::parse("HOLDFOR=1 HOLDUNTIL=2030-01-01T00:00:00Z").is_err());
/// # use smtpkit_codec::Interval;
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hold<'a> {
    /// `HOLDFOR`: for that time.
    For(Interval),
    /// `HOLDUNTIL`: until that moment, in UTC.
    Until(DateTime<'a>),
}

/// A time of 1 to 999,999,999 seconds (`future-release-integer` of RFC 4865 §4).
///
/// ```
/// assert!(smtpkit_codec::Interval::new(0).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Interval(u32);

impl Interval {
    /// An interval of so many seconds.
    ///
    /// # Errors
    /// If it is 0 or has more than nine digits.
    pub const fn new(seconds: u32) -> Result<Self, SyntaxError> {
        match seconds {
            1..=999_999_999 => Ok(Self(seconds)),
            _ => Err(SyntaxError::new(0, Expected::Interval)),
        }
    }

    /// How many seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The furthest that a server holds mails, in the reply to EHLO (RFC 4865 §4).
///
/// ```
/// use smtpkit_codec::{DateTime, FutureRelease, Interval};
///
/// let longest = FutureRelease::new(Interval::new(2_592_000)?, DateTime::new("2030-01-01T00:00:00Z")?)?;
/// assert_eq!(longest.to_string(), "2592000 2030-01-01T00:00:00Z");
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FutureRelease<'a> {
    interval: Interval,
    date_time: DateTime<'a>,
}

impl<'a> FutureRelease<'a> {
    /// At most for `interval`, and at most until `date_time`.
    ///
    /// # Errors
    /// If `date_time` is not in UTC.
    pub fn new(interval: Interval, date_time: DateTime<'a>) -> Result<Self, SyntaxError> {
        if !date_time.is_utc() {
            return Err(SyntaxError::new(0, Expected::DateTime));
        }
        Ok(Self { interval, date_time })
    }

    /// The longest `HOLDFOR`.
    #[must_use]
    pub const fn interval(self) -> Interval {
        self.interval
    }

    /// The latest `HOLDUNTIL`.
    #[must_use]
    pub const fn date_time(self) -> DateTime<'a> {
        self.date_time
    }

    /// ```abnf
    /// "FUTURERELEASE" SP future-release-integer SP future-release-date-time     ; RFC 4865 §4
    /// ```
    pub(crate) fn announced(arguments: &'a str) -> Option<Self> {
        let (seconds, moment) = arguments.split_once(' ')?;
        Self::new(whole(seconds, interval).ok()?, whole(moment.trim_start_matches(' '), utc).ok()?).ok()
    }
}

impl fmt::Display for FutureRelease<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.interval, self.date_time)
    }
}

/// ```abnf
/// future-release-integer = %x31-39 *8DIGIT             ; RFC 4865 §4
/// ```
pub(crate) fn interval(input: &str) -> Parsed<'_, Interval> {
    let (rest, seconds) = token::seconds(Expected::Interval)(input)?;
    match Interval::new(seconds) {
        Ok(interval) if !input.starts_with('0') => Ok((rest, interval)),
        _ => Err(Fault::at(input, Expected::Interval)),
    }
}

/// ```abnf
/// future-release-date-time = Internet-style-date-time-UTC     ; RFC 4865 §4
/// ```
pub(crate) fn utc(input: &str) -> Parsed<'_, DateTime<'_>> {
    let (rest, moment) = date_time(input)?;
    if !moment.is_utc() {
        return Err(Fault::at(input, Expected::DateTime));
    }
    Ok((rest, moment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_of_rfc_4865() {
        let check = |input: &str, expected: Option<u32>| {
            assert_eq!(whole(input, interval).ok().map(Interval::seconds), expected, "{input}");
        };
        check("1", Some(1));
        check("999999999", Some(999_999_999));
        check("0", None);
        check("01", None);
        check("1000000000", None);
        check("", None);
        assert!(whole("2030-01-01T00:00:00Z", utc).is_ok());
        assert!(whole("2030-01-01T00:00:00+00:00", utc).is_err());
    }

    #[test]
    fn announcements_of_rfc_4865() {
        let check = |arguments: &str, expected: bool| {
            assert_eq!(FutureRelease::announced(arguments).is_some(), expected, "{arguments}");
        };
        check("2592000 2030-01-01T00:00:00Z", true);
        check("2592000", false);
        check("2592000 soon", false);
        check("", false);
    }
}
