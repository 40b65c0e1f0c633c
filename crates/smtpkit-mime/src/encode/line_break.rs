//! Line ends as the wire wants them: CR LF, LF and CR all become CRLF (RFC 5322 §2.3).
//!
//! Text comes with the line ends of the system that wrote it. Content has no bare CR and no bare LF, so that no
//! hop can see a line end where another sees none.

use memchr::memchr2;

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
        self.after_cr = false;
        // what stands before `run` octets of `rest` holds only good line ends and is copied in one go
        let mut run = 0;
        while let Some(at) = rest.get(run..).and_then(|search| memchr2(b'\r', b'\n', search)) {
            let end = run + at;
            if rest.get(end..end + 2) == Some(b"\r\n") {
                run = end + 2;
                continue;
            }
            let (line, tail) = rest.split_at(end);
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
            self.after_cr = tail == b"\r";
            rest = tail.get(1..).unwrap_or_default();
            run = 0;
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
