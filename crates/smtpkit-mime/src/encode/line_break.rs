//! Line ends as the wire wants them: CR LF, LF and CR all become CRLF (RFC 5322 §2.3).
//!
//! Text comes with the line ends of the system that wrote it. Content has no bare CR and no bare LF, so that no
//! hop can see a line end where another sees none.

use memchr::{memchr, memchr2};

/// A guess at the octets of a line, for how much longer its text gets.
const LINE_OCTETS_TYPICAL: usize = 32;

/// Writes text with every line end as CRLF (RFC 5322 §2.3).
///
/// ```
/// use smtpkit_mime::encode::CrlfEncoder;
///
/// let mut encoder = CrlfEncoder::new();
/// let mut out = Vec::new();
/// encoder.push(b"one\ntwo\r", &mut out);
/// encoder.push(b"\nthree\rfour", &mut out);
/// assert_eq!(out, b"one\r\ntwo\r\nthree\r\nfour");
/// ```
#[derive(Debug, Clone, Default)]
pub struct CrlfEncoder {
    /// The last octet was a CR, whose CRLF is written already.
    after_cr: bool,
}

impl CrlfEncoder {
    /// An encoder at the start of a text.
    pub const fn new() -> Self {
        Self { after_cr: false }
    }

    /// Appends `input` to `out` with its line ends made CRLF.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut rest = match input.split_first() {
            Some((b'\n', tail)) if self.after_cr => tail,
            Some(_) => input,
            None => return,
        };
        out.reserve(rest.len() + rest.len() / LINE_OCTETS_TYPICAL);
        self.after_cr = rest.last() == Some(&b'\r');
        if memchr(b'\r', rest).is_none() {
            while let Some((line, tail)) = memchr(b'\n', rest).and_then(|at| rest.split_at_checked(at)) {
                out.extend_from_slice(line);
                out.extend_from_slice(b"\r\n");
                rest = tail.get(1..).unwrap_or_default();
            }
            return out.extend_from_slice(rest);
        }
        while let Some((line, tail)) = memchr2(b'\r', b'\n', rest).and_then(|at| rest.split_at_checked(at)) {
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
            let line_end = if tail.starts_with(b"\r\n") { 2 } else { 1 };
            rest = tail.get(line_end..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(input: &str, expected: &str) {
        for cut in 0..=input.len() {
            let (mut encoder, mut out) = (CrlfEncoder::new(), Vec::new());
            encoder.push(&input.as_bytes()[..cut], &mut out);
            encoder.push(&input.as_bytes()[cut..], &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected, "{input:?} cut at {cut}");
        }
    }

    #[test]
    fn every_line_end_becomes_crlf_for_every_split() {
        check("", "");
        check("a", "a");
        check("a\nb", "a\r\nb");
        check("a\r\nb\r\n", "a\r\nb\r\n");
        check("a\rb\r", "a\r\nb\r\n");
        check("\n\n", "\r\n\r\n");
        check("\r\r\n\n", "\r\n\r\n\r\n");
        check("a\r\n\r\r\nb", "a\r\n\r\n\r\nb");
    }

    proptest! {
        #[test]
        fn no_bare_cr_or_lf_is_left(input in "[ab\r\n]{0,40}") {
            let mut out = Vec::new();
            CrlfEncoder::new().push(input.as_bytes(), &mut out);
            let text = String::from_utf8(out).unwrap();
            prop_assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
            prop_assert_eq!(
                text.replace("\r\n", "\n"),
                input.replace("\r\n", "\n").replace('\r', "\n")
            );
        }
    }
}
