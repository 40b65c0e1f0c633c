//! The quoted-printable transfer encoding of text (RFC 2045 §6.7).
//!
//! Line ends of the input, in any form, are line ends of the output; everything else that a hop could change
//! is written as `=XX`. Lines are at most 76 octets. Binary data is base64's business and is not taken here:
//! a CR or LF that is data would need `=0D` and `=0A`, and this encoder cannot tell.

/// Most octets before the `=` of a soft line break (RFC 2045 §6.7 rule 5: 76 with it).
const LINE_OCTETS: usize = 75;

/// Octets that are looked at together.
const BLOCK_OCTETS: usize = 32;

const HEX: [u8; 16] = *b"0123456789ABCDEF";

/// Encodes text as quoted-printable (RFC 2045 §6.7).
///
/// ```
/// use smtpkit_mime::encode::QuotedPrintableEncoder;
///
/// let mut encoder = QuotedPrintableEncoder::new();
/// let mut out = Vec::new();
/// encoder.push("1 + 1 = 2 \nna\u{ef}ve".as_bytes(), &mut out);
/// encoder.finish(&mut out);
/// assert_eq!(out, b"1 + 1 =3D 2=20\r\nna=C3=AFve");
/// ```
#[derive(Debug, Clone, Default)]
pub struct QuotedPrintableEncoder {
    /// Octets in the current output line.
    column: usize,
    /// A space or tab that is not written yet: at a line end it must be encoded.
    held: Option<u8>,
    /// The last octet was a CR, whose CRLF is written already.
    after_cr: bool,
}

impl QuotedPrintableEncoder {
    /// An encoder at the start of a line.
    pub const fn new() -> Self {
        Self { column: 0, held: None, after_cr: false }
    }

    /// Encodes `input` and appends it to `out`.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        out.reserve(input.len() + input.len() / 16);
        let mut rest = input;
        while let Some((run, special, tail)) = split_at_special(rest) {
            self.plain(run, out);
            match special {
                b'\n' if self.after_cr && run.is_empty() => self.after_cr = false,
                b'\r' | b'\n' => {
                    self.line_end(out);
                    self.after_cr = special == b'\r';
                }
                b'\t' => self.plain(b"\t", out),
                octet => self.escape(octet, out),
            }
            rest = tail;
        }
        self.plain(rest, out);
    }

    /// Writes what is held back. The text is not given a line end that it does not have.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(space) = self.held.take() {
            self.escape(space, out);
        }
        *self = Self::new();
    }

    /// Writes octets that stand for themselves, all but a space at the end, which is held back.
    fn plain(&mut self, run: &[u8], out: &mut Vec<u8>) {
        let Some((&last, before)) = run.split_last() else { return };
        self.after_cr = false;
        self.release(out);
        if last == b' ' || last == b'\t' {
            self.literal(before, out);
            self.held = Some(last);
        } else {
            self.literal(run, out);
        }
    }

    fn literal(&mut self, mut run: &[u8], out: &mut Vec<u8>) {
        while let Some((line, rest)) = run.split_at_checked(LINE_OCTETS - self.column) {
            if rest.is_empty() {
                break;
            }
            out.extend_from_slice(line);
            self.soft_break(out);
            run = rest;
        }
        out.extend_from_slice(run);
        self.column += run.len();
    }

    fn escape(&mut self, octet: u8, out: &mut Vec<u8>) {
        self.after_cr = false;
        self.release(out);
        if self.column + 3 > LINE_OCTETS {
            self.soft_break(out);
        }
        out.extend_from_slice(&escaped(octet));
        self.column += 3;
    }

    fn line_end(&mut self, out: &mut Vec<u8>) {
        if let Some(space) = self.held.take() {
            self.escape(space, out);
        }
        out.extend_from_slice(b"\r\n");
        self.column = 0;
    }

    /// Writes the held space, which something follows in its line.
    fn release(&mut self, out: &mut Vec<u8>) {
        if let Some(space) = self.held.take() {
            self.literal(&[space], out);
        }
    }

    fn soft_break(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"=\r\n");
        self.column = 0;
    }
}

/// `=XX` of one octet.
pub(super) fn escaped(octet: u8) -> [u8; 3] {
    let digit = |n: u8| HEX.get(usize::from(n)).copied().unwrap_or(b'0');
    [b'=', digit(octet >> 4), digit(octet & 15)]
}

/// Splits off the octets that stand for themselves and the first that does not.
fn split_at_special(input: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    // whole blocks without a special octet are passed by a vector register at a time
    let (blocks, _) = input.as_chunks::<BLOCK_OCTETS>();
    let plain =
        blocks.iter().take_while(|block| !block.iter().fold(false, |any, &o| any | is_special(o))).count();
    let mut at = plain * BLOCK_OCTETS;
    loop {
        let Some(word) = input.get(at..).and_then(|rest| rest.first_chunk::<8>()) else {
            at += input.get(at..)?.iter().position(|&octet| is_special(octet))?;
            break;
        };
        let mask = special_octets(u64::from_le_bytes(*word));
        if mask != 0 {
            at += mask.trailing_zeros() as usize / 8;
            break;
        }
        at += 8;
    }
    let (run, tail) = input.split_at_checked(at)?;
    let (special, tail) = tail.split_first()?;
    Some((run, *special, tail))
}

/// Whether an octet does not stand for itself; tab is among them only because the fast test below is simpler so.
const fn is_special(octet: u8) -> bool {
    !matches!(octet, b' '..=b'~') || octet == b'='
}

/// The top bit of each octet of `word` that [`is_special`]; above the lowest one there may be false ones.
const fn special_octets(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = ONES << 7;
    let below_space = word.wrapping_sub(ONES * 0x20) & !word;
    let equals = word ^ (ONES * b'=' as u64);
    let is_equals = equals.wrapping_sub(ONES) & !equals;
    let above_tilde = word | word.wrapping_add(ONES);
    (below_space | is_equals | above_tilde) & TOPS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(input: &[u8]) -> Vec<u8> {
        let (mut encoder, mut out) = (QuotedPrintableEncoder::new(), Vec::new());
        encoder.push(input, &mut out);
        encoder.finish(&mut out);
        out
    }

    fn check(input: &str, expected: &str) {
        assert_eq!(String::from_utf8(encode(input.as_bytes())).unwrap(), expected, "{input:?}");
    }

    /// RFC 2045 §6.7 read backwards, octet by octet; panics on what the encoder must not write.
    fn decode(encoded: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut octets = encoded.iter().copied();
        while let Some(octet) = octets.next() {
            if octet != b'=' {
                out.push(octet);
                continue;
            }
            let pair = [octets.next().unwrap(), octets.next().unwrap()];
            if pair != *b"\r\n" {
                out.push(u8::from_str_radix(core::str::from_utf8(&pair).unwrap(), 16).unwrap());
            }
        }
        out
    }

    #[test]
    fn what_a_hop_could_change_is_escaped() {
        check("", "");
        check("plain text", "plain text");
        check("a=b", "a=3Db");
        check("tail \nnext\t\n", "tail=20\r\nnext=09\r\n");
        check("end ", "end=20");
        check("a\tb", "a\tb");
        check("\u{0}\u{7f}\u{b}", "=00=7F=0B");
        check("ü", "=C3=BC");
        check("a\rb\r\nc\nd", "a\r\nb\r\nc\r\nd");
        check(" \r\n \r\n", "=20\r\n=20\r\n");
        check("\r\n\n\r", "\r\n\r\n\r\n");
    }

    #[test]
    fn soft_breaks_keep_lines_at_76_octets() {
        check(&"x".repeat(75), &"x".repeat(75));
        check(&"x".repeat(76), &format!("{}=\r\nx", "x".repeat(75)));
        check(&format!("{}=", "x".repeat(73)), &format!("{}=\r\n=3D", "x".repeat(73)));
        check(&format!("{} \n", "x".repeat(75)), &format!("{}=\r\n=20\r\n", "x".repeat(75)));
    }

    proptest! {
        #[test]
        fn decodes_back_and_is_the_same_for_every_split(
            input in "([ -~\u{80}-\u{2ff}\t\r\n=]{0,90}|[a-z ]{0,200}){0,6}",
            cut in 0..400usize,
        ) {
            let octets = input.as_bytes();
            let whole = encode(octets);
            for line in whole.split(|&o| o == b'\n') {
                prop_assert!(line.strip_suffix(b"\r").unwrap_or(line).len() <= 76);
                prop_assert!(!line.ends_with(b" \r") && !line.ends_with(b"\t\r"));
            }
            let normal = input.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
            prop_assert_eq!(String::from_utf8(decode(&whole)).unwrap(), normal);

            let (head, tail) = octets.split_at(cut.min(octets.len()));
            let (mut encoder, mut out) = (QuotedPrintableEncoder::new(), Vec::new());
            encoder.push(head, &mut out);
            encoder.push(tail, &mut out);
            encoder.finish(&mut out);
            prop_assert_eq!(out, whole);
        }

        #[test]
        fn the_fast_test_finds_the_first_special_octet(octets in any::<[u8; 8]>()) {
            let mask = special_octets(u64::from_le_bytes(octets));
            let first = octets.iter().position(|&o| is_special(o)).unwrap_or(8);
            prop_assert_eq!(mask.trailing_zeros() as usize / 8, first);
        }
    }
}
