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

    fn defect(&mut self, at: u64) {
        self.defects.push(Defect::new(DefectKind::BadQuotedPrintable, at), Limits::DEFAULT.defects_max);
    }

    /// Decodes as much as can be decided on; how many octets that are.
    fn decode(&mut self, input: &[u8], kind: Input, out: &mut Vec<u8>) -> usize {
        let mut buffer = [0; BUFFER_OCTETS];
        let mut rest = input;
        loop {
            let used = usual(rest, &mut buffer, out);
            rest = rest.get(used..).unwrap_or_default();
            let used = match rest {
                [] => break,
                [b'=', b'=', ..] => {
                    // all but the last of them can be told at once
                    let last = rest.iter().position(|octet| *octet != b'=').unwrap_or(rest.len()) - 1;
                    let at = self.at + (input.len() - rest.len()) as u64;
                    (at..at + last as u64).for_each(|at| self.defect(at));
                    out.resize(out.len() + last, b'=');
                    last
                }
                [b'=', tail @ ..] => match soft_break(tail, kind) {
                    Some(Break::Soft(length)) => length + 1,
                    Some(Break::None) => {
                        let at = self.at + (input.len() - rest.len()) as u64;
                        self.defect(at);
                        out.push(b'=');
                        1
                    }
                    None => break,
                },
                _ => match run(rest, kind, out) {
                    0 => break,
                    used => used,
                },
            };
            rest = rest.get(used..).unwrap_or_default();
        }
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
/// Octets of a run that are copied while looking for its end; the end of a longer run is worth a search.
const SHORT_RUN_OCTETS: usize = 32;
/// Octets that must be free before anything is decoded.
const ROOM_OCTETS: usize = SHORT_RUN_OCTETS + 8;

/// Decodes what needs no second look: good escapes, short runs, soft and hard line ends without padding; how many
/// octets that were. What it stops at begins a run or an escape.
fn usual(input: &[u8], buffer: &mut [u8; BUFFER_OCTETS], out: &mut Vec<u8>) -> usize {
    let mut rest = input;
    let mut filled = 0;
    loop {
        // text in other scripts is hardly anything but escapes, so they are taken by twos
        while let [b'=', a, b, b'=', c, d, after @ ..] = rest
            && filled <= BUFFER_OCTETS - ROOM_OCTETS
            && let Some(first) = hex_pair(*a, *b)
            && let Some(second) = hex_pair(*c, *d)
        {
            if let Some([one, two, ..]) = buffer.get_mut(filled..) {
                (*one, *two) = (first, second);
            }
            filled += 2;
            rest = after;
        }
        if let [b'=', high, low, after @ ..] = rest
            && let Some(octet) = hex_pair(*high, *low)
        {
            if let Some(slot) = buffer.get_mut(filled) {
                *slot = octet;
            }
            filled += 1;
            rest = after;
        }
        if filled > BUFFER_OCTETS - ROOM_OCTETS {
            out.extend_from_slice(buffer.get(..filled).unwrap_or_default());
            filled = 0;
        }
        let length = short_run(rest, buffer.get_mut(filled..).unwrap_or_default());
        match rest.get(length..) {
            Some(after @ [b'=', tail @ ..]) => {
                filled += length;
                rest = after;
                match tail {
                    [b'\r', b'\n', after @ ..] => rest = after,
                    [high, low, ..] if hex_pair(*high, *low).is_some() => {}
                    _ => break,
                }
            }
            Some([b'\n', after @ ..]) if !ends_in_padding(rest.get(..length).unwrap_or_default()) => {
                if let Some(slot) = buffer.get_mut(filled + length) {
                    *slot = b'\n';
                }
                filled += length + 1;
                rest = after;
            }
            _ => break,
        }
    }
    out.extend_from_slice(buffer.get(..filled).unwrap_or_default());
    input.len() - rest.len()
}

/// Copies octets up to the next `=` or line feed, as far as whole words of a short run go; how many.
#[inline]
fn short_run(rest: &[u8], target: &mut [u8]) -> usize {
    let mut at = 0;
    while at < SHORT_RUN_OCTETS
        && let Some(word) = rest.get(at..).and_then(<[u8]>::first_chunk::<8>)
    {
        if let Some(slots) = target.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<8>) {
            *slots = *word;
        }
        let length = swar::first_of(u64::from_le_bytes(*word), b'=', b'\n');
        at += length;
        if length < 8 {
            break;
        }
    }
    at
}

/// Whether blanks stand at the end of a line, before its carriage return.
#[inline]
fn ends_in_padding(run: &[u8]) -> bool {
    matches!(run, [.., b' ' | b'\t'] | [.., b' ' | b'\t', b'\r'])
}

/// Adds a run of octets that stand for themselves, with its line end and without padding; how many are used, none
/// if that cannot be told yet.
fn run(rest: &[u8], kind: Input, out: &mut Vec<u8>) -> usize {
    let length = memchr::memchr2(b'=', b'\n', rest).unwrap_or(rest.len());
    let (run, after) = rest.split_at(length);
    if after.first() == Some(&b'=') {
        out.extend_from_slice(run);
        return length;
    }
    let (text, carriage) = match run.strip_suffix(b"\r") {
        Some(text) => (text, 1),
        None => (run, 0),
    };
    let blanks = text.iter().rev().take_while(|octet| matches!(octet, b' ' | b'\t')).count();
    // an endless run of blanks is no padding, and must not be kept for ever
    let padding = blanks % (PADDING_OCTETS_MAX + 1);
    let kept = text.get(..text.len() - padding).unwrap_or(text);
    if !after.is_empty() {
        out.extend_from_slice(kept);
        out.extend_from_slice(if carriage > 0 { b"\r\n" } else { b"\n" });
        return length + 1;
    }
    match kind {
        Input::End if carriage > 0 => out.extend_from_slice(run),
        Input::End => out.extend_from_slice(kept),
        Input::Piece => {
            out.extend_from_slice(kept);
            return kept.len();
        }
    }
    length
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
