//! Dates: when a message was written, in every form that can be read without guessing (RFC 5322 §3.3, §4.3).
//!
//! ```abnf
//! date-time = [ day-name "," ] day month year hour ":" minute [ ":" second ] zone
//! ```
//!
//! Also read: comments anywhere, years of two and three digits, month names in full, dashes between day, month
//! and year, the order of C's `asctime`, and names of zones. A zone that is missing or not known makes the date
//! unreadable, because a guess could be half a day off. Single letters are `-0000`, as RFC 5322 §4.3 says.

use crate::DateTime;
use crate::header::lex::Lexer;

/// Reads a date (RFC 5322 §3.3); none if it cannot be read for certain or does not exist.
///
/// ```
/// use smtpkit_mime::header::date;
///
/// assert_eq!(date(b" 21 Nov 97 09:55:06 (noon?) EST\r\n").unwrap().to_string(), "Fri, 21 Nov 1997 09:55:06 -0500");
/// assert_eq!(date(b"31 Feb 2020 10:00:00 +0000"), None);
/// assert_eq!(date(b"1 Jul 2003 10:52:37"), None);
/// ```
pub fn date(value: &[u8]) -> Option<DateTime> {
    usual(value).or_else(|| by_words(value))
}

/// The date of nearly all mail, `Fri, 21 Nov 1997 09:55:06 -0600`; none for a date in any other form, which
/// [`by_words`] may still read.
fn usual(value: &[u8]) -> Option<DateTime> {
    let value = value.trim_ascii_start();
    let value = match value {
        [a, b, c, b',', b' ', rest @ ..] if [a, b, c].iter().all(|octet| octet.is_ascii_alphabetic()) => rest,
        _ => value,
    };
    let (day, rest) = match value {
        [units, b' ', rest @ ..] => (number(&[*units])?, rest),
        [tens, units, b' ', rest @ ..] => (number(&[*tens, *units])?, rest),
        _ => return None,
    };
    let ([month @ .., b' '], rest) = rest.split_first_chunk::<4>()? else { return None };
    let ([year @ .., b' '], rest) = rest.split_first_chunk::<5>()? else { return None };
    let (&[h0, h1, b':', m0, m1, b':', s0, s1, b' '], rest) = rest.split_first_chunk::<9>()? else {
        return None;
    };
    let (zone, rest) = rest.split_first_chunk::<5>()?;
    if !matches!(rest, [] | [b' ' | b'\t' | b'\r' | b'\n' | b'(' | b',', ..]) {
        return None;
    }
    let month = month.map(|octet| octet.to_ascii_lowercase());
    let month = 1 + MONTHS.iter().position(|name| name.first_chunk() == Some(&month))?;
    let two = |tens, units| number(&[tens, units]).and_then(|number| u8::try_from(number).ok());
    let time = (two(h0, h1)?, two(m0, m1)?, two(s0, s1)?);
    let date = (number(year)?, u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    DateTime::new(date, time, offset(zone)?).ok()
}

/// A date in any form, word by word.
fn by_words(value: &[u8]) -> Option<DateTime> {
    let mut lexer = Lexer::new(value);
    let mut fields = Fields::default();
    while fields.time.is_none() || fields.date().is_none() {
        fields.read(word(&mut lexer)?)?;
    }
    let zone = zone(word(&mut lexer)?)?;
    let (day, month, year) = fields.date()?;
    DateTime::new((year, month, day), fields.time?, zone).ok()
}

/// What stands between blanks, comments and commas.
fn word<'a>(lexer: &mut Lexer<'a>) -> Option<&'a [u8]> {
    lexer.skip_cfws();
    while lexer.accept(b',') {
        lexer.skip_cfws();
    }
    let word = lexer.take_while(|octet| !matches!(octet, b' ' | b'\t' | b'\r' | b'\n' | b'(' | b','));
    (!word.is_empty()).then_some(word)
}

#[derive(Default)]
struct Fields {
    day: Option<u8>,
    month: Option<u8>,
    year: Option<u16>,
    time: Option<(u8, u8, u8)>,
}

impl Fields {
    fn date(&self) -> Option<(u8, u8, u16)> {
        Some((self.day?, self.month?, self.year?))
    }

    /// Takes one word of the date; none if it fits nowhere.
    fn read(&mut self, word: &[u8]) -> Option<()> {
        if word.contains(&b':') {
            if self.time.is_some() {
                return None;
            }
            self.time = Some(time(word)?);
        } else if word.contains(&b'-') && self.day.is_none() {
            for part in word.splitn(3, |octet| *octet == b'-') {
                self.read(part)?;
            }
            self.date()?;
        } else if let Some(number) = number(word) {
            if self.day.is_none() && word.len() <= 2 {
                self.day = Some(u8::try_from(number).ok()?);
            } else if self.month.is_some() && self.day.is_some() && self.year.is_none() {
                self.year = Some(year(number, word.len())?);
            } else {
                return None;
            }
        } else if let Some(month) = month(word) {
            if self.month.replace(month).is_some() {
                return None;
            }
        } else if self.day.is_some() || self.month.is_some() || !is_day_name(word) {
            return None;
        }
        Some(())
    }
}

fn number(word: &[u8]) -> Option<u16> {
    if word.is_empty() || word.len() > 4 {
        return None;
    }
    word.iter().try_fold(0, |number, octet| match octet {
        b'0'..=b'9' => Some(number * 10 + u16::from(octet - b'0')),
        _ => None,
    })
}

/// RFC 5322 §4.3: two digits are 1950 to 2049, three count from 1900.
fn year(number: u16, digits: usize) -> Option<u16> {
    match digits {
        2 if number < 50 => Some(2000 + number),
        2 | 3 => Some(1900 + number),
        4 => Some(number),
        _ => None,
    }
}

fn time(word: &[u8]) -> Option<(u8, u8, u8)> {
    // fractions of a second are no mail, yet some programs write them
    let word = match word.iter().position(|octet| *octet == b'.') {
        Some(point) if word.iter().skip(point + 1).all(u8::is_ascii_digit) => word.get(..point)?,
        _ => word,
    };
    let mut parts =
        word.split(|octet| *octet == b':').map(|part| number(part).and_then(|n| u8::try_from(n).ok()));
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    parts.next().is_none().then_some((hour, minute, second))
}

const MONTHS: [&[u8]; 12] = [
    b"january",
    b"february",
    b"march",
    b"april",
    b"may",
    b"june",
    b"july",
    b"august",
    b"september",
    b"october",
    b"november",
    b"december",
];

/// A month by three letters or more of its English name.
fn month(word: &[u8]) -> Option<u8> {
    let word = word.strip_suffix(b".").unwrap_or(word);
    let matches = |name: &[u8]| {
        (word.len() >= 3 && name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)))
            || word.eq_ignore_ascii_case(b"sept") && name.starts_with(b"sept")
    };
    MONTHS.iter().position(|name| matches(name)).and_then(|index| u8::try_from(index + 1).ok())
}

/// A name of a day, which carries no information and is not checked against the date.
fn is_day_name(word: &[u8]) -> bool {
    let word = word.strip_suffix(b".").unwrap_or(word);
    word.len() >= 2 && word.iter().all(|octet| octet.is_ascii_alphabetic() || *octet >= 128)
}

/// Names of zones whose offset nobody disputes, in minutes east of UTC.
const ZONES: [(&str, i16); 26] = [
    ("UT", 0),
    ("UTC", 0),
    ("GMT", 0),
    ("WET", 0),
    ("EDT", -4 * 60),
    ("EST", -5 * 60),
    ("CDT", -5 * 60),
    ("CST", -6 * 60),
    ("MDT", -6 * 60),
    ("MST", -7 * 60),
    ("PDT", -7 * 60),
    ("PST", -8 * 60),
    ("AKDT", -8 * 60),
    ("AKST", -9 * 60),
    ("HST", -10 * 60),
    ("WEST", 60),
    ("CET", 60),
    ("MET", 60),
    ("MEZ", 60),
    ("CEST", 120),
    ("MEST", 120),
    ("MESZ", 120),
    ("EET", 120),
    ("EEST", 180),
    ("MSK", 180),
    ("JST", 540),
];

fn zone(word: &[u8]) -> Option<i16> {
    if let [letter] = word {
        // military zones were defined with the wrong sign once, so RFC 5322 §4.3 takes none of them seriously
        return (letter.is_ascii_alphabetic() && !letter.eq_ignore_ascii_case(&b'j')).then_some(0);
    }
    let name = word.iter().take_while(|octet| octet.is_ascii_alphabetic()).count();
    let (name, digits) = word.split_at_checked(name)?;
    let named =
        ZONES.iter().find(|(zone, _)| zone.as_bytes().eq_ignore_ascii_case(name)).map(|(_, offset)| *offset);
    match (name, digits) {
        (_, []) => named,
        ([], digits) => offset(digits),
        // `GMT+0200`: the digits say what the name does not
        (_, digits) if named == Some(0) => offset(digits),
        _ => None,
    }
}

fn offset(digits: &[u8]) -> Option<i16> {
    let (sign, digits) = digits.split_first()?;
    let (hours, minutes) = match digits {
        [a, b, c, d] | [a, b, b':', c, d] => ([*a, *b], [*c, *d]),
        [a, b] => ([*a, *b], *b"00"),
        _ => return None,
    };
    let (hours, minutes) = (number(&hours)?, number(&minutes)?);
    let offset = i16::try_from(hours * 60 + minutes).ok().filter(|_| minutes < 60)?;
    match sign {
        b'+' => Some(offset),
        b'-' => Some(-offset),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_read_or_refused_never_guessed() {
        for (value, expected) in [
            ("Tue, 1 Jul 2003 10:52:37 +0200", Some("2003-07-01T10:52:37+02:00")),
            ("Fri, 21 Nov 1997 09:55:06 -0600 (CST)", Some("1997-11-21T09:55:06-06:00")),
            ("Fri, 21 Nov 1997 09:55:06 -06000", None),
            (
                "Thu,\r\n 13\r\n Feb\r\n 1969\r\n 23:32\r\n -0330 (Newfoundland Time)",
                Some("1969-02-13T23:32:00-03:30"),
            ),
            ("Tue, 1 Jul 2003 ((tricky)\n comment) 10:52:37 +0200", Some("2003-07-01T10:52:37+02:00")),
            ("21 Nov 97 09:55:06 GMT", Some("1997-11-21T09:55:06Z")),
            ("1 Jul 121 10:52:37 +0200", Some("2021-07-01T10:52:37+02:00")),
            ("1 June 2003 10:52:37 PDT", Some("2003-06-01T10:52:37-07:00")),
            ("01-Jan-2021 10:52:37 +0200", Some("2021-01-01T10:52:37+02:00")),
            ("Fri Feb 07 10:18:12 2003 -0800", Some("2003-02-07T10:18:12-08:00")),
            ("1 Jul 2003 10:52:37 GMT+0200", Some("2003-07-01T10:52:37+02:00")),
            ("1 Jul 2003 10:52:37.516 +02", Some("2003-07-01T10:52:37+02:00")),
            ("1 Jul 2003 10:52:37 A", Some("2003-07-01T10:52:37Z")),
            ("1 Jul 2003 10:52:37 XYZT", None),
            ("1 Jul 2003 10:52:37", None),
            ("32 Jul 2003 10:52:37 +0000", None),
            ("29 Feb 2023 10:52:37 +0000", None),
            ("1 Jul 2003 25:52:37 +0000", None),
            ("1 Jul 2003 10:52:37 +0275", None),
            ("1 Xul 2003 10:52:37 +0000", None),
            ("1 2 2003 10:52:37 +0000", None),
            ("", None),
            ("now", None),
        ] {
            let read = date(value.as_bytes()).map(|date| date.rfc3339().to_string());
            assert_eq!(read.as_deref(), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_usual_date_is_read_alike_word_by_word(
            value in " ?([A-Z][a-z]{1,2}, )?[0-9]{1,2} (Jan|Feb|feb|Dec|Foo) [0-9]{4} [0-2][0-9]:[0-6][0-9]:[0-6][0-9] \
                [+-][0-9]{2}[0-7][0-9]( |\\(c\\)|x|,y| z)?"
        ) {
            if let Some(date) = usual(value.as_bytes()) {
                prop_assert_eq!(by_words(value.as_bytes()), Some(date));
            }
        }
    }
}
