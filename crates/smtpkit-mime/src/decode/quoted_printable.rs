//! Quoted-printable, read leniently (RFC 2045 §6.7).
//!
//! Blanks at the end of a line are padding and vanish. An equals sign that starts no escape stays as it is.
//! The input is taken in pieces: what its end leaves open is kept, at most one run of blanks.

use crate::decode::hex_value;
use crate::defect::{Defect, DefectKind, Defects};
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

    /// Decodes as much as can be decided on; how many octets that are.
    fn decode(&mut self, input: &[u8], kind: Input, out: &mut Vec<u8>) -> usize {
        let start = out.len();
        out.resize(start + input.len(), 0);
        let mut target = Target { octets: out.get_mut(start..).unwrap_or_default(), filled: 0 };
        let mut rest = input;
        while let Some((octet, tail)) = rest.split_first() {
            rest = match *octet {
                b'=' => {
                    if let [high, low, after @ ..] = tail
                        && let (Some(high), Some(low)) = (hex_value(*high), hex_value(*low))
                    {
                        target.push(high << 4 | low);
                        after
                    } else {
                        match soft_break(tail, kind) {
                            Some(Break::Soft(length)) => tail.get(length..).unwrap_or_default(),
                            Some(Break::None) => {
                                let at = self.at + (input.len() - rest.len()) as u64;
                                let defect = Defect::new(DefectKind::BadQuotedPrintable, at);
                                self.defects.push(defect, Limits::DEFAULT.defects_max);
                                target.push(b'=');
                                tail
                            }
                            None => break,
                        }
                    }
                }
                b' ' | b'\t' => match padding(rest, kind) {
                    Some(Padding { octets, kept }) => {
                        let (blanks, after) = rest.split_at(octets);
                        if kept {
                            target.extend(blanks);
                        }
                        after
                    }
                    None => break,
                },
                octet => {
                    target.push(octet);
                    target.run(tail)
                }
            };
        }
        let filled = start + target.filled;
        out.truncate(filled);
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

/// Space for the decoded octets, which are never more than the encoded ones.
struct Target<'o> {
    octets: &'o mut [u8],
    filled: usize,
}

impl Target<'_> {
    #[inline]
    fn push(&mut self, octet: u8) {
        if let Some(slot) = self.octets.get_mut(self.filled) {
            *slot = octet;
            self.filled += 1;
        }
    }

    fn extend(&mut self, octets: &[u8]) {
        if let Some(slots) = self.octets.get_mut(self.filled..self.filled + octets.len()) {
            slots.copy_from_slice(octets);
            self.filled += octets.len();
        }
    }

    /// Copies octets that stand for themselves; what follows them.
    ///
    /// Short runs are copied one by one; a long one is worth a search for its end.
    #[inline]
    fn run<'i>(&mut self, input: &'i [u8]) -> &'i [u8] {
        let mut rest = input;
        for _ in 0..SHORT_RUN {
            match rest.split_first() {
                Some((octet, tail)) if *octet != b'=' && !is_padding(*octet, tail) => {
                    self.push(*octet);
                    rest = tail;
                }
                _ => return rest,
            }
        }
        let end = memchr::memchr2(b'=', b'\n', rest).unwrap_or(rest.len());
        let (run, _) = rest.split_at(end);
        // blanks before a line end, or before an end that is not known yet, are not copied
        let run = match rest.get(end) {
            Some(b'=') => run,
            _ => run.trim_ascii_end(),
        };
        self.extend(run);
        rest.get(run.len()..).unwrap_or_default()
    }
}

/// Octets of a run that are copied before its end is searched.
const SHORT_RUN: usize = 12;

/// Whether a blank may be padding: one within a line is followed by something visible.
#[inline]
fn is_padding(octet: u8, tail: &[u8]) -> bool {
    matches!(octet, b' ' | b'\t') && !matches!(tail.first(), Some(33..))
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

struct Padding {
    octets: usize,
    kept: bool,
}

/// The run of blanks at the start of `rest`: padding if a line end follows; none if that is not clear yet.
fn padding(rest: &[u8], kind: Input) -> Option<Padding> {
    let blanks =
        rest.iter().take(PADDING_OCTETS_MAX).take_while(|octet| matches!(octet, b' ' | b'\t')).count();
    if blanks == PADDING_OCTETS_MAX {
        return Some(Padding { octets: blanks, kept: true });
    }
    match rest.get(blanks..).unwrap_or_default() {
        [b'\n', ..] | [b'\r', b'\n', ..] => Some(Padding { octets: blanks, kept: false }),
        [] if kind == Input::End => Some(Padding { octets: blanks, kept: false }),
        [] | [b'\r'] if kind == Input::Piece => None,
        _ => Some(Padding { octets: blanks, kept: true }),
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
