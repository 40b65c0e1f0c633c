//! A message with `{{column}}` in it, as a file: header fields and text parts take values, everything else stays as it
//! is, octet by octet.
//!
//! A text part that takes values is written as UTF-8: as it is where that is ASCII, else quoted-printable. The
//! identifier is made anew for each message (RFC 5322 §3.6.4); date, author and recipients where the template has none.

use std::path::Path;

use smtpkit_mime::build::{AddrSpec, Field, MessageId, Stamp, ValueError};
use smtpkit_mime::encode::{CrlfEncoder, QuotedPrintableEncoder};
use smtpkit_mime::header::DispositionKind;
use smtpkit_mime::{Header, Message, Part};

use super::RowError;
use super::field::FieldTemplate;
use super::table::{Columns, Row};
use super::text::{BadText, Escape, Text};
use crate::exit::{Exit, Failure};
use crate::send::compose::mailbox;

/// The longest template, in octets.
const TEMPLATE_OCTETS_MAX: u64 = 64 * 1024 * 1024;
/// The longest line that needs no encoding, without its CRLF (RFC 5322 §2.1.1).
const LINE_OCTETS_MAX: usize = 998;

/// A message that takes the values of a row.
pub(crate) struct MessageTemplate {
    pieces: Vec<Piece>,
    lacks: Lacks,
}

/// What every message needs and the template does not have.
#[derive(Clone, Copy)]
struct Lacks {
    date: bool,
    message_id: bool,
    author: bool,
    recipients: bool,
}

enum Piece {
    Verbatim(Vec<u8>),
    Field(FieldTemplate),
    /// Where the fields go that the template lacks: the end of the header.
    Lacking,
    /// The fields that tell how a text is encoded, the empty line, and the text.
    Text {
        media_type: String,
        escape: Escape,
        text: Text,
    },
}

/// Who a message is from and for, where its template does not say so.
pub(crate) struct Parties<'a> {
    pub(crate) from: Option<&'a str>,
    pub(crate) to: &'a [String],
}

impl MessageTemplate {
    pub(crate) fn open(path: &Path, columns: &Columns) -> Result<Self, Failure> {
        let unreadable =
            |error: std::io::Error| Failure::new(Exit::NoInput, format!("{}: {error}", path.display()));
        if std::fs::metadata(path).map_err(unreadable)?.len() > TEMPLATE_OCTETS_MAX {
            let why = format!("{}: a template has at most {TEMPLATE_OCTETS_MAX} octets", path.display());
            return Err(Failure::new(Exit::Data, why));
        }
        let content = std::fs::read(path).map_err(unreadable)?;
        Self::parse(&content, columns).map_err(|bad| {
            // line ends are one line each, whichever they are
            Failure::new(Exit::Data, format!("{}:{}: {}", path.display(), bad.at, bad.why))
        })
    }

    /// The `at` of an error is a line, the first is 1.
    fn parse(content: &[u8], columns: &Columns) -> Result<Self, BadText> {
        let mut lines = Vec::with_capacity(content.len());
        CrlfEncoder::new().push(content, &mut lines);
        let message = Message::parse(&lines);
        if message.header().fields().next().is_none() {
            let why = "the template has no header; begin it with `Subject: …` and an empty line";
            return Err(BadText { at: 1, why: why.to_owned() });
        }
        let mut template = Reader { lines: &lines, columns, pieces: Vec::new(), copied: 0 };
        template.read(&message)?;
        let lacks = Lacks::of(message.header());
        Ok(Self { pieces: template.pieces, lacks })
    }

    /// The message for a row.
    pub(crate) fn fill(
        &self,
        row: &Row,
        columns: &Columns,
        parties: &Parties<'_>,
        stamp: &Stamp,
    ) -> Result<Vec<u8>, RowError> {
        let mut out = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Verbatim(octets) => out.extend_from_slice(octets),
                Piece::Field(field) => out.extend_from_slice(&field.fill(row, columns)?),
                Piece::Lacking => self.lacks.write(row, parties, stamp, &mut out)?,
                Piece::Text { media_type, escape, text } => {
                    write_text(media_type, &text.fill(row, *escape), &mut out);
                }
            }
        }
        Ok(out)
    }
}

impl Lacks {
    fn of(header: Header<'_>) -> Self {
        let lacks = |name: &str| header.first(name).is_none();
        Self {
            date: lacks("Date"),
            message_id: header.first("Message-ID").is_none_or(|field| !field.text().contains("{{")),
            author: lacks("From"),
            recipients: lacks("To") && lacks("Cc") && lacks("Bcc"),
        }
    }

    fn write(
        self,
        row: &Row,
        parties: &Parties<'_>,
        stamp: &Stamp,
        out: &mut Vec<u8>,
    ) -> Result<(), RowError> {
        let bad = |error: &dyn std::fmt::Display| RowError::new(row.line, error.to_string(), "");
        let author = parties.from.filter(|from| *from != "<>");
        let push = |field: Result<Field, ValueError>, out: &mut Vec<u8>| {
            out.extend_from_slice(field.map_err(|error| bad(&error))?.to_string().as_bytes());
            Ok(())
        };
        if self.author {
            let author = author.ok_or_else(|| {
                RowError::new(row.line, "the template has no author", "give it a From field, or use --from")
            })?;
            push(Field::addresses("From", [mailbox(author).map_err(|error| bad(&error))?]), out)?;
        }
        if self.recipients && !parties.to.is_empty() {
            let to: Result<Vec<_>, _> = parties.to.iter().map(|to| mailbox(to)).collect();
            push(Field::addresses("To", to.map_err(|error| bad(&error))?), out)?;
        }
        if self.date {
            push(Field::date("Date", stamp.now()), out)?;
        }
        if self.message_id {
            // whoever the message is from names the right side; a message from nobody gets none
            let from = author_of(out);
            if let Some(from) = from.and_then(|from| AddrSpec::new(&from).ok()) {
                push(Field::message_ids("Message-ID", [MessageId::generate(stamp, &from)]), out)?;
            }
        }
        Ok(())
    }
}

/// The first author of a header.
fn author_of(header: &[u8]) -> Option<String> {
    let from = Header::parse(header).first("From")?.addresses();
    from.mailboxes().next()?.address().map(str::to_owned)
}

/// Cuts a template into pieces.
struct Reader<'a> {
    /// The template with CRLF line ends.
    lines: &'a [u8],
    columns: &'a Columns,
    pieces: Vec<Piece>,
    /// How much of the template the pieces stand for.
    copied: usize,
}

impl Reader<'_> {
    fn read(&mut self, message: &Message<'_>) -> Result<(), BadText> {
        let root = message.root();
        let text = self.text_of(&root)?;
        for field in message.header().fields() {
            let is_replaced = text.is_some() && is_about_encoding(field.name())
                || field.is("Message-ID") && !field.text().contains("{{");
            if !is_replaced {
                let line = self.line_at(field.at());
                let template =
                    FieldTemplate::parse(&field, self.columns).map_err(|why| BadText { at: line, why })?;
                self.pieces.push(Piece::Field(template));
            }
        }
        self.pieces.push(Piece::Lacking);
        if let Some(text) = text {
            self.pieces.push(Piece::Verbatim(b"MIME-Version: 1.0\r\n".to_vec()));
            self.pieces.push(text);
            return Ok(());
        }
        self.pieces.push(Piece::Verbatim(b"\r\n".to_vec()));
        self.copied = offset(root.body_at());
        for part in message.leaves().filter(|part| part.depth() > 0) {
            let Some(text) = self.text_of(&part)? else { continue };
            self.copy_to(offset(part.at()));
            let kept = part.header().fields().filter(|field| !is_about_encoding(field.name()));
            let kept: Vec<u8> = kept.flat_map(|field| field.octets().iter().copied()).collect();
            self.pieces.push(Piece::Verbatim(kept));
            self.pieces.push(text);
            self.copied = offset(part.at()) + part.raw().len();
        }
        self.copy_to(self.lines.len());
        Ok(())
    }

    fn copy_to(&mut self, end: usize) {
        let octets = self.lines.get(self.copied..end).unwrap_or_default();
        if !octets.is_empty() {
            self.pieces.push(Piece::Verbatim(octets.to_vec()));
        }
        self.copied = end;
    }

    /// The part as a template, if it is text that takes values. Attached files stay what they are.
    fn text_of(&self, part: &Part<'_>) -> Result<Option<Piece>, BadText> {
        let kind = part.content_type();
        let is_attached =
            part.disposition().is_some_and(|disposition| disposition.kind() == DispositionKind::Attachment);
        if !part.is_leaf() || kind.kind() != "text" || is_attached {
            return Ok(None);
        }
        let body = part.body();
        let decoded = body.text();
        if !decoded.contains("{{") {
            return Ok(None);
        }
        let text = Text::parse(&decoded, self.columns).map_err(|bad| {
            // within an encoded part it is the line of the decoded text, which is as close as one gets
            let before = decoded.get(..bad.at).unwrap_or_default();
            let at = self.line_at(part.body_at()) + before.matches('\n').count();
            BadText { at, why: bad.why }
        })?;
        let escape = if kind.subtype() == "html" { Escape::Html } else { Escape::None };
        let mut media_type = format!("text/{}; charset=utf-8", kind.subtype());
        for name in ["format", "delsp"] {
            if let Some(value) = kind.parameters().get(name) {
                media_type.push_str(&format!("; {name}={value}"));
            }
        }
        Ok(Some(Piece::Text { media_type, escape, text }))
    }

    fn line_at(&self, at: u64) -> usize {
        let before = self.lines.get(..offset(at)).unwrap_or_default();
        before.iter().filter(|&&octet| octet == b'\n').count() + 1
    }
}

fn offset(at: u64) -> usize {
    usize::try_from(at).expect("invariant: the octet is one of a message in memory")
}

/// Whether a field tells how the body is encoded, which is decided anew for each row.
fn is_about_encoding(name: &str) -> bool {
    ["MIME-Version", "Content-Type", "Content-Transfer-Encoding"]
        .iter()
        .any(|about| name.eq_ignore_ascii_case(about))
}

fn write_text(media_type: &str, text: &str, out: &mut Vec<u8>) {
    let is_plain = text.is_ascii()
        && !text.contains('\0')
        && text.split(['\r', '\n']).all(|line| line.len() <= LINE_OCTETS_MAX);
    let encoding = if is_plain { "7bit" } else { "quoted-printable" };
    let fields = format!("Content-Type: {media_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
    out.extend_from_slice(fields.as_bytes());
    if is_plain {
        CrlfEncoder::new().push(text.as_bytes(), out);
    } else {
        let mut encoder = QuotedPrintableEncoder::new();
        encoder.push(text.as_bytes(), out);
        encoder.finish(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smtpkit_mime::DateTime;

    fn fill(template: &str, values: &[&str]) -> Result<String, String> {
        let columns = Columns::of(&["name", "email"]);
        let template = MessageTemplate::parse(template.as_bytes(), &columns)
            .map_err(|bad| format!("{}: {}", bad.at, bad.why))?;
        let stamp = Stamp::new(DateTime::from_unix_seconds(0, 0).unwrap(), [7; 16]);
        let to = ["x@y.test".to_owned()];
        let parties = Parties { from: Some("news@x.test"), to: &to };
        let filled = template.fill(&Row::of(values), &columns, &parties, &stamp);
        filled.map(|octets| String::from_utf8(octets).unwrap()).map_err(|error| error.to_string())
    }

    const HEAD: &str = "From: News <news@x.test>\nTo: {{name}} <{{email}}>\nDate: now\n";

    #[test]
    fn fields_and_text_take_values() {
        let template = format!("{HEAD}Subject: For {{{{name}}}}\n\nDear {{{{name}}}}\n");
        let content = fill(&template, &["Ada", "ada@x.test"]).unwrap();
        assert!(content.contains("\r\nTo: Ada <ada@x.test>\r\n"), "{content}");
        assert!(content.contains("\r\nSubject: For Ada\r\n"), "{content}");
        assert!(content.contains("7bit\r\n\r\nDear Ada\r\n"), "{content}");
        assert!(content.contains("\r\nMessage-ID: <0707"), "{content}");
    }

    #[test]
    fn what_is_not_ascii_is_encoded_for_its_place() {
        let template = format!("{HEAD}Subject: For {{{{name}}}}\n\nLiebe {{{{name}}}}\n");
        let content = fill(&template, &["Jörg, \"der\" <Alte>", "j@x.test"]).unwrap();
        assert!(content.is_ascii(), "{content}");
        let message = Message::parse(content.as_bytes());
        assert_eq!(message.subject().as_deref(), Some("For Jörg, \"der\" <Alte>"));
        let to = message.to();
        assert_eq!(to.len(), 1, "{content}");
        assert_eq!((to[0].name(), to[0].address()), (Some("Jörg, \"der\" <Alte>"), Some("j@x.test")));
        assert_eq!(message.root().body().text(), "Liebe Jörg, \"der\" <Alte>\r\n");
    }

    #[test]
    fn a_value_brings_no_line_and_no_address() {
        let template = format!("{HEAD}Subject: For {{{{name}}}}\n\nx\n");
        let error = fill(&template, &["Eve\r\nBcc: all@x.test", "e@x.test"]).unwrap_err();
        assert!(error.contains("column `name`: ") && error.contains("line break"), "{error}");
        let error = fill(&template, &["Eve", "e@x.test>, <f@x.test"]).unwrap_err();
        assert!(error.contains("column `email`: "), "{error}");
    }

    #[test]
    fn text_parts_take_values_and_others_stay() {
        let attached = "--b\nContent-Type: text/plain\nContent-Disposition: attachment\n\n{{name}}\n";
        let template = format!(
            "{HEAD}Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\
             --b\nContent-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n\
             <p title=3D\"=FC\">{{{{name}}}}</p>\n{attached}--b--\n"
        );
        let content = fill(&template, &["<Ada>", "ada@x.test"]).unwrap();
        assert!(content.contains(&attached.replace('\n', "\r\n")), "{content}");
        let message = Message::parse(content.as_bytes());
        let texts: Vec<String> = message.leaves().map(|part| part.body().text().into_owned()).collect();
        assert_eq!(texts, ["<p title=\"ü\">&lt;Ada&gt;</p>", "{{name}}"]);
    }

    #[test]
    fn what_the_template_lacks_is_added() {
        let content = fill("Subject: Hi\n\n{{name}}\n", &["Ada", "ada@x.test"]).unwrap();
        let message = Message::parse(content.as_bytes());
        assert_eq!(message.from()[0].address(), Some("news@x.test"));
        assert_eq!(message.to()[0].address(), Some("x@y.test"));
        assert!(message.date().is_some() && message.message_id().is_some(), "{content}");
    }

    #[test]
    fn mistakes_have_a_line() {
        let check = |template: &str, expected: &str| {
            let error = fill(template, &["", ""]).unwrap_err();
            assert!(error.starts_with(expected), "{template}: {error}");
        };
        check("Hello {{name}}\n", "1: the template has no header");
        check("A: b\nSubject: {{nmae}}\n\nx\n", "2: the table has no column `nmae`");
        check("A: b\n\nx\n\n{{nmae}}\n", "5: the table has no column `nmae`");
        check("A: b\n\nx\ny {{name\n", "4: `{{` is never closed");
    }
}
