//! Making an existing message fit a hop that takes less: 8-bit to 7-bit, binary to lines (RFC 6152 §3, RFC 3030).
//!
//! Parts that do not fit are encoded and say so; every other octet stays as it is. What somebody signed is left
//! alone: a `multipart/signed` that would have to change, or a `DKIM-Signature` over the message, is an error
//! unless the caller decides to break it. Header fields are not rewritten: UTF-8 in them needs `SMTPUTF8`
//! (RFC 6531), and that is the answer.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use crate::HopCapabilities;
use crate::build::transfer::{TransferEncoding, eight_bit_octets, has_bare_line_end, has_long_line};
use crate::encode::{Base64Encoder, QuotedPrintableEncoder};
use crate::header::ContentType;
use crate::header::field::{Cursor, Scan, scan};
use crate::limits::Limits;

/// Multiparts and messages inside each other; what lies deeper can only pass unchanged.
const DEPTH_MAX: usize = 64;

/// Makes messages fit a hop (RFC 6152 §3).
///
/// ```
/// use smtpkit_mime::HopCapabilities;
/// use smtpkit_mime::downgrade::Downgrade;
///
/// let raw = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
///            Content-Transfer-Encoding: 8bit\r\n\r\nA na\u{ef}ve approach.\r\n";
/// let fitted = Downgrade::new(HopCapabilities::SEVEN_BIT).apply(raw.as_bytes())?;
/// assert!(fitted.content().ends_with(b"Content-Transfer-Encoding: quoted-printable\r\n\r\nA na=C3=AFve approach.\r\n"));
/// assert_eq!(fitted.parts_encoded(), 1);
/// # Ok::<(), smtpkit_mime::downgrade::DowngradeError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Downgrade {
    hop: HopCapabilities,
    signed: SignedContent,
}

/// What happens to content that a signature covers (RFC 1847, RFC 6376).
///
/// ```
/// use smtpkit_mime::HopCapabilities;
/// use smtpkit_mime::downgrade::{Downgrade, DowngradeError, SignedContent};
///
/// let raw = "DKIM-Signature: v=1\r\n\r\nna\u{ef}ve\r\n".as_bytes();
/// let downgrade = Downgrade::new(HopCapabilities::SEVEN_BIT);
/// assert_eq!(downgrade.apply(raw).unwrap_err(), DowngradeError::DkimSigned { at: 0 });
/// assert_eq!(downgrade.signed(SignedContent::Break).apply(raw)?.signatures_broken(), 1);
/// # Ok::<(), DowngradeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignedContent {
    /// It is left alone, and a message that cannot pass as it is is refused.
    #[default]
    Refuse,
    /// It is encoded like all other content, and the signature no longer verifies.
    Break,
}

/// A message that fits the hop.
///
/// ```
/// use smtpkit_mime::HopCapabilities;
/// use smtpkit_mime::downgrade::Downgrade;
///
/// let fitted = Downgrade::new(HopCapabilities::SEVEN_BIT).apply(b"Subject: x\r\n\r\nplain\r\n")?;
/// assert!(!fitted.is_changed());
/// # Ok::<(), smtpkit_mime::downgrade::DowngradeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downgraded<'c> {
    content: Cow<'c, [u8]>,
    parts_encoded: usize,
    signatures_broken: usize,
}

impl<'c> Downgraded<'c> {
    /// The octets.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The octets, borrowed if nothing had to change.
    pub fn into_content(self) -> Cow<'c, [u8]> {
        self.content
    }

    /// Whether the octets differ from those that were given.
    pub const fn is_changed(&self) -> bool {
        matches!(self.content, Cow::Owned(_))
    }

    /// How many parts were encoded.
    pub const fn parts_encoded(&self) -> usize {
        self.parts_encoded
    }

    /// How many signatures the change has broken: never any with [`SignedContent::Refuse`].
    pub const fn signatures_broken(&self) -> usize {
        self.signatures_broken
    }
}

/// Why a message cannot be made to fit; the message's fault, and no other attempt at the same hop can help.
///
/// ```
/// use smtpkit_mime::HopCapabilities;
/// use smtpkit_mime::downgrade::{Downgrade, DowngradeError};
///
/// let error = Downgrade::new(HopCapabilities::EIGHT_BIT).apply("Subject: na\u{ef}ve\r\n\r\n".as_bytes());
/// assert_eq!(error, Err(DowngradeError::Header { at: 0 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DowngradeError {
    /// Header fields that the hop does not take: UTF-8 without `SMTPUTF8`, a NUL, or a line of more than 998
    /// octets. The header begins at the offset.
    #[error("the header at offset {at} has UTF-8, a NUL or a line that the next hop does not take")]
    Header {
        /// Where the header begins.
        at: usize,
    },
    /// A `multipart/signed` would have to change (RFC 1847 §2.1).
    #[error("the signed part at offset {at} would have to change")]
    Signed {
        /// Where the part begins.
        at: usize,
    },
    /// Something would have to change that a `DKIM-Signature` covers (RFC 6376 §5.3).
    #[error("a DKIM signature at offset {at} covers what would have to change")]
    DkimSigned {
        /// Where the field begins.
        at: usize,
    },
    /// A part says that it is encoded already, or has an encoding that nobody knows, and still does not fit.
    #[error("the encoded part at offset {at} has octets that the next hop does not take")]
    Encoded {
        /// Where the part begins.
        at: usize,
    },
    /// Parts nest more than 64 deep.
    #[error("parts nest deeper than {DEPTH_MAX} at offset {at}")]
    Depth {
        /// Where the part begins.
        at: usize,
    },
}

impl Downgrade {
    /// For a hop that takes no more than this; signed content is left alone.
    pub const fn new(hop: HopCapabilities) -> Self {
        Self { hop, signed: SignedContent::Refuse }
    }

    /// Decides about signed content.
    #[must_use]
    pub const fn signed(self, signed: SignedContent) -> Self {
        Self { signed, ..self }
    }

    /// Makes `raw`, a message with CRLF line ends, fit the hop.
    ///
    /// # Errors
    /// [`DowngradeError`] by variant.
    pub fn apply(self, raw: &[u8]) -> Result<Downgraded<'_>, DowngradeError> {
        let entity = Entity::new(raw, 0, DefaultType::Text);
        if self.fits_header(&entity) && self.fits(entity.body) {
            return Ok(Downgraded { content: Cow::Borrowed(raw), parts_encoded: 0, signatures_broken: 0 });
        }
        let out = Vec::with_capacity(raw.len() + raw.len() / 4);
        let mut walk = Walk { raw, policy: self, out, parts_encoded: 0, signatures_broken: 0 };
        walk.entity(&entity, 0)?;
        Ok(Downgraded {
            content: Cow::Owned(walk.out),
            parts_encoded: walk.parts_encoded,
            signatures_broken: walk.signatures_broken,
        })
    }

    /// Whether the hop takes these octets in a body.
    fn fits(self, octets: &[u8]) -> bool {
        self.hop.covers(HopCapabilities::BINARY)
            || (self.hop.covers(HopCapabilities::EIGHT_BIT) || octets.is_ascii()) && are_lines(octets)
    }

    /// Whether the hop takes the header of a part and the empty line after it.
    fn fits_header(self, entity: &Entity<'_>) -> bool {
        (self.hop.covers(HopCapabilities::SMTPUTF8) || entity.header.is_ascii())
            && are_lines(entity.header)
            && !has_bare_line_end(entity.separator)
    }
}

/// Lines of at most 998 octets without NUL.
fn are_lines(octets: &[u8]) -> bool {
    memchr(0, octets).is_none() && !has_bare_line_end(octets) && !has_long_line(octets)
}

/// What a part is when it does not say (RFC 2045 §5.2, RFC 2046 §5.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DefaultType {
    Text,
    Message,
}

/// A header and its body, somewhere in the message.
#[derive(Debug)]
struct Entity<'c> {
    header: &'c [u8],
    /// The empty line after the header.
    separator: &'c [u8],
    body: &'c [u8],
    at: usize,
    default_type: DefaultType,
    content_type: Option<&'c [u8]>,
    encoding: Option<Encoding<'c>>,
    has_mime_version: bool,
    dkim_signature_at: Option<usize>,
}

/// The `Content-Transfer-Encoding` field.
#[derive(Debug)]
struct Encoding<'c> {
    start: usize,
    end: usize,
    token: &'c [u8],
}

impl<'c> Entity<'c> {
    fn new(octets: &'c [u8], at: usize, default_type: DefaultType) -> Self {
        let mut entity = Self {
            header: octets,
            separator: b"",
            body: b"",
            at,
            default_type,
            content_type: None,
            encoding: None,
            has_mime_version: false,
            dkim_signature_at: None,
        };
        let mut start = 0;
        loop {
            let rest = octets.get(start..).unwrap_or_default();
            let (colon, length) = match scan(rest, &mut Cursor::default(), true) {
                Scan::Field { colon, length } => (colon, length),
                Scan::Separator { length } => {
                    (entity.separator, entity.body) = rest.split_at_checked(length).unwrap_or((rest, b""));
                    break;
                }
                Scan::NotAField | Scan::Incomplete => {
                    entity.body = rest;
                    break;
                }
            };
            let (name, value) =
                rest.get(..length).and_then(|f| f.split_at_checked(colon)).unwrap_or_default();
            entity.field(name.trim_ascii_end(), value.get(1..).unwrap_or_default(), start, length);
            start += length;
        }
        entity.header = octets.get(..start).unwrap_or_default();
        entity
    }

    fn field(&mut self, name: &[u8], value: &'c [u8], start: usize, length: usize) {
        if name.eq_ignore_ascii_case(b"Content-Type") {
            self.content_type.get_or_insert(value);
        } else if name.eq_ignore_ascii_case(b"Content-Transfer-Encoding") {
            let token = value.trim_ascii();
            self.encoding.get_or_insert(Encoding { start, end: start + length, token });
        } else if name.eq_ignore_ascii_case(b"MIME-Version") {
            self.has_mime_version = true;
        } else if name.eq_ignore_ascii_case(b"DKIM-Signature") {
            self.dkim_signature_at.get_or_insert(self.at + start);
        }
    }

    fn body_at(&self) -> usize {
        self.at + self.header.len() + self.separator.len()
    }

    /// Whether the body stands as it is: no encoding, or one that changes nothing.
    fn is_identity(&self) -> bool {
        self.encoding.as_ref().is_none_or(|encoding| {
            [b"7bit".as_slice(), b"8bit", b"binary"].iter().any(|t| encoding.token.eq_ignore_ascii_case(t))
        })
    }
}

struct Walk<'c> {
    raw: &'c [u8],
    policy: Downgrade,
    out: Vec<u8>,
    parts_encoded: usize,
    signatures_broken: usize,
}

impl<'c> Walk<'c> {
    fn dkim(&mut self, message: &Entity<'_>) -> Result<(), DowngradeError> {
        match (message.dkim_signature_at, self.policy.signed) {
            (None, _) => {}
            (Some(at), SignedContent::Refuse) => return Err(DowngradeError::DkimSigned { at }),
            (Some(_), SignedContent::Break) => self.signatures_broken += 1,
        }
        Ok(())
    }

    fn entity(&mut self, entity: &Entity<'c>, depth: usize) -> Result<(), DowngradeError> {
        let at = entity.at;
        if !self.policy.fits_header(entity) {
            return Err(DowngradeError::Header { at });
        }
        if self.policy.fits(entity.body) {
            let end = entity.body_at() + entity.body.len();
            self.out.extend_from_slice(self.raw.get(at..end).unwrap_or_default());
            return Ok(());
        }
        if depth == DEPTH_MAX {
            return Err(DowngradeError::Depth { at });
        }
        if depth == 0 {
            self.dkim(entity)?;
        }
        let content_type = match (entity.content_type, entity.default_type) {
            (Some(value), _) => ContentType::parse(value, &Limits::DEFAULT),
            (None, DefaultType::Text) => ContentType::default(),
            (None, DefaultType::Message) => ContentType::message(),
        };
        let boundary = content_type.boundary().filter(|boundary| !boundary.is_empty());
        match (content_type.kind(), boundary) {
            _ if !entity.is_identity() => Err(DowngradeError::Encoded { at }),
            ("multipart", Some(boundary)) => {
                if content_type.subtype() == "signed" {
                    match self.policy.signed {
                        SignedContent::Refuse => return Err(DowngradeError::Signed { at }),
                        SignedContent::Break => self.signatures_broken += 1,
                    }
                }
                self.header(entity, None);
                let is_digest = content_type.subtype() == "digest";
                let default_type = if is_digest { DefaultType::Message } else { DefaultType::Text };
                self.multipart(entity, &boundary, default_type, depth)
            }
            ("message", _) if matches!(content_type.subtype(), "rfc822" | "global" | "news") => {
                self.header(entity, None);
                self.entity(&Entity::new(entity.body, entity.body_at(), DefaultType::Text), depth + 1)
            }
            (kind, _) => {
                self.leaf(entity, kind == "text");
                Ok(())
            }
        }
    }

    /// The header with its encoding replaced; without one, an encoding that claims 8-bit or binary is set to 7bit.
    fn header(&mut self, entity: &Entity<'_>, encoding: Option<TransferEncoding>) {
        let (start, end) = match &entity.encoding {
            Some(field) => (field.start, field.end),
            None => (entity.header.len(), entity.header.len()),
        };
        self.out.extend_from_slice(entity.header.get(..start).unwrap_or_default());
        match encoding {
            Some(encoding) => {
                if entity.content_type.is_none() && entity.at == 0 {
                    self.out.extend_from_slice(undeclared_type(entity));
                }
                self.out.extend_from_slice(b"Content-Transfer-Encoding: ");
                self.out.extend_from_slice(encoding.token().as_bytes());
                self.out.extend_from_slice(b"\r\n");
            }
            None if self.policy.hop.covers(HopCapabilities::EIGHT_BIT) => {
                self.out.extend_from_slice(b"Content-Transfer-Encoding: 8bit\r\n");
            }
            None => {}
        }
        self.out.extend_from_slice(entity.header.get(end..).unwrap_or_default());
        let separator = if entity.separator.is_empty() { b"\r\n" } else { entity.separator };
        self.out.extend_from_slice(separator);
    }

    fn leaf(&mut self, entity: &Entity<'_>, is_text: bool) {
        let body = entity.body;
        let encoding = if is_text && !has_bare_line_end(body) {
            TransferEncoding::for_escapes(eight_bit_octets(body), body.len())
        } else {
            TransferEncoding::Base64
        };
        self.header(entity, Some(encoding));
        if encoding == TransferEncoding::QuotedPrintable {
            let mut encoder = QuotedPrintableEncoder::new();
            encoder.push(body, &mut self.out);
            encoder.finish(&mut self.out);
        } else {
            let mut encoder = Base64Encoder::new();
            encoder.push(body, &mut self.out);
            encoder.finish(&mut self.out);
        }
        self.parts_encoded += 1;
    }

    /// The parts of a multipart, and the text around them as far as it fits: readers are to ignore it
    /// (RFC 2046 §5.1.1).
    fn multipart(
        &mut self,
        entity: &Entity<'c>,
        boundary: &[u8],
        default_type: DefaultType,
        depth: usize,
    ) -> Result<(), DowngradeError> {
        let body = entity.body;
        let mut inside = Inside::Preamble;
        let mut start = 0;
        for delimiter in delimiters(body, boundary) {
            let section = body.get(start..delimiter.start).unwrap_or_default();
            self.section(section, inside, entity.body_at() + start, (default_type, depth))?;
            self.delimiter(body.get(delimiter.start..delimiter.end).unwrap_or_default());
            start = delimiter.end;
            inside = if delimiter.closes { Inside::Epilogue } else { Inside::Part };
            if delimiter.closes {
                break;
            }
        }
        let section = body.get(start..).unwrap_or_default();
        self.section(section, inside, entity.body_at() + start, (default_type, depth))
    }

    /// A delimiter line, with a good line end in front of it and after it.
    fn delimiter(&mut self, line: &[u8]) {
        if !self.out.ends_with(b"\n") {
            self.out.extend_from_slice(b"\r\n");
        }
        self.out.extend_from_slice(line.trim_ascii_end());
        self.out.extend_from_slice(b"\r\n");
    }

    fn section(
        &mut self,
        octets: &'c [u8],
        inside: Inside,
        at: usize,
        (default_type, depth): (DefaultType, usize),
    ) -> Result<(), DowngradeError> {
        match inside {
            Inside::Preamble | Inside::Epilogue => {
                if self.policy.fits(octets) {
                    self.out.extend_from_slice(octets);
                }
                Ok(())
            }
            Inside::Part => {
                // the line end before the delimiter belongs to the delimiter
                let part = octets.strip_suffix(b"\r\n").unwrap_or(octets);
                self.entity(&Entity::new(part, at, default_type), depth + 1)?;
                self.out.extend_from_slice(octets.get(part.len()..).unwrap_or_default());
                Ok(())
            }
        }
    }
}

/// What stands between two delimiters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Preamble,
    Part,
    Epilogue,
}

/// A delimiter line with its line end.
struct Delimiter {
    start: usize,
    end: usize,
    closes: bool,
}

/// The delimiter lines of a multipart (RFC 2046 §5.1.1).
fn delimiters(body: &[u8], boundary: &[u8]) -> impl Iterator<Item = Delimiter> {
    let dashed = [b"--", boundary].concat();
    let finder = memmem::Finder::new(&dashed).into_owned();
    let mut from = 0;
    core::iter::from_fn(move || {
        loop {
            let start = from + finder.find(body.get(from..)?)?;
            from = start + dashed.len();
            let rest = body.get(from..)?;
            let length = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let tail = rest.get(..length)?.trim_ascii();
            let at_line_start = start == 0 || body.get(start - 1) == Some(&b'\n');
            if at_line_start && matches!(tail, b"" | b"--") {
                from += length;
                return Some(Delimiter { start, end: from, closes: tail == b"--" });
            }
        }
    })
}

/// The fields that make 8-bit text of a message without MIME readable again (RFC 1428 §3 for unknown charsets).
fn undeclared_type(entity: &Entity<'_>) -> &'static [u8] {
    match (entity.has_mime_version, simdutf8::basic::from_utf8(entity.body).is_ok()) {
        (false, true) => b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n",
        (false, false) => b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n",
        (true, true) => b"Content-Type: text/plain; charset=utf-8\r\n",
        (true, false) => b"Content-Type: text/plain; charset=unknown-8bit\r\n",
    }
}
