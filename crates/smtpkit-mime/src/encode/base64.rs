//! The base64 transfer encoding in lines of 76 octets (RFC 2045 §6.8).
//!
//! The codec itself is the `base64` crate's vector engine; this file adds what mail adds to it: lines, and
//! input that arrives in pieces. A line takes exactly 57 octets, so pieces are encoded whole lines at a time,
//! many lines per call of the engine, and only the rest of a piece is kept.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::PAD;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
type Codec = base64::engine::Simd;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
type Codec = base64::engine::GeneralPurpose;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static CODEC: LazyLock<Codec> = LazyLock::new(|| Codec::standard(PAD));
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static CODEC: LazyLock<Codec> = LazyLock::new(|| Codec::new(&base64::alphabet::STANDARD, PAD));

/// Octets that fill one line.
const LINE_INPUT: usize = 57;
/// Base64 digits of one full line, the most that RFC 2045 §6.8 allows.
const LINE_OUTPUT: usize = 76;
/// The same with the line end.
const LINE_OCTETS: usize = LINE_OUTPUT + 2;
/// Lines that one call of the engine encodes. It takes 24 octets a step and leaves what does not fill a vector to a
/// slower way; of 129 lines that is 9 octets, the least that there can be.
const BLOCK_LINES: usize = 129;
/// Octets of a block: pieces of so many are encoded without keeping anything.
pub(crate) const BLOCK_INPUT: usize = LINE_INPUT * BLOCK_LINES;
/// Lines that the output grows by at a time, so that they are filled while they are near.
const GROWTH_LINES: usize = 24;

/// Encodes octets as base64 in lines of 76 (RFC 2045 §6.8).
///
/// ```
/// use smtpkit_mime::encode::Base64Encoder;
///
/// let mut encoder = Base64Encoder::new();
/// let mut out = Vec::new();
/// encoder.push(b"hello, ", &mut out);
/// encoder.push(b"world", &mut out);
/// encoder.finish(&mut out);
/// assert_eq!(out, b"aGVsbG8sIHdvcmxk\r\n");
/// ```
#[derive(Debug, Clone)]
pub struct Base64Encoder {
    /// The start of a line that is not full yet.
    line: [u8; LINE_INPUT],
    held: usize,
    /// Where the engine writes, before its digits are parted into lines.
    digits: [u8; LINE_OUTPUT * BLOCK_LINES],
}

impl Default for Base64Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Base64Encoder {
    /// An encoder at the start of a line.
    pub const fn new() -> Self {
        Self { line: [0; LINE_INPUT], held: 0, digits: [0; LINE_OUTPUT * BLOCK_LINES] }
    }

    /// Octets that `input` octets become, line ends included.
    ///
    /// ```
    /// # use smtpkit_mime::encode::Base64Encoder;
    /// assert_eq!(Base64Encoder::encoded_len(57), 78);
    /// assert_eq!(Base64Encoder::encoded_len(58), 78 + 4 + 2);
    /// ```
    pub const fn encoded_len(input: u64) -> u64 {
        input
            .div_ceil(3)
            .saturating_mul(4)
            .saturating_add(input.div_ceil(LINE_INPUT as u64).saturating_mul(2))
    }

    /// Encodes `input` and appends the lines that it completes to `out`.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut rest = input;
        if self.held > 0 {
            let wanted = LINE_INPUT - self.held;
            let Some((head, tail)) = rest.split_at_checked(wanted) else { return self.hold(rest) };
            self.hold(head);
            rest = tail;
            encode_block(&self.line, &mut self.digits, out);
            self.held = 0;
        }
        out.reserve(rest.len() / LINE_INPUT * LINE_OCTETS);
        let mut blocks = rest.chunks_exact(BLOCK_INPUT);
        for block in &mut blocks {
            encode_block(block, &mut self.digits, out);
        }
        let tail = blocks.remainder();
        let (lines, tail) = tail.split_at(tail.len() - tail.len() % LINE_INPUT);
        encode_block(lines, &mut self.digits, out);
        self.hold(tail);
    }

    /// Writes the last line, which may be short; the encoder is then at the start of a line again.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let last = self.line.get(..self.held).expect("invariant: held is less than a line");
        if !last.is_empty() {
            let mut digits = [0; LINE_OUTPUT];
            let n = CODEC.encode_slice(last, &mut digits).expect("invariant: 57 octets make 76 digits");
            out.extend(digits.iter().take(n));
            out.extend_from_slice(b"\r\n");
        }
        self.held = 0;
    }

    /// Keeps the start of a line; `input` is shorter than what the line still takes, or completes it.
    fn hold(&mut self, input: &[u8]) {
        let end = self.held + input.len();
        self.line.get_mut(self.held..end).expect("invariant: a line takes 57 octets").copy_from_slice(input);
        self.held = end;
    }
}

/// Encodes whole lines, at most [`BLOCK_LINES`] of them.
fn encode_block(lines: &[u8], digits: &mut [u8], out: &mut Vec<u8>) {
    let n = CODEC.encode_slice(lines, digits).expect("invariant: a block fits the digits of its lines");
    let (lines, _) = digits.get(..n).unwrap_or_default().as_chunks::<LINE_OUTPUT>();
    for lines in lines.chunks(GROWTH_LINES) {
        let start = out.len();
        // sized before, so that a line is a copy of fixed length and nothing else
        out.resize(start + lines.len() * LINE_OCTETS, b'\n');
        let (slots, _) = out.get_mut(start..).unwrap_or_default().as_chunks_mut::<LINE_OCTETS>();
        for (slot, line) in slots.iter_mut().zip(lines) {
            let [text @ .., carriage, _] = slot;
            (*text, *carriage) = (*line, b'\r');
        }
    }
}

/// The digits of `input` in one line, for encoded words.
pub(super) fn digits(input: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + input.len().div_ceil(3) * 4, 0);
    if let Some(space) = out.get_mut(start..) {
        CODEC.encode_slice(input, space).expect("invariant: the space was sized for the input");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 4648 §4, one digit at a time.
    fn reference(input: &[u8]) -> Vec<u8> {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut out = Vec::new();
        for line in input.chunks(57) {
            for group in line.chunks(3) {
                let bits = group.iter().chain([&0, &0]).take(3).fold(0u32, |b, &o| b << 8 | u32::from(o));
                for digit in 0..4 {
                    let value = (bits >> (18 - 6 * digit)) & 63;
                    out.push(if digit <= group.len() { ALPHABET[value as usize] } else { b'=' });
                }
            }
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    proptest! {
        #[test]
        fn equals_the_reference_for_every_split(
            input in proptest::collection::vec(any::<u8>(), 0..6000),
            cuts in proptest::collection::vec(0..6000usize, 0..6),
        ) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|c| c.min(input.len())).collect();
            cuts.sort_unstable();
            let (mut encoder, mut out, mut at) = (Base64Encoder::new(), Vec::new(), 0);
            for cut in cuts.into_iter().chain([input.len()]) {
                encoder.push(&input[at..cut], &mut out);
                at = cut;
            }
            encoder.finish(&mut out);
            prop_assert_eq!(out.len() as u64, Base64Encoder::encoded_len(input.len() as u64));
            prop_assert_eq!(out, reference(&input));
        }
    }

    #[test]
    fn nothing_becomes_nothing() {
        let mut out = Vec::new();
        Base64Encoder::new().finish(&mut out);
        assert_eq!(out, b"");
    }
}
