//! A point in time as mail writes it: civil date, time of day and offset from UTC (RFC 5322 §3.3).
//!
//! The type exists so that the reading and the writing half of the crate share one checked value. It knows
//! no clock and no time-zone names: the caller says what time it is, obsolete zone names are the parser's
//! business, and a date that does not exist cannot be held.

use core::fmt;

/// First year that RFC 5322 §3.3 lets a message carry.
const YEAR_MIN: u16 = 1900;
/// Last year that has four digits, which RFC 3339 demands.
const YEAR_MAX: u16 = 9999;
/// Widest offset from UTC in minutes: 23:59, the limit of RFC 3339 §5.6.
const OFFSET_MINUTES_MAX: u16 = 23 * 60 + 59;

const SECONDS_PER_DAY: i64 = 86_400;
const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// A date, a time of day and an offset from UTC, all within range (RFC 5322 §3.3).
///
/// Equality compares what is written, so the same instant in two zones is unequal; compare
/// [`unix_seconds`](Self::unix_seconds) to compare instants.
///
/// ```
/// use smtpkit_mime::DateTime;
///
/// let at = DateTime::new((2026, 11, 21), (20, 21, 7), 60)?;
/// assert_eq!(at.to_string(), "Sat, 21 Nov 2026 20:21:07 +0100");
/// assert_eq!(at.rfc3339().to_string(), "2026-11-21T20:21:07+01:00");
/// # Ok::<(), smtpkit_mime::DateTimeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DateTime {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    offset_minutes: i16,
}

impl DateTime {
    /// Makes a date-time from `(year, month, day)`, `(hour, minute, second)` and the minutes east of UTC.
    ///
    /// Months and days count from 1; second 60 is a leap second.
    ///
    /// ```
    /// use smtpkit_mime::{DateTime, DateTimeError};
    ///
    /// assert!(DateTime::new((2024, 2, 29), (0, 0, 0), 0).is_ok());
    /// assert_eq!(DateTime::new((2023, 2, 29), (0, 0, 0), 0), Err(DateTimeError::Day(29)));
    /// ```
    ///
    /// # Errors
    /// The [`DateTimeError`] variant that names the first value out of range.
    pub const fn new(
        (year, month, day): (u16, u8, u8),
        (hour, minute, second): (u8, u8, u8),
        offset_minutes: i16,
    ) -> Result<Self, DateTimeError> {
        if year < YEAR_MIN || year > YEAR_MAX {
            return Err(DateTimeError::Year(year as i64));
        }
        if month < 1 || month > 12 {
            return Err(DateTimeError::Month(month));
        }
        if day < 1 || day > days_in_month(year, month) {
            return Err(DateTimeError::Day(day));
        }
        if hour > 23 {
            return Err(DateTimeError::Hour(hour));
        }
        if minute > 59 {
            return Err(DateTimeError::Minute(minute));
        }
        if second > 60 {
            return Err(DateTimeError::Second(second));
        }
        if offset_minutes.unsigned_abs() > OFFSET_MINUTES_MAX {
            return Err(DateTimeError::Offset(offset_minutes));
        }
        Ok(Self { year, month, day, hour, minute, second, offset_minutes })
    }

    /// The civil time, `offset_minutes` east of UTC, of an instant given in seconds since 1970-01-01 UTC.
    ///
    /// ```
    /// use smtpkit_mime::DateTime;
    ///
    /// let at = DateTime::from_unix_seconds(1_000_000_000, -120)?;
    /// assert_eq!(at.to_string(), "Sat, 08 Sep 2001 23:46:40 -0200");
    /// assert_eq!(at.unix_seconds(), 1_000_000_000);
    /// # Ok::<(), smtpkit_mime::DateTimeError>(())
    /// ```
    ///
    /// # Errors
    /// [`DateTimeError::Year`] for an instant outside the years 1900 to 9999, [`DateTimeError::Offset`] for
    /// an offset of a day or more.
    pub fn from_unix_seconds(seconds: i64, offset_minutes: i16) -> Result<Self, DateTimeError> {
        if offset_minutes.unsigned_abs() > OFFSET_MINUTES_MAX {
            return Err(DateTimeError::Offset(offset_minutes));
        }
        let local = seconds.saturating_add(i64::from(offset_minutes) * 60);
        let (year, month, day) = civil_from_days(local.div_euclid(SECONDS_PER_DAY));
        let of_day = local.rem_euclid(SECONDS_PER_DAY);
        let year = u16::try_from(year).map_err(|_| DateTimeError::Year(year))?;
        let time = ((of_day / 3600) as u8, (of_day / 60 % 60) as u8, (of_day % 60) as u8);
        Self::new((year, month, day), time, offset_minutes)
    }

    /// Seconds since 1970-01-01 UTC; a leap second counts as the first second of the next minute.
    pub fn unix_seconds(&self) -> i64 {
        let of_day = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        self.days() * SECONDS_PER_DAY + of_day - i64::from(self.offset_minutes) * 60
    }

    /// The year, 1900 to 9999.
    pub const fn year(&self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub const fn month(&self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    pub const fn day(&self) -> u8 {
        self.day
    }

    /// The hour, 0 to 23.
    pub const fn hour(&self) -> u8 {
        self.hour
    }

    /// The minute, 0 to 59.
    pub const fn minute(&self) -> u8 {
        self.minute
    }

    /// The second, 0 to 60.
    pub const fn second(&self) -> u8 {
        self.second
    }

    /// Minutes east of UTC.
    pub const fn offset_minutes(&self) -> i16 {
        self.offset_minutes
    }

    /// The day of the week, which follows from the date.
    pub fn weekday(&self) -> Weekday {
        // day 0 of the Unix count, 1970-01-01, was a Thursday
        match (self.days() + 3).rem_euclid(7) {
            0 => Weekday::Monday,
            1 => Weekday::Tuesday,
            2 => Weekday::Wednesday,
            3 => Weekday::Thursday,
            4 => Weekday::Friday,
            5 => Weekday::Saturday,
            _ => Weekday::Sunday,
        }
    }

    /// The same value in the form of RFC 3339 §5.6, for people and JSON.
    ///
    /// ```
    /// # use smtpkit_mime::DateTime;
    /// let at = DateTime::new((1997, 11, 21), (9, 55, 6), -360)?;
    /// assert_eq!(at.rfc3339().to_string(), "1997-11-21T09:55:06-06:00");
    /// # Ok::<(), smtpkit_mime::DateTimeError>(())
    /// ```
    pub const fn rfc3339(&self) -> Rfc3339 {
        Rfc3339(*self)
    }

    /// The octets of the `date-time`; it always has as many.
    pub(crate) fn octets(&self) -> [u8; 31] {
        let [d0, d1] = two_digits(self.day.into());
        let [c0, c1] = two_digits(self.year / 100);
        let [y0, y1] = two_digits(self.year % 100);
        let [h0, h1] = two_digits(self.hour.into());
        let [m0, m1] = two_digits(self.minute.into());
        let [s0, s1] = two_digits(self.second.into());
        let (sign, hours, minutes) = self.offset_parts();
        let ([z0, z1], [z2, z3]) = (two_digits(hours), two_digits(minutes));
        let [w0, w1, w2] = self.weekday().letters();
        let [n0, n1, n2] = **MONTHS.get(usize::from(self.month) - 1).expect("invariant: month is 1 to 12");
        [
            w0, w1, w2, b',', b' ', d0, d1, b' ', n0, n1, n2, b' ', c0, c1, y0, y1, b' ', //
            h0, h1, b':', m0, m1, b':', s0, s1, b' ', sign as u8, z0, z1, z2, z3,
        ]
    }

    /// Days since 1970-01-01 of the civil date.
    fn days(&self) -> i64 {
        days_from_civil(i64::from(self.year), self.month, self.day)
    }

    /// Sign, hours and minutes of the offset.
    fn offset_parts(&self) -> (char, u16, u16) {
        let minutes = self.offset_minutes.unsigned_abs();
        (if self.offset_minutes < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
    }
}

/// Writes the `date-time` of RFC 5322 §3.3: `Fri, 21 Nov 1997 09:55:06 -0600`.
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            core::str::from_utf8(&self.octets()).expect("invariant: names, digits and signs are ASCII"),
        )
    }
}

/// A [`DateTime`] that displays itself as RFC 3339 §5.6 says; made by [`DateTime::rfc3339`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rfc3339(DateTime);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = &self.0;
        let (sign, hours, minutes) = at.offset_parts();
        write!(f, "{:04}-{:02}-{:02}T", at.year, at.month, at.day)?;
        write!(f, "{:02}:{:02}:{:02}", at.hour, at.minute, at.second)?;
        if at.offset_minutes == 0 { f.write_str("Z") } else { write!(f, "{sign}{hours:02}:{minutes:02}") }
    }
}

/// A day of the week (RFC 5322 §3.3, `day-name`).
///
/// ```
/// use smtpkit_mime::{DateTime, Weekday};
///
/// assert_eq!(DateTime::new((1970, 1, 1), (0, 0, 0), 0)?.weekday(), Weekday::Thursday);
/// # Ok::<(), smtpkit_mime::DateTimeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weekday {
    /// Mon
    Monday,
    /// Tue
    Tuesday,
    /// Wed
    Wednesday,
    /// Thu
    Thursday,
    /// Fri
    Friday,
    /// Sat
    Saturday,
    /// Sun
    Sunday,
}

impl Weekday {
    /// The three letters that a `Date:` field writes.
    pub const fn abbreviation(self) -> &'static str {
        match self {
            Self::Monday => "Mon",
            Self::Tuesday => "Tue",
            Self::Wednesday => "Wed",
            Self::Thursday => "Thu",
            Self::Friday => "Fri",
            Self::Saturday => "Sat",
            Self::Sunday => "Sun",
        }
    }

    fn letters(self) -> [u8; 3] {
        *self.abbreviation().as_bytes().first_chunk().expect("invariant: all have three letters")
    }
}

/// Which part of a [`DateTime`] was out of range; the caller's fault.
///
/// ```
/// use smtpkit_mime::{DateTime, DateTimeError};
///
/// let error = DateTime::new((2026, 13, 1), (0, 0, 0), 0).unwrap_err();
/// assert_eq!(error, DateTimeError::Month(13));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DateTimeError {
    /// A year before 1900 (RFC 5322 §3.3) or of more than four digits.
    #[error("year {0} is not between 1900 and 9999")]
    Year(i64),
    /// A month that does not exist.
    #[error("month {0} is not between 1 and 12")]
    Month(u8),
    /// A day that this month of this year does not have.
    #[error("the month has no day {0}")]
    Day(u8),
    /// An hour past 23.
    #[error("hour {0} is past 23")]
    Hour(u8),
    /// A minute past 59.
    #[error("minute {0} is past 59")]
    Minute(u8),
    /// A second past 60, the leap second.
    #[error("second {0} is past 60")]
    Second(u8),
    /// An offset from UTC of a day or more.
    #[error("offset of {0} minutes is a day or more")]
    Offset(i16),
}

/// The two decimal digits of a number below 100.
const fn two_digits(number: u16) -> [u8; 2] {
    [b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]
}

const fn is_leap_year(year: u16) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

/// Length of a month that is known to be 1 to 12.
const fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 0000-03-01 to 1970-01-01. Years that start in March keep the leap day last.
const EPOCH_FROM_MARCH_0: i64 = 719_468;
const DAYS_PER_400_YEARS: i64 = 146_097;

/// Days since 1970-01-01 of a proleptic Gregorian date.
fn days_from_civil(year: i64, month: u8, day: u8) -> i64 {
    let month = i64::from(month);
    let (year, from_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let day_of_year = (153 * from_march + 2) / 5 + i64::from(day) - 1;
    year * 365 + leap_days + day_of_year - EPOCH_FROM_MARCH_0
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let days = days + EPOCH_FROM_MARCH_0;
    let (era, of_era) = (days.div_euclid(DAYS_PER_400_YEARS), days.rem_euclid(DAYS_PER_400_YEARS));
    // take the leap days out, so that every year of the era has 365
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * from_march + 2) / 5 + 1) as u8;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month as u8, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(civil: ((u16, u8, u8), (u8, u8, u8), i16), unix: i64, expected: &str) {
        let at = DateTime::new(civil.0, civil.1, civil.2).unwrap();
        assert_eq!(at.to_string(), expected);
        assert_eq!(at.unix_seconds(), unix, "{expected}");
        if at.second() != 60 {
            assert_eq!(DateTime::from_unix_seconds(unix, civil.2), Ok(at), "{expected}");
        }
    }

    #[test]
    fn civil_time_and_unix_seconds_agree() {
        check(((1970, 1, 1), (0, 0, 0), 0), 0, "Thu, 01 Jan 1970 00:00:00 +0000");
        check(((1969, 12, 31), (23, 59, 59), 0), -1, "Wed, 31 Dec 1969 23:59:59 +0000");
        check(((2000, 2, 29), (12, 0, 0), 330), 951_805_800, "Tue, 29 Feb 2000 12:00:00 +0530");
        check(((1997, 11, 21), (9, 55, 6), -360), 880_127_706, "Fri, 21 Nov 1997 09:55:06 -0600");
        check(((2016, 12, 31), (23, 59, 60), 0), 1_483_228_800, "Sat, 31 Dec 2016 23:59:60 +0000");
        check(((1900, 1, 1), (0, 0, 0), 0), -2_208_988_800, "Mon, 01 Jan 1900 00:00:00 +0000");
        check(((9999, 12, 31), (23, 59, 59), 0), 253_402_300_799, "Fri, 31 Dec 9999 23:59:59 +0000");
    }

    #[test]
    fn every_day_of_the_range_is_the_inverse_of_its_number() {
        let (first, last) = (days_from_civil(1900, 1, 1), days_from_civil(9999, 12, 31));
        for days in (first..=last).step_by(13) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
            assert!(DateTime::new((year as u16, month, day), (0, 0, 0), 0).is_ok());
        }
    }

    #[test]
    fn values_out_of_range_are_named() {
        let day = (2026, 1, 1);
        let noon = (12, 0, 0);
        assert_eq!(DateTime::new((1899, 1, 1), noon, 0), Err(DateTimeError::Year(1899)));
        assert_eq!(DateTime::new((2026, 0, 1), noon, 0), Err(DateTimeError::Month(0)));
        assert_eq!(DateTime::new((1900, 2, 29), noon, 0), Err(DateTimeError::Day(29)));
        assert_eq!(DateTime::new(day, (24, 0, 0), 0), Err(DateTimeError::Hour(24)));
        assert_eq!(DateTime::new(day, (0, 60, 0), 0), Err(DateTimeError::Minute(60)));
        assert_eq!(DateTime::new(day, (0, 0, 61), 0), Err(DateTimeError::Second(61)));
        assert_eq!(DateTime::new(day, noon, -1440), Err(DateTimeError::Offset(-1440)));
        assert_eq!(DateTime::from_unix_seconds(0, i16::MIN), Err(DateTimeError::Offset(i16::MIN)));
        for extreme in [i64::MIN, i64::MAX] {
            assert!(matches!(DateTime::from_unix_seconds(extreme, 0), Err(DateTimeError::Year(_))));
        }
    }

    #[test]
    fn utc_is_z_in_rfc_3339() {
        let at = DateTime::from_unix_seconds(0, 0).unwrap();
        assert_eq!(at.rfc3339().to_string(), "1970-01-01T00:00:00Z");
    }
}
