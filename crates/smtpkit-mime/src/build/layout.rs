//! Layout: a tree of parts becomes a flat list of pieces, header octets and bodies in turn (RFC 2046 §5.1).
//!
//! Here every decision about octets is taken, transfer encodings and boundaries among them, so that writing a
//! message is only walking the list. A boundary begins with `=_`, which no quoted-printable and no base64 body can
//! contain; a text that contains it is not sent as it is, but encoded. Only an embedded message, whose outside may
//! not be encoded, can force another choice of boundary.

use core::ops::Range;
use std::borrow::Cow;

use memchr::memmem;

use super::field_writer::FieldWriter;
use super::message::{Body, Source};
use super::part::{Content, Disposition};
use super::transfer::TransferEncoding;
use super::{BuildError, MediaType, Part, Stamp};
use crate::HopCapabilities;
use crate::downgrade::Downgrade;
use crate::encode::{Base64Encoder, CrlfEncoder};

/// Boundaries that are tried when embedded messages contain the first ones.
const ATTEMPTS_MAX: u8 = 16;
/// Octets of `=_` and the nonce in hexadecimal.
const MARKER_OCTETS: usize = 34;

/// The next thing that is written.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    /// Octets of [`Layout::literals`]: header fields, delimiters.
    Literal(Range<usize>),
    /// Content.
    Body(Body<'a>),
}

/// A message that is decided upon to the octet, but for what readers will give.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    pub(super) literals: Vec<u8>,
    pub(super) pieces: Vec<Piece<'a>>,
    /// What the hop must take.
    pub(super) needs: HopCapabilities,
    /// Octets in total; `None` if a reader did not say.
    pub(super) octets: Option<u64>,
    hop: HopCapabilities,
    marker: [u8; MARKER_OCTETS],
    multiparts: u16,
    /// Where the literals begin that no piece covers yet.
    covered: usize,
}

impl<'a> Layout<'a> {
    /// A layout that begins with `literals`, the fields of the message's header.
    pub(super) fn new(literals: Vec<u8>, hop: HopCapabilities) -> Self {
        Self {
            literals,
            pieces: Vec::with_capacity(4),
            needs: HopCapabilities::SEVEN_BIT,
            octets: Some(0),
            hop,
            marker: [0; MARKER_OCTETS],
            multiparts: 0,
            covered: 0,
        }
    }

    /// Lays out the root part, whose fields complete the message's header.
    pub(super) fn lay_out(mut self, mut root: Part<'a>, stamp: &Stamp) -> Result<Self, BuildError> {
        self.prepare_embedded(&mut root)?;
        self.choose_marker(&root, stamp)?;
        let is_multipart = matches!(root.content, Content::Parts(_));
        self.choose_encodings(&mut root, is_multipart);
        self.needs = root.encoding.needs();
        let is_open = root.encoding != TransferEncoding::Base64 && !root.content.ends_line();
        self.part(root, false)?;
        if is_open {
            self.literals.extend_from_slice(b"\r\n");
        }
        self.cover();
        Ok(self)
    }

    /// Makes embedded messages fit the hop: lines, no NUL, and 7-bit if it must be.
    fn prepare_embedded(&self, part: &mut Part<'a>) -> Result<(), BuildError> {
        match &mut part.content {
            Content::Parts(parts) => parts.iter_mut().try_for_each(|part| self.prepare_embedded(part)),
            Content::Message(raw) => {
                let mut lines = Vec::with_capacity(raw.len() + raw.len() / 32);
                CrlfEncoder::new().push(raw, &mut lines);
                let fitted =
                    Downgrade::new(self.hop).apply(&lines).map_err(BuildError::Embedded)?.into_content();
                *raw = Cow::Owned(fitted.into_owned());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn choose_marker(&mut self, root: &Part<'a>, stamp: &Stamp) -> Result<(), BuildError> {
        for attempt in 0..ATTEMPTS_MAX {
            if let Some((start, hex)) = self.marker.split_first_chunk_mut() {
                *start = *b"=_";
                hex.copy_from_slice(&stamp.hex(attempt));
            }
            if !is_in_embedded(root, &self.marker) {
                return Ok(());
            }
        }
        Err(BuildError::Boundary)
    }

    /// Decides how each part is encoded; a multipart says what its parts need (RFC 2045 §6.2).
    fn choose_encodings(&self, part: &mut Part<'a>, in_multipart: bool) {
        let marker = in_multipart.then_some(self.marker.as_slice());
        part.encoding = match &mut part.content {
            Content::Text(text) => TransferEncoding::for_text(text.as_bytes(), self.hop, marker),
            Content::Octets(octets) => {
                TransferEncoding::for_octets(octets, part.media_type.is_text(), self.hop, marker)
            }
            Content::Reader { .. } => TransferEncoding::Base64,
            Content::Message(octets) if octets.is_ascii() => TransferEncoding::SevenBit,
            Content::Message(_) => TransferEncoding::EightBit,
            Content::Parts(parts) => {
                parts.iter_mut().for_each(|part| self.choose_encodings(part, true));
                let needs =
                    parts.iter().fold(HopCapabilities::SEVEN_BIT, |sum, part| sum | part.encoding.needs());
                TransferEncoding::of_parts(needs)
            }
        };
    }

    /// The fields and the content of one part.
    fn part(&mut self, part: Part<'a>, in_multipart: bool) -> Result<(), BuildError> {
        let Part { media_type, disposition, content_id, description, content, encoding } = part;
        let is_multipart = matches!(content, Content::Parts(_));
        let boundary = if is_multipart { Some(self.next_boundary()?) } else { None };
        self.media_type(&media_type, boundary.as_deref());
        if encoding != TransferEncoding::SevenBit || !in_multipart && !is_multipart {
            let mut writer = FieldWriter::begin(&mut self.literals, "Content-Transfer-Encoding");
            writer.token(" ", encoding.token());
            writer.end();
        }
        if let Some(disposition) = &disposition {
            self.disposition(disposition);
        }
        if let Some(id) = &content_id {
            let mut writer = FieldWriter::begin(&mut self.literals, "Content-ID");
            writer.message_id(id);
            writer.end();
        }
        if let Some(text) = &description {
            let mut writer = FieldWriter::begin(&mut self.literals, "Content-Description");
            writer.text(text);
            writer.end();
        }
        self.literals.extend_from_slice(b"\r\n");
        match (content, boundary) {
            (Content::Parts(parts), Some(boundary)) => self.multipart(parts, &boundary),
            (content, _) => {
                self.body(content, encoding);
                Ok(())
            }
        }
    }

    fn media_type(&mut self, media_type: &MediaType, boundary: Option<&str>) {
        let mut writer = FieldWriter::begin(&mut self.literals, "Content-Type");
        writer.media_type(media_type);
        if let Some(boundary) = boundary {
            writer.parameter("boundary", boundary);
        }
        writer.end();
    }

    fn disposition(&mut self, disposition: &Disposition) {
        let mut writer = FieldWriter::begin(&mut self.literals, "Content-Disposition");
        writer.token(" ", disposition.token);
        if let Some(file_name) = &disposition.file_name {
            writer.parameter("filename", file_name);
        }
        writer.end();
    }

    fn multipart(&mut self, parts: Vec<Part<'a>>, boundary: &str) -> Result<(), BuildError> {
        // the header's empty line ends the line before the first delimiter, base64 ends its own last line
        let mut line_end: &[u8] = b"";
        for part in parts {
            self.delimiter(line_end, boundary, b"\r\n");
            let encoding = part.encoding;
            self.part(part, true)?;
            line_end = if encoding == TransferEncoding::Base64 { b"" } else { b"\r\n" };
        }
        self.delimiter(line_end, boundary, b"--");
        Ok(())
    }

    /// `--boundary` on a line of its own (RFC 2046 §5.1.1).
    fn delimiter(&mut self, before: &[u8], boundary: &str, after: &[u8]) {
        for octets in [before, b"--", boundary.as_bytes(), after] {
            self.literals.extend_from_slice(octets);
        }
    }

    /// Boundaries have the same length, so that none begins another.
    fn next_boundary(&mut self) -> Result<String, BuildError> {
        self.multiparts = self.multiparts.checked_add(1).ok_or(BuildError::TooManyMultiparts)?;
        Ok(format!("{}_{:04x}", String::from_utf8_lossy(&self.marker), self.multiparts))
    }

    fn body(&mut self, content: Content<'a>, encoding: TransferEncoding) {
        let (source, octets) = match content {
            Content::Text(text) => {
                let octets = match text {
                    Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                    Cow::Owned(text) => Cow::Owned(text.into_bytes()),
                };
                (Source::lines(octets, encoding), None)
            }
            Content::Octets(octets) | Content::Message(octets) => (Source::Octets(octets), None),
            Content::Reader { reader, octets } => (Source::reader(reader, octets), Some(octets)),
            Content::Parts(_) => return,
        };
        let octets = octets.unwrap_or_else(|| source.octets());
        self.cover();
        let written = octets.map(|octets| match encoding {
            TransferEncoding::Base64 => Base64Encoder::encoded_len(octets),
            _ => octets,
        });
        self.octets = self.octets.zip(written).map(|(sum, written)| sum + written);
        self.pieces.push(Piece::Body(Body::new(source, encoding)));
    }

    /// Makes a piece of the literals written since the last body.
    fn cover(&mut self) {
        let range = self.covered..self.literals.len();
        self.octets = self.octets.map(|octets| octets + range.len() as u64);
        self.covered = range.end;
        self.pieces.push(Piece::Literal(range));
    }
}

/// Whether an embedded message contains the marker.
fn is_in_embedded(part: &Part<'_>, marker: &[u8]) -> bool {
    match &part.content {
        Content::Parts(parts) => parts.iter().any(|part| is_in_embedded(part, marker)),
        Content::Message(octets) => memmem::find(octets, marker).is_some(),
        _ => false,
    }
}
