//! The local-part of a mailbox: dot-string or quoted-string, kept as written.

use alloc::borrow::Cow;
use alloc::string::String;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

use crate::grammar::{Class, Fault, Parsed};
use crate::limits;
use crate::syntax_error::Expected;

/// What stands before the `@` (RFC 5321 §4.1.2, RFC 6531 §3.3), kept as written.
///
/// Compared by content and with case: `"jane"` and `jane` are equal, `Jane` is another one.
///
/// ```
/// use smtpkit_codec::MailboxRef;
///
/// let mailbox = MailboxRef::parse("\"a\\\"b\"@example.com")?;
/// assert_eq!(mailbox.local_part().as_str(), "\"a\\\"b\"");
/// assert_eq!(mailbox.local_part().unquoted(), "a\"b");
/// # Ok::<(), smtpkit_codec::AddressError>(())
/// ```
#[derive(Clone, Copy)]
pub struct LocalPartRef<'a>(&'a str);

impl<'a> LocalPartRef<'a> {
    /// A text that a rule of this crate has found to be a local-part.
    pub(super) const fn known(text: &'a str) -> Self {
        Self(text)
    }

    /// The local-part as written, with its quotes.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Is it written as a quoted-string?
    #[must_use]
    pub fn is_quoted(self) -> bool {
        self.0.starts_with('"')
    }

    /// Is it ASCII? If not, the peer must offer SMTPUTF8.
    #[must_use]
    pub const fn is_ascii(self) -> bool {
        self.0.is_ascii()
    }

    /// The content: without the quotes and backslashes of a quoted-string.
    #[must_use]
    pub fn unquoted(self) -> Cow<'a, str> {
        let Some(content) = self.quoted_content() else { return Cow::Borrowed(self.0) };
        if !content.contains('\\') {
            return Cow::Borrowed(content);
        }
        let mut unquoted = String::with_capacity(content.len());
        let mut escaped = false;
        for character in content.chars() {
            escaped = character == '\\' && !escaped;
            if !escaped {
                unquoted.push(character);
            }
        }
        Cow::Owned(unquoted)
    }

    /// The canonical form: a dot-string where the content can be one, else a quoted-string with no
    /// needless backslash (RFC 5321 §4.1.2: "the quoting should be the least").
    ///
    /// ```
    /// # use smtpkit_codec::MailboxRef;
    /// let check = |mailbox, canonical: &str| assert_eq!(MailboxRef::parse(mailbox).unwrap().local_part().canonical(), canonical);
    /// check("\"jane\"@example.com", "jane");
    /// check("\"jane\\ doe\"@example.com", "\"jane doe\"");
    /// ```
    #[must_use]
    pub fn canonical(self) -> Cow<'a, str> {
        match self.unquoted() {
            content if is_dot_string(&content) => content,
            Cow::Borrowed(_) => Cow::Borrowed(self.0),
            Cow::Owned(content) => Cow::Owned(quote(&content)),
        }
    }

    fn quoted_content(self) -> Option<&'a str> {
        self.0.strip_prefix('"').and_then(|text| text.strip_suffix('"'))
    }

    /// The octets of the content.
    fn content(self) -> impl Iterator<Item = u8> + use<'a> {
        let quoted = self.quoted_content();
        let mut escaped = false;
        quoted.unwrap_or(self.0).bytes().filter(move |&octet| {
            escaped = octet == b'\\' && quoted.is_some() && !escaped;
            !escaped
        })
    }
}

/// `content` as a quoted-string.
pub(super) fn quote(content: &str) -> String {
    let mut quoted = String::with_capacity(content.len() + 2);
    quoted.push('"');
    for character in content.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

/// Can `content` stand without quotes?
pub(super) fn is_dot_string(content: &str) -> bool {
    matches!(dot_string(content), Ok(("", _)))
}

impl PartialEq for LocalPartRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.content().eq(other.content())
    }
}

impl Eq for LocalPartRef<'_> {}

impl Hash for LocalPartRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.content().for_each(|octet| state.write_u8(octet));
        state.write_u8(0);
    }
}

impl PartialOrd for LocalPartRef<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for LocalPartRef<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.content().cmp(other.content())
    }
}

impl fmt::Display for LocalPartRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for LocalPartRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalPartRef({})", self.0)
    }
}

/// ```abnf
/// Local-part = Dot-string / Quoted-string         ; RFC 5321 §4.1.2, at most 64 octets
/// ```
#[inline]
pub(super) fn local_part(input: &str) -> Parsed<'_, &str> {
    let (rest, local_part) = if input.starts_with('"') { quoted_string(input)? } else { dot_string(input)? };
    if local_part.len() > limits::LOCAL_PART_OCTETS {
        return Err(Fault::at(input, Expected::ShorterLocalPart));
    }
    Ok((rest, local_part))
}

/// ```abnf
/// Dot-string = Atom *("." Atom)                   ; RFC 5321 §4.1.2
/// Atom       = 1*atext                            ; RFC 5322 §3.2.3, RFC 6531 §3.3
/// ```
#[inline]
fn dot_string(input: &str) -> Parsed<'_, &str> {
    let octets = input.as_bytes();
    let mut end = 0;
    loop {
        let rest = octets.get(end..).unwrap_or_default();
        let atom = Class::ATEXT.run(rest);
        if atom == 0 {
            return Err(Fault::at(input.get(end..).unwrap_or(""), Expected::LocalPart));
        }
        end += atom;
        if rest.get(atom) != Some(&b'.') {
            break;
        }
        end += 1;
    }
    crate::grammar::token::split(input, end, Expected::LocalPart)
}

/// ```abnf
/// Quoted-string   = DQUOTE *QcontentSMTP DQUOTE   ; RFC 5321 §4.1.2
/// QcontentSMTP    = qtextSMTP / quoted-pairSMTP
/// quoted-pairSMTP = %d92 %d32-126
/// ```
fn quoted_string(input: &str) -> Parsed<'_, &str> {
    let octets = input.as_bytes();
    let mut end = 1;
    loop {
        let rest = octets.get(end..).unwrap_or_default();
        end += Class::QTEXT.run(rest);
        match (octets.get(end), octets.get(end + 1)) {
            (Some(b'"'), _) => break,
            (Some(b'\\'), Some(b' '..=b'~')) => end += 2,
            _ => return Err(Fault::at(input.get(end..).unwrap_or(""), Expected::ClosingQuote)),
        }
    }
    crate::grammar::token::split(input, end + 1, Expected::ClosingQuote)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn local_parts_of_rfc_5321() {
        let check = |input: &str, expected: Option<(&str, &str)>| {
            let found =
                local_part(input).ok().map(|(rest, text)| (LocalPartRef(text).unquoted().to_string(), rest));
            assert_eq!(found.as_ref().map(|(content, rest)| (content.as_str(), *rest)), expected, "{input}");
        };
        check("jane@x", Some(("jane", "@x")));
        check("jane.doe+tag@x", Some(("jane.doe+tag", "@x")));
        check("!#$%&'*+-/=?^_`{|}~@x", Some(("!#$%&'*+-/=?^_`{|}~", "@x")));
        check("δοκιμή@x", Some(("δοκιμή", "@x")));
        check("\"\"@x", Some(("", "@x")));
        check("\"a b\"@x", Some(("a b", "@x")));
        check("\"a\\\\b\"@x", Some(("a\\b", "@x")));
        check("\"a@b\"@x", Some(("a@b", "@x")));
        check("\"a\\\"@b\"@x", Some(("a\"@b", "@x")));
        check("\"ü\"@x", Some(("ü", "@x")));
        check(".a@x", None);
        check("a.@x", None);
        check("a..b@x", None);
        check("@x", None);
        check("\"a", None);
        check("\"a\\", None);
        check("\"a\tb\"@x", None);
        check("\"a\\\u{7f}\"@x", None);
        check("\"a\\é\"@x", None);
    }

    #[test]
    fn canonical_form_quotes_only_where_it_must() {
        let check = |input: &str, expected: &str| {
            assert_eq!(LocalPartRef(input).canonical(), expected, "{input}");
        };
        check("a.b", "a.b");
        check("\"a.b\"", "a.b");
        check("\"a\\.b\"", "a.b");
        check("\"a b\"", "\"a b\"");
        check("\"a\\ b\"", "\"a b\"");
        check("\"a\\\"b\"", "\"a\\\"b\"");
        check("\".a\"", "\".a\"");
        check("\"\"", "\"\"");
    }
}
