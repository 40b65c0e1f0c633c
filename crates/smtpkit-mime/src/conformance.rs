//! One sweep over raw content: what is in it that a hop may not take, or that should be in it and is not.
//!
//! The header ends at an empty line, or before the first line that is no field.
//!
//! The sweep repairs nothing and refuses nothing; it tells, and the caller decides. It works on pieces, keeps next
//! to nothing, and looks at every octet once.

use memchr::memchr3;

use crate::HopCapabilities;

/// Longest line with its CRLF that a hop without `BINARYMIME` must take (RFC 5321 §4.5.3.1.6).
const LINE_OCTETS_MAX: u64 = 1000;
/// The longest field name that matters, `Message-ID`.
const NAME_OCTETS_MAX: usize = 10;

/// What a sweep found. Offsets count octets from the start of the content.
///
/// ```
/// use smtpkit_mime::HopCapabilities;
/// use smtpkit_mime::conformance::Conformance;
///
/// let found = Conformance::of("Date: x\r\n\r\nna\u{ef}ve\nline\r\n".as_bytes());
/// assert_eq!(found.eight_bit_body_at, Some(13));
/// assert_eq!(found.bare_lf_at, Some(17));
/// assert!(found.has_date && !found.has_message_id);
/// assert_eq!(found.needs(), HopCapabilities::BINARY);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Conformance {
    /// Octets in total.
    pub octets: u64,
    /// Octets of the header, without the empty line after it.
    pub header_octets: u64,
    /// The first CR without LF.
    pub bare_cr_at: Option<u64>,
    /// The first LF without CR.
    pub bare_lf_at: Option<u64>,
    /// The first NUL.
    pub nul_at: Option<u64>,
    /// The first octet above 127 in the header.
    pub eight_bit_header_at: Option<u64>,
    /// The first octet above 127 in the body.
    pub eight_bit_body_at: Option<u64>,
    /// Octets of the longest line, its line end included; LF alone ends a line, CR alone does not.
    pub longest_line: u64,
    /// There is a `Date` field.
    pub has_date: bool,
    /// There is a `Message-ID` field.
    pub has_message_id: bool,
    /// There is a `From` field.
    pub has_from: bool,
    /// `Received` fields, which count the hops that the message has made (RFC 5321 §6.3).
    pub received: u32,
}

impl Conformance {
    /// Sweeps content that is in memory as a whole.
    pub fn of(content: &[u8]) -> Self {
        let mut sweep = Sweep::new();
        sweep.push(content);
        sweep.finish()
    }

    /// What a hop must take for this content to pass as it is; without `BINARYMIME` the first bare CR, bare LF or NUL
    /// has to be dealt with, not only carried.
    pub fn needs(&self) -> HopCapabilities {
        let mut needs = HopCapabilities::SEVEN_BIT;
        let breaks_lines = [self.bare_cr_at, self.bare_lf_at, self.nul_at].iter().any(Option::is_some);
        if breaks_lines || self.longest_line > LINE_OCTETS_MAX {
            needs = needs | HopCapabilities::BINARY;
        }
        if self.eight_bit_header_at.is_some() {
            needs = needs | HopCapabilities::SMTPUTF8;
        }
        if self.eight_bit_body_at.is_some() {
            needs = needs | HopCapabilities::EIGHT_BIT;
        }
        needs
    }
}

/// Looks at content that comes in pieces; every split of it finds the same.
///
/// ```
/// use smtpkit_mime::conformance::Sweep;
///
/// let mut sweep = Sweep::new();
/// sweep.push(b"Received: by a\r\nFrom: a@exam");
/// sweep.push(b"ple.org\r\n\r\nHello\r");
/// sweep.push(b"\n");
/// let found = sweep.finish();
/// assert_eq!((found.received, found.has_from, found.bare_cr_at), (1, true, None));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Sweep {
    found: Conformance,
    line_start: u64,
    after_cr: bool,
    is_in_body: bool,
    name: Name,
}

/// The start of a header line, up to the colon.
#[derive(Debug, Clone, Copy, Default)]
struct Name {
    /// The name in lower case, as much of it as can matter.
    octets: [u8; NAME_OCTETS_MAX],
    length: usize,
    /// Blanks after the name, which obsolete syntax allows before the colon (RFC 5322 §4.5.8).
    after_blank: bool,
    /// The rest of the line is a value: the colon was seen, or the line goes on with the one before.
    is_done: bool,
}

impl Sweep {
    /// A sweep at the start of the content.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at the next octets.
    pub fn push(&mut self, octets: &[u8]) {
        let mut rest = octets;
        if core::mem::take(&mut self.after_cr) {
            match rest.split_first() {
                None => self.after_cr = true,
                Some((b'\n', tail)) => {
                    rest = tail;
                    self.found.octets += 1;
                    self.line_end();
                }
                Some(_) => self.bare_cr(self.found.octets - 1),
            }
        }
        while !rest.is_empty() && !self.is_in_body {
            let end = memchr3(b'\r', b'\n', 0, rest).unwrap_or(rest.len());
            let (line, tail) = rest.split_at_checked(end).unwrap_or((rest, b""));
            let named = self.name_octets(line);
            if self.is_in_body {
                break;
            }
            let value = line.get(named..).unwrap_or_default();
            if self.found.eight_bit_header_at.is_none()
                && let Some(at) = first_eight_bit(value)
            {
                self.found.eight_bit_header_at = Some(self.found.octets + named as u64 + at);
            }
            self.found.octets += line.len() as u64;
            rest = self.stop(tail);
        }
        if self.found.eight_bit_body_at.is_none()
            && let Some(at) = first_eight_bit(rest)
        {
            self.found.eight_bit_body_at = Some(self.found.octets + at);
        }
        while let Some(at) = memchr3(b'\r', b'\n', 0, rest) {
            self.found.octets += at as u64;
            rest = self.stop(rest.get(at..).unwrap_or_default());
        }
        self.found.octets += rest.len() as u64;
    }

    /// Ends the content and tells what was found.
    pub fn finish(mut self) -> Conformance {
        if self.after_cr {
            self.bare_cr(self.found.octets - 1);
        }
        self.found.longest_line = self.found.longest_line.max(self.found.octets - self.line_start);
        if self.found.octets > self.line_start {
            self.no_name_goes_on();
        }
        if !self.is_in_body {
            self.found.header_octets = self.found.octets;
        }
        self.found
    }

    /// Takes the CR, LF or NUL that `rest` begins with, if there is any.
    fn stop<'r>(&mut self, rest: &'r [u8]) -> &'r [u8] {
        let at = self.found.octets;
        let taken = match rest {
            [] => return rest,
            [b'\r', b'\n', ..] => 2,
            _ => 1,
        };
        self.found.octets += taken;
        match rest {
            [b'\r', b'\n', ..] => self.line_end(),
            [b'\r'] => self.after_cr = true,
            [b'\r', ..] => self.bare_cr(at),
            [b'\n', ..] => {
                self.found.bare_lf_at.get_or_insert(at);
                self.line_end();
            }
            _ => {
                self.found.nul_at.get_or_insert(at);
                self.no_name_goes_on();
            }
        }
        rest.get(taken as usize..).unwrap_or_default()
    }

    fn bare_cr(&mut self, at: u64) {
        self.found.bare_cr_at.get_or_insert(at);
        self.no_name_goes_on();
    }

    fn line_end(&mut self) {
        self.found.longest_line = self.found.longest_line.max(self.found.octets - self.line_start);
        // without a colon it was the empty line, or no field
        self.no_name_goes_on();
        self.name = Name::default();
        self.line_start = self.found.octets;
    }

    /// A line end, CR or NUL: a header line without its colon by now is none.
    fn no_name_goes_on(&mut self) {
        if !self.name.is_done {
            self.end_header();
        }
    }

    fn end_header(&mut self) {
        if !self.is_in_body {
            self.is_in_body = true;
            self.found.header_octets = self.line_start;
        }
    }

    /// Looks for the colon of a header line, and says how many octets belong to the name, its blanks and the colon.
    fn name_octets(&mut self, octets: &[u8]) -> usize {
        for (octet, at) in octets.iter().zip(0..) {
            if self.name.is_done {
                return at;
            }
            let is_start = self.found.octets + at as u64 == self.line_start;
            match octet {
                b':' => self.end_of_name(),
                // a fold, but nothing is before the first line that it could belong to
                b' ' | b'\t' if is_start && self.line_start > 0 => self.name.is_done = true,
                b' ' | b'\t' if !is_start => self.name.after_blank = true,
                b'!'..=b'~' if !self.name.after_blank => {
                    if let Some(place) = self.name.octets.get_mut(self.name.length) {
                        *place = octet.to_ascii_lowercase();
                    }
                    self.name.length += 1;
                }
                _ => {
                    self.end_header();
                    return at;
                }
            }
        }
        octets.len()
    }

    /// The colon of a field.
    fn end_of_name(&mut self) {
        match self.name.octets.get(..self.name.length).unwrap_or_default() {
            b"date" => self.found.has_date = true,
            b"from" => self.found.has_from = true,
            b"message-id" => self.found.has_message_id = true,
            b"received" => self.found.received = self.found.received.saturating_add(1),
            _ => {}
        }
        self.name.is_done = true;
    }
}

fn first_eight_bit(octets: &[u8]) -> Option<u64> {
    if octets.is_ascii() {
        return None;
    }
    octets.iter().position(|octet| !octet.is_ascii()).map(|at| at as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &[u8], expected: Conformance) {
        for cut in 0..=content.len() {
            let mut sweep = Sweep::new();
            sweep.push(&content[..cut]);
            sweep.push(&content[cut..]);
            assert_eq!(sweep.finish(), expected, "{:?} cut at {cut}", String::from_utf8_lossy(content));
        }
    }

    #[test]
    fn each_finding_has_its_offset() {
        let plain = Conformance { octets: 10, header_octets: 6, longest_line: 6, ..Default::default() };
        check(b"A: b\r\n\r\nc", Conformance { octets: 9, ..plain });
        check(b"A: b\r\n\r\n\0", Conformance { octets: 9, nul_at: Some(8), ..plain });
        check(b"A: b\r\n\r\n\r", Conformance { octets: 9, bare_cr_at: Some(8), ..plain });
        check(b"A: b\r\n\r\n\n", Conformance { octets: 9, bare_lf_at: Some(8), ..plain });
        check(b"A: b\r\n\r\n\r\r", Conformance { bare_cr_at: Some(8), ..plain });
        check(b"A: b\r\n\r\n\xe9\xff", Conformance { eight_bit_body_at: Some(8), ..plain });
        check(b"A: \xe9\r\n\r\n\r\n", Conformance { eight_bit_header_at: Some(3), ..plain });
    }

    #[test]
    fn fields_are_found_whatever_their_case_and_the_line_ends() {
        let all = Conformance {
            has_date: true,
            has_from: true,
            has_message_id: true,
            received: 2,
            ..Default::default()
        };
        let header = "RECEIVED: a\r\nreceived : b\r\n from: c\r\nMessage-Id:d\r\nDATE: e\r\nFrom: f\r\n";
        let crlf = format!("{header}\r\nReceived: in the body\r\n");
        check(
            crlf.as_bytes(),
            Conformance {
                octets: crlf.len() as u64,
                header_octets: header.len() as u64,
                longest_line: 23,
                ..all
            },
        );
        let lf = crlf.replace("\r\n", "\n");
        check(
            lf.as_bytes(),
            Conformance {
                octets: lf.len() as u64,
                header_octets: header.replace("\r\n", "\n").len() as u64,
                longest_line: 22,
                bare_lf_at: Some(11),
                ..all
            },
        );
    }

    #[test]
    fn names_that_only_begin_alike_do_not_count() {
        let header = b"Dates: a\r\nX-Date: b\r\nReceived-SPF: d\r\nMessage-IDs: e\r\n\tFrom: f\r\n";
        let found = Conformance::of(header);
        assert!(!found.has_date && !found.has_from && !found.has_message_id);
        assert_eq!((found.received, found.header_octets), (0, header.len() as u64));
    }

    #[test]
    fn a_line_that_is_no_field_begins_the_body() {
        for line in ["From\r\n", "Date x: y\r\n", "caf\u{e9}: x\r\n", "a\rb: c\r\n", "a\0b: c\r\n"] {
            let content = format!("A: b\r\n{line}Date: d\r\n\r\n");
            let found = Conformance::of(content.as_bytes());
            assert_eq!((found.header_octets, found.has_date), (6, false), "{line:?}");
            assert_eq!(found.eight_bit_header_at, None);
        }
        assert_eq!(Conformance::of(b" fold\r\nDate: d\r\n").header_octets, 0);
    }

    #[test]
    fn the_hop_must_take_what_is_there() {
        let needs = |content: &[u8]| Conformance::of(content).needs();
        assert_eq!(needs(b"A: b\r\n\r\nplain\r\n"), HopCapabilities::SEVEN_BIT);
        assert_eq!(needs(b"A: b\r\n\r\n\xe9\r\n"), HopCapabilities::EIGHT_BIT);
        assert_eq!(needs("A: \u{e9}\r\n\r\n".as_bytes()), HopCapabilities::SMTPUTF8);
        assert_eq!(needs(b"A: b\r\n\r\n\0"), HopCapabilities::BINARY);
        let line = |n: usize| format!("A: b\r\n\r\n{}\r\n", "x".repeat(n));
        assert_eq!(needs(line(998).as_bytes()), HopCapabilities::SEVEN_BIT);
        assert_eq!(needs(line(999).as_bytes()), HopCapabilities::BINARY);
    }
}
