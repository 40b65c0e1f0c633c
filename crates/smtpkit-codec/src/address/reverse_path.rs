//! The reverse-path: where notifications about a mail go, or that none may be sent.

use core::fmt;

use crate::grammar::word::owned_word;
use crate::grammar::{Parsed, token, whole};
use crate::syntax_error::Expected;

use super::AddressError;
use super::mailbox::{Mailbox, MailboxRef};
use super::path::routed_mailbox;

/// The path of MAIL FROM (RFC 5321 §4.1.1.2): a mailbox, or null.
///
/// `Display` writes the angle brackets. The owned form is [`ReversePath`].
///
/// ```
/// use smtpkit_codec::ReversePathRef;
///
/// let path = ReversePathRef::parse("<@relay.example:jane@example.com>")?;
/// assert_eq!(path.to_string(), "<jane@example.com>", "a source route is never sent on");
/// assert!(ReversePathRef::null().mailbox().is_none());
/// # Ok::<(), smtpkit_codec::AddressError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReversePathRef<'a>(Option<MailboxRef<'a>>);

/// The owned form of [`ReversePathRef`], one allocation, none if null.
///
/// ```
/// use smtpkit_codec::ReversePath;
///
/// let path: ReversePath = "jane@example.com".parse()?;
/// assert_eq!(path, "<jane@example.com>".parse::<ReversePath>()?);
/// assert!(!path.is_null());
/// # Ok::<(), smtpkit_codec::AddressError>(())
/// ```
#[derive(Clone)]
pub struct ReversePath(Option<Mailbox>);

impl<'a> ReversePathRef<'a> {
    /// The null reverse-path `<>`: nobody is to be notified (RFC 5321 §4.5.5).
    #[must_use]
    pub const fn null() -> Self {
        Self(None)
    }

    /// The path that `text` is: `<>`, or a mailbox with or without angle brackets.
    ///
    /// # Errors
    /// If `text` is neither.
    pub fn parse(text: &'a str) -> Result<Self, AddressError> {
        if text.starts_with('<') {
            Ok(whole(text, reverse_path)?)
        } else {
            Ok(Self(Some(MailboxRef::parse(text)?)))
        }
    }

    /// The mailbox; none if the path is null.
    #[must_use]
    pub const fn mailbox(self) -> Option<MailboxRef<'a>> {
        self.0
    }

    /// Is it `<>`?
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.0.is_none()
    }

    /// Is it ASCII? If not, the peer must offer SMTPUTF8 (RFC 6531).
    #[must_use]
    pub fn is_ascii(self) -> bool {
        self.0.is_none_or(MailboxRef::is_ascii)
    }

    /// The owned form.
    #[must_use]
    pub fn to_owned(self) -> ReversePath {
        ReversePath(self.0.map(MailboxRef::to_owned))
    }

    /// What stands between the angle brackets.
    pub(crate) const fn inside(self) -> &'a str {
        match self.0 {
            Some(mailbox) => mailbox.as_str(),
            None => "",
        }
    }
}

impl ReversePath {
    /// The null reverse-path `<>`: nobody is to be notified (RFC 5321 §4.5.5).
    #[must_use]
    pub const fn null() -> Self {
        Self(None)
    }

    /// The view of it.
    #[must_use]
    pub const fn as_ref(&self) -> ReversePathRef<'_> {
        match &self.0 {
            Some(mailbox) => ReversePathRef(Some(mailbox.as_ref())),
            None => ReversePathRef(None),
        }
    }

    /// The mailbox; none if the path is null.
    #[must_use]
    pub const fn mailbox(&self) -> Option<MailboxRef<'_>> {
        self.as_ref().mailbox()
    }

    /// Is it `<>`?
    #[must_use]
    pub const fn is_null(&self) -> bool {
        self.0.is_none()
    }
}

impl<'a> From<MailboxRef<'a>> for ReversePathRef<'a> {
    fn from(mailbox: MailboxRef<'a>) -> Self {
        Self(Some(mailbox))
    }
}

impl From<Mailbox> for ReversePath {
    fn from(mailbox: Mailbox) -> Self {
        Self(Some(mailbox))
    }
}

impl fmt::Display for ReversePathRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.inside())
    }
}

owned_word!(ReversePath, ReversePathRef, AddressError);

/// ```abnf
/// Reverse-path = Path / "<>"       ; RFC 5321 §4.1.2
/// ```
#[inline]
pub(crate) fn reverse_path(input: &str) -> Parsed<'_, ReversePathRef<'_>> {
    let (inside, ()) = token::octet(b'<', Expected::AngleBracket)(input)?;
    match inside.strip_prefix('>') {
        Some(rest) => Ok((rest, ReversePathRef::null())),
        None => routed_mailbox(inside).map(|(rest, mailbox)| (rest, ReversePathRef(Some(mailbox)))),
    }
}

#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for ReversePath {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        u.arbitrary().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn reverse_paths_of_rfc_5321() {
        let check = |input: &str, expected: Result<&str, (usize, Expected)>| {
            let found = ReversePathRef::parse(input).map(ReversePathRef::inside);
            assert_eq!(found.map_err(|error| (error.offset(), error.expected())), expected, "{input}");
        };
        check("<>", Ok(""));
        check("<a@b>", Ok("a@b"));
        check("a@b", Ok("a@b"));
        check("<@x:a@b>", Ok("a@b"));
        check("<a@b", Err((4, Expected::ClosingAngleBracket)));
        check("<a@b>>", Err((5, Expected::EndOfLine)));
        check("<a>", Err((2, Expected::At)));
        check("< >", Err((1, Expected::LocalPart)));
        check("", Err((0, Expected::LocalPart)));
        check("<postmaster>", Err((11, Expected::At)));
    }

    #[test]
    fn a_path_has_at_most_256_octets() {
        let domain = format!("{}.{}.{}.{}", "a".repeat(60), "b".repeat(60), "c".repeat(60), "d".repeat(60));
        let path = |local_part: usize| format!("<{}@{domain}>", "x".repeat(local_part));
        assert_eq!(path(10).len(), 256);
        assert!(ReversePathRef::parse(&path(10)).is_ok());
        assert_eq!(ReversePathRef::parse(&path(11)).unwrap_err().expected(), Expected::ShorterPath);
    }
}
