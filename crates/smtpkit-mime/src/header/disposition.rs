//! Content-Disposition: how a part wants to be shown, and its file name (RFC 2183).

use std::borrow::Cow;

use crate::decode::charset;
use crate::defect::{Defect, DefectKind, Defects};
use crate::header::lex::{Lexer, is_blank};
use crate::header::parameter::Parameters;
use crate::limits::Limits;

/// How a part wants to be shown (RFC 2183 §2).
///
/// ```
/// use smtpkit_mime::{Limits, header::{Disposition, DispositionKind}};
///
/// let disposition = Disposition::parse(b" attachment; filename=a b.txt", &Limits::default());
/// assert_eq!(disposition.kind(), DispositionKind::Attachment);
/// assert_eq!(disposition.file_name().as_deref(), Some("a b.txt"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposition<'a> {
    kind: DispositionKind,
    written: Cow<'a, str>,
    parameters: Parameters<'a>,
    defects: Defects,
}

/// The disposition types of RFC 2183 §2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 2183 §2.8: every unknown type is an attachment")]
pub enum DispositionKind {
    /// Shown with the message.
    Inline,
    /// Shown on demand; also every unknown type.
    Attachment,
}

impl<'a> Disposition<'a> {
    /// Reads the value of a field; always gives a disposition.
    pub fn parse(value: &'a [u8], limits: &Limits) -> Self {
        let mut defects = Defects::NONE;
        let mut lexer = Lexer::new(value);
        lexer.skip_cfws();
        let mut written = lexer.take_while(|octet| !is_blank(octet) && !matches!(octet, b';' | b'(' | b'='));
        if lexer.peek() == Some(b'=') || written.is_empty() {
            // the type is missing: what stands here is the first parameter
            defects.push(Defect::new(DefectKind::BadParameter, 0), limits.defects_max);
            written = b"";
            lexer = Lexer::new(value);
        }
        let parameters = Parameters::parse(&mut lexer, limits, &mut defects);
        if let Some(at) = lexer.unclosed() {
            defects.push(Defect::new(DefectKind::Unclosed, at as u64), limits.defects_max);
        }
        let kind = if written.eq_ignore_ascii_case(b"inline") {
            DispositionKind::Inline
        } else {
            DispositionKind::Attachment
        };
        Self { kind, written: charset::unlabelled(written), parameters, defects }
    }

    /// The same, with defects counted from where the value stands in the message.
    pub(crate) fn at(mut self, octets: u64) -> Self {
        self.defects.shift(octets);
        self
    }

    /// The type.
    pub fn kind(&self) -> DispositionKind {
        self.kind
    }

    /// The type as it is written, empty if it is missing.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The parameters.
    pub fn parameters(&self) -> &Parameters<'a> {
        &self.parameters
    }

    /// The file name, decoded; it may hold separators of folders and must not be used as a path.
    pub fn file_name(&self) -> Option<Cow<'_, str>> {
        self.parameters.get("filename").filter(|name| !name.is_empty())
    }

    /// What had to be repaired, with offsets within the value.
    pub fn defects(&self) -> &Defects {
        &self.defects
    }
}
