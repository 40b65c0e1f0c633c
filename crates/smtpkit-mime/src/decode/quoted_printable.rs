//! Quoted-printable, read leniently (RFC 2045 §6.7).
//!
//! Blanks at the end of a line are padding and vanish. An equals sign that starts no escape stays as it is.
//! The input is taken in pieces: what its end leaves open is kept, at most one run of blanks.

use crate::decode::{hex_pair, hex_value};
use crate::defect::{Defect, DefectKind, Defects};
use crate::limits::{Limits, PADDING_OCTETS_MAX};
use crate::swar;

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

    /// Decodes as much as can be decided on; how many octets that are.
    fn decode(&mut self, input: &[u8], kind: Input, out: &mut Vec<u8>) -> usize {
        let mut target = Target { buffer: [0; BUFFER_OCTETS], filled: 0, out };
        let mut rest = input;
        loop {
            rest = target.escapes(rest);
            let used = match rest {
                [] => break,
                [b'=', tail @ ..] => match soft_break(tail, kind) {
                    Some(Break::Soft(length)) => length + 1,
                    Some(Break::None) => {
                        let at = self.at + (input.len() - rest.len()) as u64;
                        let defect = Defect::new(DefectKind::BadQuotedPrintable, at);
                        self.defects.push(defect, Limits::DEFAULT.defects_max);
                        target.push(b'=');
                        1
                    }
                    None => break,
                },
                _ => {
                    let length = target.run(rest);
                    if rest.get(length) == Some(&b'=') {
                        length
                    } else {
                        match target.end_line(rest, length, kind) {
                            0 => break,
                            used => used,
                        }
                    }
                }
            };
            rest = rest.get(used..).unwrap_or_default();
        }
        target.flush();
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

/// Octets that are decoded before they are handed out.
const BUFFER_OCTETS: usize = 1024;
/// Words of a run that are copied while looking for its end; the end of a longer run is worth a search.
const SHORT_RUN_WORDS: usize = 4;
/// Octets that must be free before anything is decoded.
const ROOM_OCTETS: usize = 8 * (SHORT_RUN_WORDS + 1);

/// Where decoded octets go.
struct Target<'o> {
    buffer: [u8; BUFFER_OCTETS],
    filled: usize,
    out: &'o mut Vec<u8>,
}

impl Target<'_> {
    #[inline]
    fn make_room(&mut self) {
        if self.filled > BUFFER_OCTETS - ROOM_OCTETS {
            self.flush();
        }
    }

    #[inline]
    fn push(&mut self, octet: u8) {
        self.make_room();
        if let Some(slot) = self.buffer.get_mut(self.filled) {
            *slot = octet;
            self.filled += 1;
        }
    }

    /// Decodes escapes as long as they follow each other; what follows them.
    #[inline]
    fn escapes<'i>(&mut self, input: &'i [u8]) -> &'i [u8] {
        let mut rest = input;
        // text in other scripts is hardly anything else, so they are taken by twos
        while let [b'=', a, b, b'=', c, d, after @ ..] = rest
            && let Some(first) = hex_pair(*a, *b)
            && let Some(second) = hex_pair(*c, *d)
        {
            self.make_room();
            if let Some(slots) = self.buffer.get_mut(self.filled..self.filled + 2) {
                slots.copy_from_slice(&[first, second]);
                self.filled += 2;
            }
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

    fn flush(&mut self) {
        self.out.extend_from_slice(self.buffer.get(..self.filled).unwrap_or_default());
        self.filled = 0;
    }

    /// Takes back the last octets.
    fn retract(&mut self, octets: usize) {
        let flushed = octets.saturating_sub(self.filled);
        self.filled -= octets - flushed;
        self.out.truncate(self.out.len() - flushed);
    }

    /// Copies octets up to the next `=` or line feed; how many.
    #[inline]
    fn run(&mut self, rest: &[u8]) -> usize {
        self.make_room();
        let (words, _) = rest.as_chunks::<8>();
        let (slots, _) = self.buffer.get_mut(self.filled..).unwrap_or_default().as_chunks_mut::<8>();
        let mut at = 0;
        for (word, slot) in words.iter().zip(slots).take(SHORT_RUN_WORDS) {
            *slot = *word;
            let length = swar::first_of(u64::from_le_bytes(*word), b'=', b'\n');
            at += length;
            if length < 8 {
                self.filled += at;
                return at;
            }
        }
        self.filled += at;
        let tail = rest.get(at..).unwrap_or_default();
        let end = memchr::memchr2(b'=', b'\n', tail).unwrap_or(tail.len());
        self.flush();
        self.out.extend_from_slice(tail.get(..end).unwrap_or_default());
        at + end
    }

    /// Ends a run that no `=` follows: padding goes, a line end stays; how many octets of `rest` are used.
    fn end_line(&mut self, rest: &[u8], length: usize, kind: Input) -> usize {
        let (run, after) = rest.split_at(length);
        let (text, carriage) = match run.strip_suffix(b"\r") {
            Some(text) => (text, 1),
            None => (run, 0),
        };
        let mut padding = text.iter().rev().take_while(|octet| matches!(octet, b' ' | b'\t')).count();
        if padding > PADDING_OCTETS_MAX {
            // an endless run of blanks is no padding, and must not be kept for ever
            padding %= PADDING_OCTETS_MAX + 1;
        }
        if !after.is_empty() {
            if padding > 0 {
                self.retract(padding + carriage);
                if carriage > 0 {
                    self.push(b'\r');
                }
            }
            self.push(b'\n');
            return length + 1;
        }
        match kind {
            Input::End => {
                self.retract(if carriage == 0 { padding } else { 0 });
                length
            }
            Input::Piece => {
                self.retract(padding + carriage);
                length - padding - carriage
            }
        }
    }
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
