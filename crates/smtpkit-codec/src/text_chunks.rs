//! Text that comes in BDAT chunks (RFC 3030 §2, RFC 5321 §2.3.8): counted like any chunk, and held to the same rule as
//! text after DATA.
//!
//! BDAT frees content from transparency, but only BODY=BINARYMIME frees it from lines that end with CRLF (RFC 3030 §3).
//! A bare newline that got in here could be passed on with DATA by the next hop, and there it would be dangerous.
//! A CRLF may be cut in two by the end of a chunk, so one decoder sees all chunks of a content.

use crate::data::{BareOctet, BodyStep, Unclean, first_bare};
use crate::{BareNewline, Bdat};

/// Takes the chunks of one text off the wire (RFC 3030 §2).
///
/// With [`BareNewline::Refuse`] a bare CR or LF is a fault; with [`BareNewline::Normalise`] it becomes CRLF. A NUL is a
/// fault under both. A fault is told at the end of its chunk, because the reply is owed there, and what follows it is
/// swallowed.
///
/// ```
/// use smtpkit_codec::{BareNewline, Bdat, BodyStep, TextChunks};
///
/// let mut chunks = TextChunks::new(BareNewline::Refuse);
/// chunks.begin(Bdat { size: 3, last: false });
/// assert_eq!(chunks.decode(b"Hi\rBDAT"), BodyStep::Chunk { octets: b"Hi\r", consumed: 3 });
/// assert_eq!(chunks.decode(b"BDAT"), BodyStep::End { consumed: 0, fault: None });
/// chunks.begin(Bdat { size: 1, last: true });
/// assert_eq!(chunks.decode(b"\nQUIT"), BodyStep::Chunk { octets: b"\n", consumed: 1 });
/// assert_eq!(chunks.decode(b"QUIT"), BodyStep::End { consumed: 0, fault: None });
/// ```
#[derive(Clone, Debug)]
pub struct TextChunks {
    policy: BareNewline,
    /// Octets of the chunk that are still to come.
    remaining: u64,
    /// Whether the chunk is the last one.
    is_last: bool,
    /// Whether the octet before was a CR and was handed out, with `Normalise` as CRLF.
    is_after_cr: bool,
    /// Octets of all chunks consumed so far: where a fault is.
    consumed: u64,
    fault: Option<Unclean>,
}

impl TextChunks {
    /// A decoder for all chunks of one content. It is at the end of a chunk until the first one begins.
    #[must_use]
    pub const fn new(policy: BareNewline) -> Self {
        Self { policy, remaining: 0, is_last: false, is_after_cr: false, consumed: 0, fault: None }
    }

    /// The next chunk begins.
    pub const fn begin(&mut self, chunk: Bdat) {
        self.remaining = chunk.size;
        self.is_last = chunk.last;
    }

    /// The next step for `buf`, everything received and not yet consumed. The end consumes nothing, and comes as soon
    /// as the last octet of the chunk was consumed. At most one octet is left in `buf` after
    /// [`BodyStep::NeedMore`].
    pub fn decode<'a>(&mut self, buf: &'a [u8]) -> BodyStep<'a> {
        if self.remaining == 0 {
            return BodyStep::End { consumed: 0, fault: self.fault.or_else(|| self.dangling_cr()) };
        }
        // A chunk longer than the address space is longer than any buffer.
        let wanted = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        let octets = buf.get(..wanted).unwrap_or(buf);
        match (octets, self.is_after_cr, self.policy) {
            ([], ..) => BodyStep::NeedMore,
            _ if self.fault.is_some() => self.chunk(&[], octets.len()),
            ([b'\n', ..], true, BareNewline::Normalise) => self.chunk(&[], 1),
            ([b'\n', rest @ ..], true, BareNewline::Refuse) => self.text(octets, rest),
            (_, true, BareNewline::Refuse) => {
                self.spoil(BareOctet::Cr, self.consumed.saturating_sub(1), octets.len())
            }
            _ => self.text(octets, octets),
        }
    }

    /// Text up to the first octet that must not be. `unknown` is the part of `octets` that was not looked at.
    fn text<'a>(&mut self, octets: &'a [u8], unknown: &'a [u8]) -> BodyStep<'a> {
        let Some((what, at)) = first_bare(unknown) else { return self.clean(octets) };
        let at = at + (octets.len() - unknown.len());
        if let Some(text) = octets.get(..at).filter(|text| !text.is_empty()) {
            return self.chunk(text, text.len());
        }
        match (self.policy, what) {
            (BareNewline::Normalise, BareOctet::Cr | BareOctet::Lf) => self.chunk(b"\r\n", 1),
            (BareNewline::Refuse, _) | (_, BareOctet::Nul) => self.spoil(what, self.consumed, octets.len()),
        }
    }

    /// Text without fault, but perhaps with a CR at its end.
    fn clean<'a>(&mut self, octets: &'a [u8]) -> BodyStep<'a> {
        match (octets, self.policy) {
            ([.., b'\r'], BareNewline::Refuse) => self.up_to_cr(octets, octets.len()),
            ([b'\r'], BareNewline::Normalise) if self.remaining > 1 => BodyStep::NeedMore,
            ([b'\r'], BareNewline::Normalise) => self.up_to_cr(b"\r\n", 1),
            ([front @ .., b'\r'], BareNewline::Normalise) => self.chunk(front, front.len()),
            _ => self.chunk(octets, octets.len()),
        }
    }

    fn chunk<'a>(&mut self, octets: &'a [u8], consumed: usize) -> BodyStep<'a> {
        self.is_after_cr = false;
        self.remaining = self.remaining.saturating_sub(consumed as u64);
        self.consumed += consumed as u64;
        BodyStep::Chunk { octets, consumed }
    }

    fn up_to_cr<'a>(&mut self, octets: &'a [u8], consumed: usize) -> BodyStep<'a> {
        let step = self.chunk(octets, consumed);
        self.is_after_cr = true;
        step
    }

    fn spoil<'a>(&mut self, what: BareOctet, at: u64, consumed: usize) -> BodyStep<'a> {
        self.fault = Some(Unclean { what, at });
        self.chunk(&[], consumed)
    }

    /// The CR at the very end of the content, if there is one.
    fn dangling_cr(&self) -> Option<Unclean> {
        let dangles = self.is_last && self.is_after_cr && self.policy == BareNewline::Refuse;
        dangles.then(|| Unclean { what: BareOctet::Cr, at: self.consumed.saturating_sub(1) })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    type Outcome = (Vec<u8>, Option<(BareOctet, u64)>);

    /// Decodes `text` in chunks of `chunk` octets, received `step` octets at a time.
    fn decode(policy: BareNewline, text: &[u8], chunk: usize, step: usize) -> Outcome {
        let (mut chunks, mut content, mut fault) = (TextChunks::new(policy), vec![], None);
        let (mut start, mut begun) = (0, 0);
        while begun < text.len() {
            let size = chunk.min(text.len() - begun);
            begun += size;
            chunks.begin(Bdat { size: size as u64, last: begun == text.len() });
            let mut end = start;
            loop {
                match chunks.decode(&text[start..end]) {
                    BodyStep::Chunk { octets, consumed } => {
                        content.extend_from_slice(octets);
                        start += consumed;
                    }
                    BodyStep::End { consumed, fault: found } => {
                        assert_eq!((consumed, start), (0, begun));
                        fault = fault.or(found.map(|found| (found.what, found.at)));
                        break;
                    }
                    BodyStep::NeedMore => {
                        assert!(end - start <= 1, "more than one octet is held back");
                        end = (end + step).min(text.len());
                    }
                }
            }
        }
        (content, fault)
    }

    #[track_caller]
    fn check(text: &[u8], refused: Option<(BareOctet, u64)>, normalised: Result<&[u8], (BareOctet, u64)>) {
        for chunk in 1..=text.len() {
            for step in 1..=text.len() {
                let of = |policy| decode(policy, text, chunk, step);
                let (content, fault) = of(BareNewline::Refuse);
                assert_eq!(fault, refused, "{} in {chunk} by {step}", text.escape_ascii());
                assert!(fault.is_some() || content == text, "{} in {chunk} by {step}", text.escape_ascii());
                let (content, fault) = of(BareNewline::Normalise);
                assert_eq!(fault, normalised.err(), "{} in {chunk} by {step}", text.escape_ascii());
                if let Ok(expected) = normalised {
                    assert_eq!(content, expected, "{} in {chunk} by {step}", text.escape_ascii());
                }
            }
        }
    }

    #[test]
    fn text_is_held_to_its_lines_however_it_is_cut() {
        use BareOctet::{Cr, Lf, Nul};
        check(b"a", None, Ok(b"a"));
        check(b"a\r\n.\r\n\r\n..b\r\n", None, Ok(b"a\r\n.\r\n\r\n..b\r\n"));
        check(b"a\nb", Some((Lf, 1)), Ok(b"a\r\nb"));
        check(b"a\rb", Some((Cr, 1)), Ok(b"a\r\nb"));
        check(b"a\r", Some((Cr, 1)), Ok(b"a\r\n"));
        check(b"\n", Some((Lf, 0)), Ok(b"\r\n"));
        check(b"\r\r\n\n", Some((Cr, 0)), Ok(b"\r\n\r\n\r\n"));
        check(b"a\r\n.\n", Some((Lf, 4)), Ok(b"a\r\n.\r\n"));
        check(b"\r\n\n.\r\n", Some((Lf, 2)), Ok(b"\r\n\r\n.\r\n"));
        check(b"a\0b\n", Some((Nul, 1)), Err((Nul, 1)));
    }

    #[test]
    fn an_empty_chunk_ends_at_once() {
        let mut chunks = TextChunks::new(BareNewline::Refuse);
        chunks.begin(Bdat { size: 0, last: true });
        assert_eq!(chunks.decode(b"\n"), BodyStep::End { consumed: 0, fault: None });
    }
}
