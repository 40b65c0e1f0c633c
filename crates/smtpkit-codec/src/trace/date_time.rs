//! The date-time of a trace field (RFC 5322 §3.3), by arithmetic from a Unix time. Nothing
//! here asks for the time.

use core::fmt;

/// A date-time of a trace field (RFC 5322 §3.3, as RFC 5321 §4.4 wants it: four-digit year,
/// numeric offset).
///
/// ```
/// use smtpkit_codec::trace::DateTime;
///
/// let date = DateTime::new(1_000_000_000, 120).expect("within the range");
/// assert_eq!(date.to_string(), "Sun, 09 Sep 2001 03:46:40 +0200");
/// assert_eq!(DateTime::new(i64::MAX, 0), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DateTime {
    unix_seconds: i64,
    offset_minutes: i16,
}

const DAY_SECONDS: i64 = 86_400;
/// 1900-01-01: RFC 5322 §3.3 has no earlier year.
const FIRST: i64 = -25_567 * DAY_SECONDS;
/// 9999-12-31T23:59:59.
const LAST: i64 = 2_932_897 * DAY_SECONDS - 1;
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl DateTime {
    /// The time `unix_seconds` as a clock shows it that is `offset_minutes` ahead of UTC, if
    /// it shows a year from 1900 to 9999 and the offset is below a day.
    #[must_use]
    pub const fn new(unix_seconds: i64, offset_minutes: i16) -> Option<Self> {
        if offset_minutes <= -1440 || offset_minutes >= 1440 {
            return None;
        }
        let shown = unix_seconds.saturating_add(offset_minutes as i64 * 60);
        if shown < FIRST || shown > LAST {
            return None;
        }
        Some(Self { unix_seconds, offset_minutes })
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.unix_seconds + i64::from(self.offset_minutes) * 60;
        let (days, seconds) = (shown.div_euclid(DAY_SECONDS), shown.rem_euclid(DAY_SECONDS));
        let (year, month, day) = civil(days);
        let day_name = DAYS.iter().cycle().nth(days.rem_euclid(7) as usize).copied().unwrap_or_default();
        let month_name = MONTHS.iter().cycle().nth(month as usize).copied().unwrap_or_default();
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        let (sign, offset) =
            if self.offset_minutes < 0 { ('-', -self.offset_minutes) } else { ('+', self.offset_minutes) };
        write!(
            f,
            "{day_name}, {day:02} {month_name} {year:04} {hours:02}:{minutes:02}:{:02} {sign}{:02}{:02}",
            seconds % 60,
            offset / 60,
            offset % 60,
        )
    }
}

/// Year, month from 0 and day of the Gregorian calendar, of days since 1970-01-01.
///
/// Counted in years that start in March, so that the leap day is the last of its year: then
/// 400 years, 100, 4 and 1 divide evenly, and months follow a line of slope 153 days in 5.
fn civil(days: i64) -> (i64, i64, i64) {
    let since_march = days + 719_468; // 0000-03-01
    let (era, day) = (since_march.div_euclid(146_097), since_march.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let next_year = i64::from(month_from_march >= 10);
    (era * 400 + year + next_year, (month_from_march + 2) % 12, day_of_month)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn dates_of_the_calendar() {
        for (seconds, offset, expected) in [
            (0, 0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (-1, 0, "Wed, 31 Dec 1969 23:59:59 +0000"),
            (951_782_400, 0, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (951_868_800, 0, "Wed, 01 Mar 2000 00:00:00 +0000"),
            (1_709_164_800, -600, "Wed, 28 Feb 2024 14:00:00 -1000"),
            (4_107_542_399, 0, "Sun, 28 Feb 2100 23:59:59 +0000"),
            (4_107_542_400, 345, "Mon, 01 Mar 2100 05:45:00 +0545"),
            (FIRST, 0, "Mon, 01 Jan 1900 00:00:00 +0000"),
            (LAST, 0, "Fri, 31 Dec 9999 23:59:59 +0000"),
            (0, -30, "Wed, 31 Dec 1969 23:30:00 -0030"),
        ] {
            assert_eq!(DateTime::new(seconds, offset).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn what_has_no_four_digit_year_or_offset_is_none() {
        for (seconds, offset) in
            [(FIRST - 1, 0), (FIRST, -1), (LAST + 1, 0), (LAST, 1), (0, 1440), (0, -1440), (i64::MIN, -1)]
        {
            assert_eq!(DateTime::new(seconds, offset), None, "{seconds} {offset}");
        }
    }

    #[test]
    fn days_follow_each_other_for_all_years() {
        let mut last = civil(FIRST / DAY_SECONDS - 1);
        for days in FIRST / DAY_SECONDS..=LAST / DAY_SECONDS {
            let next = civil(days);
            let (year, month, day) = last;
            let follows = next == (year, month, day + 1)
                || (day >= 28 && next == (year, month + 1, 1))
                || ((month, day) == (11, 31) && next == (year + 1, 0, 1));
            assert!(follows, "{next:?} after {last:?}");
            last = next;
        }
        assert_eq!(last, (9999, 11, 31));
    }
}
