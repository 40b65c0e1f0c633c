//! Where one field of a header ends and the next one begins (RFC 5322 §2.2).
//!
//! The same scan serves the view, the push parser and reports, so all of them see the same fields. It looks at
//! names and line ends only; values are read by whoever asks for them.

use memchr::memchr;

use crate::lanes::{self, LANES};
use crate::limits::{FIELD_NAME_OCTETS_MAX, Limits};

/// How far the scan of a field got before the window ended, so that no octet is looked at twice.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cursor {
    colon: Option<usize>,
    scanned: usize,
}

impl Cursor {
    /// Whether nothing of the field was looked at yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.colon.is_none() && self.scanned == 0
    }

    /// Where the colon stands, once it was seen.
    pub(crate) fn colon(&self) -> Option<usize> {
        self.colon
    }
}

/// What stands at the start of a line of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scan {
    /// A field: the colon stands at `colon`, the next line that is not folded at `length`.
    Field { colon: usize, length: usize },
    /// The empty line that ends the header.
    Separator { length: usize },
    /// A line that belongs to no field.
    NotAField,
    /// The window ends before this can be said.
    Incomplete,
}

/// Looks at the line at the start of `rest`; `last` says that nothing follows the window.
pub(crate) fn scan(rest: &[u8], cursor: &mut Cursor, last: bool) -> Scan {
    let colon = match cursor.colon {
        Some(colon) => colon,
        None => match scan_name(rest, cursor, last) {
            Ok(colon) => colon,
            Err(other) => return other,
        },
    };
    cursor.colon = Some(colon);
    match folded_end(rest, cursor.scanned.max(colon), last) {
        Ok(length) => Scan::Field { colon, length },
        Err(scanned) => {
            cursor.scanned = scanned;
            Scan::Incomplete
        }
    }
}

fn scan_name(rest: &[u8], cursor: &mut Cursor, last: bool) -> Result<usize, Scan> {
    match rest {
        [b'\n', ..] => return Err(Scan::Separator { length: 1 }),
        [b'\r', b'\n', ..] => return Err(Scan::Separator { length: 2 }),
        [] | [b'\r'] if !last => return Err(Scan::Incomplete),
        _ => {}
    }
    let name = rest.get(..FIELD_NAME_OCTETS_MAX).unwrap_or(rest);
    let Some(end) = name_end(name.get(cursor.scanned..).unwrap_or_default()) else {
        cursor.scanned = name.len();
        let undecided = !last && name.len() < FIELD_NAME_OCTETS_MAX;
        return Err(if undecided { Scan::Incomplete } else { Scan::NotAField });
    };
    let end = cursor.scanned + end;
    let tail = name.get(end..).unwrap_or_default();
    // blanks before the colon are obsolete syntax, RFC 5322 §4.5; at the start of a line they are a fold
    match tail.iter().position(|octet| !matches!(octet, b' ' | b'\t')) {
        Some(blanks) if tail.get(blanks) == Some(&b':') && (blanks == 0 || end > 0) => Ok(end + blanks),
        None if !last && end > 0 && name.len() < FIELD_NAME_OCTETS_MAX => {
            cursor.scanned = end;
            Err(Scan::Incomplete)
        }
        _ => Err(Scan::NotAField),
    }
}

/// Where the colon of the field at the start of `rest` stands and how long the field is, if it is the plain kind: a
/// name, even an empty one, right behind it the colon, and something after the field. All else is for [`scan`].
#[inline]
pub(crate) fn skim(rest: &[u8]) -> Option<(usize, usize)> {
    let colon = name_end(rest)?;
    if colon >= FIELD_NAME_OCTETS_MAX || rest.get(colon) != Some(&b':') {
        return None;
    }
    let mut end = colon + 1;
    while end < PLAIN_OCTETS_MAX {
        end += line_feed(rest.get(end..)?)? + 1;
        if !matches!(rest.get(end)?, b' ' | b'\t') {
            return Some((colon, end));
        }
    }
    None
}

/// Longer fields are not looked at twice.
const PLAIN_OCTETS_MAX: usize = 4096;

/// Where the first line feed stands; most lines are too short for a search to be worth its call.
#[inline]
fn line_feed(octets: &[u8]) -> Option<usize> {
    const BLOCKS_MAX: usize = 16;
    let (blocks, _) = octets.as_chunks();
    let mut at = 0;
    for block in blocks.iter().take(BLOCKS_MAX) {
        if let Some(found) = lanes::first(block, |octet| octet == b'\n') {
            return Some(at + found);
        }
        at += LANES;
    }
    memchr(b'\n', octets.get(at..)?).map(|found| at + found)
}

/// Where the first octet stands that no name has: anything but 33 to 126, and the colon (RFC 5322 §3.6.8).
#[inline]
fn name_end(octets: &[u8]) -> Option<usize> {
    let is_outside = |octet| !matches!(octet, 33..=57 | 59..=126);
    let (blocks, tail) = octets.as_chunks();
    let mut at = 0;
    for block in blocks {
        if let Some(found) = lanes::first(block, is_outside) {
            return Some(at + found);
        }
        at += LANES;
    }
    tail.iter().position(|octet| is_outside(*octet)).map(|found| at + found)
}

/// Where the folded line that `rest` begins with ends, looking from `from` on; or how far it was looked for.
pub(crate) fn folded_end(rest: &[u8], from: usize, last: bool) -> Result<usize, usize> {
    let mut at = from;
    loop {
        let Some(found) = line_feed(rest.get(at..).unwrap_or_default()) else {
            return if last { Ok(rest.len()) } else { Err(rest.len()) };
        };
        let end = at + found + 1;
        match rest.get(end) {
            Some(b' ' | b'\t') => at = end,
            Some(_) => return Ok(end),
            None if last => return Ok(end),
            None => return Err(end - 1),
        }
    }
}

/// Whether a line that is no field is the envelope line of an mbox file, which is no part of the message.
pub(crate) fn is_envelope_line(rest: &[u8]) -> bool {
    rest.starts_with(b"From ") || rest.starts_with(b">From ")
}

/// The fields of one header, not yet wrapped: octets, offset of the colon, offset of the first octet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawFields<'a> {
    header: &'a [u8],
    at: usize,
    fields_left: u32,
    octets_left: usize,
    field_octets_max: usize,
}

impl<'a> RawFields<'a> {
    pub(crate) fn new(header: &'a [u8], limits: &Limits) -> Self {
        Self {
            header,
            at: 0,
            fields_left: limits.fields_max,
            octets_left: limits.header_octets_max as usize,
            field_octets_max: field_octets_max(limits),
        }
    }
}

/// The limit on one field, never so small that a name would be cut.
pub(crate) fn field_octets_max(limits: &Limits) -> usize {
    (limits.field_octets_max as usize).max(FIELD_NAME_OCTETS_MAX + 1)
}

impl<'a> Iterator for RawFields<'a> {
    type Item = (&'a [u8], usize, usize);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self.at;
            let rest = self.header.get(start..)?;
            let found = match skim(rest) {
                Some((colon, length)) => Scan::Field { colon, length },
                None => scan(rest, &mut Cursor::default(), true),
            };
            let (colon, length) = match found {
                Scan::Field { colon, length } => (colon, length),
                // only the first line of a header may be none: a fold or an envelope line
                Scan::NotAField if start == 0 && !rest.is_empty() => {
                    self.at = folded_end(rest, 0, true).unwrap_or(rest.len());
                    continue;
                }
                _ => return None,
            };
            self.at = start + length;
            let kept = length.min(self.field_octets_max);
            if self.fields_left == 0 || kept > self.octets_left {
                return None;
            }
            self.fields_left -= 1;
            self.octets_left -= kept;
            if colon > 0 {
                return Some((rest.get(..kept).unwrap_or(rest), colon, start));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_field_a_separator_or_neither() {
        for (line, expected) in [
            ("A: b\r\n", Scan::Field { colon: 1, length: 6 }),
            ("A \t: b\r\nC: d\r\n", Scan::Field { colon: 3, length: 8 }),
            ("A: b\n c\n\td\nE", Scan::Field { colon: 1, length: 11 }),
            ("A:", Scan::Field { colon: 1, length: 2 }),
            (":A\n", Scan::Field { colon: 0, length: 3 }),
            ("\r\n", Scan::Separator { length: 2 }),
            ("\nA: b", Scan::Separator { length: 1 }),
            ("A b: c\n", Scan::NotAField),
            ("no field\n", Scan::NotAField),
            (" : fold\n", Scan::NotAField),
            ("A\0: b\n", Scan::NotAField),
            ("é: b\n", Scan::NotAField),
            ("", Scan::NotAField),
        ] {
            assert_eq!(scan(line.as_bytes(), &mut Cursor::default(), true), expected, "{line:?}");
        }
    }

    #[test]
    fn names_end_alike_by_word_and_by_octet() {
        for octet in 0..=255 {
            for at in 0..20 {
                let mut name = [b'~'; 20];
                name[at] = octet;
                name[19] = 0xff;
                let expected = name.iter().position(|octet| !matches!(octet, 33..=57 | 59..=126));
                assert_eq!(name_end(&name), expected, "{octet} at {at}");
            }
        }
    }

    #[test]
    fn a_field_that_is_skimmed_is_the_one_that_is_scanned() {
        let long = format!("Name:{}\r\n {}\r\n\r\n", "x".repeat(500), "y".repeat(40));
        for text in [
            "A: b\nC",
            "A: b\n c\n\td\r\nE",
            &long,
            "A:\n\n",
            "A\n: b\n",
            " : b\nc",
            ": b\nc",
            "A: b",
            "A: b\n",
        ] {
            let scanned = match scan(text.as_bytes(), &mut Cursor::default(), true) {
                Scan::Field { colon, length } if length < text.len() => Some((colon, length)),
                _ => None,
            };
            assert_eq!(skim(text.as_bytes()), scanned, "{text:?}");
        }
    }

    #[test]
    fn a_scan_goes_on_where_it_stopped() {
        let text = b"Name \t: value\r\n folded\r\n\r\n";
        for cut in 0..24 {
            let mut cursor = Cursor::default();
            for end in cut..text.len() {
                match scan(&text[..end], &mut cursor, false) {
                    Scan::Incomplete => assert!(end < 25, "{cut} {end}"),
                    found => {
                        assert_eq!(found, Scan::Field { colon: 6, length: 24 }, "{cut} {end}");
                        break;
                    }
                }
            }
        }
    }
}
