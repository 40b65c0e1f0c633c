//! Uuencode, the transfer encoding from before MIME, as it still arrives (POSIX `uuencode`).
//!
//! Whole lines are decoded between `begin` and `end`; lines that cannot be data are skipped and told.

use crate::defect::{Defect, DefectKind, Defects};
use crate::limits::{Limits, UU_PADDING_OCTETS_MAX};

/// Longest line that is looked at; 61 would be enough.
const LINE_OCTETS_MAX: usize = 998;

/// Decodes uuencode that arrives in pieces.
///
/// ```
/// use smtpkit_mime::decode::UuDecoder;
///
/// let (mut decoder, mut out) = (UuDecoder::new(), Vec::new());
/// decoder.push(b"begin 644 x.txt\n%:&5L;&\\\n", &mut out);
/// decoder.push(b"`\nend\n", &mut out);
/// decoder.finish(&mut out);
/// assert_eq!(out, b"hello");
/// assert_eq!(decoder.file_name(), Some("x.txt"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct UuDecoder {
    /// The line that the last piece cut off.
    open: Vec<u8>,
    /// How much of the current line is too long to be kept.
    skipped: u64,
    state: State,
    file_name: Option<String>,
    /// Where the current line begins.
    at: u64,
    /// Octets that lines have lost and that were made good.
    padding: u64,
    defects: Defects,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Before,
    Data,
    After,
}

impl UuDecoder {
    /// A decoder that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes `input`, the next piece, and adds the result to `out`.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut rest = input;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, tail) = rest.split_at(end + 1);
            if self.open.is_empty() && self.skipped == 0 && line.len() <= LINE_OCTETS_MAX {
                self.line(line, out);
            } else {
                self.keep(line);
                self.end_line(out);
            }
            rest = tail;
        }
        self.keep(rest);
    }

    fn keep(&mut self, part: &[u8]) {
        if self.skipped > 0 || self.open.len() + part.len() > LINE_OCTETS_MAX {
            self.skipped += part.len() as u64;
        } else {
            self.open.extend_from_slice(part);
        }
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        let line = std::mem::take(&mut self.open);
        let skipped = std::mem::take(&mut self.skipped);
        if skipped > 0 {
            if self.state == State::Data {
                self.defect();
            }
            self.at += line.len() as u64 + skipped;
        } else if !line.is_empty() {
            self.line(&line, out);
        }
    }

    /// Ends the input and adds what is left of it to `out`.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.end_line(out);
        if self.state != State::After {
            self.defect();
            self.state = State::After;
        }
    }

    fn defect(&mut self) {
        self.defects.push(Defect::new(DefectKind::BadUuencode, self.at), Limits::DEFAULT.defects_max);
    }

    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let text = line.trim_ascii_end();
        match self.state {
            State::Before => {
                if let Some(name) = begin(text) {
                    self.file_name = Some(String::from_utf8_lossy(name).into_owned());
                    self.state = State::Data;
                }
            }
            State::Data if text == b"end" => self.state = State::After,
            State::Data if text.is_empty() => {}
            State::Data => {
                let room = (self.at + UU_PADDING_OCTETS_MAX).saturating_sub(self.padding);
                match data(text, out, room) {
                    Some(padding) => self.padding += padding,
                    None => self.defect(),
                }
            }
            State::After => {}
        }
        self.at += line.len() as u64;
    }

    /// The name that the `begin` line gives.
    pub fn file_name(&self) -> Option<&str> {
        self.file_name.as_deref()
    }

    /// What is wrong with the input so far, with offsets counted in all of it.
    pub fn defects(&self) -> &Defects {
        &self.defects
    }
}

/// The file name of `begin 644 name`.
fn begin(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"begin ")?;
    let digits = rest.iter().take_while(|octet| matches!(octet, b'0'..=b'7')).count();
    let name = rest.get(digits..)?.strip_prefix(b" ")?;
    (digits >= 3).then_some(name)
}

/// Decodes one line and makes good what it has lost, if that is at most `room` octets; how many those were, or none
/// if its length and its letters do not fit.
fn data(line: &[u8], out: &mut Vec<u8>, room: u64) -> Option<u64> {
    let Some((count, letters)) = line.split_first() else { return Some(0) };
    if !matches!(count, b' '..=b'`') || letters.iter().any(|letter| !matches!(letter, b' '..=b'`')) {
        return None;
    }
    let count = usize::from((count - b' ') & 63);
    let start = out.len();
    for group in letters.chunks(4) {
        // blanks at the end of a line get lost on the way; they are zero
        let value = |index| group.get(index).map_or(0, |letter| u32::from(letter - b' ') & 63);
        let bits = value(0) << 18 | value(1) << 12 | value(2) << 6 | value(3);
        let [_, first, second, third] = bits.to_be_bytes();
        out.extend_from_slice(&[first, second, third]);
    }
    let padding = (start + count).saturating_sub(out.len()) as u64;
    if padding > room {
        return None;
    }
    out.resize(start + count, 0);
    let fits = padding == 0 || letters.is_empty() || count - letters.len() * 3 / 4 <= 3;
    fits.then_some(padding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_one_defect_where_it_begins_however_it_comes() {
        let long = "!".repeat(1_200);
        let input = format!("{long}\nbegin 644 x\nM{long}\n#:&5L\n`\nend\n{long}\n");
        let expected = Defect::new(DefectKind::BadUuencode, 1_201 + 12);
        for size in [1, 7, 998, 999, input.len()] {
            let (mut decoder, mut out) = (UuDecoder::new(), Vec::new());
            input.as_bytes().chunks(size).for_each(|piece| decoder.push(piece, &mut out));
            decoder.finish(&mut out);
            let found: Vec<&Defect> = decoder.defects().iter().collect();
            assert_eq!((&out[..], &found[..]), (&b"hel"[..], &[&expected][..]), "pieces of {size}");
        }
    }
}
