//! One part of a message: header, body, and what is inside.

use std::borrow::Cow;

use crate::decode::{TransferEncoding, charset};
use crate::defect::{Defect, Defects};
use crate::header::{ContentType, Disposition, Field, Header};
use crate::parse::known::FieldPlace;
use crate::parse::message::Entry;
use crate::parse::{Children, Message, PartKind};

/// One part of a [`Message`]; the message itself is one.
///
/// ```
/// use smtpkit_mime::Message;
///
/// let content = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n\
///     --b\r\nContent-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n\r\n0NLJ18XU\r\n--b--\r\n";
/// let message = Message::parse(content);
/// let part = message.root().children().next().unwrap();
/// assert!(part.content_type().is("text", "plain"));
/// assert_eq!(part.raw_body(), b"0NLJ18XU");
/// assert_eq!(part.body().text(), "привет");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Part<'m> {
    message: &'m Message<'m>,
    index: u32,
}

impl<'m> Part<'m> {
    pub(crate) fn new(message: &'m Message<'m>, index: u32) -> Self {
        Self { message, index }
    }

    fn entry(&self) -> &'m Entry {
        self.message.entry(self.index)
    }

    /// The number of the part in [`Message::parts`]; the message itself is 0.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// How many parts it is inside of.
    pub fn depth(&self) -> u16 {
        self.entry().depth
    }

    /// What it holds.
    pub fn kind(&self) -> PartKind {
        self.entry().kind
    }

    /// Whether no part is inside of it.
    pub fn is_leaf(&self) -> bool {
        self.entry().next <= self.index + 1
    }

    /// The parts directly inside of it.
    pub fn children(&self) -> Children<'m> {
        Children::of(self.message, self.index)
    }

    /// The part that it is inside of; none for the message itself.
    pub fn parent(&self) -> Option<Self> {
        (self.index > 0).then(|| Self::new(self.message, self.entry().parent))
    }

    /// Its header.
    pub fn header(&self) -> Header<'m> {
        let entry = self.entry();
        let octets = self.message.slice(entry.start, entry.fields_end);
        Header::new(octets, u64::from(entry.start), *self.message.limits())
    }

    /// Header and body as they stand, without the line end that belongs to a delimiter.
    pub fn raw(&self) -> &'m [u8] {
        let entry = self.entry();
        self.message.slice(entry.start, entry.end)
    }

    /// The header as it stands, with the empty line that ends it.
    pub fn raw_header(&self) -> &'m [u8] {
        let entry = self.entry();
        self.message.slice(entry.start, entry.body)
    }

    /// The body as it stands, still encoded; of a multipart with everything inside.
    pub fn raw_body(&self) -> &'m [u8] {
        let entry = self.entry();
        self.message.slice(entry.body, entry.end)
    }

    /// What stands before the first part of a multipart.
    pub fn preamble(&self) -> &'m [u8] {
        let entry = self.entry();
        self.message.slice(entry.body, entry.preamble_end)
    }

    /// What stands behind the close delimiter of a multipart.
    pub fn epilogue(&self) -> &'m [u8] {
        let entry = self.entry();
        self.message.slice(entry.epilogue, entry.end)
    }

    /// The octet of the message at which the part begins.
    pub fn at(&self) -> u64 {
        u64::from(self.entry().start)
    }

    /// The octet of the message at which its body begins.
    pub fn body_at(&self) -> u64 {
        u64::from(self.entry().body)
    }

    /// Its media type; without the field it is `text/plain`, in a digest `message/rfc822` (RFC 2046 §5.1.5).
    pub fn content_type(&self) -> ContentType<'m> {
        let entry = self.entry();
        match (self.field(&entry.content_type), entry.kind) {
            (Some(field), _) => field.content_type(),
            (None, PartKind::Message | PartKind::EncodedMessage) => ContentType::message(),
            (None, _) => ContentType::default(),
        }
    }

    /// How it wants to be shown, if it says so.
    pub fn disposition(&self) -> Option<Disposition<'m>> {
        self.field(&self.entry().disposition).map(|field| field.disposition())
    }

    fn field(&self, place: &FieldPlace) -> Option<Field<'m>> {
        place.field(self.message.content(), self.message.limits())
    }

    /// The name of the file: `filename` of the disposition, or else `name` of the type.
    pub fn file_name(&self) -> Option<String> {
        let disposition = self.disposition();
        if let Some(name) = disposition.as_ref().and_then(|disposition| disposition.file_name()) {
            return Some(name.into_owned());
        }
        self.content_type().parameters().get("name").filter(|name| !name.is_empty()).map(Cow::into_owned)
    }

    /// The identifier that other parts refer to, without angle brackets (RFC 2392).
    pub fn content_id(&self) -> Option<Cow<'m, str>> {
        self.header().first("Content-ID")?.ids().next()
    }

    /// How its body is encoded (RFC 2045 §6).
    pub fn encoding(&self) -> TransferEncoding {
        self.entry().encoding
    }

    /// Its body, decoded; of a part with parts inside as it stands, and of a multipart without any its preamble.
    pub fn body(&self) -> Body<'m> {
        let (octets, mut defects) = match self.kind() {
            PartKind::Leaf | PartKind::EncodedMessage => self.encoding().decode(self.raw_body()),
            PartKind::Multipart if self.is_leaf() => TransferEncoding::Binary.decode(self.preamble()),
            PartKind::Multipart | PartKind::Message => TransferEncoding::Binary.decode(self.raw_body()),
        };
        defects.shift(self.body_at());
        let content_type = self.content_type();
        let charset = content_type.charset().map(Cow::into_owned);
        Body { octets, charset, at: self.body_at(), defects }
    }

    /// Whether its body consists of fields, which [`Body::field_blocks`] reads: `message/delivery-status`
    /// (RFC 3464 §2.1), `disposition-notification` (RFC 8098 §3.1), `feedback-report` (RFC 5965 §2), headers alone.
    pub fn is_report(&self) -> bool {
        let content_type = self.content_type();
        matches!(
            (content_type.kind(), content_type.subtype()),
            ("message", "delivery-status" | "global-delivery-status")
                | ("message", "disposition-notification" | "global-disposition-notification")
                | ("message", "feedback-report" | "global-headers")
                | ("text", "rfc822-headers")
        )
    }

    /// Which piece of a message that was cut up this is: number, total if it is told, and the common identifier
    /// (RFC 2046 §5.2.2).
    pub fn partial(&self) -> Option<Partial> {
        let content_type = self.content_type();
        if !content_type.is("message", "partial") {
            return None;
        }
        let number = |name| content_type.parameters().get(name).and_then(|digits| digits.trim().parse().ok());
        let id = content_type.parameters().get("id").map(Cow::into_owned)?;
        Some(Partial { id, number: number("number")?, total: number("total") })
    }
}

/// A piece of a message that was cut up for sending (RFC 2046 §5.2.2).
///
/// ```
/// use smtpkit_mime::Message;
///
/// let message = Message::parse(b"Content-Type: message/partial; id=\"x@a.example\"; number=2; total=3\n\n...");
/// let partial = message.root().partial().unwrap();
/// assert_eq!((partial.id.as_str(), partial.number, partial.total), ("x@a.example", 2, Some(3)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Partial {
    /// What all pieces have in common.
    pub id: String,
    /// Which piece this is, from 1.
    pub number: u32,
    /// How many pieces there are; only the last one has to say it.
    pub total: Option<u32>,
}

/// A decoded body.
///
/// ```
/// use smtpkit_mime::Message;
///
/// let message = Message::parse(b"Content-Transfer-Encoding: quoted-printable\n\ncaf=C3=A9");
/// let body = message.root().body();
/// assert_eq!(body.octets(), "café".as_bytes());
/// assert_eq!(body.text(), "café");
/// assert!(body.defects().is_empty());
/// ```
#[derive(Debug, Clone)]
pub struct Body<'m> {
    octets: Cow<'m, [u8]>,
    charset: Option<String>,
    at: u64,
    defects: Defects,
}

impl<'m> Body<'m> {
    /// The decoded octets.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The decoded octets, borrowed from the message where nothing was encoded.
    pub fn into_octets(self) -> Cow<'m, [u8]> {
        self.octets
    }

    /// The octets as text, by the charset that the part names.
    ///
    /// Without a charset, or under the name of ASCII, it is UTF-8, or else windows-1252.
    pub fn text(&self) -> Cow<'_, str> {
        self.decode_text().text
    }

    /// What is wrong with the text: an unknown charset, or octets that it does not have.
    pub fn text_defect(&self) -> Option<Defect> {
        self.decode_text().defect.map(|kind| Defect::new(kind, self.at))
    }

    fn decode_text(&self) -> charset::Decoded<'_> {
        charset::decode_or_guess(self.charset.as_deref().unwrap_or_default(), &self.octets)
    }

    /// The charset that the part names.
    pub fn charset(&self) -> Option<&str> {
        self.charset.as_deref()
    }

    /// The blocks of fields that the body consists of, empty lines between them.
    ///
    /// ```
    /// use smtpkit_mime::Message;
    ///
    /// let message = Message::parse(
    ///     b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; a.example\n\nAction: failed\nStatus: 5.1.1\n",
    /// );
    /// let body = message.root().body();
    /// let blocks: Vec<_> = body.field_blocks().collect();
    /// assert_eq!(blocks[1].first("status").unwrap().text(), "5.1.1");
    /// ```
    pub fn field_blocks(&self) -> impl Iterator<Item = Header<'_>> {
        crate::header::blocks(&self.octets)
    }

    /// What was wrong with the transfer encoding, with offsets in the message.
    pub fn defects(&self) -> &Defects {
        &self.defects
    }
}
