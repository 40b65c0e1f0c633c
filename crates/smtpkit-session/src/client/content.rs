//! Content on its way out: lent pieces, cut into segments of one vectored write, never copied.
//!
//! DATA content goes through the codec's `DataEncoder`, which stuffs dots and refuses bare CR, LF and NUL
//! (RFC 5321 §4.5.2, §2.3.8). A chunk goes out as it is, after its BDAT line (RFC 3030 §2).

use crate::wire::{IOV_PIECES, Iov};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;
use smtpkit_codec::{Bdat, Clean, Command, DataEncoder, Encode, Segment, Unclean};

/// How content is carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5321 and RFC 3030 define the two ways")]
pub enum Transfer {
    /// DATA, ended by the dot (RFC 5321 §4.1.1.4).
    #[default]
    Data,
    /// BDAT chunks (RFC 3030), not before the replies to RCPT.
    Chunks,
}

/// Whether more content follows a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    More,
    Last,
}

/// What of the content is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is none.
    Idle,
    /// The caller has to lend the next piece.
    Wanted,
    /// A piece is being written.
    Writing(Part),
    /// Its last octet was written, the end mark included.
    Written,
}

/// A lent piece, with what is known of it.
pub(super) enum Lent<B> {
    /// To be checked on the way.
    Any(B),
    /// Checked before: only dots are looked for.
    Clean(Clean<B>),
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Lent<B> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Any(octets) => octets.as_ref(),
            Self::Clean(clean) => clean.as_bytes(),
        }
    }
}

/// Octets that wait to be written.
#[derive(Clone, Debug)]
enum Waiting {
    Header(Range<usize>),
    Piece(Range<usize>),
    Fixed(&'static [u8]),
}

impl Waiting {
    fn len(&self) -> usize {
        match self {
            Self::Header(range) | Self::Piece(range) => range.len(),
            Self::Fixed(octets) => octets.len(),
        }
    }

    fn skip(&mut self, n: usize) {
        match self {
            Self::Header(range) | Self::Piece(range) => range.start += n,
            Self::Fixed(octets) => *octets = octets.get(n..).unwrap_or_default(),
        }
    }
}

/// How much content is cut at once: content of dots alone then makes no more than 5,462 segments wait.
const WINDOW_OCTETS: usize = 16 * 1024;

/// The content of one transaction at a time.
pub(super) struct Outgoing<B> {
    transfer: Transfer,
    progress: Progress,
    encoder: DataEncoder,
    header: Vec<u8>,
    piece: Option<Lent<B>>,
    /// How much of the piece is cut into segments.
    cut: usize,
    segments: VecDeque<Waiting>,
    end_marked: bool,
    /// Content octets handed to the wire, for the rate.
    octets: u64,
}

impl<B: AsRef<[u8]>> Outgoing<B> {
    pub(super) fn new() -> Self {
        Self {
            transfer: Transfer::Data,
            progress: Progress::Idle,
            encoder: DataEncoder::new(),
            header: Vec::new(),
            piece: None,
            cut: 0,
            segments: VecDeque::new(),
            end_marked: false,
            octets: 0,
        }
    }

    pub(super) const fn progress(&self) -> Progress {
        self.progress
    }

    pub(super) const fn octets(&self) -> u64 {
        self.octets
    }

    /// Whether nothing of it may be followed by a command yet.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.progress, Progress::Wanted | Progress::Writing(Part::More))
    }

    /// Whether the peer owes an answer to what was written: to each chunk, to DATA content as a whole.
    pub(super) fn is_answerable(&self) -> bool {
        self.transfer == Transfer::Chunks || self.progress == Progress::Written
    }

    pub(super) fn begin(&mut self, transfer: Transfer) {
        self.clear();
        self.transfer = transfer;
        self.encoder = DataEncoder::new();
        self.progress = Progress::Wanted;
        self.end_marked = false;
        self.octets = 0;
    }

    /// The dot alone: content that nobody gets.
    pub(super) fn begin_lone_dot(&mut self) {
        self.begin(Transfer::Data);
        self.segments.push_back(Waiting::Fixed(b".\r\n"));
        self.end_marked = true;
        self.progress = Progress::Writing(Part::Last);
    }

    /// Forgets the content and gives the lent piece back.
    pub(super) fn clear(&mut self) {
        self.piece = None;
        self.cut = 0;
        self.segments.clear();
        self.progress = Progress::Idle;
    }

    /// Takes the next piece.
    pub(super) fn lend(&mut self, piece: Lent<B>, part: Part) -> Result<(), Unclean> {
        if self.transfer == Transfer::Chunks {
            let (size, last) = (piece.as_ref().len(), part == Part::Last);
            self.header.clear();
            Command::Bdat(Bdat { size: size as u64, last }).encode(&mut self.header);
            self.segments.push_back(Waiting::Header(0..self.header.len()));
            self.segments.push_back(Waiting::Piece(0..size));
        }
        self.cut = if self.transfer == Transfer::Chunks { piece.as_ref().len() } else { 0 };
        self.piece = Some(piece);
        self.progress = Progress::Writing(part);
        self.cut_segments()
    }

    /// Cuts further segments until a write is well filled; [`WINDOW_OCTETS`] bounds how many one step can add.
    fn cut_segments(&mut self) -> Result<(), Unclean> {
        let (Transfer::Data, Progress::Writing(part), Some(piece)) =
            (self.transfer, self.progress, self.piece.as_ref())
        else {
            return Ok(());
        };
        let octets = piece.as_ref().len();
        while self.cut < octets && self.segments.len() < IOV_PIECES {
            let end = octets.min(self.cut + WINDOW_OCTETS);
            self.cut = match piece {
                Lent::Any(any) => {
                    let window = any.as_ref().get(self.cut..end).unwrap_or_default();
                    for segment in self.encoder.segments(window) {
                        push(&mut self.segments, segment?, self.cut);
                    }
                    end
                }
                Lent::Clean(clean) => {
                    // A window that would end between a CR and its LF ends after the LF.
                    let parts = [end, end + 1].map(|end| clean.as_slice().part(self.cut..end));
                    let window = parts.into_iter().flatten().next();
                    let window = window.expect("invariant: one octet more or less is not between the two");
                    for segment in self.encoder.clean_segments(&window) {
                        push(&mut self.segments, segment, self.cut);
                    }
                    self.cut + window.as_bytes().len()
                }
            };
        }
        if part == Part::Last && self.cut == octets && !self.end_marked {
            self.segments.push_back(Waiting::Fixed(self.encoder.finish()?));
            self.end_marked = true;
        }
        Ok(())
    }

    /// Whether anything waits to be written.
    pub(super) fn has_output(&self) -> bool {
        !self.segments.is_empty()
    }

    /// Lends what waits to be written; `false` if not all of it found a place.
    pub(super) fn transmit<'s>(&'s self, iov: &mut Iov<'s>) -> bool {
        let piece = self.piece.as_ref().map(Lent::as_ref).unwrap_or_default();
        let has_all = self.segments.iter().all(|segment| {
            iov.push(match segment {
                Waiting::Header(range) => self.header.get(range.clone()).unwrap_or_default(),
                Waiting::Piece(range) => piece.get(range.clone()).unwrap_or_default(),
                Waiting::Fixed(octets) => octets,
            })
        });
        has_all && self.cut >= piece.len()
    }

    /// The first `n` octets of what was lent are written; gives back how many of them were not content.
    pub(super) fn sent(&mut self, mut n: usize) -> Result<usize, Unclean> {
        if !matches!(self.progress, Progress::Writing(_)) {
            return Ok(n);
        }
        while let Some(segment) = self.segments.front_mut() {
            let len = segment.len();
            if n < len {
                segment.skip(n);
                self.octets += n as u64;
                return Ok(0);
            }
            self.octets += len as u64;
            n -= len;
            self.segments.pop_front();
        }
        self.cut_segments()?;
        if self.segments.is_empty() {
            self.piece = None;
            self.cut = 0;
            self.progress = match self.progress {
                Progress::Writing(Part::More) => Progress::Wanted,
                _ => Progress::Written,
            };
        }
        Ok(n)
    }
}

/// Adds a segment of the window that starts at `cut`, joined with the one before it if they touch.
fn push(segments: &mut VecDeque<Waiting>, segment: Segment, cut: usize) {
    let range = match segment {
        Segment::Piece(range) => range.start + cut..range.end + cut,
        Segment::Held(octets) => return segments.push_back(Waiting::Fixed(octets)),
    };
    match segments.back_mut() {
        Some(Waiting::Piece(last)) if last.end == range.start => last.end = range.end,
        _ => segments.push_back(Waiting::Piece(range)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What goes out for `pieces` when every write takes `step` octets.
    fn wire(transfer: Transfer, pieces: &[&[u8]], step: usize) -> Result<Vec<u8>, Unclean> {
        wire_of(transfer, pieces.iter().map(|piece| Lent::Any(*piece)).collect(), step)
    }

    fn wire_of(transfer: Transfer, pieces: Vec<Lent<&[u8]>>, step: usize) -> Result<Vec<u8>, Unclean> {
        let mut outgoing = Outgoing::new();
        outgoing.begin(transfer);
        let mut wire = Vec::new();
        let last = pieces.len();
        for (index, piece) in pieces.into_iter().enumerate() {
            let part = if index + 1 == last { Part::Last } else { Part::More };
            outgoing.lend(piece, part)?;
            while matches!(outgoing.progress(), Progress::Writing(_)) {
                let mut iov = Iov::new();
                let _ = outgoing.transmit(&mut iov);
                let octets = iov.pieces().concat();
                let n = octets.len().min(step);
                wire.extend_from_slice(&octets[..n]);
                assert_eq!(outgoing.sent(n)?, 0);
            }
        }
        assert_eq!(outgoing.progress(), Progress::Written);
        Ok(wire)
    }

    #[test]
    fn content_is_stuffed_and_ended_whatever_a_write_takes() {
        for step in [1, 2, 3, 7, 100_000] {
            let check = |pieces: &[&[u8]], expected: &[u8]| {
                assert_eq!(
                    wire(Transfer::Data, pieces, step).as_deref(),
                    Ok(expected),
                    "{pieces:?} by {step}"
                );
            };
            check(&[b""], b".\r\n");
            check(&[b"."], b"..\r\n.\r\n");
            check(&[b"a\r\n.b\r\n"], b"a\r\n..b\r\n.\r\n");
            check(&[b"a\r", b"\n.", b"b"], b"a\r\n..b\r\n.\r\n");
            check(&[b"a\r\n", b""], b"a\r\n.\r\n");
        }
    }

    #[test]
    fn many_dots_and_long_content_survive_the_windows() {
        let content = b".\r\n".repeat(30_000);
        let expected = [b"..\r\n".repeat(30_000), b".\r\n".to_vec()].concat();
        assert_eq!(wire(Transfer::Data, &[&content], usize::MAX), Ok(expected));
    }

    #[test]
    fn content_that_is_known_to_be_clean_goes_out_like_any_other() {
        for (line, step) in
            [(&b".\r\n"[..], 7_000), (b"\r\n", 5_000), (b".a\r\n.", 100_000), (b"a.\r\n\r\n", 9_999)]
        {
            // every offset of a line's end against that of a window
            for ahead in 0..7 {
                let content = [b"x".repeat(ahead), line.repeat(12_000)].concat();
                let clean = Clean::check(content.as_slice()).expect("clean");
                assert_eq!(
                    wire_of(Transfer::Data, Vec::from([Lent::Clean(clean)]), step),
                    wire(Transfer::Data, &[&content], step),
                    "{line:?} after {ahead}"
                );
            }
        }
    }

    #[test]
    fn chunks_are_counted_not_changed() {
        let sent = wire(Transfer::Chunks, &[b".\r\n", b"\n"], 4);
        assert_eq!(sent.as_deref(), Ok(&b"BDAT 3\r\n.\r\nBDAT 1 LAST\r\n\n"[..]));
    }

    #[test]
    fn a_bare_newline_never_gets_an_end_mark() {
        for pieces in [&[&b"a\nb"[..]][..], &[b"a\r", b"b"], &[b"a\r"], &[b"a\0"]] {
            assert!(wire(Transfer::Data, pieces, 5).is_err(), "{pieces:?}");
        }
    }
}
