//! Extra header fields: a checked name and a body that says how it is to be written (RFC 5322 §2.2, §3.6.8).

use core::fmt;
use core::str::FromStr;

use super::field_writer::{FieldWriter, address_is_utf8};
use super::value_error::{ValueError, ValueKind, ValueProblem, check, check_text};
use super::{Address, MessageId};
use crate::DateTime;

/// Longest field name: with its colon and a space it leaves the first line within 78 octets.
const FIELD_NAME_OCTETS_MAX: usize = 76;
/// Longest token of a raw body: with the white space before it, it fits a line of 998 octets (RFC 5322 §2.1.1).
const RAW_TOKEN_OCTETS_MAX: usize = 900;
/// Longest white space inside a raw body.
const RAW_GAP_OCTETS_MAX: usize = 90;

/// The name of a header field (RFC 5322 §3.6.8, `ftext`).
///
/// ```
/// use smtpkit_mime::build::FieldName;
///
/// assert_eq!(FieldName::new("X-Mailer")?.as_str(), "X-Mailer");
/// assert!(FieldName::new("Two words").is_err());
/// assert!(FieldName::new("Subject: x\r\nBcc").is_err());
/// # Ok::<(), smtpkit_mime::build::ValueError>(())
/// ```
#[derive(Debug, Clone)]
pub struct FieldName(String);

impl FieldName {
    /// Takes a name of printable ASCII without a colon.
    ///
    /// # Errors
    /// [`ValueError`] if it is empty, longer than 76 octets, or has any other octet.
    pub fn new(name: &str) -> Result<Self, ValueError> {
        check(ValueKind::FieldName, name, FIELD_NAME_OCTETS_MAX, |octet| {
            matches!(octet, b'!'..=b'~') && octet != b':'
        })?;
        Ok(Self(name.to_owned()))
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names are equal whatever their case (RFC 5322 §1.2.2).
impl PartialEq for FieldName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for FieldName {}

impl FromStr for FieldName {
    type Err = ValueError;

    fn from_str(name: &str) -> Result<Self, ValueError> {
        Self::new(name)
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A header field that [`MessageBuilder::field`](super::MessageBuilder::field) adds to the ones it writes itself.
///
/// ```
/// use smtpkit_mime::build::Field;
///
/// let field = Field::text("X-Campaign", "Frühling 2026")?;
/// assert_eq!(field.to_string(), "X-Campaign: =?utf-8?Q?Fr=C3=BChling?= 2026\r\n");
/// # Ok::<(), smtpkit_mime::build::ValueError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    name: FieldName,
    body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Body {
    Text(String),
    Raw(String),
    Addresses(Vec<Address>),
    Date(DateTime),
    MessageIds(Vec<MessageId>),
}

impl Field {
    /// A field of unstructured text in any script, written with encoded words where it needs them.
    ///
    /// ```
    /// # use smtpkit_mime::build::Field;
    /// assert!(Field::text("Comments", "naïve").is_ok());
    /// assert!(Field::text("Comments", "a\nBcc: x@example.org").is_err());
    /// ```
    ///
    /// # Errors
    /// [`ValueError`] of the name, or if the text has a CR, LF or NUL.
    pub fn text(name: &str, text: &str) -> Result<Self, ValueError> {
        check_text(ValueKind::FieldBody, text)?;
        Ok(Self { name: FieldName::new(name)?, body: Body::Text(text.to_owned()) })
    }

    /// A field whose body is written as it is given, but folded where it has white space.
    ///
    /// Octets above 127 make the message need `SMTPUTF8`.
    ///
    /// ```
    /// # use smtpkit_mime::build::Field;
    /// let field = Field::raw("List-Unsubscribe", "<https://example.org/u?x=1>")?;
    /// assert_eq!(field.to_string(), "List-Unsubscribe: <https://example.org/u?x=1>\r\n");
    /// # Ok::<(), smtpkit_mime::build::ValueError>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError`] of the name, or if the body is blank, has a control other than tab, a token of more than
    /// 900 octets, or white space of more than 90.
    pub fn raw(name: &str, body: &str) -> Result<Self, ValueError> {
        let kind = ValueKind::FieldBody;
        let body = body.trim_matches([' ', '\t']);
        check(kind, body, usize::MAX, |octet| !octet.is_ascii_control() || octet == b'\t')?;
        let too_long = |octets_max| Err(ValueError::new(kind, ValueProblem::TooLong { octets_max }));
        if body.split([' ', '\t']).any(|token| token.len() > RAW_TOKEN_OCTETS_MAX) {
            return too_long(RAW_TOKEN_OCTETS_MAX);
        }
        if body.split(|character| !matches!(character, ' ' | '\t')).any(|gap| gap.len() > RAW_GAP_OCTETS_MAX)
        {
            return too_long(RAW_GAP_OCTETS_MAX);
        }
        Ok(Self { name: FieldName::new(name)?, body: Body::Raw(body.to_owned()) })
    }

    /// A field with a list of addresses, such as `Resent-To` (RFC 5322 §3.6.6).
    ///
    /// ```
    /// # use smtpkit_mime::build::{Field, Mailbox};
    /// let field = Field::addresses("Mail-Followup-To", [Mailbox::new("list@example.org")?])?;
    /// assert_eq!(field.to_string(), "Mail-Followup-To: list@example.org\r\n");
    /// # Ok::<(), smtpkit_mime::build::ValueError>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError`] of the name, or if there is no address.
    pub fn addresses(
        name: &str,
        addresses: impl IntoIterator<Item = impl Into<Address>>,
    ) -> Result<Self, ValueError> {
        let addresses: Vec<Address> = addresses.into_iter().map(Into::into).collect();
        if addresses.is_empty() {
            return Err(ValueError::new(ValueKind::FieldBody, ValueProblem::Empty));
        }
        Ok(Self { name: FieldName::new(name)?, body: Body::Addresses(addresses) })
    }

    /// A field with a date, such as `Expires`.
    ///
    /// # Errors
    /// [`ValueError`] of the name.
    pub fn date(name: &str, date: DateTime) -> Result<Self, ValueError> {
        Ok(Self { name: FieldName::new(name)?, body: Body::Date(date) })
    }

    /// A field with identifiers, such as `Resent-Message-ID`.
    ///
    /// # Errors
    /// [`ValueError`] of the name, or if there is no identifier.
    pub fn message_ids(name: &str, ids: impl IntoIterator<Item = MessageId>) -> Result<Self, ValueError> {
        let ids: Vec<MessageId> = ids.into_iter().collect();
        if ids.is_empty() {
            return Err(ValueError::new(ValueKind::FieldBody, ValueProblem::Empty));
        }
        Ok(Self { name: FieldName::new(name)?, body: Body::MessageIds(ids) })
    }

    /// The name.
    pub const fn name(&self) -> &FieldName {
        &self.name
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut writer = FieldWriter::begin(out, self.name.as_str());
        match &self.body {
            Body::Text(text) => writer.text(text),
            Body::Raw(body) => writer.raw(body),
            Body::Addresses(addresses) => writer.addresses(addresses),
            Body::Date(date) => writer.date(date),
            Body::MessageIds(ids) => writer.message_ids(ids),
        }
        writer.end();
    }

    /// Whether only a hop with `SMTPUTF8` takes it.
    pub(crate) fn needs_smtputf8(&self) -> bool {
        match &self.body {
            Body::Raw(body) => !body.is_ascii(),
            Body::Addresses(addresses) => addresses
                .iter()
                .flat_map(Address::mailboxes)
                .any(|mailbox| address_is_utf8(mailbox.address())),
            Body::MessageIds(ids) => ids.iter().any(|id| !id.as_str().is_ascii()),
            Body::Text(_) | Body::Date(_) => false,
        }
    }
}

/// Writes the field as it stands in a header, folded and with its CRLF.
impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        self.write(&mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_or_body_starts_another_line() {
        for octet in ["\r", "\n", "\0", "\r\n"] {
            assert!(FieldName::new(&format!("X{octet}Y")).is_err());
            assert!(Field::text("X", &format!("a{octet}b")).is_err());
            assert!(Field::raw("X", &format!("a{octet}b")).is_err());
        }
        assert!(Field::raw("X", "a\u{b}b").is_err());
        assert!(Field::raw("X", " \t ").is_err());
        assert!(FieldName::new("Naïve").is_err());
        assert!(FieldName::new("X:").is_err());
        assert!(FieldName::new("").is_err());
    }

    #[test]
    fn raw_bodies_keep_their_tokens_and_fit_998_octets() {
        let token = "x".repeat(900);
        let field = Field::raw("X", &format!("a{}{token}", " ".repeat(90))).unwrap().to_string();
        assert!(field.lines().all(|line| line.len() <= 998));
        assert!(Field::raw("X", &"x".repeat(901)).is_err());
        assert!(Field::raw("X", &format!("a{}b", " ".repeat(91))).is_err());
    }
}
