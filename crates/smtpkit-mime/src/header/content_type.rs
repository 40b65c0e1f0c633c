//! Content-Type: what a body is (RFC 2045 §5), repaired as mail programs do.

use std::borrow::Cow;

use crate::decode::charset;
use crate::defect::{Defect, DefectKind, Defects};
use crate::header::lex::{Lexer, is_blank};
use crate::header::parameter::Parameters;
use crate::limits::Limits;

/// A media type with its parameters (RFC 2045 §5.1).
///
/// A type without its other half is completed with the one that is meant most often; one that cannot be read
/// is `text/plain`, as RFC 2045 §5.2 has it. What was done is in [`defects`](Self::defects).
///
/// ```
/// use smtpkit_mime::{Limits, header::ContentType};
///
/// let content_type = ContentType::parse(b" TEXT/HTML (page); charset=\"utf-8\"\r\n", &Limits::default());
/// assert!(content_type.is("text", "html"));
/// assert_eq!(content_type.to_string(), "text/html");
/// assert_eq!(content_type.charset().as_deref(), Some("utf-8"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentType<'a> {
    kind: Cow<'a, str>,
    subtype: Cow<'a, str>,
    parameters: Parameters<'a>,
    defects: Defects,
}

impl Default for ContentType<'_> {
    /// `text/plain`, which a part without the field is.
    fn default() -> Self {
        Self::plain(Parameters::default(), Defects::NONE)
    }
}

impl<'a> ContentType<'a> {
    const fn plain(parameters: Parameters<'a>, defects: Defects) -> Self {
        Self { kind: Cow::Borrowed("text"), subtype: Cow::Borrowed("plain"), parameters, defects }
    }

    pub(crate) const fn message() -> Self {
        Self {
            kind: Cow::Borrowed("message"),
            subtype: Cow::Borrowed("rfc822"),
            parameters: Parameters::NONE,
            defects: Defects::NONE,
        }
    }

    /// Reads the value of a field; always gives a type.
    pub fn parse(value: &'a [u8], limits: &Limits) -> Self {
        let mut defects = Defects::NONE;
        let mut lexer = Lexer::new(value);
        lexer.skip_cfws();
        let in_half = |octet| !is_blank(octet) && !matches!(octet, b';' | b'(' | b'"' | b'/');
        lexer.accept(b'"');
        let kind = lexer.take_while(in_half);
        lexer.skip_cfws();
        let mut subtype: &[u8] = b"";
        if lexer.accept(b'/') {
            lexer.skip_cfws();
            subtype = lexer.take_while(|octet| in_half(octet) || octet == b'/');
        }
        lexer.accept(b'"');
        let parameters = Parameters::parse(&mut lexer, limits, &mut defects);
        if let Some(at) = lexer.unclosed() {
            defects.push(Defect::new(DefectKind::Unclosed, at as u64), limits.defects_max);
        }
        let repaired = match (kind.is_empty(), subtype.is_empty()) {
            (false, false) => None,
            (false, true) => complete(kind),
            (true, _) => Some(("text", "plain")),
        };
        if kind.is_empty() || subtype.is_empty() {
            defects.push(Defect::new(DefectKind::BadMediaType, 0), limits.defects_max);
        }
        match (kind, repaired) {
            (_, Some((kind, subtype))) => {
                Self { kind: Cow::Borrowed(kind), subtype: Cow::Borrowed(subtype), parameters, defects }
            }
            (_, None) if subtype.is_empty() => Self::plain(parameters, defects),
            (kind, None) => Self { kind: lower(kind), subtype: lower(subtype), parameters, defects },
        }
    }

    /// The same, with defects counted from where the value stands in the message.
    pub(crate) fn at(mut self, octets: u64) -> Self {
        self.defects.shift(octets);
        self
    }

    /// The half before the slash, in lower case.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The half after the slash, in lower case.
    pub fn subtype(&self) -> &str {
        &self.subtype
    }

    /// Whether the type is `kind/subtype`, both given in lower case.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind == kind && self.subtype == subtype
    }

    /// The parameters.
    pub fn parameters(&self) -> &Parameters<'a> {
        &self.parameters
    }

    /// The charset of a text, if it names one.
    pub fn charset(&self) -> Option<Cow<'_, str>> {
        self.parameters.get("charset").filter(|charset| !charset.is_empty())
    }

    /// The boundary of a multipart, without blanks at its end (RFC 2046 §5.1.1).
    pub fn boundary(&self) -> Option<Cow<'_, [u8]>> {
        let boundary = self.parameters.raw(b"boundary")?;
        Some(match boundary {
            Cow::Borrowed(octets) => Cow::Borrowed(octets.trim_ascii_end()),
            Cow::Owned(octets) => Cow::Owned(octets.trim_ascii_end().to_vec()),
        })
    }

    /// What had to be repaired, with offsets within the value.
    pub fn defects(&self) -> &Defects {
        &self.defects
    }
}

impl core::fmt::Display for ContentType<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}/{}", self.kind, self.subtype)
    }
}

/// The type that half a type stands for.
fn complete(kind: &[u8]) -> Option<(&'static str, &'static str)> {
    let known: [(&[u8], (&str, &str)); 8] = [
        (b"text", ("text", "plain")),
        (b"plain", ("text", "plain")),
        (b"html", ("text", "html")),
        (b"multipart", ("multipart", "mixed")),
        (b"message", ("message", "rfc822")),
        (b"image", ("application", "octet-stream")),
        (b"application", ("application", "octet-stream")),
        (b"pdf", ("application", "pdf")),
    ];
    known.into_iter().find(|(half, _)| kind.eq_ignore_ascii_case(half)).map(|(_, whole)| whole)
}

fn lower(token: &[u8]) -> Cow<'_, str> {
    match charset::unlabelled(token) {
        Cow::Borrowed(text) if !text.bytes().any(|octet| octet.is_ascii_uppercase()) => Cow::Borrowed(text),
        text => Cow::Owned(text.to_ascii_lowercase()),
    }
}

/// What a type means to the structure of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    Leaf,
    Multipart { boundary: Vec<u8>, digest: bool },
    Message,
}

impl Shape {
    /// Reads no more of the value than its first letters, unless they announce a multipart or a message.
    pub(crate) fn of(value: &[u8], limits: &Limits) -> Self {
        let start = value.trim_ascii_start();
        if !matches!(start, [b'm' | b'M' | b'"' | b'(', ..]) {
            return Self::Leaf;
        }
        let content_type = ContentType::parse(start, limits);
        match content_type.kind() {
            "multipart" => Self::Multipart {
                boundary: content_type.boundary().map(Cow::into_owned).unwrap_or_default(),
                digest: content_type.subtype() == "digest",
            },
            "message" if matches!(content_type.subtype(), "rfc822" | "global" | "news") => Self::Message,
            _ => Self::Leaf,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_type_is_completed() {
        for (value, expected, defect) in [
            ("text/plain", "text/plain", false),
            (" image/ jpeg ", "image/jpeg", false),
            ("(a) text (b) / (c) plain (d)", "text/plain", false),
            ("TEXT/HTML; charset=x", "text/html", false),
            ("text", "text/plain", true),
            ("multipart; boundary=x", "multipart/mixed", true),
            ("", "text/plain", true),
            ("/", "text/plain", true),
            ("/plain; charset=x", "text/plain", true),
            ("nonsense", "text/plain", true),
            ("text/plain/format", "text/plain/format", false),
        ] {
            let parsed = ContentType::parse(value.as_bytes(), &Limits::DEFAULT);
            assert_eq!(parsed.to_string(), expected, "{value}");
            assert_eq!(parsed.defects().contains(DefectKind::BadMediaType), defect, "{value}");
        }
    }
}
