//! Quoted-printable, read leniently (RFC 2045 §6.7).
//!
//! Blanks at the end of a line are padding and vanish. An equals sign that starts no escape stays as it is.
//! The input is taken in pieces: what its end leaves open is kept, at most one run of blanks.

use crate::decode::{hex_pair, hex_value};
use crate::defect::{Defect, DefectKind, Defects};
use crate::lanes::{self, LANES};
use crate::limits::{Limits, PADDING_OCTETS_MAX};

/// Decodes quoted-printable that arrives in pieces (RFC 2045 §6.7).
///
/// ```
/// use smtpkit_mime::decode::QuotedPrintableDecoder;
///
/// let (mut decoder, mut out) = (QuotedPrintableDecoder::new(), Vec::new());
/// decoder.push(b"caf=C3=A", &mut out);
/// decoder.push(b"9 au =\r\nlait  \r\n", &mut out);
/// decoder.finish(&mut out);
/// assert_eq!(out, "café au lait\r\n".as_bytes());
/// ```
#[derive(Debug, Clone, Default)]
pub struct QuotedPrintableDecoder {
    /// The end of the last piece, where it can be told only later what it means.
    open: Vec<u8>,
    /// Octets that were decided on.
    at: u64,
    defects: Defects,
}

impl QuotedPrintableDecoder {
    /// A decoder that has seen nothing.
    pub const fn new() -> Self {
        Self { open: Vec::new(), at: 0, defects: Defects::NONE }
    }

    /// Decodes `input`, the next piece, and adds the result to `out`.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut input = input;
        while !self.open.is_empty() && !input.is_empty() {
            let held = self.open.len();
            let (head, tail) = input.split_at(input.len().min(PADDING_OCTETS_MAX));
            let mut open = std::mem::take(&mut self.open);
            open.extend_from_slice(head);
            let used = self.decode(&open, Input::Piece, out);
            if used < held {
                // still open: keep all of it and go on with the next octets
                open.drain(..used);
                self.open = open;
                input = tail;
            } else {
                open.clear();
                self.open = open;
                input = input.get(used - held..).unwrap_or_default();
            }
        }
        let used = self.decode(input, Input::Piece, out);
        self.open.extend_from_slice(input.get(used..).unwrap_or_default());
    }

    /// Ends the input and adds what is left of it to `out`.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let open = std::mem::take(&mut self.open);
        self.decode(&open, Input::End, out);
    }

    /// What is wrong with the input so far, with offsets counted in all of it.
    pub fn defects(&self) -> &Defects {
        &self.defects
    }

    fn defect(&mut self, at: u64) {
        self.defects.push(Defect::new(DefectKind::BadQuotedPrintable, at), Limits::DEFAULT.defects_max);
    }

    /// Decodes as much as can be decided on; how many octets that are.
    fn decode(&mut self, input: &[u8], kind: Input, out: &mut Vec<u8>) -> usize {
        let start = out.len();
        // nothing becomes longer when it is decoded, so over a copy of the input there is room for all of it
        out.extend_from_slice(input);
        let mut target = Target { octets: out.get_mut(start..).unwrap_or_default(), filled: 0 };
        let mut rest = input;
        loop {
            rest = target.escapes(rest);
            rest = match rest {
                [] => break,
                [b'=', b'\r', b'\n', after @ ..] => after,
                [b'=', b'=', ..] => {
                    // all but the last of them can be told at once
                    let last = rest.iter().position(|octet| *octet != b'=').unwrap_or(rest.len()) - 1;
                    let at = self.at + (input.len() - rest.len()) as u64;
                    (at..at + last as u64).for_each(|at| self.defect(at));
                    target.fill(last, b'=');
                    rest.get(last..).unwrap_or_default()
                }
                [b'=', tail @ ..] => match soft_break(tail, kind) {
                    Some(Break::Soft(length)) => tail.get(length..).unwrap_or_default(),
                    Some(Break::None) => {
                        self.defect(self.at + (input.len() - rest.len()) as u64);
                        target.push(b'=');
                        tail
                    }
                    None => break,
                },
                _ => match target.run(rest, kind) {
                    0 => break,
                    used => rest.get(used..).unwrap_or_default(),
                },
            };
        }
        let filled = target.filled;
        out.truncate(start + filled);
        let used = input.len() - rest.len();
        self.at += used as u64;
        used
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Piece,
    End,
}

/// Where decoded octets go: as many slots as there are octets to decode.
struct Target<'t> {
    octets: &'t mut [u8],
    filled: usize,
}

impl Target<'_> {
    #[inline]
    fn push(&mut self, octet: u8) {
        if let Some(slot) = self.octets.get_mut(self.filled) {
            *slot = octet;
        }
        self.filled += 1;
    }

    fn fill(&mut self, count: usize, octet: u8) {
        self.octets.get_mut(self.filled..self.filled + count).unwrap_or_default().fill(octet);
        self.filled += count;
    }

    /// Decodes good escapes as long as they follow each other; what is left.
    #[inline]
    fn escapes<'i>(&mut self, input: &'i [u8]) -> &'i [u8] {
        let mut rest = input;
        // text in other scripts is hardly anything but escapes, so they are taken by twos
        while let [b'=', a, b, b'=', c, d, after @ ..] = rest
            && let Some(first) = hex_pair(*a, *b)
            && let Some(second) = hex_pair(*c, *d)
        {
            if let Some([one, two, ..]) = self.octets.get_mut(self.filled..) {
                (*one, *two) = (first, second);
            }
            self.filled += 2;
            rest = after;
        }
        if let [b'=', high, low, after @ ..] = rest
            && let Some(octet) = hex_pair(*high, *low)
        {
            self.push(octet);
            rest = after;
        }
        rest
    }

    /// Adds a run of octets that stand for themselves, with its line end and without padding; how many are used,
    /// none if that cannot be told yet.
    #[inline]
    fn run(&mut self, rest: &[u8], kind: Input) -> usize {
        let slots = self.octets.get_mut(self.filled..).unwrap_or_default();
        let length = copy_run(rest, slots);
        let run = rest.get(..length).unwrap_or(rest);
        match rest.get(length) {
            Some(b'=') => {
                self.filled += length;
                length
            }
            Some(_) if !ends_in_padding(run) => {
                self.filled += length;
                self.push(b'\n');
                length + 1
            }
            Some(_) => {
                self.filled += before_padding(run).len();
                if run.ends_with(b"\r") {
                    self.push(b'\r');
                }
                self.push(b'\n');
                length + 1
            }
            None if kind == Input::End => {
                self.filled += if run.ends_with(b"\r") { length } else { before_padding(run).len() };
                length
            }
            None => {
                let kept = before_padding(run).len();
                self.filled += kept;
                kept
            }
        }
    }
}

/// Copies octets up to the next `=` or line feed; how many. What lies behind them in `slots` may be overwritten.
#[inline]
fn copy_run(rest: &[u8], slots: &mut [u8]) -> usize {
    let is_special = |octet| matches!(octet, b'=' | b'\n');
    let (blocks, tail) = rest.as_chunks::<LANES>();
    let (block_slots, _) = slots.as_chunks_mut();
    let mut at = 0;
    for (block, slot) in blocks.iter().zip(block_slots) {
        *slot = *block;
        if let Some(length) = lanes::first(block, is_special) {
            return at + length;
        }
        at += LANES;
    }
    let length = tail.iter().position(|octet| is_special(*octet)).unwrap_or(tail.len());
    for (slot, octet) in slots.iter_mut().skip(at).zip(tail.iter().take(length)) {
        *slot = *octet;
    }
    at + length
}

/// Whether blanks stand at the end of a line, before its carriage return.
#[inline]
fn ends_in_padding(run: &[u8]) -> bool {
    matches!(run, [.., b' ' | b'\t'] | [.., b' ' | b'\t', b'\r'])
}

/// A line without its carriage return and the blanks before that.
fn before_padding(run: &[u8]) -> &[u8] {
    let text = run.strip_suffix(b"\r").unwrap_or(run);
    let blanks = text.iter().rev().take_while(|octet| matches!(octet, b' ' | b'\t')).count();
    // an endless run of blanks is no padding, and must not be kept for ever
    let padding = blanks % (PADDING_OCTETS_MAX + 1);
    text.get(..text.len() - padding).unwrap_or(text)
}

enum Break {
    Soft(usize),
    None,
}

/// Whether a line end, perhaps after padding, follows an equals sign; none if the piece ends before that is clear.
fn soft_break(tail: &[u8], kind: Input) -> Option<Break> {
    let blanks =
        tail.iter().take(PADDING_OCTETS_MAX).take_while(|octet| matches!(octet, b' ' | b'\t')).count();
    match tail.get(blanks..).unwrap_or_default() {
        [b'\n', ..] => Some(Break::Soft(blanks + 1)),
        [b'\r', b'\n', ..] => Some(Break::Soft(blanks + 2)),
        [] if kind == Input::End => Some(Break::Soft(blanks)),
        [] | [b'\r'] if kind == Input::Piece => None,
        [digit] if blanks == 0 && kind == Input::Piece && hex_value(*digit).is_some() => None,
        _ => Some(Break::None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_split_decodes_to_the_same() {
        for (input, expected, defects) in [
            ("caf=C3=A9", "café", 0),
            ("a=3db=3D", "a=b=", 0),
            ("a=\r\nb=\nc= \t\r\nd", "abcd", 0),
            ("a \t\r\nb  \nc  ", "a\r\nb\nc", 0),
            ("a =ZZ b = c=", "a =ZZ b = c", 2),
            ("a=4", "a=4", 1),
            ("a\rb =\rc", "a\rb =\rc", 1),
            (
                "a text that is long enough to be searched for its end  =20\r\n",
                "a text that is long enough to be searched for its end   \r\n",
                0,
            ),
            (
                "a text that is long enough to be searched for its end \t \r\nb",
                "a text that is long enough to be searched for its end\r\nb",
                0,
            ),
            ("=20 =20 \n", "   \n", 0),
            ("", "", 0),
        ] {
            for cut in 0..=input.len() {
                for piece in [1, 3, 100] {
                    let (mut decoder, mut out) = (QuotedPrintableDecoder::new(), Vec::new());
                    let (left, right) = input.as_bytes().split_at(cut);
                    decoder.push(left, &mut out);
                    for piece in right.chunks(piece) {
                        decoder.push(piece, &mut out);
                    }
                    decoder.finish(&mut out);
                    assert_eq!(String::from_utf8_lossy(&out), expected, "{input:?} cut at {cut} by {piece}");
                    assert_eq!(decoder.defects().count(), defects, "{input:?} cut at {cut} by {piece}");
                }
            }
        }
    }
}
