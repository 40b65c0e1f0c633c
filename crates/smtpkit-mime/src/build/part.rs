//! Parts: what a message is made of (RFC 2045, RFC 2046, RFC 2183).

use core::fmt;
use std::borrow::Cow;
use std::io::Read;

use super::transfer::TransferEncoding;
use super::value_error::{ValueError, ValueKind, check, check_text, is_text_octet};
use super::{MediaType, MessageId};

/// One part of a message: text, octets, what a reader gives, an embedded message, or a multipart of parts.
///
/// A part holds or borrows its content; it is encoded when the message is written.
///
/// ```
/// use smtpkit_mime::build::{MediaType, Part};
///
/// let rows = Part::octets(MediaType::new("text/csv")?, b"a,b\r\n1,2\r\n".as_slice());
/// let attachment = rows.attachment("Übersicht.csv")?.description("this week's figures")?;
/// # let _ = attachment;
/// # Ok::<(), smtpkit_mime::build::ValueError>(())
/// ```
#[derive(Debug)]
pub struct Part<'a> {
    pub(super) media_type: MediaType,
    pub(super) disposition: Option<Disposition>,
    pub(super) content_id: Option<MessageId>,
    pub(super) description: Option<String>,
    pub(super) content: Content<'a>,
    /// Decided when the message is laid out.
    pub(super) encoding: TransferEncoding,
}

/// How a part is to be presented (RFC 2183 §2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Disposition {
    pub(super) token: &'static str,
    pub(super) file_name: Option<String>,
}

pub(super) enum Content<'a> {
    /// Text whose line ends are made CRLF.
    Text(Cow<'a, str>),
    /// Octets that arrive unchanged.
    Octets(Cow<'a, [u8]>),
    /// Octets that are read when the message is written.
    Reader { reader: Box<dyn Read + Send + 'a>, octets: Option<u64> },
    /// A message, whose line ends are made CRLF and which only its own parts may encode (RFC 2046 §5.2.1).
    Message(Cow<'a, [u8]>),
    /// A multipart.
    Parts(Vec<Part<'a>>),
}

impl Content<'_> {
    /// Whether it ends with a line end of its own when it is not encoded.
    pub(super) fn ends_line(&self) -> bool {
        match self {
            Self::Text(text) => text.ends_with(['\r', '\n']),
            Self::Octets(octets) => octets.ends_with(b"\r\n"),
            Self::Message(octets) => octets.ends_with(b"\r\n"),
            Self::Reader { .. } | Self::Parts(_) => false,
        }
    }
}

impl fmt::Debug for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} octets)", text.len()),
            Self::Octets(octets) => write!(f, "Octets({} octets)", octets.len()),
            Self::Reader { octets: Some(octets), .. } => write!(f, "Reader({octets} octets)"),
            Self::Reader { octets: None, .. } => f.write_str("Reader"),
            Self::Message(octets) => write!(f, "Message({} octets)", octets.len()),
            Self::Parts(parts) => parts.fmt(f),
        }
    }
}

impl<'a> Part<'a> {
    fn new(media_type: MediaType, content: Content<'a>) -> Self {
        let encoding = TransferEncoding::SevenBit;
        Self { media_type, disposition: None, content_id: None, description: None, content, encoding }
    }

    /// Text of a type such as `text/plain`; it is written as UTF-8 and says so.
    ///
    /// Line ends may be CR LF, LF or CR; they are written as CRLF.
    ///
    /// ```
    /// # use smtpkit_mime::build::{MediaType, Part};
    /// let invitation = Part::text(MediaType::new("text/calendar")?.with("method", "REQUEST")?, "BEGIN:VCALENDAR\n");
    /// # let _ = invitation;
    /// # Ok::<(), smtpkit_mime::build::ValueError>(())
    /// ```
    pub fn text(media_type: MediaType, text: impl Into<Cow<'a, str>>) -> Self {
        Self::new(media_type.with_known("charset", "utf-8"), Content::Text(text.into()))
    }

    /// Octets, which arrive unchanged.
    ///
    /// ```
    /// # use smtpkit_mime::build::{MediaType, Part};
    /// let image = Part::octets(MediaType::new("image/png")?, b"\x89PNG\r\n".as_slice());
    /// # let _ = image;
    /// # Ok::<(), smtpkit_mime::build::ValueError>(())
    /// ```
    pub fn octets(media_type: MediaType, octets: impl Into<Cow<'a, [u8]>>) -> Self {
        Self::new(media_type, Content::Octets(octets.into()))
    }

    /// What a reader gives, such as an open file; it is read in small pieces while the message is written.
    ///
    /// ```
    /// # use smtpkit_mime::build::{MediaType, Part};
    /// let part = Part::reader(MediaType::new("video/mp4")?, std::io::repeat(0)).attachment("zeros.mp4")?;
    /// # let _ = part;
    /// # Ok::<(), smtpkit_mime::build::ValueError>(())
    /// ```
    pub fn reader(media_type: MediaType, reader: impl Read + Send + 'a) -> Self {
        Self::new(media_type, Content::Reader { reader: Box::new(reader), octets: None })
    }

    /// As [`reader`](Self::reader), with the number of octets that it gives: the size of the message can then be
    /// told before it is written, and a reader that gives more or fewer is an error.
    ///
    /// ```
    /// # use smtpkit_mime::build::{MediaType, Part};
    /// use std::io::Read as _;
    /// let part = Part::sized_reader(MediaType::new("video/mp4")?, std::io::repeat(0).take(100), 100);
    /// # let _ = part;
    /// # Ok::<(), smtpkit_mime::build::ValueError>(())
    /// ```
    pub fn sized_reader(media_type: MediaType, reader: impl Read + Send + 'a, octets: u64) -> Self {
        Self::new(media_type, Content::Reader { reader: Box::new(reader), octets: Some(octets) })
    }

    /// A message inside this one, as `message/rfc822` (RFC 2046 §5.2.1).
    ///
    /// ```
    /// # use smtpkit_mime::build::Part;
    /// let forwarded = Part::message(b"From: a@example.org\n\nHello\n".as_slice());
    /// # let _ = forwarded;
    /// ```
    pub fn message(raw: impl Into<Cow<'a, [u8]>>) -> Self {
        Self::new(MediaType::known("message/rfc822"), Content::Message(raw.into()))
    }

    /// A multipart of `parts`; the boundary is chosen when the message is built (RFC 2046 §5.1).
    ///
    /// ```
    /// # use smtpkit_mime::build::{MediaType, Part};
    /// let texts = ["one", "two"].map(|text| Part::text("text/plain".parse().unwrap(), text));
    /// let both = Part::multipart("digest", texts)?;
    /// # let _ = both;
    /// # Ok::<(), smtpkit_mime::build::ValueError>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError`] if the subtype is not a token.
    pub fn multipart(subtype: &str, parts: impl IntoIterator<Item = Self>) -> Result<Self, ValueError> {
        let media_type = MediaType::new(&format!("multipart/{subtype}"))?;
        Ok(Self::parts(media_type, parts.into_iter().collect()))
    }

    /// Lines of a type that has no charset parameter.
    pub(crate) fn lines(media_type: MediaType, lines: String) -> Self {
        Self::new(media_type, Content::Text(Cow::Owned(lines)))
    }

    pub(crate) fn parts(media_type: MediaType, parts: Vec<Self>) -> Self {
        Self::new(media_type, Content::Parts(parts))
    }

    /// Makes it an attachment with this file name, which may be in any script (RFC 2183 §2.3, RFC 2231).
    ///
    /// # Errors
    /// [`ValueError`] if the name is empty or has a CR, LF or NUL.
    pub fn attachment(self, file_name: &str) -> Result<Self, ValueError> {
        self.disposed("attachment", file_name)
    }

    /// Makes it a part that is shown in place, with a file name for those who save it (RFC 2183 §2.1).
    ///
    /// # Errors
    /// [`ValueError`] if the name is empty or has a CR, LF or NUL.
    pub fn inline(self, file_name: &str) -> Result<Self, ValueError> {
        self.disposed("inline", file_name)
    }

    fn disposed(mut self, token: &'static str, file_name: &str) -> Result<Self, ValueError> {
        check(ValueKind::ParameterValue, file_name, usize::MAX, is_text_octet)?;
        self.disposition = Some(Disposition { token, file_name: Some(file_name.to_owned()) });
        Ok(self)
    }

    /// Names the part, so that HTML can refer to it as `cid:…` (RFC 2392).
    #[must_use]
    pub fn content_id(mut self, id: MessageId) -> Self {
        self.content_id = Some(id);
        self
    }

    /// Describes the part in words (RFC 2045 §8).
    ///
    /// # Errors
    /// [`ValueError`] if the text has a CR, LF or NUL.
    pub fn description(mut self, text: &str) -> Result<Self, ValueError> {
        check_text(ValueKind::FieldBody, text)?;
        self.description = Some(text.to_owned());
        Ok(self)
    }

    /// Gives it a disposition if it has none.
    pub(super) fn disposed_by_default(mut self, token: &'static str) -> Self {
        self.disposition.get_or_insert(Disposition { token, file_name: None });
        self
    }
}
