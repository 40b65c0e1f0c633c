//! Mailboxes: a local-part at a domain or at an address literal.

use alloc::boxed::Box;
use alloc::string::String;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::num::NonZeroU8;

use crate::grammar::word::owned_word;
use crate::grammar::{Fault, Parsed, token, whole};
use crate::limits;
use crate::syntax_error::Expected;

use super::literal::address_literal;
use super::local_part::{is_dot_string, local_part, quote};
use super::{AddressError, AddressLiteral, DomainRef, LocalPartRef, domain};

/// A mailbox (RFC 5321 §4.1.2, RFC 6531 §3.3), kept as written.
///
/// Two are equal if their local-parts have the same content and their domains differ in ASCII case
/// at most. The owned form is [`Mailbox`].
///
/// ```
/// use smtpkit_codec::MailboxRef;
///
/// let mailbox = MailboxRef::parse("jane+lists@Example.COM")?;
/// assert_eq!(mailbox.local_part().as_str(), "jane+lists");
/// assert_eq!(mailbox.domain().unwrap().as_str(), "Example.COM");
/// assert_eq!(mailbox, MailboxRef::parse("\"jane+lists\"@example.com")?);
/// # Ok::<(), smtpkit_codec::AddressError>(())
/// ```
#[derive(Clone, Copy)]
pub struct MailboxRef<'a> {
    text: &'a str,
    /// Where the `@` stands: behind the local-part, which has 1 to 64 octets.
    at: NonZeroU8,
}

/// The owned form of [`MailboxRef`], one allocation.
///
/// ```
/// use smtpkit_codec::Mailbox;
///
/// let mailbox: Mailbox = "jane@example.com".parse()?;
/// assert_eq!(mailbox.to_string(), "jane@example.com");
/// assert_eq!(mailbox.as_ref().domain_text(), "example.com");
/// # Ok::<(), smtpkit_codec::AddressError>(())
/// ```
#[derive(Clone)]
pub struct Mailbox {
    text: Box<str>,
    at: NonZeroU8,
}

impl<'a> MailboxRef<'a> {
    /// The mailbox that `text` is; without angle brackets.
    ///
    /// # Errors
    /// If `text` is not a mailbox, with the offset of the first octet that cannot be part of one.
    pub fn parse(text: &'a str) -> Result<Self, AddressError> {
        Ok(whole(text, mailbox)?)
    }

    /// The mailbox as written.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.text
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local_part(self) -> LocalPartRef<'a> {
        LocalPartRef::known(self.parts().0)
    }

    /// What stands behind the `@`, as written: a domain, or a literal in its brackets.
    #[must_use]
    pub fn domain_text(self) -> &'a str {
        self.parts().1
    }

    /// The domain, if it is one.
    #[must_use]
    pub fn domain(self) -> Option<DomainRef<'a>> {
        let text = self.domain_text();
        (!text.starts_with('[')).then(|| DomainRef::known(text))
    }

    /// The address literal, if it is one.
    #[must_use]
    pub fn literal(self) -> Option<AddressLiteral<'a>> {
        AddressLiteral::parse(self.domain_text()).ok()
    }

    /// Is it ASCII? If not, the peer must offer SMTPUTF8 (RFC 6531).
    #[must_use]
    pub const fn is_ascii(self) -> bool {
        self.text.is_ascii()
    }

    /// The owned form.
    #[must_use]
    pub fn to_owned(self) -> Mailbox {
        Mailbox { text: self.text.into(), at: self.at }
    }

    /// Local-part and domain. `at` is the offset of the `@` in `text`: only [`mailbox`] makes them.
    fn parts(self) -> (&'a str, &'a str) {
        let (local_part, rest) =
            self.text.split_at_checked(usize::from(self.at.get())).unwrap_or((self.text, ""));
        (local_part, rest.get(1..).unwrap_or(""))
    }
}

impl Mailbox {
    /// The mailbox of `local_part` at `domain`; the local-part is plain text and is quoted if it
    /// has to be.
    ///
    /// # Errors
    /// If the local-part cannot be quoted (it is longer than 64 octets or holds a control) or
    /// `domain` is neither a domain nor an address literal.
    ///
    /// ```
    /// # use smtpkit_codec::Mailbox;
    /// assert_eq!(Mailbox::from_parts("jane doe", "example.com")?.to_string(), "\"jane doe\"@example.com");
    /// assert!(Mailbox::from_parts("jane\r\nQUIT", "example.com").is_err());
    /// # Ok::<(), smtpkit_codec::AddressError>(())
    /// ```
    pub fn from_parts(local_part: &str, domain: &str) -> Result<Self, AddressError> {
        let mut text = if is_dot_string(local_part) { String::from(local_part) } else { quote(local_part) };
        text.push('@');
        text.push_str(domain);
        text.parse()
    }

    /// The view of it.
    #[must_use]
    pub const fn as_ref(&self) -> MailboxRef<'_> {
        MailboxRef { text: &self.text, at: self.at }
    }

    /// The mailbox as written.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for MailboxRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        let ((local_part, domain), (other_local_part, other_domain)) = (self.parts(), other.parts());
        domain.eq_ignore_ascii_case(other_domain)
            && LocalPartRef::known(local_part) == LocalPartRef::known(other_local_part)
    }
}

impl Eq for MailboxRef<'_> {}

impl Hash for MailboxRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (local_part, domain) = self.parts();
        LocalPartRef::known(local_part).hash(state);
        DomainRef::known(domain).hash(state);
    }
}

impl PartialOrd for MailboxRef<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MailboxRef<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((local_part, domain), (other_local_part, other_domain)) = (self.parts(), other.parts());
        DomainRef::known(domain)
            .cmp(&DomainRef::known(other_domain))
            .then_with(|| LocalPartRef::known(local_part).cmp(&LocalPartRef::known(other_local_part)))
    }
}

impl fmt::Display for MailboxRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

owned_word!(Mailbox, MailboxRef, AddressError);

/// ```abnf
/// Mailbox = Local-part "@" ( Domain / address-literal )    ; RFC 5321 §4.1.2
/// ```
/// At most 254 octets, so that a path around it has at most 256 (§4.5.3.1.3).
#[inline]
pub(super) fn mailbox(input: &str) -> Parsed<'_, MailboxRef<'_>> {
    let (rest, local_part) = local_part(input)?;
    let (rest, ()) = token::octet(b'@', Expected::At)(rest)?;
    let rest = if rest.starts_with('[') { address_literal(rest)?.0 } else { domain(rest)?.0 };
    let (rest, text) = token::split(input, input.len() - rest.len(), Expected::Mailbox)?;
    if text.len() > limits::PATH_OCTETS - 2 {
        return Err(Fault::at(input, Expected::ShorterPath));
    }
    match u8::try_from(local_part.len()).ok().and_then(NonZeroU8::new) {
        Some(at) => Ok((rest, MailboxRef { text, at })),
        None => Err(Fault::at(input, Expected::LocalPart)),
    }
}

#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for Mailbox {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        let mut local_part = String::new();
        for _ in 0..u.int_in_range(1..=16)? {
            local_part.push(*u.choose(&['a', 'B', '7', '.', '+', '"', '\\', ' ', '@', 'é'])?);
        }
        let literal: Option<core::net::IpAddr> = u.arbitrary()?;
        let domain = match literal {
            Some(address) => alloc::format!("{}", AddressLiteral::from(address)),
            None => String::from(super::Domain::arbitrary(u)?.as_str()),
        };
        Self::from_parts(&local_part, &domain).map_err(|_| arbitrary::Error::IncorrectFormat)
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn mailboxes_of_rfc_5321() {
        let check = |input: &str, expected: Result<(&str, &str), (usize, Expected)>| {
            let found = MailboxRef::parse(input).map(MailboxRef::parts);
            assert_eq!(found.map_err(|error| (error.offset(), error.expected())), expected, "{input}");
        };
        check("a@b", Ok(("a", "b")));
        check("\"a@b\"@[192.0.2.1]", Ok(("\"a@b\"", "[192.0.2.1]")));
        check("用户@例え.テスト", Ok(("用户", "例え.テスト")));
        check("a", Err((1, Expected::At)));
        check("a@", Err((2, Expected::Domain)));
        check("a@b@c", Err((3, Expected::EndOfLine)));
        check("@b", Err((0, Expected::LocalPart)));
        check("a@[1.2.3.4", Err((10, Expected::ClosingBracket)));
        check("<a@b>", Err((0, Expected::LocalPart)));
        check("a@b\r\nRSET", Err((3, Expected::EndOfLine)));
        let local_part = "x".repeat(64);
        let longest = format!("{local_part}@b");
        check(&longest, Ok((&local_part, "b")));
        check(&format!("x{longest}"), Err((0, Expected::ShorterLocalPart)));
    }

    #[test]
    fn equality_is_that_of_rfc_5321_2_4() {
        let check = |left: &str, right: &str, equal: bool| {
            let (left, right) = (MailboxRef::parse(left).unwrap(), MailboxRef::parse(right).unwrap());
            assert_eq!(left == right, equal, "{left} {right}");
            assert_eq!(left.cmp(&right).is_eq(), equal, "{left} {right}");
        };
        check("a@b.c", "a@B.C", true);
        check("a@b.c", "\"a\"@b.c", true);
        check("\"\\a\"@b.c", "\"a\"@b.c", true);
        check("a@b.c", "A@b.c", false);
        check("a@b.c", "a@b.d", false);
    }

    #[test]
    fn an_optional_view_is_no_larger() {
        assert_eq!(size_of::<Option<MailboxRef<'_>>>(), size_of::<MailboxRef<'_>>());
        assert_eq!(size_of::<MailboxRef<'_>>(), 24);
    }
}
