//! The name by which a client introduces itself in HELO, EHLO and LHLO.

use alloc::boxed::Box;
use core::fmt;
use core::net::IpAddr;

use crate::address::{AddressLiteral, Domain, DomainRef};
use crate::grammar::word::owned_word;
use crate::grammar::{Class, Parsed, token, whole};
use crate::syntax_error::{Expected, SyntaxError};

/// The argument of HELO, EHLO and LHLO (RFC 5321 §4.1.1.1): a domain, an address literal, or what a
/// client sends instead.
///
/// Clients send underscores, bare addresses and worse, and §4.1.4 forbids to refuse mail for that
/// alone, so any word that can be seen is taken; [`is_standard`](Self::is_standard) tells.
///
/// ```
/// use smtpkit_codec::ClientName;
///
/// assert!(ClientName::new("mail.example.com")?.is_standard());
/// assert!(ClientName::new("[192.0.2.1]")?.is_standard());
/// assert!(!ClientName::new("my_laptop")?.is_standard());
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientName<'a>(&'a str);

/// The owned form of [`ClientName`], one allocation.
///
/// ```
/// use smtpkit_codec::ClientNameBuf;
///
/// let name = ClientNameBuf::from(std::net::IpAddr::from([192, 0, 2, 1]));
/// assert_eq!(name.as_str(), "[192.0.2.1]");
/// ```
#[derive(Clone)]
pub struct ClientNameBuf(Box<str>);

impl<'a> ClientName<'a> {
    /// The name that `text` is.
    ///
    /// # Errors
    /// If it is empty or holds a space or control.
    pub fn new(text: &'a str) -> Result<Self, SyntaxError> {
        whole(text, client_name)
    }

    fn parse(text: &'a str) -> Result<Self, SyntaxError> {
        Self::new(text)
    }

    /// The name as written.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// The domain, if it is one.
    #[must_use]
    pub fn domain(self) -> Option<DomainRef<'a>> {
        DomainRef::parse(self.0).ok()
    }

    /// The address literal, if it is one.
    #[must_use]
    pub fn literal(self) -> Option<AddressLiteral<'a>> {
        AddressLiteral::parse(self.0).ok()
    }

    /// Is it a domain or an address literal, as RFC 5321 §4.1.1.1 wants it?
    #[must_use]
    pub fn is_standard(self) -> bool {
        self.domain().is_some() || self.literal().is_some()
    }

    /// The owned form.
    #[must_use]
    pub fn to_owned(self) -> ClientNameBuf {
        ClientNameBuf(self.0.into())
    }
}

impl ClientNameBuf {
    /// The view of it.
    #[must_use]
    pub const fn as_ref(&self) -> ClientName<'_> {
        ClientName(&self.0)
    }

    /// The name as written.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'a> From<DomainRef<'a>> for ClientName<'a> {
    fn from(domain: DomainRef<'a>) -> Self {
        Self(domain.as_str())
    }
}

impl From<&Domain> for ClientNameBuf {
    fn from(domain: &Domain) -> Self {
        Self(domain.as_str().into())
    }
}

impl From<IpAddr> for ClientNameBuf {
    fn from(address: IpAddr) -> Self {
        AddressLiteral::from(address).into()
    }
}

impl From<AddressLiteral<'_>> for ClientNameBuf {
    fn from(literal: AddressLiteral<'_>) -> Self {
        Self(alloc::format!("{literal}").into())
    }
}

impl fmt::Display for ClientName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

owned_word!(ClientNameBuf, ClientName, SyntaxError);

/// ```abnf
/// ( Domain / address-literal )      ; RFC 5321 §4.1.1.1
/// 1*graphic                         ; what is taken
/// ```
#[inline]
pub(crate) fn client_name(input: &str) -> Parsed<'_, ClientName<'_>> {
    token::run(Class::GRAPHIC, Expected::ClientName)(input).map(|(rest, name)| (rest, ClientName(name)))
}

#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for ClientNameBuf {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(if u.arbitrary()? { u.arbitrary::<IpAddr>()?.into() } else { (&u.arbitrary::<Domain>()?).into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_word() {
        let check = |input: &str, expected: Option<bool>| {
            assert_eq!(ClientName::new(input).ok().map(ClientName::is_standard), expected, "{input}");
        };
        check("example.com", Some(true));
        check("[192.0.2.1]", Some(true));
        check("[IPv6:::1]", Some(true));
        check("bücher.example", Some(true));
        check("localhost", Some(true));
        check("under_score", Some(false));
        check("192.0.2.1:25", Some(false));
        check("", None);
        check("a b", None);
        check("a\r\nQUIT", None);
        check("a\u{0}", None);
    }
}
