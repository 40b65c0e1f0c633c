//! A built message: pulled piece by piece, in constant memory whatever its size.
//!
//! The pieces are borrowed from the header, from the caller's own text where nothing needs encoding, or from one
//! buffer of some 16 KiB that encodings write into. A reader is asked for some 7 KiB at a time.

use core::fmt;
use core::ops::Range;
use std::borrow::Cow;
use std::io::{self, Read, Write};

use super::EnvelopeAddresses;
use super::layout::{Layout, Piece};
use super::transfer::{TransferEncoding, has_bare_line_end};
use crate::HopCapabilities;
use crate::encode::{BLOCK_INPUT, Base64Encoder, CrlfEncoder, QuotedPrintableEncoder};

/// Octets of content that are encoded at a time.
const STEP_OCTETS: usize = BLOCK_INPUT;

/// A message whose every octet is decided, ready to be written: the result of
/// [`MessageBuilder::build`](super::MessageBuilder::build).
///
/// Pull it with [`next_piece`](Self::next_piece), read it as any reader, or write it whole.
///
/// ```
/// use smtpkit_mime::{DateTime, HopCapabilities};
/// use smtpkit_mime::build::{Mailbox, MessageBuilder, Stamp};
///
/// let builder = MessageBuilder::new().from(Mailbox::new("ada@example.org")?).text("Hello\n");
/// let stamp = Stamp::new(DateTime::from_unix_seconds(0, 0)?, [1; 16]);
/// let mut message = builder.build(HopCapabilities::SEVEN_BIT, &stamp)?;
///
/// let mut content = Vec::new();
/// while let Some(piece) = message.next_piece()? {
///     content.extend_from_slice(piece);
/// }
/// assert!(content.ends_with(b"\r\n\r\nHello\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Message<'a> {
    literals: Vec<u8>,
    pieces: std::vec::IntoIter<Piece<'a>>,
    body: Option<Body<'a>>,
    /// Encoded octets that were not taken yet.
    buffer: Vec<u8>,
    /// What [`Read`] has not given out of the current piece, which is then in the buffer.
    unread: Range<usize>,
    needs: HopCapabilities,
    octets: Option<u64>,
    addresses: EnvelopeAddresses,
}

impl<'a> Message<'a> {
    pub(super) fn new(layout: Layout<'a>, addresses: EnvelopeAddresses) -> Self {
        Self {
            literals: layout.literals,
            pieces: layout.pieces.into_iter(),
            body: None,
            buffer: Vec::new(),
            unread: 0..0,
            needs: layout.needs,
            octets: layout.octets,
            addresses,
        }
    }

    /// What the next hop must take; never more than the message was built for.
    pub const fn needs(&self) -> HopCapabilities {
        self.needs
    }

    /// Octets that the message has when it is written, for the `SIZE` parameter (RFC 1870); `None` if a reader did
    /// not say. Exact but for quoted-printable and for line ends that are not CRLF yet, which count as they are.
    pub const fn size_estimate(&self) -> Option<u64> {
        self.octets
    }

    /// Who it is from and for, Bcc included.
    pub const fn envelope_addresses(&self) -> &EnvelopeAddresses {
        &self.addresses
    }

    /// The next octets, or `None` at the end. Pieces are not empty, and need not end at line ends.
    ///
    /// # Errors
    /// What a reader of the caller's reports; [`io::ErrorKind::InvalidData`] or
    /// [`io::ErrorKind::UnexpectedEof`] if it gives more or fewer octets than its part said.
    pub fn next_piece(&mut self) -> io::Result<Option<&[u8]>> {
        Ok(match self.advance()? {
            Place::End => None,
            Place::Literal(range) => self.literals.get(range),
            Place::Buffer => Some(&self.buffer),
            Place::Lent(range) => self.body.as_ref().and_then(|body| body.source.lent(range)),
        })
    }

    /// Moves to the next octets and says where they are.
    fn advance(&mut self) -> io::Result<Place> {
        loop {
            if let Some(body) = &mut self.body {
                self.buffer.clear();
                match body.step(&mut self.buffer)? {
                    Step::Lent(range) => return Ok(Place::Lent(range)),
                    Step::More if self.buffer.is_empty() => continue,
                    Step::More => return Ok(Place::Buffer),
                    Step::End => self.body = None,
                }
                if !self.buffer.is_empty() {
                    return Ok(Place::Buffer);
                }
            }
            match self.pieces.next() {
                None => return Ok(Place::End),
                Some(Piece::Literal(range)) if range.is_empty() => {}
                Some(Piece::Literal(range)) => return Ok(Place::Literal(range)),
                Some(Piece::Body(body)) => self.body = Some(body),
            }
        }
    }

    /// Writes what is left of the message and returns how many octets that was.
    ///
    /// # Errors
    /// Those of [`next_piece`](Self::next_piece) and of the writer.
    pub fn write_to(mut self, out: &mut impl Write) -> io::Result<u64> {
        let mut octets = 0;
        while let Some(piece) = self.next_piece()? {
            out.write_all(piece)?;
            octets += piece.len() as u64;
        }
        Ok(octets)
    }

    /// The whole of what is left in memory.
    ///
    /// # Errors
    /// Those of [`next_piece`](Self::next_piece).
    pub fn to_vec(mut self) -> io::Result<Vec<u8>> {
        let expected = self.octets.and_then(|octets| usize::try_from(octets).ok()).unwrap_or(0);
        let mut out = Vec::with_capacity(expected + expected / 16);
        out.extend_from_slice(self.buffer.get(self.unread).unwrap_or_default());
        let begun = self.body.take().map(Piece::Body);
        for piece in begun.into_iter().chain(self.pieces) {
            match piece {
                Piece::Literal(range) => out.extend_from_slice(self.literals.get(range).unwrap_or_default()),
                Piece::Body(mut body) => loop {
                    match body.step(&mut out)? {
                        Step::Lent(range) => {
                            out.extend_from_slice(body.source.lent(range).unwrap_or_default())
                        }
                        Step::More => {}
                        Step::End => break,
                    }
                },
            }
        }
        Ok(out)
    }
}

/// Reads the message; pieces that are larger than what is asked for are kept until the next read.
impl Read for Message<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.unread.is_empty() {
            match self.advance()? {
                Place::End => return Ok(0),
                Place::Buffer => {}
                Place::Literal(range) => {
                    self.buffer.clear();
                    self.buffer.extend_from_slice(self.literals.get(range).unwrap_or_default());
                }
                Place::Lent(range) => {
                    let lent =
                        self.body.as_ref().and_then(|body| body.source.lent(range)).unwrap_or_default();
                    self.buffer.clear();
                    self.buffer.extend_from_slice(lent);
                }
            }
            self.unread = 0..self.buffer.len();
        }
        let n = self.buffer.get(self.unread.clone()).unwrap_or_default().read(out)?;
        self.unread.start += n;
        Ok(n)
    }
}

/// Where the octets of a piece are.
enum Place {
    Literal(Range<usize>),
    Buffer,
    Lent(Range<usize>),
    End,
}

/// Content and how it is encoded.
#[derive(Debug)]
pub(super) struct Body<'a> {
    source: Source<'a>,
    /// How much of a source in memory is written.
    at: usize,
    encoder: Encoder,
}

/// Where the content of a body comes from.
pub(super) enum Source<'a> {
    /// Octets as they are written, or as base64 encodes them.
    Octets(Cow<'a, [u8]>),
    /// Text whose line ends are still to be made CRLF.
    Text(Cow<'a, [u8]>),
    /// What a reader gives.
    Reader { reader: Box<dyn Read + Send + 'a>, input: Box<[u8]>, expected: Option<u64> },
}

#[derive(Debug)]
enum Encoder {
    /// None: octets are lent.
    Identity,
    LineEnds(CrlfEncoder),
    QuotedPrintable(QuotedPrintableEncoder),
    Base64(Box<Base64Encoder>),
}

/// What one step of a body did.
enum Step {
    /// These octets of the source are the piece.
    Lent(Range<usize>),
    /// Octets may have been written into the buffer; there is more.
    More,
    /// Octets may have been written into the buffer; that was all.
    End,
}

impl<'a> Source<'a> {
    /// Text; its line ends are made CRLF at once if base64 is going to hide them.
    pub(super) fn lines(text: Cow<'a, [u8]>, encoding: TransferEncoding) -> Self {
        if !has_bare_line_end(&text) {
            Self::Octets(text)
        } else if encoding == TransferEncoding::Base64 {
            let mut lines = Vec::with_capacity(text.len() + text.len() / 32);
            CrlfEncoder::new().push(&text, &mut lines);
            Self::Octets(Cow::Owned(lines))
        } else {
            Self::Text(text)
        }
    }

    pub(super) fn reader(reader: Box<dyn Read + Send + 'a>, expected: Option<u64>) -> Self {
        Self::Reader { reader, input: Box::default(), expected }
    }

    /// Octets in memory; `None` for a reader.
    pub(super) fn octets(&self) -> Option<u64> {
        match self {
            Self::Octets(octets) | Self::Text(octets) => Some(octets.len() as u64),
            Self::Reader { .. } => None,
        }
    }

    fn lent(&self, range: Range<usize>) -> Option<&[u8]> {
        match self {
            Self::Octets(octets) | Self::Text(octets) => octets.get(range),
            Self::Reader { .. } => None,
        }
    }

    /// The next octets to encode; empty at the end.
    fn next(&mut self, at: &mut usize) -> io::Result<&[u8]> {
        match self {
            Self::Octets(octets) | Self::Text(octets) => {
                let rest = octets.get(*at..).unwrap_or_default();
                let step = rest.get(..STEP_OCTETS).unwrap_or(rest);
                *at += step.len();
                Ok(step)
            }
            Self::Reader { reader, input, expected } => {
                if input.is_empty() {
                    *input = vec![0; STEP_OCTETS].into_boxed_slice();
                }
                let n = read_full(reader, input)?;
                if let Some(expected) = expected {
                    *expected = expected.checked_sub(n as u64).ok_or_else(|| {
                        io::Error::new(
                            io::ErrorKind::InvalidData,
                            "the reader gave more octets than its part said",
                        )
                    })?;
                    if n == 0 && *expected > 0 {
                        let why = "the reader gave fewer octets than its part said";
                        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
                    }
                }
                Ok(input.get(..n).unwrap_or_default())
            }
        }
    }
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Octets(octets) => write!(f, "Octets({})", octets.len()),
            Self::Text(octets) => write!(f, "Text({})", octets.len()),
            Self::Reader { expected, .. } => write!(f, "Reader({expected:?})"),
        }
    }
}

/// Reads until the buffer is full or the reader ends, so that pieces are whole lines of base64.
fn read_full(reader: &mut dyn Read, input: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(space @ [_, ..]) = input.get_mut(filled..) {
        match reader.read(space) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

impl<'a> Body<'a> {
    pub(super) fn new(source: Source<'a>, encoding: TransferEncoding) -> Self {
        let encoder = match (encoding, &source) {
            (TransferEncoding::Base64, _) => Encoder::Base64(Box::default()),
            (TransferEncoding::QuotedPrintable, _) => Encoder::QuotedPrintable(QuotedPrintableEncoder::new()),
            (_, Source::Text(_)) => Encoder::LineEnds(CrlfEncoder::new()),
            (_, Source::Octets(_) | Source::Reader { .. }) => Encoder::Identity,
        };
        Self { source, at: 0, encoder }
    }

    fn step(&mut self, out: &mut Vec<u8>) -> io::Result<Step> {
        if let (Encoder::Identity, Some(octets)) = (&self.encoder, self.source.octets()) {
            let range = self.at..octets as usize;
            self.at = range.end;
            return Ok(if range.is_empty() { Step::End } else { Step::Lent(range) });
        }
        let input = self.source.next(&mut self.at)?;
        match &mut self.encoder {
            Encoder::Identity => out.extend_from_slice(input),
            Encoder::LineEnds(encoder) => encoder.push(input, out),
            Encoder::QuotedPrintable(encoder) => encoder.push(input, out),
            Encoder::Base64(encoder) => encoder.push(input, out),
        }
        if !input.is_empty() {
            return Ok(Step::More);
        }
        match &mut self.encoder {
            Encoder::Identity | Encoder::LineEnds(_) => {}
            Encoder::QuotedPrintable(encoder) => encoder.finish(out),
            Encoder::Base64(encoder) => encoder.finish(out),
        }
        Ok(Step::End)
    }
}
