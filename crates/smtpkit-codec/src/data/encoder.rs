//! Content onto the wire: dots doubled, nothing unclean let through (RFC 5321 §4.5.2).
//!
//! The encoder says which segments of the content go onto the wire, for a vectored write,
//! and copies nothing. A dot is doubled by letting two segments overlap: one ends with it and
//! the next starts with it.

use core::ops::Range;

use super::clean::{BareOctet, Clean, Unclean};
use super::scan::{first_dot, first_mark};

/// Puts content onto the wire after DATA (RFC 5321 §4.1.1.4, §4.5.2), in any pieces.
///
/// ```
/// use smtpkit_codec::DataEncoder;
///
/// let mut encoder = DataEncoder::new();
/// let mut wire = vec![];
/// for piece in [&b"Hello\r"[..], b"\n.dot\r\n"] {
///     for segment in encoder.segments(piece) {
///         wire.extend_from_slice(segment?.of(piece));
///     }
/// }
/// wire.extend_from_slice(encoder.finish()?);
/// assert_eq!(wire, b"Hello\r\n..dot\r\n.\r\n");
/// # Ok::<(), smtpkit_codec::Unclean>(())
/// ```
#[derive(Clone, Debug)]
pub struct DataEncoder {
    state: State,
    /// Octets of content taken so far: where a fault is.
    taken: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// After CRLF, and at the very start.
    LineStart,
    /// Anywhere else.
    InLine,
    /// After a CR that was held back, because LF must follow.
    Cr,
    /// Content was refused: there is no way on.
    Spoiled(Unclean),
}

impl State {
    fn after(octets: &[u8]) -> Self {
        if octets.ends_with(b"\n") { Self::LineStart } else { Self::InLine }
    }
}

impl Default for DataEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl DataEncoder {
    /// An encoder at the first octet of content.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: State::LineStart, taken: 0 }
    }

    /// The wire segments of the next piece of content, which is checked on the way. A CR at
    /// its end is held back until the next piece. Take all of them before the next call: what
    /// is not taken is not sent, and the state stays where the segments stopped.
    ///
    /// An [`Unclean`] ends the segments for good: the connection must be dropped, since
    /// part of the content is on the wire and there is no way to take it back.
    pub fn segments<'e, 'a>(&'e mut self, piece: &'a [u8]) -> Segments<'e, 'a> {
        Segments { encoder: self, piece, at: 0 }
    }

    /// The wire segments of a piece of content that was checked before: only dots are
    /// looked for.
    ///
    /// ```
    /// use smtpkit_codec::{Clean, DataEncoder};
    ///
    /// let content = Clean::check(&b"one\r\n.two\r\n"[..])?;
    /// let mut encoder = DataEncoder::new();
    /// let segments = encoder.clean_segments(&content).map(|segment| segment.of(content.as_bytes()));
    /// assert!(segments.eq([&b"one\r\n."[..], b".two\r\n"]));
    /// # Ok::<(), smtpkit_codec::Unclean>(())
    /// ```
    pub fn clean_segments<'e, 'a, B: AsRef<[u8]>>(
        &'e mut self,
        piece: &'a Clean<B>,
    ) -> CleanSegments<'e, 'a> {
        let piece = piece.as_bytes();
        if self.state == State::Cr && !piece.is_empty() {
            // Clean content does not start with the LF that the CR before needs.
            self.state = State::Spoiled(Unclean { what: BareOctet::Cr, at: self.taken - 1 });
        }
        CleanSegments { encoder: self, piece, at: 0 }
    }

    /// The end of data, with the CRLF that content without a final newline lacks.
    ///
    /// # Errors
    /// The first fault of the content, a CR at its very end included: nothing may be sent.
    pub fn finish(&mut self) -> Result<&'static [u8], Unclean> {
        match self.state {
            State::LineStart => Ok(b".\r\n"),
            State::InLine => Ok(b"\r\n.\r\n"),
            State::Cr => Err(Unclean { what: BareOctet::Cr, at: self.taken - 1 }),
            State::Spoiled(unclean) => Err(unclean),
        }
    }

    fn take(&mut self, octets: usize, state: State) {
        self.taken += octets as u64;
        self.state = state;
    }
}

/// A run of octets for the wire, storable: it says where in its piece they are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever writes segments must be able to write them all")]
pub enum Segment {
    /// Octets of the piece that the segment was made of.
    Piece(Range<usize>),
    /// Octets that an earlier piece held back.
    Held(&'static [u8]),
}

impl Segment {
    /// The octets; `piece` is the piece that the segment was made of.
    #[must_use]
    pub fn of<'a>(&self, piece: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Piece(range) => piece.get(range.clone()).unwrap_or_default(),
            Self::Held(octets) => octets,
        }
    }

    /// How many octets they are; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a segment is never empty")]
    pub fn len(&self) -> usize {
        match self {
            Self::Piece(range) => range.len(),
            Self::Held(octets) => octets.len(),
        }
    }
}

/// The wire segments of a piece of content, in order, checked (see [`DataEncoder::segments`]).
#[derive(Debug)]
pub struct Segments<'e, 'a> {
    encoder: &'e mut DataEncoder,
    piece: &'a [u8],
    /// How far the piece is on the wire. A dot that needs doubling goes before it counts.
    at: usize,
}

impl Iterator for Segments<'_, '_> {
    type Item = Result<Segment, Unclean>;

    fn next(&mut self) -> Option<Self::Item> {
        match (self.encoder.state, self.piece.get(self.at..).unwrap_or_default()) {
            (State::Spoiled(_), _) | (_, []) => None,
            (State::LineStart, [b'.', ..]) => {
                self.encoder.state = State::InLine;
                Some(Ok(Segment::Piece(self.at..self.at + 1)))
            }
            (State::Cr, [b'\n', ..]) => {
                self.at += 1;
                self.encoder.take(1, State::LineStart);
                Some(Ok(Segment::Held(b"\r\n")))
            }
            (State::Cr, _) => Some(self.spoil(Unclean { what: BareOctet::Cr, at: self.encoder.taken - 1 })),
            (State::LineStart | State::InLine, text) => self.text(text),
        }
    }
}

impl Segments<'_, '_> {
    /// The segment up to the next dot that needs doubling (with it), or all there is.
    fn text(&mut self, text: &[u8]) -> Option<Result<Segment, Unclean>> {
        let Some(mark) = first_mark(text) else { return self.last(text) };
        match Unclean::of(mark, self.encoder.taken) {
            Ok(unclean) => Some(self.spoil(unclean)),
            Err(dot) => {
                let from = self.at;
                self.at += dot;
                self.encoder.take(dot, State::InLine);
                Some(Ok(Segment::Piece(from..self.at + 1)))
            }
        }
    }

    /// The rest of the piece, which holds no mark, without a CR at its end.
    fn last(&mut self, text: &[u8]) -> Option<Result<Segment, Unclean>> {
        let (from, taken) = (self.at, text.len());
        let (octets, state) = match text {
            [front @ .., b'\r'] => (front.len(), State::Cr),
            whole => (taken, State::after(whole)),
        };
        self.at += taken;
        self.encoder.take(taken, state);
        (octets > 0).then_some(Ok(Segment::Piece(from..from + octets)))
    }

    #[cold]
    fn spoil(&mut self, unclean: Unclean) -> Result<Segment, Unclean> {
        self.encoder.state = State::Spoiled(unclean);
        Err(unclean)
    }
}

/// The wire segments of checked content, in order (see [`DataEncoder::clean_segments`]).
#[derive(Debug)]
pub struct CleanSegments<'e, 'a> {
    encoder: &'e mut DataEncoder,
    piece: &'a [u8],
    /// How far the piece is on the wire. A dot that needs doubling goes before it counts.
    at: usize,
}

impl Iterator for CleanSegments<'_, '_> {
    type Item = Segment;

    fn next(&mut self) -> Option<Segment> {
        let from = self.at;
        let text = self.piece.get(from..).unwrap_or_default();
        match (self.encoder.state, text) {
            (State::Spoiled(_), _) | (_, []) => return None,
            (State::LineStart, [b'.', ..]) => {
                self.encoder.state = State::InLine;
                return Some(Segment::Piece(from..from + 1));
            }
            _ => {}
        }
        match first_dot(text) {
            Some(dot) => {
                self.at += dot;
                self.encoder.take(dot, State::InLine);
                Some(Segment::Piece(from..self.at + 1))
            }
            None => {
                self.at += text.len();
                self.encoder.take(text.len(), State::after(text));
                Some(Segment::Piece(from..self.at))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// Encodes `content`, given in pieces that end at `cuts`.
    fn encode(content: &[u8], cuts: &[usize]) -> Result<Vec<u8>, Unclean> {
        let mut encoder = DataEncoder::new();
        let (mut wire, mut start) = (Vec::new(), 0);
        for end in cuts.iter().copied().chain([content.len()]) {
            let piece = &content[start..end];
            for segment in encoder.segments(piece) {
                let segment = segment?;
                assert!(segment.len() > 0 && segment.of(piece).len() == segment.len());
                wire.extend_from_slice(segment.of(piece));
            }
            start = end;
        }
        wire.extend_from_slice(encoder.finish()?);
        Ok(wire)
    }

    #[track_caller]
    fn check(content: &[u8], expected: Result<&[u8], (BareOctet, u64)>) {
        let expected = expected.map(Vec::from).map_err(|(what, at)| Unclean { what, at });
        for cut in 0..=content.len() {
            assert_eq!(encode(content, &[cut]), expected, "{} cut at {cut}", content.escape_ascii());
        }
        let singles: Vec<usize> = (0..content.len()).collect();
        assert_eq!(encode(content, &singles), expected, "{} in octets", content.escape_ascii());
        if let (Ok(clean), Ok(expected)) = (Clean::check(content), expected) {
            let mut encoder = DataEncoder::new();
            let mut wire = encoder
                .clean_segments(&clean)
                .flat_map(|segment| segment.of(content).to_vec())
                .collect::<Vec<_>>();
            wire.extend_from_slice(encoder.finish().expect("clean"));
            assert_eq!(wire, expected, "{} as clean", content.escape_ascii());
        }
    }

    #[test]
    fn dots_at_line_starts_are_doubled() {
        check(b"", Ok(b".\r\n"));
        check(b"a\r\n", Ok(b"a\r\n.\r\n"));
        check(b"a", Ok(b"a\r\n.\r\n"));
        check(b".", Ok(b"..\r\n.\r\n"));
        check(b"..", Ok(b"...\r\n.\r\n"));
        check(b".\r\n", Ok(b"..\r\n.\r\n"));
        check(b"\r\n.\r\n", Ok(b"\r\n..\r\n.\r\n"));
        check(b"a.b\r\n.c\r\n..\r\n", Ok(b"a.b\r\n..c\r\n...\r\n.\r\n"));
    }

    #[test]
    fn nothing_unclean_gets_out() {
        use BareOctet::{Cr, Lf, Nul};
        check(b"a\n.\nb", Err((Lf, 1)));
        check(b"a\r.\r\n", Err((Cr, 1)));
        check(b"a\r\n.\n", Err((Lf, 4)));
        check(b"a\r\n.\r\r\n", Err((Cr, 4)));
        check(b"\n", Err((Lf, 0)));
        check(b"a\r", Err((Cr, 1)));
        check(b"\0", Err((Nul, 0)));
        check(b"a\r\0", Err((Cr, 1)));
    }

    #[test]
    fn a_fault_is_for_good() {
        let fault = Unclean { what: BareOctet::Lf, at: 1 };
        let mut encoder = DataEncoder::new();
        assert_eq!(encoder.segments(b"a\n").collect::<Vec<_>>(), [Err(fault)]);
        assert_eq!(encoder.segments(b"b\r\n").next(), None);
        assert_eq!(encoder.clean_segments(&Clean::check("c").unwrap()).next(), None);
        assert_eq!(encoder.finish(), Err(fault));
    }

    #[test]
    fn a_bare_cr_between_checked_pieces_is_a_fault() {
        let mut encoder = DataEncoder::new();
        assert_eq!(encoder.segments(b"a\r").collect::<Vec<_>>(), [Ok(Segment::Piece(0..1))]);
        assert_eq!(encoder.clean_segments(&Clean::check("b").unwrap()).next(), None);
        assert_eq!(encoder.finish(), Err(Unclean { what: BareOctet::Cr, at: 1 }));
    }
}
