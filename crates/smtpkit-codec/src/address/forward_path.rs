//! The forward-path: to whom a mail goes.

use core::fmt;

use crate::grammar::word::owned_word;
use crate::grammar::{Parsed, token, whole};
use crate::syntax_error::Expected;

use super::AddressError;
use super::mailbox::{Mailbox, MailboxRef};
use super::path::routed_mailbox;

/// The path of RCPT TO (RFC 5321 §4.1.1.3): a mailbox, or the postmaster of whom is asked.
///
/// `<Postmaster>` without a domain is the one recipient without a mailbox; every server takes it
/// (§4.5.1). `Display` writes the angle brackets. The owned form is [`ForwardPath`].
///
/// ```
/// use smtpkit_codec::ForwardPathRef;
///
/// let path = ForwardPathRef::parse("<jane@example.com>")?;
/// assert_eq!(path.mailbox().unwrap().as_str(), "jane@example.com");
/// assert_eq!(ForwardPathRef::parse("<POSTMASTER>")?, ForwardPathRef::postmaster());
/// # Ok::<(), smtpkit_codec::AddressError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ForwardPathRef<'a>(Option<MailboxRef<'a>>);

/// The owned form of [`ForwardPathRef`], one allocation, none for the postmaster.
///
/// ```
/// use smtpkit_codec::ForwardPath;
///
/// let path: ForwardPath = "jane@example.com".parse()?;
/// assert_eq!(path.to_string(), "<jane@example.com>");
/// assert!("<>".parse::<ForwardPath>().is_err());
/// # Ok::<(), smtpkit_codec::AddressError>(())
/// ```
#[derive(Clone)]
pub struct ForwardPath(Option<Mailbox>);

impl<'a> ForwardPathRef<'a> {
    /// `<Postmaster>`: the postmaster of the server that is asked (RFC 5321 §4.5.1).
    #[must_use]
    pub const fn postmaster() -> Self {
        Self(None)
    }

    /// The path that `text` is: a mailbox or `postmaster`, with or without angle brackets.
    ///
    /// # Errors
    /// If `text` is neither.
    pub fn parse(text: &'a str) -> Result<Self, AddressError> {
        if text.starts_with('<') {
            Ok(whole(text, forward_path)?)
        } else if text.eq_ignore_ascii_case(POSTMASTER) {
            Ok(Self::postmaster())
        } else {
            Ok(Self(Some(MailboxRef::parse(text)?)))
        }
    }

    /// The mailbox; none if it is the bare postmaster.
    #[must_use]
    pub const fn mailbox(self) -> Option<MailboxRef<'a>> {
        self.0
    }

    /// Is it `<Postmaster>` without a domain?
    #[must_use]
    pub const fn is_postmaster(self) -> bool {
        self.0.is_none()
    }

    /// Is it ASCII? If not, the peer must offer SMTPUTF8 (RFC 6531).
    #[must_use]
    pub fn is_ascii(self) -> bool {
        self.0.is_none_or(MailboxRef::is_ascii)
    }

    /// The owned form.
    #[must_use]
    pub fn to_owned(self) -> ForwardPath {
        ForwardPath(self.0.map(MailboxRef::to_owned))
    }

    /// What stands between the angle brackets.
    pub(crate) const fn inside(self) -> &'a str {
        match self.0 {
            Some(mailbox) => mailbox.as_str(),
            None => POSTMASTER,
        }
    }
}

impl ForwardPath {
    /// `<Postmaster>`: the postmaster of the server that is asked (RFC 5321 §4.5.1).
    #[must_use]
    pub const fn postmaster() -> Self {
        Self(None)
    }

    /// The view of it.
    #[must_use]
    pub const fn as_ref(&self) -> ForwardPathRef<'_> {
        match &self.0 {
            Some(mailbox) => ForwardPathRef(Some(mailbox.as_ref())),
            None => ForwardPathRef(None),
        }
    }

    /// The mailbox; none if it is the bare postmaster.
    #[must_use]
    pub const fn mailbox(&self) -> Option<MailboxRef<'_>> {
        self.as_ref().mailbox()
    }

    /// Is it `<Postmaster>` without a domain?
    #[must_use]
    pub const fn is_postmaster(&self) -> bool {
        self.0.is_none()
    }
}

impl<'a> From<MailboxRef<'a>> for ForwardPathRef<'a> {
    fn from(mailbox: MailboxRef<'a>) -> Self {
        Self(Some(mailbox))
    }
}

impl From<Mailbox> for ForwardPath {
    fn from(mailbox: Mailbox) -> Self {
        Self(Some(mailbox))
    }
}

impl fmt::Display for ForwardPathRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.inside())
    }
}

owned_word!(ForwardPath, ForwardPathRef, AddressError);

const POSTMASTER: &str = "Postmaster";

/// ```abnf
/// "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path     ; RFC 5321 §4.1.1.3
/// Forward-path = Path
/// ```
#[inline]
pub(crate) fn forward_path(input: &str) -> Parsed<'_, ForwardPathRef<'_>> {
    let (inside, ()) = token::octet(b'<', Expected::AngleBracket)(input)?;
    match routed_mailbox(inside) {
        Ok((rest, mailbox)) => Ok((rest, ForwardPathRef(Some(mailbox)))),
        Err(fault) => bare_postmaster(inside).ok_or(fault),
    }
}

/// `Postmaster>`: tried where no mailbox stands, since nearly every path is a mailbox.
#[cold]
fn bare_postmaster(inside: &str) -> Option<(&str, ForwardPathRef<'_>)> {
    let (name, rest) = inside.split_once('>')?;
    name.eq_ignore_ascii_case(POSTMASTER).then_some((rest, ForwardPathRef::postmaster()))
}

#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for ForwardPath {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        u.arbitrary().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forward_paths_of_rfc_5321() {
        let check = |input: &str, expected: Result<&str, (usize, Expected)>| {
            let found = ForwardPathRef::parse(input).map(ForwardPathRef::inside);
            assert_eq!(found.map_err(|error| (error.offset(), error.expected())), expected, "{input}");
        };
        check("<a@b>", Ok("a@b"));
        check("a@b", Ok("a@b"));
        check("<@x,@y:a@b>", Ok("a@b"));
        check("<Postmaster>", Ok("Postmaster"));
        check("<pOSTMASTER>", Ok("Postmaster"));
        check("postmaster", Ok("Postmaster"));
        check("<Postmaster@b>", Ok("Postmaster@b"));
        check("<>", Err((1, Expected::LocalPart)));
        check("<Postmaster", Err((11, Expected::At)));
        check("<a>", Err((2, Expected::At)));
        check("<a@b> x", Err((5, Expected::EndOfLine)));
    }

    #[test]
    fn the_bare_postmaster_is_not_a_mailbox_and_not_null() {
        let path = ForwardPathRef::parse("<Postmaster>").unwrap();
        assert!(path.is_postmaster() && path.mailbox().is_none());
        assert_ne!(path, ForwardPathRef::parse("<Postmaster@b>").unwrap());
    }
}
