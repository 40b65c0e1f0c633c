//! A header field with `{{column}}` in it.
//!
//! What the field is decides how a value goes in: in a list of addresses it is part of one name or one address and can
//! be no other, in unstructured text it becomes encoded words where it has to (RFC 2047), and nowhere does it bring a
//! line of its own.

use smtpkit_mime::Field;
use smtpkit_mime::build::{self, Mailbox, ValueError};

use super::table::{Columns, Row};
use super::text::Text;
use super::{RowError, one_line};

/// A field that takes the values of a row.
pub(crate) enum FieldTemplate {
    /// It takes none.
    Verbatim(Vec<u8>),
    /// Unstructured text (RFC 5322 §3.6.5).
    Text { name: String, text: Text },
    /// A field with a grammar of its own, in which a value stands as it is.
    Structured { name: String, text: Text },
    /// Addresses (RFC 5322 §3.4), each with the name in front of it.
    Addresses { name: String, mailboxes: Vec<(Option<Text>, Text)> },
}

/// Fields of addresses.
const ADDRESSES: [&str; 11] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Resent-From",
    "Resent-Sender",
    "Resent-To",
    "Resent-Cc",
    "Resent-Bcc",
];

/// Fields with a grammar that knows no encoded words where a value would stand.
const STRUCTURED: [&str; 7] =
    ["Message-ID", "In-Reply-To", "References", "Date", "Return-Path", "MIME-Version", "Auto-Submitted"];

impl FieldTemplate {
    pub(crate) fn parse(field: &Field<'_>, columns: &Columns) -> Result<Self, String> {
        let decoded = field.text();
        if !decoded.contains("{{") && field.octets().is_ascii() {
            return Ok(Self::Verbatim(field.octets().to_vec()));
        }
        let is_of = |names: &[&str]| names.iter().any(|name| field.is(name));
        let starts = |prefix: &str| {
            field.name().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        let name = field.name().to_owned();
        if is_of(&ADDRESSES) {
            let mailboxes = addresses(&decoded, columns)?;
            return Ok(Self::Addresses { name, mailboxes });
        }
        let text = Text::parse(decoded.trim(), columns).map_err(|bad| bad.why)?;
        if is_of(&STRUCTURED) || starts("List-") || starts("Content-") {
            return Ok(Self::Structured { name, text });
        }
        Ok(Self::Text { name, text })
    }

    /// The field for a row, with its line end.
    pub(crate) fn fill(&self, row: &Row, columns: &Columns) -> Result<Vec<u8>, RowError> {
        let (field, texts): (Result<build::Field, ValueError>, Vec<&Text>) = match self {
            Self::Verbatim(octets) => return Ok(octets.clone()),
            Self::Text { name, text } => {
                (build::Field::text(name, &one_line(text, row, columns)?), vec![text])
            }
            Self::Structured { name, text } => {
                (build::Field::raw(name, &one_line(text, row, columns)?), vec![text])
            }
            Self::Addresses { name, mailboxes } => {
                let filled: Result<Vec<Mailbox>, RowError> = mailboxes
                    .iter()
                    .map(|(name, address)| fill_mailbox(name.as_ref(), address, row, columns))
                    .collect();
                (build::Field::addresses(name, filled?), Vec::new())
            }
        };
        let field = field.map_err(|error| blame(&texts, row, columns, &error.to_string()))?;
        Ok(field.to_string().into_bytes())
    }
}

fn fill_mailbox(
    name: Option<&Text>,
    address: &Text,
    row: &Row,
    columns: &Columns,
) -> Result<Mailbox, RowError> {
    let filled = one_line(address, row, columns)?;
    let filled_name = name.map(|name| one_line(name, row, columns)).transpose()?;
    let mailbox = match filled_name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
        Some(name) => Mailbox::named(name, filled.trim()),
        None => Mailbox::new(filled.trim()),
    };
    mailbox.map_err(|error| blame(&[address], row, columns, &format!("`{}`: {error}", filled.escape_debug())))
}

/// The error of a row, by the first column that went into a text.
fn blame(texts: &[&Text], row: &Row, columns: &Columns, problem: &str) -> RowError {
    let error = RowError::new(row.line, problem, "");
    match texts.iter().find_map(|text| text.columns().next()) {
        Some(column) => error.in_column(columns.name(column)),
        None => error,
    }
}

/// Cuts a list at its commas, before any value is in it.
fn addresses(list: &str, columns: &Columns) -> Result<Vec<(Option<Text>, Text)>, String> {
    let mut mailboxes = Vec::new();
    let mut start = 0;
    let mut is_quoted = false;
    let mut is_bracketed = false;
    let mut is_escaped = false;
    for (at, character) in list.char_indices().chain([(list.len(), ',')]) {
        match character {
            _ if std::mem::take(&mut is_escaped) => {}
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '<' if !is_quoted => is_bracketed = true,
            '>' if !is_quoted => is_bracketed = false,
            ',' if at == list.len() || !is_quoted && !is_bracketed => {
                let one = list.get(start..at).unwrap_or_default().trim();
                start = at + 1;
                if !one.is_empty() {
                    mailboxes.push(mailbox_template(one, columns)?);
                }
            }
            _ => {}
        }
    }
    if mailboxes.is_empty() { Err("the field has no address".to_owned()) } else { Ok(mailboxes) }
}

fn mailbox_template(one: &str, columns: &Columns) -> Result<(Option<Text>, Text), String> {
    let (name, address) = split(one);
    let name = name.map(|name| Text::parse(&name, columns)).transpose().map_err(|bad| bad.why)?;
    let address = Text::parse(address, columns).map_err(|bad| bad.why)?;
    Ok((name, address))
}

/// The name in front of an address, without its quotes, and the address.
fn split(text: &str) -> (Option<String>, &str) {
    let text = text.trim();
    let Some((name, address)) = text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) else {
        return (None, text);
    };
    let name = name.trim();
    let name = match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        // a template's `\{{` is not a quoted pair
        Some(quoted) => quoted.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => name.to_owned(),
    };
    (Some(name).filter(|name| !name.is_empty()), address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use smtpkit_mime::Header;

    #[test]
    fn lists_are_cut_before_they_are_filled() {
        let columns = Columns::of(&["name", "email"]);
        let row = Row::of(&["Doe, John", "j@x.test"]);
        for (field, expected) in [
            ("To: {{name}} <{{email}}>\r\n", "To: \"Doe, John\" <j@x.test>\r\n"),
            (
                "Cc: \"a, {{name}}\" <{{email}}>, b@y.test\r\n",
                "Cc: \"a, Doe, John\" <j@x.test>, b@y.test\r\n",
            ),
            ("To: <{{email}}>\r\n", "To: j@x.test\r\n"),
            ("To: x@y.test\r\n", "To: x@y.test\r\n"),
            ("X-Name: {{name}}\r\n", "X-Name: Doe, John\r\n"),
            (
                "List-Unsubscribe: <https://x.test/?{{email}}>\r\n",
                "List-Unsubscribe: <https://x.test/?j@x.test>\r\n",
            ),
        ] {
            let parsed = Header::parse(field.as_bytes()).fields().next().unwrap();
            let filled = FieldTemplate::parse(&parsed, &columns).unwrap().fill(&row, &columns).unwrap();
            assert_eq!(String::from_utf8(filled).unwrap(), expected, "{field}");
        }
    }
}
