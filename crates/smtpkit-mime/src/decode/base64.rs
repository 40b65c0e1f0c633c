//! Base64 as mail carries it: in lines, with whatever else fell into it (RFC 2045 §6.8).
//!
//! Clean lines are gathered, stripped of their line ends and handed to a vectorised engine in blocks; lines of
//! 76 letters, which nearly all mail has, take the shortest way there. A block
//! that the engine refuses is read again octet by octet, where strange octets are skipped and told. Data may go
//! on after padding, because joined base64 does; what was sent is shown rather than cut.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};

use crate::defect::{Defect, DefectKind, Defects};
use crate::limits::Limits;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
type BlockEngine = base64::engine::simd::Simd;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
type BlockEngine = base64::engine::GeneralPurpose;

/// Decodes whole groups of four; a block may be padded at its end, or not.
static ENGINE: LazyLock<BlockEngine> = LazyLock::new(|| {
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone);
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    return BlockEngine::standard(config);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return BlockEngine::new(&base64::alphabet::STANDARD, config);
});

/// Letters of a full line (RFC 2045 §6.8), and its octets with the line end.
const LINE_LETTERS: usize = 76;
const LINE_OCTETS: usize = LINE_LETTERS + 2;
/// Shorter lines are decoded octet by octet; gathering them would cost more.
const LINE_LETTERS_MIN: usize = 16;
/// Lines that are decoded in one go. The engine takes 32 letters a step and leaves the last four to a slower
/// way; 115 lines are a whole number of steps and those four.
const BLOCK_LINES: usize = 115;
const BLOCK_LETTERS: usize = BLOCK_LINES * LINE_LETTERS;
/// Shorter input is not worth a block.
const BLOCK_OCTETS_MIN: usize = 4 * LINE_OCTETS;

/// Decodes base64 that arrives in pieces (RFC 2045 §6.8).
///
/// ```
/// use smtpkit_mime::decode::Base64Decoder;
///
/// let (mut decoder, mut out) = (Base64Decoder::new(), Vec::new());
/// decoder.push(b"aGVs\r\nbG", &mut out);
/// decoder.push(b"8=\r\n", &mut out);
/// decoder.finish(&mut out);
/// assert_eq!(out, b"hello");
/// assert!(decoder.defects().is_empty());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Base64Decoder {
    /// Values of the group of four that is not complete, six bits each.
    group: u32,
    values: u8,
    /// Whether padding was the last thing seen.
    padded: bool,
    /// Letters of one block, and space for what they decode to; empty until a block is worth it.
    letters: Vec<u8>,
    decoded: Vec<u8>,
    /// Octets pushed before the current piece.
    at: u64,
    defects: Defects,
}

impl Base64Decoder {
    /// A decoder that has seen nothing.
    pub const fn new() -> Self {
        Self {
            group: 0,
            values: 0,
            padded: false,
            letters: Vec::new(),
            decoded: Vec::new(),
            at: 0,
            defects: Defects::NONE,
        }
    }

    /// Decodes `input`, the next piece, and adds the result to `out`.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut done = 0;
        while let Some(rest) = input.get(done..).filter(|rest| !rest.is_empty()) {
            if !self.is_aligned() || rest.len() < BLOCK_OCTETS_MIN {
                done += self.push_careful(rest, done, Until::Aligned, out);
                continue;
            }
            self.make_room(rest.len());
            let FullLines { decoded, refused } = self.push_full_lines(rest, out);
            let mut used = decoded;
            if used == 0 && refused > 0 {
                // never look at them as a block again: every octet may be refused in its turn
                used = self.push_careful(rest.get(..refused).unwrap_or(rest), done, Until::End, out);
            } else if used == 0 {
                let line =
                    memchr::memchr(b'\n', rest.get(..LINE_OCTETS).unwrap_or(rest)).map_or(0, |end| end + 1);
                used = if line > 0 && is_full_line(rest.get(line..).unwrap_or_default()) {
                    // the end of a line that an earlier piece began
                    self.push_careful(rest.get(..line).unwrap_or(rest), done, Until::End, out)
                } else {
                    self.push_lines(rest, out)
                };
            }
            if used == 0 {
                // the engine refused a block
                let careful = rest.get(..BLOCK_LETTERS).unwrap_or(rest);
                used = self.push_careful(careful, done, Until::End, out);
            }
            done += used;
        }
        self.at += input.len() as u64;
    }

    /// Makes the block as large as the input is worth.
    fn make_room(&mut self, octets: usize) {
        let letters = LINE_LETTERS * (octets / LINE_OCTETS).clamp(1, BLOCK_LINES);
        if self.letters.len() < letters {
            self.letters.resize(letters, 0);
            self.decoded.resize(letters / 4 * 3, 0);
        }
    }

    /// Whether the next octet begins a group of four.
    fn is_aligned(&self) -> bool {
        self.values == 0 && !self.padded
    }

    /// Decodes clean lines of 76 letters as long as there are any.
    fn push_full_lines(&mut self, input: &[u8], out: &mut Vec<u8>) -> FullLines {
        let mut done = 0;
        loop {
            let (lines, _) = input.get(done..).unwrap_or_default().as_chunks::<LINE_OCTETS>();
            let (slots, _) = self.letters.as_chunks_mut::<LINE_LETTERS>();
            let mut count = 0;
            for (line, slot) in lines.iter().zip(slots) {
                let [text @ .., b'\r', b'\n'] = line else { break };
                slot.copy_from_slice(text);
                count += 1;
            }
            let block = self.letters.get(..count * LINE_LETTERS).unwrap_or_default();
            if block.is_empty() {
                return FullLines { decoded: done, refused: 0 };
            }
            if !decode_block(block, &mut self.decoded, out) {
                return FullLines { decoded: done, refused: count * LINE_OCTETS };
            }
            done += count * LINE_OCTETS;
        }
    }

    /// Decodes one block of clean lines of any length; how many octets that were, none if the engine refused it.
    fn push_lines(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        let letters = self.letters.as_mut_slice();
        // what holds no letters must not be walked over once for every block
        let input = input.get(..2 * LINE_OCTETS * BLOCK_LINES).unwrap_or(input);
        let (mut filled, mut at, mut length) = (0, 0, 0);
        while filled < letters.len() && at < input.len() {
            let (line, octets) = line_of(input.get(at..).unwrap_or_default(), &mut length);
            if line.len() < LINE_LETTERS_MIN && at + octets < input.len() {
                break;
            }
            let room = letters.get_mut(filled..).unwrap_or_default();
            let taken = line.get(..room.len()).unwrap_or(line);
            if let Some(target) = room.get_mut(..taken.len()) {
                target.copy_from_slice(taken);
            }
            filled += taken.len();
            at += if taken.len() == line.len() { octets } else { taken.len() };
        }
        let whole = filled & !3;
        // a line may have a stray end in it: the engine refuses that among the whole groups, but does not see the rest
        let rest = letters.get(whole..filled).unwrap_or_default();
        if rest.iter().any(|octet| matches!(octet, b'\r' | b'\n')) {
            return 0;
        }
        if whole == 0 || !decode_block(letters.get(..whole).unwrap_or_default(), &mut self.decoded, out) {
            return 0;
        }
        before_letters(input, at, filled - whole)
    }

    /// Decodes octet by octet; how many octets that were. `offset` is where `input` begins in the piece.
    fn push_careful(&mut self, input: &[u8], offset: usize, until: Until, out: &mut Vec<u8>) -> usize {
        for (index, octet) in input.iter().enumerate() {
            let value = match LETTERS.get(usize::from(*octet)) {
                Some(value @ 0..64) => *value,
                Some(&BLANK) => continue,
                Some(&PADDING) => {
                    if self.values > 0 && !self.flush(out) {
                        self.defect(DefectKind::TruncatedBase64, offset + index);
                    }
                    self.padded = true;
                    continue;
                }
                _ => {
                    self.defect(DefectKind::BadBase64, offset + index);
                    continue;
                }
            };
            if self.padded {
                self.padded = false;
                self.defect(DefectKind::DataAfterPadding, offset + index);
            }
            self.group = self.group << 6 | u32::from(value);
            self.values += 1;
            if self.values == 4 {
                let [_, first, second, third] = self.group.to_be_bytes();
                out.extend_from_slice(&[first, second, third]);
                (self.group, self.values) = (0, 0);
                if until == Until::Aligned {
                    return index + 1;
                }
            }
        }
        input.len()
    }

    /// Gives out the octets of an incomplete group; false if a letter too few or too many was there.
    fn flush(&mut self, out: &mut Vec<u8>) -> bool {
        let [_, first, second, _] = (self.group << (6 * (4 - u32::from(self.values.min(4))))).to_be_bytes();
        match self.values {
            2 => out.push(first),
            3 => out.extend_from_slice(&[first, second]),
            _ => {}
        }
        let complete = self.values != 1;
        (self.group, self.values) = (0, 0);
        complete
    }

    /// Ends the input and adds what is left of it to `out`.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let open = self.values > 0;
        self.flush(out);
        if open {
            self.defect(DefectKind::TruncatedBase64, 0);
        }
    }

    fn defect(&mut self, kind: DefectKind, offset: usize) {
        self.defects.push(Defect::new(kind, self.at + offset as u64), Limits::DEFAULT.defects_max);
    }

    /// What is wrong with the input so far, with offsets counted in all of it.
    pub fn defects(&self) -> &Defects {
        &self.defects
    }
}

/// What became of lines that looked full, in octets: first those that were, and then a block that the engine refused.
#[derive(Debug, Clone, Copy)]
struct FullLines {
    decoded: usize,
    refused: usize,
}

/// How far to decode octet by octet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    End,
    Aligned,
}

/// The next line without its end, and how long it is with it; `length` is what all lines have been so far.
fn line_of<'a>(rest: &'a [u8], length: &mut usize) -> (&'a [u8], usize) {
    if let Some((line, [b'\r', b'\n', ..])) = rest.split_at_checked(*length)
        && *length > 0
    {
        return (line, *length + 2);
    }
    let Some(end) = memchr::memchr(b'\n', rest) else {
        return (rest.strip_suffix(b"\r").unwrap_or(rest), rest.len());
    };
    let line = rest.get(..end).unwrap_or(rest);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    *length = line.len();
    (line, end + 1)
}

/// Where the last `count` letters before `at` begin, line ends not counted.
fn before_letters(input: &[u8], at: usize, count: usize) -> usize {
    let mut left = count;
    let mut at = at;
    while left > 0 && at > 0 {
        at -= 1;
        if !matches!(input.get(at), Some(b'\r' | b'\n')) {
            left -= 1;
        }
    }
    at
}

/// Whether a line of 76 letters begins here.
fn is_full_line(input: &[u8]) -> bool {
    matches!(input.first_chunk::<LINE_OCTETS>(), Some([.., b'\r', b'\n']))
}

/// Decodes whole groups by way of `decoded`; false, and `out` as it was, if there is anything strange among them.
fn decode_block(block: &[u8], decoded: &mut [u8], out: &mut Vec<u8>) -> bool {
    match ENGINE.decode_slice(block, decoded) {
        Ok(length) => {
            out.extend_from_slice(decoded.get(..length).unwrap_or_default());
            true
        }
        Err(_) => false,
    }
}

const BLANK: u8 = 64;
const PADDING: u8 = 65;
const STRANGE: u8 = 66;

/// What each octet means.
static LETTERS: [u8; 256] = letters();

#[expect(clippy::indexing_slicing, reason = "a constant: an index out of range would not compile")]
const fn letters() -> [u8; 256] {
    let mut table = [STRANGE; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut index = 0;
    while index < 64 {
        table[alphabet[index] as usize] = index as u8;
        index += 1;
    }
    table[b' ' as usize] = BLANK;
    table[b'\t' as usize] = BLANK;
    table[b'\r' as usize] = BLANK;
    table[b'\n' as usize] = BLANK;
    table[b'=' as usize] = PADDING;
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(input: &[u8], piece: usize) -> (Vec<u8>, Vec<(DefectKind, u64)>) {
        let (mut decoder, mut out) = (Base64Decoder::new(), Vec::new());
        for piece in input.chunks(piece) {
            decoder.push(piece, &mut out);
        }
        decoder.finish(&mut out);
        (out, decoder.defects().iter().map(|defect| (defect.kind, defect.at)).collect())
    }

    #[test]
    fn a_stray_line_end_behind_the_last_whole_group_repeats_no_letter() {
        let head = "i".repeat(15);
        let input = format!("{head}12\0\r\r\n\n{}", "aGVs\r\n".repeat(80));
        let careful = decode(input.as_bytes(), 1);
        for piece in [7, 105, 312, 313, input.len()] {
            assert_eq!(decode(input.as_bytes(), piece), careful, "pieces of {piece}");
        }
    }

    type Case<'c> = (&'c str, &'c str, &'c [(DefectKind, u64)]);

    #[test]
    fn strange_input_is_decoded_as_far_as_it_goes() {
        let cases: [Case<'_>; 9] = [
            ("aGVsbG8=", "hello", &[]),
            ("aGVs bG8=\r\n", "hello", &[]),
            ("aGVsbG8", "hello", &[(DefectKind::TruncatedBase64, 7)]),
            ("aGVsb", "hel", &[(DefectKind::TruncatedBase64, 5)]),
            ("aGVs-bG8=", "hello", &[(DefectKind::BadBase64, 4)]),
            ("aA==aGk=", "hhi", &[(DefectKind::DataAfterPadding, 4)]),
            ("aA=", "h", &[]),
            ("====", "", &[]),
            ("", "", &[]),
        ];
        for (input, expected, defects) in cases {
            for piece in 1..=input.len().max(1) {
                let (out, found) = decode(input.as_bytes(), piece);
                assert_eq!(
                    (out.as_slice(), found.as_slice()),
                    (expected.as_bytes(), defects),
                    "{input} by {piece}"
                );
            }
        }
    }

    #[test]
    fn blocks_and_octets_give_the_same() {
        let line = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n";
        for (from, to) in
            [("", ""), ("QUJD", "Q*UJD"), ("\r\n", "\n"), ("MDEy", "MDEy "), ("MjM0", "MjM"), ("A", "=")]
        {
            let text = line.repeat(200).replacen(from, to, 3);
            let (expected, defects) = decode(text.as_bytes(), 1);
            for piece in [16, 77, 5000, text.len()] {
                assert_eq!(
                    decode(text.as_bytes(), piece),
                    (expected.clone(), defects.clone()),
                    "{to:?} by {piece}"
                );
            }
        }
    }
}
