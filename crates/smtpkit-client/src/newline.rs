//! Newlines of content that comes in pieces: every form becomes CRLF (RFC 5321 §2.3.8), in constant memory.

use bytes::Bytes;
use memchr::memchr2;

/// Turns LF and CR into CRLF; state spans pieces, so a CRLF may be cut anywhere.
#[derive(Debug, Default)]
pub(crate) struct Normaliser {
    /// The last piece ended with CR, which went out as CRLF; a LF at the start of the next one belongs to it.
    after_cr: bool,
}

impl Normaliser {
    /// The piece with its newlines put right; the same octets if nothing has to change.
    pub(crate) fn normalise(&mut self, piece: Bytes) -> Bytes {
        let mut from = 0;
        if std::mem::take(&mut self.after_cr) && piece.first() == Some(&b'\n') {
            from = 1;
        }
        let piece = piece.slice(from..);
        if Self::is_normal(&piece) {
            return piece;
        }
        let mut out = Vec::with_capacity(piece.len() + piece.len() / 32 + 2);
        let mut rest = &*piece;
        while let Some((line, newline)) = memchr2(b'\r', b'\n', rest).and_then(|at| rest.split_at_checked(at))
        {
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
            self.after_cr = newline == b"\r";
            rest = match newline {
                [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
                [] => &[],
            };
        }
        out.extend_from_slice(rest);
        out.into()
    }

    fn is_normal(piece: &[u8]) -> bool {
        let mut rest = piece;
        while let Some(at) = memchr2(b'\r', b'\n', rest) {
            match rest.get(at..) {
                Some([b'\r', b'\n', after @ ..]) => rest = after,
                _ => return false,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_newline_becomes_crlf_wherever_it_is_cut() {
        for (content, expected) in [
            (&b"a\r\nb"[..], &b"a\r\nb"[..]),
            (b"a\nb\n", b"a\r\nb\r\n"),
            (b"a\rb", b"a\r\nb"),
            (b"a\r\r\nb\n\n", b"a\r\n\r\nb\r\n\r\n"),
            (b"\n", b"\r\n"),
            (b"\r", b"\r\n"),
            (b"", b""),
        ] {
            for cut in 0..=content.len() {
                let mut normaliser = Normaliser::default();
                let (one, two) = content.split_at(cut);
                let mut out = normaliser.normalise(Bytes::copy_from_slice(one)).to_vec();
                out.extend_from_slice(&normaliser.normalise(Bytes::copy_from_slice(two)));
                assert_eq!(out, expected, "{content:?} cut at {cut}");
            }
        }
    }
}
