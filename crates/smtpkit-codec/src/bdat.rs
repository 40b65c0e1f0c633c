//! Content off the wire after BDAT (RFC 3030 §2): counted, not searched.
//!
//! There is no transparency and no terminator, so nothing in the octets can end a chunk or
//! spoil it: right for BODY=BINARYMIME. Text in chunks is [`TextChunks`](crate::TextChunks)'s.

use crate::BodyStep;

/// Takes one chunk off the wire after BDAT (RFC 3030 §2).
///
/// ```
/// use smtpkit_codec::{BdatDecoder, BodyStep};
///
/// let mut chunk = BdatDecoder::new(5);
/// assert_eq!(chunk.decode(b"He"), BodyStep::Chunk { octets: b"He", consumed: 2 });
/// assert_eq!(chunk.decode(b"lloQUIT\r\n"), BodyStep::Chunk { octets: b"llo", consumed: 3 });
/// assert_eq!(chunk.decode(b"QUIT\r\n"), BodyStep::End { consumed: 0, fault: None });
/// ```
#[derive(Clone, Debug)]
pub struct BdatDecoder {
    remaining: u64,
}

impl BdatDecoder {
    /// A decoder at the first octet of a chunk of `size` octets, which may be 0.
    #[must_use]
    pub const fn new(size: u64) -> Self {
        Self { remaining: size }
    }

    /// How many octets of the chunk are still to come.
    #[must_use]
    pub const fn remaining(&self) -> u64 {
        self.remaining
    }

    /// The next step for `buf`, everything received and not yet consumed. The end consumes
    /// nothing, and comes as soon as the last octet of the chunk was consumed.
    pub fn decode<'a>(&mut self, buf: &'a [u8]) -> BodyStep<'a> {
        if self.remaining == 0 {
            return BodyStep::End { consumed: 0, fault: None };
        }
        if buf.is_empty() {
            return BodyStep::NeedMore;
        }
        // A chunk longer than the address space is longer than any buffer.
        let wanted = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        let octets = buf.get(..wanted).unwrap_or(buf);
        self.remaining -= octets.len() as u64;
        BodyStep::Chunk { octets, consumed: octets.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_chunk_ends_at_once() {
        assert_eq!(BdatDecoder::new(0).decode(b""), BodyStep::End { consumed: 0, fault: None });
    }

    #[test]
    fn a_huge_chunk_counts_in_64_bits() {
        let mut chunk = BdatDecoder::new(u64::MAX);
        assert_eq!(chunk.decode(b"ab"), BodyStep::Chunk { octets: b"ab", consumed: 2 });
        assert_eq!(chunk.remaining(), u64::MAX - 2);
        assert_eq!(chunk.decode(b""), BodyStep::NeedMore);
    }

    #[test]
    fn nothing_in_the_octets_ends_a_chunk() {
        let octets = b"\r\n.\r\n\0\n.\n";
        let mut chunk = BdatDecoder::new(octets.len() as u64);
        assert_eq!(chunk.decode(octets), BodyStep::Chunk { octets, consumed: octets.len() });
        assert_eq!(chunk.decode(octets), BodyStep::End { consumed: 0, fault: None });
    }
}
