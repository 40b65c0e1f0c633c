//! Delimiter lines: where a part ends (RFC 2046 §5.1.1).
//!
//! A delimiter is a whole line: two dashes, the boundary, perhaps two dashes more, and padding. A line that
//! merely begins with a boundary is none, so boundaries that prefix each other stay apart. All open
//! multiparts are matched at once, the innermost first: that one closes before an outer one of the same name.

use memchr::memmem;

use crate::limits::{BOUNDARY_OCTETS_MAX, DELIMITER_LINE_OCTETS_MAX};

/// The boundaries of the multiparts that are open, outermost first, in one allocation.
#[derive(Debug, Default, Clone)]
pub(crate) struct Boundaries {
    octets: Vec<u8>,
    open: Vec<Open>,
    /// How long the shortest one is.
    shortest: usize,
}

/// One open boundary.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// Where it ends in the octets of all.
    end: u32,
    /// The level of the structure to which it belongs.
    level: u16,
    /// What its octets are compared by before they are compared: most lines are none of many boundaries.
    hash: u32,
}

/// FNV-1a.
fn hash(octets: &[u8]) -> u32 {
    octets.iter().fold(0x811c_9dc5, |hash, octet| (hash ^ u32::from(*octet)).wrapping_mul(0x0100_0193))
}

/// What a line that begins with two dashes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// The delimiter of the multipart at `level`; the next line is `length` octets further.
    Delimiter { level: u16, closes: bool, length: usize },
    /// Nothing to the open multiparts; `length` is 0 if the line is too long to be looked at.
    Other { length: usize },
    /// The window ends before this can be said.
    Incomplete,
}

/// What [`Boundaries::find`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// A delimiter: the body before it ends at `data_end`, the two dashes stand at `dashes`.
    Delimiter { data_end: usize, dashes: usize, level: u16, closes: bool, length: usize },
    /// No delimiter before `safe`; what follows may turn out to be one when more octets arrive.
    NotBefore { safe: usize },
}

impl Boundaries {
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(crate) fn open(&mut self, boundary: &[u8], level: u16) {
        self.octets.extend_from_slice(boundary);
        self.shortest = if self.open.is_empty() { boundary.len() } else { self.shortest.min(boundary.len()) };
        self.open.push(Open { end: self.octets.len() as u32, level, hash: hash(boundary) });
    }

    /// Forgets the boundaries of `level` and of everything inside of it.
    pub(crate) fn close(&mut self, level: u16) {
        while self.open.last().is_some_and(|open| open.level >= level) {
            self.open.pop();
        }
        self.octets.truncate(self.open.last().map_or(0, |open| open.end as usize));
    }

    /// Says what the line at the start of `rest`, which begins with two dashes, is.
    pub(crate) fn match_line(&self, rest: &[u8], last: bool) -> Line {
        let seen = rest.get(..DELIMITER_LINE_OCTETS_MAX).unwrap_or(rest);
        let (line, length) = match memchr::memchr(b'\n', seen) {
            Some(end) => (seen.get(2..end).unwrap_or_default(), end + 1),
            None if seen.len() == DELIMITER_LINE_OCTETS_MAX => return Line::Other { length: 0 },
            None if last => (seen.get(2..).unwrap_or_default(), seen.len()),
            None => return Line::Incomplete,
        };
        let line = line.trim_ascii_end();
        if line.len() < self.shortest || line.len() > BOUNDARY_OCTETS_MAX + 2 {
            return Line::Other { length };
        }
        let stem = line.strip_suffix(b"--").unwrap_or(line);
        let (line_hash, stem_hash) = (hash(line), hash(stem));
        for (index, open) in self.open.iter().enumerate().rev() {
            if open.hash != line_hash && open.hash != stem_hash {
                continue;
            }
            let boundary = self.boundary(index);
            if boundary == line || boundary == stem {
                return Line::Delimiter { level: open.level, closes: boundary != line, length };
            }
        }
        Line::Other { length }
    }

    fn boundary(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).and_then(|before| self.open.get(before)).map_or(0, |open| open.end);
        let end = self.open.get(index).map_or(start, |open| open.end);
        self.octets.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Looks for the first delimiter in `body`; `line_start` says whether `body` begins at the start of a line.
    pub(crate) fn find(&self, body: &[u8], line_start: bool, last: bool) -> Found {
        if line_start && body.starts_with(b"--") {
            match self.match_line(body, last) {
                Line::Delimiter { level, closes, length } => {
                    return Found::Delimiter { data_end: 0, dashes: 0, level, closes, length };
                }
                Line::Incomplete => return Found::NotBefore { safe: 0 },
                Line::Other { .. } => {}
            }
        } else if line_start && !last && body == b"-" {
            return Found::NotBefore { safe: 0 };
        }
        let mut candidates = Candidates::new(body);
        while let Some(dashes) = candidates.next() {
            let rest = body.get(dashes..).unwrap_or_default();
            match self.match_line(rest, last) {
                Line::Delimiter { level, closes, length } => {
                    let data_end = before_line_end(body, dashes);
                    return Found::Delimiter { data_end, dashes, level, closes, length };
                }
                Line::Incomplete => return Found::NotBefore { safe: before_line_end(body, dashes) },
                Line::Other { length } => candidates.skip_line(length),
            }
        }
        Found::NotBefore { safe: if last { body.len() } else { before_open_line(body) } }
    }
}

/// Where the line break that ends at `at` begins.
fn before_line_end(body: &[u8], at: usize) -> usize {
    let line_feed = at.saturating_sub(1);
    let carriage = line_feed.wrapping_sub(1);
    if body.get(carriage) == Some(&b'\r') { carriage } else { line_feed }
}

/// How much of `body` cannot belong to a delimiter whose beginning the window cuts off.
fn before_open_line(body: &[u8]) -> usize {
    match body {
        [.., b'\n', b'-'] => before_line_end(body, body.len() - 1),
        [.., b'\n'] => before_line_end(body, body.len()),
        [.., b'\r'] => body.len() - 1,
        _ => body.len(),
    }
}

/// False alarms of the single-octet search, closer together than this, make it give way to the search for a word.
const DENSE_OCTETS: usize = 256;

/// The positions of `--` after a line feed.
///
/// A search for one octet costs a third of a search for three, but only while dashes are rare (as in base64),
/// so it runs until it has been called in vain too often.
struct Candidates<'a> {
    body: &'a [u8],
    at: usize,
    vain: usize,
    word: Option<memmem::Finder<'static>>,
}

impl<'a> Candidates<'a> {
    fn new(body: &'a [u8]) -> Self {
        Self { body, at: 0, vain: 0, word: None }
    }

    /// Goes on at the end of the line that the last candidate begins, which is `length` octets long.
    fn skip_line(&mut self, length: usize) {
        // the last candidate is right before `at`, its line feed belongs to the next one
        self.at = (self.at + length).saturating_sub(2).max(self.at);
    }
}

impl Iterator for Candidates<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.body.get(self.at..)?.starts_with(b"\n--") {
            self.at += 2;
            return Some(self.at - 1);
        }
        while self.word.is_none() {
            let dash = self.at + memchr::memchr(b'-', self.body.get(self.at..)?)?;
            self.at = dash + 1;
            let before = self.body.get(dash.wrapping_sub(1)..);
            if before.is_some_and(|octets| octets.starts_with(b"\n--")) {
                return Some(dash);
            }
            self.vain += DENSE_OCTETS;
            if self.vain > dash + 4 * DENSE_OCTETS {
                self.word = Some(memmem::Finder::new(b"\n--"));
            }
        }
        // `at` is right behind a dash, so no line feed of a further word lies before it
        let found = self.at + self.word.as_ref()?.find(self.body.get(self.at..)?)?;
        self.at = found + 2;
        Some(found + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(names: &[&str]) -> Boundaries {
        let mut all = Boundaries::default();
        for (level, name) in names.iter().enumerate() {
            all.open(name.as_bytes(), level as u16);
        }
        all
    }

    #[test]
    fn a_delimiter_is_a_whole_line() {
        let all = open(&["b"]);
        for (line, expected) in [
            ("--b\r\n", Line::Delimiter { level: 0, closes: false, length: 5 }),
            ("--b \t\n", Line::Delimiter { level: 0, closes: false, length: 6 }),
            ("--b--\n", Line::Delimiter { level: 0, closes: true, length: 6 }),
            ("--b", Line::Delimiter { level: 0, closes: false, length: 3 }),
            ("--bc\n", Line::Other { length: 5 }),
            ("--b --\n", Line::Other { length: 7 }),
            ("-- b\n", Line::Other { length: 5 }),
            ("--\n", Line::Other { length: 3 }),
        ] {
            assert_eq!(all.match_line(line.as_bytes(), true), expected, "{line:?}");
        }
        assert_eq!(all.match_line(b"--b", false), Line::Incomplete);
    }

    #[test]
    fn the_innermost_of_two_equal_boundaries_matches_first() {
        let mut all = open(&["b", "b"]);
        assert_eq!(all.match_line(b"--b--\n", true), Line::Delimiter { level: 1, closes: true, length: 6 });
        all.close(1);
        assert_eq!(all.match_line(b"--b--\n", true), Line::Delimiter { level: 0, closes: true, length: 6 });
        all.close(0);
        assert!(all.is_empty());
    }

    #[test]
    fn boundaries_that_prefix_each_other_stay_apart() {
        let all = open(&["a", "ab", "a--"]);
        for (line, level, closes) in
            [("--a\n", 0, false), ("--ab\n", 1, false), ("--a--\n", 2, false), ("--ab--\n", 1, true)]
        {
            let length = line.len();
            assert_eq!(
                all.match_line(line.as_bytes(), true),
                Line::Delimiter { level, closes, length },
                "{line:?}"
            );
        }
    }

    #[test]
    fn dashes_in_the_text_do_not_hide_a_delimiter() {
        let all = open(&["b"]);
        let text = format!("{}\r\n--b\r\n", "a-b - c -- d\n- e\n-- f\n".repeat(100));
        let Found::Delimiter { data_end, dashes, .. } = all.find(text.as_bytes(), true, true) else {
            panic!("not found")
        };
        assert_eq!((data_end, dashes), (text.len() - 7, text.len() - 5));
    }

    #[test]
    fn what_may_become_a_delimiter_is_held_back() {
        let all = open(&["b"]);
        for (body, safe) in
            [("x", 1), ("x\r", 1), ("x\r\n", 1), ("x\n", 1), ("x\r\n-", 1), ("x\n--", 1), ("x\n--b", 1)]
        {
            assert_eq!(all.find(body.as_bytes(), false, false), Found::NotBefore { safe }, "{body:?}");
        }
        assert_eq!(all.find(b"-", true, false), Found::NotBefore { safe: 0 });
        assert_eq!(all.find(b"x\n-y", true, false), Found::NotBefore { safe: 4 });
    }
}
