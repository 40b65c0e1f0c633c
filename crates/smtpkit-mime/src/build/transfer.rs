//! Which transfer encoding a body gets: by what it is made of and what the next hop takes (RFC 2045 §6).
//!
//! As little as possible is encoded: lines that the hop takes go as they are, text that it does not take becomes
//! quoted-printable unless most of it would be escapes, everything else becomes base64.

use memchr::{memchr, memmem, memrchr2};

use crate::HopCapabilities;

/// Longest line of content without its CRLF (RFC 5322 §2.1.1).
pub(crate) const LINE_OCTETS_MAX: usize = 998;
/// One escape in so many octets, or more, and base64 is shorter than quoted-printable or near it.
const ESCAPE_DENSITY: usize = 6;

/// The transfer encodings of RFC 2045 §6.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransferEncoding {
    SevenBit,
    EightBit,
    Binary,
    QuotedPrintable,
    Base64,
}

impl TransferEncoding {
    /// The token of the `Content-Transfer-Encoding` field.
    pub(crate) const fn token(self) -> &'static str {
        match self {
            Self::SevenBit => "7bit",
            Self::EightBit => "8bit",
            Self::Binary => "binary",
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
        }
    }

    /// What a hop must take for a body with this encoding.
    pub(crate) const fn needs(self) -> HopCapabilities {
        match self {
            Self::SevenBit | Self::QuotedPrintable | Self::Base64 => HopCapabilities::SEVEN_BIT,
            Self::EightBit => HopCapabilities::EIGHT_BIT,
            Self::Binary => HopCapabilities::BINARY,
        }
    }

    /// The one that a multipart names when its parts need this (RFC 2045 §6.2).
    pub(crate) fn of_parts(needs: HopCapabilities) -> Self {
        if needs.covers(HopCapabilities::BINARY) {
            Self::Binary
        } else if needs.covers(HopCapabilities::EIGHT_BIT) {
            Self::EightBit
        } else {
            Self::SevenBit
        }
    }

    /// The one for text, whose line ends will be made CRLF; `marker` is what begins every boundary around it.
    pub(crate) fn for_text(text: &[u8], hop: HopCapabilities, marker: Option<&[u8]>) -> Self {
        let lines_fit = memchr(0, text).is_none()
            && !has_long_line(text)
            && marker.is_none_or(|marker| memmem::find(text, marker).is_none());
        let escapes = eight_bit_octets(text);
        if lines_fit && escapes == 0 {
            Self::SevenBit
        } else if lines_fit && hop.covers(HopCapabilities::EIGHT_BIT) {
            Self::EightBit
        } else {
            Self::for_escapes(escapes, text.len())
        }
    }

    /// Quoted-printable or base64, by how many of the octets would be escapes.
    pub(crate) const fn for_escapes(escapes: usize, octets: usize) -> Self {
        if escapes.saturating_mul(ESCAPE_DENSITY) <= octets { Self::QuotedPrintable } else { Self::Base64 }
    }

    /// The one for octets that must arrive unchanged; only the ones of a text may be lines.
    pub(crate) fn for_octets(
        octets: &[u8],
        is_text: bool,
        hop: HopCapabilities,
        marker: Option<&[u8]>,
    ) -> Self {
        if is_text && !has_bare_line_end(octets) {
            Self::for_text(octets, hop, marker)
        } else if hop.covers(HopCapabilities::BINARY)
            && marker.is_none_or(|marker| memmem::find(octets, marker).is_none())
        {
            Self::Binary
        } else {
            Self::Base64
        }
    }
}

pub(crate) fn eight_bit_octets(octets: &[u8]) -> usize {
    if octets.is_ascii() {
        return 0;
    }
    // sums of octets, so that the compiler counts a whole vector register at a time
    octets.chunks(255).map(|chunk| usize::from(chunk.iter().map(|octet| octet >> 7).sum::<u8>())).sum()
}

/// Whether a line is longer than 998 octets; CR and LF both end lines.
pub(crate) fn has_long_line(octets: &[u8]) -> bool {
    let mut rest = octets;
    while let Some(window) = rest.get(..=LINE_OCTETS_MAX) {
        // the last line end within reach leaves the most behind
        match memrchr2(b'\r', b'\n', window) {
            Some(at) => rest = rest.get(at + 1..).unwrap_or_default(),
            None => return true,
        }
    }
    false
}

/// Whether a CR or LF stands alone.
pub(crate) fn has_bare_line_end(octets: &[u8]) -> bool {
    const BLOCK_OCTETS: usize = 256;
    let followers = octets.get(1..).unwrap_or_default();
    // a CR without an LF behind it, or an LF without a CR before it: without jumps, so that the compiler compares a
    // whole vector register at a time
    let is_bare_in = |(octets, followers): (&[u8], &[u8])| {
        let pairs = octets.iter().zip(followers);
        pairs.fold(false, |bare, (octet, follower)| bare | ((*octet == b'\r') != (*follower == b'\n')))
    };
    octets.first() == Some(&b'\n')
        || octets.last() == Some(&b'\r')
        || octets.chunks(BLOCK_OCTETS).zip(followers.chunks(BLOCK_OCTETS)).any(is_bare_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOP_7: HopCapabilities = HopCapabilities::SEVEN_BIT;
    const HOP_8: HopCapabilities = HopCapabilities::EIGHT_BIT;

    fn check_text(text: &str, hop: HopCapabilities, expected: TransferEncoding) {
        assert_eq!(TransferEncoding::for_text(text.as_bytes(), hop, Some(b"=_mark")), expected, "{text:?}");
    }

    #[test]
    fn text_is_encoded_only_where_the_hop_demands_it() {
        check_text("", HOP_7, TransferEncoding::SevenBit);
        check_text("plain\r\ntext\n", HOP_7, TransferEncoding::SevenBit);
        check_text("a na\u{ef}ve approach", HOP_7, TransferEncoding::QuotedPrintable);
        check_text("a na\u{ef}ve approach", HOP_8, TransferEncoding::EightBit);
        check_text("日本語のテキスト", HOP_7, TransferEncoding::Base64);
        check_text("nul \0", HOP_8, TransferEncoding::QuotedPrintable);
        check_text("--=_mark", HOP_8, TransferEncoding::QuotedPrintable);
        check_text(&"x".repeat(998), HOP_7, TransferEncoding::SevenBit);
        check_text(&"x".repeat(999), HOP_8, TransferEncoding::QuotedPrintable);
    }

    fn check_octets(octets: &[u8], is_text: bool, hop: HopCapabilities, expected: TransferEncoding) {
        assert_eq!(
            TransferEncoding::for_octets(octets, is_text, hop, Some(b"=_mark")),
            expected,
            "{octets:?}"
        );
    }

    #[test]
    fn octets_arrive_unchanged() {
        check_octets(b"a\r\nb", true, HOP_7, TransferEncoding::SevenBit);
        check_octets(b"a\nb", true, HOP_7, TransferEncoding::Base64);
        check_octets(b"a\r\nb", false, HOP_8, TransferEncoding::Base64);
        check_octets(b"\0\xff\n", false, HopCapabilities::BINARY, TransferEncoding::Binary);
        check_octets(b"--=_mark", false, HopCapabilities::BINARY, TransferEncoding::Base64);
    }

    #[test]
    fn bare_line_ends_are_found_wherever_they_stand() {
        for length in [0, 1, 2, 16, 255, 256, 257, 600] {
            let text: Vec<u8> = b"ab\r\n".iter().copied().cycle().take(length).collect();
            assert_eq!(has_bare_line_end(&text), length % 4 == 3, "{length}");
            for (at, octet) in text.iter().enumerate() {
                let mut broken = text.clone();
                broken[at] = if matches!(octet, b'\r' | b'\n') { b'x' } else { b'\n' };
                let paired = at + 1 == length && length % 4 == 3;
                assert_eq!(has_bare_line_end(&broken), !paired, "{at} of {length}");
            }
        }
    }

    #[test]
    fn line_lengths_count_up_to_either_line_end() {
        let line = |n: usize, end: &str| format!("{}{end}", "x".repeat(n));
        assert!(!has_long_line(line(998, "\r\n").repeat(3).as_bytes()));
        assert!(!has_long_line(line(998, "\n").repeat(3).as_bytes()));
        assert!(!has_long_line(line(998, "\r").repeat(3).as_bytes()));
        assert!(has_long_line(format!("{}{}", line(10, "\n"), line(999, "\n")).as_bytes()));
        assert!(has_long_line(format!("{}{}", line(999, "\n"), line(10, "\n")).as_bytes()));
    }

    #[test]
    fn eight_bit_octets_are_all_counted() {
        assert_eq!(eight_bit_octets(&[0xff; 1000]), 1000);
        assert_eq!(eight_bit_octets("naïve".as_bytes()), 2);
    }
}
