//! The envelope of all reports: `multipart/report` (RFC 6522).

use std::borrow::Cow;

use crate::Message;
use crate::build::{MediaType, Part};
use crate::encode::CrlfEncoder;
use crate::header::field::{Cursor, Scan, scan};

/// What a report returns of the message that it is about (RFC 6522 §3, RFC 3461 §4.3).
///
/// ```
/// use smtpkit_mime::report::Returned;
///
/// let raw = b"Subject: x\r\n\r\nHello\r\n";
/// assert_eq!(Returned::headers(raw), Returned::Headers(b"Subject: x\r\n".as_slice().into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Returned<'a> {
    /// Nothing.
    Nothing,
    /// Header fields.
    Headers(Cow<'a, [u8]>),
    /// The whole message. One that no hop takes as it is, because of a NUL or of what is signed in it, keeps the report
    /// from being built; return its headers then.
    Message(Cow<'a, [u8]>),
}

impl<'a> Returned<'a> {
    /// The header fields of a raw message.
    pub fn headers(raw: &'a [u8]) -> Self {
        Self::Headers(Cow::Borrowed(header_of(raw)))
    }

    /// The whole of a raw message.
    pub const fn message(raw: &'a [u8]) -> Self {
        Self::Message(Cow::Borrowed(raw))
    }

    fn part(self) -> Option<Part<'a>> {
        match self {
            Self::Nothing => None,
            Self::Headers(headers) => {
                let name = if headers.is_ascii() { "text/rfc822-headers" } else { "message/global-headers" };
                let media_type = MediaType::known(name);
                let mut lines = Vec::with_capacity(headers.len());
                CrlfEncoder::new().push(&headers, &mut lines);
                // octets of no charset are not made text: what came is what is returned
                Some(match String::from_utf8(lines) {
                    Ok(lines) => Part::lines(media_type, lines),
                    Err(error) => Part::octets(media_type, error.into_bytes()),
                })
            }
            Self::Message(raw) => {
                // RFC 6532 §3.7: unlike message/rfc822, message/global may be encoded as a whole
                let is_global = !header_of(&raw).is_ascii();
                Some(if is_global {
                    Part::octets(MediaType::known("message/global"), raw)
                } else {
                    Part::message(raw)
                })
            }
        }
    }
}

/// The decoded octets of the first part of the type `message/` with one of `subtypes`.
pub(super) fn fields_of<'m>(message: &'m Message<'_>, subtypes: &[&str]) -> Option<Cow<'m, [u8]>> {
    let is_wanted = |part: &crate::Part<'_>| {
        let content_type = part.content_type();
        content_type.kind() == "message" && subtypes.contains(&content_type.subtype())
    };
    message.parts().find(is_wanted).map(|part| part.body().into_octets())
}

fn header_of(raw: &[u8]) -> &[u8] {
    let mut end = 0;
    while let Some(rest) = raw.get(end..)
        && let Scan::Field { length, .. } = scan(rest, &mut Cursor::default(), true)
    {
        end += length;
    }
    raw.get(..end).unwrap_or_default()
}

/// `multipart/report` with its two or three parts (RFC 6522 §3).
pub(super) fn multipart_report<'a>(
    report_type: &'static str,
    text: Cow<'a, str>,
    fields: Part<'a>,
    returned: Returned<'a>,
) -> Part<'a> {
    let media_type = MediaType::known("multipart/report").with_known("report-type", report_type);
    let text = Part::text(MediaType::known("text/plain"), text);
    Part::parts(media_type, [text, fields].into_iter().chain(returned.part()).collect())
}
