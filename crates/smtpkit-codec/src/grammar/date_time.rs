//! Moments as extensions write them: the Internet date-time of RFC 3339 §5.6, used by
//! FUTURERELEASE (RFC 4865) and RRVS (RFC 7293). Kept as written; no clock is read here.

use core::fmt;

use crate::syntax_error::{Expected, SyntaxError};

use super::{Fault, Parsed, token, whole};

/// A date and time of RFC 3339 §5.6, for instance `2014-04-03T23:01:00Z`.
///
/// ```
/// use smtpkit_codec::DateTime;
///
/// let moment = DateTime::new("2014-04-03T23:01:00+01:00")?;
/// assert_eq!(moment.unix_seconds(), 1_396_562_460);
/// assert!(!moment.is_utc());
/// assert!(DateTime::new("2014-02-29T00:00:00Z").is_err());
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy)]
pub struct DateTime<'a> {
    text: &'a str,
    unix_seconds: i64,
}

impl<'a> DateTime<'a> {
    /// A date-time from its text.
    ///
    /// # Errors
    /// If the text is not a `date-time` of RFC 3339, or names a day that does not exist.
    pub fn new(text: &'a str) -> Result<Self, SyntaxError> {
        whole(text, date_time)
    }

    /// The text as written.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.text
    }

    /// Seconds since 1970-01-01T00:00:00Z; fractions are cut off, and a leap second counts as the
    /// first second of the next minute.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.unix_seconds
    }

    /// Is the time given in UTC, as RFC 4865 demands?
    #[must_use]
    pub fn is_utc(self) -> bool {
        self.text.ends_with(['Z', 'z'])
    }
}

impl PartialEq for DateTime<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for DateTime<'_> {}

impl fmt::Display for DateTime<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl fmt::Debug for DateTime<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DateTime({})", self.text)
    }
}

/// ```abnf
/// date-time   = full-date "T" full-time                    ; RFC 3339 §5.6
/// full-date   = 4DIGIT "-" 2DIGIT "-" 2DIGIT
/// full-time   = 2DIGIT ":" 2DIGIT ":" 2DIGIT ["." 1*DIGIT] time-offset
/// time-offset = "Z" / ("+" / "-") 2DIGIT ":" 2DIGIT
/// ```
pub(crate) fn date_time(input: &str) -> Parsed<'_, DateTime<'_>> {
    let mark = |octet| token::octet(octet, Expected::DateTime);
    let (rest, year) = digits(input, 4)?;
    let (rest, ()) = mark(b'-')(rest)?;
    let (rest, month) = digits(rest, 2)?;
    let (rest, ()) = mark(b'-')(rest)?;
    let (rest, day) = digits(rest, 2)?;
    let (rest, ()) = token::word(b"T", Expected::DateTime)(rest)?;
    let (rest, hour) = digits(rest, 2)?;
    let (rest, ()) = mark(b':')(rest)?;
    let (rest, minute) = digits(rest, 2)?;
    let (rest, ()) = mark(b':')(rest)?;
    let (rest, second) = digits(rest, 2)?;
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => token::run(super::Class::DIGIT, Expected::DateTime)(fraction)?.0,
        None => rest,
    };
    let (rest, offset_seconds) = time_offset(rest)?;
    let possible = (1..=12).contains(&month)
        && (1..=days_of_month(year, month)).contains(&day)
        && hour <= 23
        && minute <= 59
        && second <= 60;
    if !possible {
        return Err(Fault::at(input, Expected::DateTime));
    }
    let clock = hour * 3600 + minute * 60 + second;
    let unix_seconds = days_since_1970(year, month, day) * 86_400 + clock - offset_seconds;
    let (rest, text) = token::split(input, input.len() - rest.len(), Expected::DateTime)?;
    Ok((rest, DateTime { text, unix_seconds }))
}

/// `time-offset` in seconds east of UTC.
fn time_offset(input: &str) -> Parsed<'_, i64> {
    let east = match input.as_bytes().first() {
        Some(b'Z' | b'z') => return token::split(input, 1, Expected::DateTime).map(|(rest, _)| (rest, 0)),
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return Err(Fault::at(input, Expected::DateTime)),
    };
    let (rest, _) = token::split(input, 1, Expected::DateTime)?;
    let (rest, hours) = digits(rest, 2)?;
    let (rest, ()) = token::octet(b':', Expected::DateTime)(rest)?;
    let (rest, minutes) = digits(rest, 2)?;
    if hours > 23 || minutes > 59 {
        return Err(Fault::at(input, Expected::DateTime));
    }
    Ok((rest, east * (hours * 3600 + minutes * 60)))
}

/// Exactly `count` digits.
fn digits(input: &str, count: usize) -> Parsed<'_, i64> {
    match input.split_at_checked(count) {
        Some((digits, rest)) if super::Class::DIGIT.all(digits) => {
            Ok((rest, digits.bytes().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'))))
        }
        _ => Err(Fault::at(input, Expected::DateTime)),
    }
}

const fn days_of_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a day of the proleptic Gregorian calendar. Counts years from March, so
/// that the leap day is the last day of a year.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let months_since_march = (month + 9) % 12;
    let day_of_year = (153 * months_since_march + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 719,468 days lie between 0000-03-01 and 1970-01-01
    year * 365 + leap_days + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_moments() {
        let check = |input: &str, expected: Option<i64>| {
            assert_eq!(DateTime::new(input).ok().map(DateTime::unix_seconds), expected, "{input}");
        };
        check("1970-01-01T00:00:00Z", Some(0));
        check("1969-12-31T23:59:59Z", Some(-1));
        check("2000-02-29T12:00:00Z", Some(951_825_600));
        check("2014-04-03T23:01:00Z", Some(1_396_566_060));
        check("1985-04-12T23:20:50.52Z", Some(482_196_050));
        check("1996-12-19T16:39:57-08:00", Some(851_042_397));
        check("1990-12-31T23:59:60Z", Some(662_688_000));
        check("2014-04-03t23:01:00z", Some(1_396_566_060));
        check("2100-02-29T00:00:00Z", None);
        check("2014-13-01T00:00:00Z", None);
        check("2014-04-31T00:00:00Z", None);
        check("2014-04-03T24:00:00Z", None);
        check("2014-04-03T23:01Z", None);
        check("2014-04-03T23:01:00", None);
        check("2014-04-03T23:01:00.Z", None);
        check("2014-04-03 23:01:00Z", None);
        check("2014-04-03T23:01:00+24:00", None);
        check("", None);
    }
}
