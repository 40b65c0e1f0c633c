//! Content-Transfer-Encoding: how a body was made fit for the wire (RFC 2045 §6).

use std::borrow::Cow;

use crate::decode::{Base64Decoder, QuotedPrintableDecoder, UuDecoder};
use crate::defect::Defects;

/// A transfer encoding (RFC 2045 §6.1).
///
/// ```
/// use smtpkit_mime::decode::TransferEncoding;
///
/// assert_eq!(TransferEncoding::of(b" Base64 (always)\r\n"), TransferEncoding::Base64);
/// assert_eq!(TransferEncoding::Base64.name(), Some("base64"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum TransferEncoding {
    /// Lines of ASCII; also what a part without the field has.
    #[default]
    SevenBit,
    /// Lines of any octets.
    EightBit,
    /// Any octets.
    Binary,
    /// RFC 2045 §6.7.
    QuotedPrintable,
    /// RFC 2045 §6.8.
    Base64,
    /// `x-uuencode`, never registered.
    Uuencode,
    /// Something else; the body is taken as it stands.
    Unknown,
}

impl TransferEncoding {
    /// Reads the value of the field, comments and other additions ignored.
    pub fn of(value: &[u8]) -> Self {
        let mut value = value.trim_ascii_start();
        if value.first().is_some_and(|octet| matches!(octet, b'(' | b'"')) {
            let mut lexer = crate::header::lex::Lexer::new(value);
            lexer.skip_cfws();
            lexer.accept(b'"');
            value = lexer.rest();
        }
        let end = value.iter().position(|octet| !(octet.is_ascii_alphanumeric() || *octet == b'-'));
        let token = value.get(..end.unwrap_or(value.len())).unwrap_or_default();
        let known: [(&[u8], Self); 11] = [
            (b"7bit", Self::SevenBit),
            (b"8bit", Self::EightBit),
            (b"base64", Self::Base64),
            (b"quoted-printable", Self::QuotedPrintable),
            (b"binary", Self::Binary),
            (b"7-bit", Self::SevenBit),
            (b"8-bit", Self::EightBit),
            (b"x-uuencode", Self::Uuencode),
            (b"x-uue", Self::Uuencode),
            (b"uuencode", Self::Uuencode),
            (b"", Self::SevenBit),
        ];
        let found = known.into_iter().find(|(name, _)| token.eq_ignore_ascii_case(name));
        found.map_or(Self::Unknown, |(_, encoding)| encoding)
    }

    /// The registered name; none for an unknown encoding.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::SevenBit => Some("7bit"),
            Self::EightBit => Some("8bit"),
            Self::Binary => Some("binary"),
            Self::QuotedPrintable => Some("quoted-printable"),
            Self::Base64 => Some("base64"),
            Self::Uuencode => Some("x-uuencode"),
            Self::Unknown => None,
        }
    }

    /// Whether the octets of the body differ from the content.
    pub const fn is_coded(self) -> bool {
        matches!(self, Self::QuotedPrintable | Self::Base64 | Self::Uuencode)
    }

    /// Decodes a whole body, borrowing it if there is nothing to decode.
    pub fn decode(self, body: &[u8]) -> (Cow<'_, [u8]>, Defects) {
        if !self.is_coded() {
            return (Cow::Borrowed(body), Defects::NONE);
        }
        let room = if self == Self::QuotedPrintable { body.len() } else { body.len() / 4 * 3 + 3 };
        let mut out = Vec::with_capacity(room);
        let mut decoder = TransferDecoder::new(self);
        decoder.push(body, &mut out);
        decoder.finish(&mut out);
        (Cow::Owned(out), decoder.into_defects())
    }
}

/// Decodes a body that arrives in pieces, whatever its encoding (RFC 2045 §6).
///
/// ```
/// use smtpkit_mime::decode::{TransferDecoder, TransferEncoding};
///
/// let (mut decoder, mut out) = (TransferDecoder::new(TransferEncoding::Base64), Vec::new());
/// decoder.push(b"aGVsbG8", &mut out);
/// decoder.push(b"=", &mut out);
/// decoder.finish(&mut out);
/// assert_eq!(out, b"hello");
/// ```
#[derive(Debug, Clone)]
pub struct TransferDecoder(Decoder);

#[derive(Debug, Clone)]
enum Decoder {
    Identity(Defects),
    Base64(Base64Decoder),
    QuotedPrintable(QuotedPrintableDecoder),
    Uuencode(UuDecoder),
}

impl TransferDecoder {
    /// A decoder for `encoding`; one that is unknown changes nothing.
    pub fn new(encoding: TransferEncoding) -> Self {
        Self(match encoding {
            TransferEncoding::Base64 => Decoder::Base64(Base64Decoder::new()),
            TransferEncoding::QuotedPrintable => Decoder::QuotedPrintable(QuotedPrintableDecoder::new()),
            TransferEncoding::Uuencode => Decoder::Uuencode(UuDecoder::new()),
            _ => Decoder::Identity(Defects::NONE),
        })
    }

    /// Decodes `input`, the next piece, and adds the result to `out`.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            Decoder::Identity(_) => out.extend_from_slice(input),
            Decoder::Base64(decoder) => decoder.push(input, out),
            Decoder::QuotedPrintable(decoder) => decoder.push(input, out),
            Decoder::Uuencode(decoder) => decoder.push(input, out),
        }
    }

    /// Ends the input and adds what is left of it to `out`.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match &mut self.0 {
            Decoder::Identity(_) => {}
            Decoder::Base64(decoder) => decoder.finish(out),
            Decoder::QuotedPrintable(decoder) => decoder.finish(out),
            Decoder::Uuencode(decoder) => decoder.finish(out),
        }
    }

    /// What is wrong with the input so far, with offsets counted in all of it.
    pub fn defects(&self) -> &Defects {
        match &self.0 {
            Decoder::Identity(defects) => defects,
            Decoder::Base64(decoder) => decoder.defects(),
            Decoder::QuotedPrintable(decoder) => decoder.defects(),
            Decoder::Uuencode(decoder) => decoder.defects(),
        }
    }

    fn into_defects(self) -> Defects {
        self.defects().clone()
    }
}
