//! Address literals: a network address in brackets where a domain could stand.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::grammar::{Class, Fault, Parsed, token, whole};
use crate::syntax_error::Expected;

use super::AddressError;

/// A network address in place of a domain (RFC 5321 §4.1.3).
///
/// `Display` writes it with its brackets.
///
/// ```
/// use smtpkit_codec::AddressLiteral;
///
/// let literal = AddressLiteral::parse("[IPv6:2001:DB8::25]")?;
/// assert_eq!(literal, AddressLiteral::V6("2001:db8::25".parse().unwrap()));
/// assert_eq!(literal.to_string(), "[IPv6:2001:db8::25]");
/// # Ok::<(), smtpkit_codec::AddressError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressLiteral<'a> {
    /// `[192.0.2.1]`
    V4(Ipv4Addr),
    /// `[IPv6:2001:db8::1]`
    V6(Ipv6Addr),
    /// `[tag:content]`
    General(GeneralLiteral<'a>),
}

/// A literal of a kind that this crate does not know: a registered tag and what follows it.
///
/// ```
/// use smtpkit_codec::AddressLiteral;
///
/// let AddressLiteral::General(general) = AddressLiteral::parse("[x400:/C=US/]")? else { panic!() };
/// assert_eq!((general.tag(), general.content()), ("x400", "/C=US/"));
/// # Ok::<(), smtpkit_codec::AddressError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GeneralLiteral<'a> {
    tag: &'a str,
    content: &'a str,
}

impl<'a> GeneralLiteral<'a> {
    /// The `Standardized-tag`.
    #[must_use]
    pub const fn tag(self) -> &'a str {
        self.tag
    }

    /// What follows the tag and its colon.
    #[must_use]
    pub const fn content(self) -> &'a str {
        self.content
    }
}

impl<'a> AddressLiteral<'a> {
    /// The literal that `text` is, brackets included.
    ///
    /// # Errors
    /// If `text` is not an address literal.
    pub fn parse(text: &'a str) -> Result<Self, AddressError> {
        Ok(whole(text, address_literal)?)
    }

    /// The Internet address, if it is one.
    #[must_use]
    pub const fn ip(self) -> Option<IpAddr> {
        match self {
            Self::V4(address) => Some(IpAddr::V4(address)),
            Self::V6(address) => Some(IpAddr::V6(address)),
            Self::General(_) => None,
        }
    }
}

impl From<IpAddr> for AddressLiteral<'_> {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(address),
        }
    }
}

impl fmt::Display for AddressLiteral<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => write!(f, "[{address}]"),
            Self::V6(address) => write!(f, "[IPv6:{address}]"),
            Self::General(general) => write!(f, "[{}:{}]", general.tag, general.content),
        }
    }
}

/// ```abnf
/// address-literal         = "[" ( IPv4-address-literal / IPv6-address-literal /
///                                 General-address-literal ) "]"    ; RFC 5321 §4.1.3
/// IPv6-address-literal    = "IPv6:" IPv6-addr
/// General-address-literal = Standardized-tag ":" 1*dcontent
/// ```
pub(crate) fn address_literal(input: &str) -> Parsed<'_, AddressLiteral<'_>> {
    let (inside, ()) = token::octet(b'[', Expected::AddressLiteral)(input)?;
    let (rest, content) = token::run(Class::DCONTENT, Expected::AddressLiteral)(inside)?;
    let bad = || Fault::at(inside, Expected::AddressLiteral);
    let literal = match content.split_once(':') {
        None => AddressLiteral::V4(ipv4(content).ok_or_else(bad)?),
        Some((tag, address)) if tag.eq_ignore_ascii_case("IPv6") => {
            AddressLiteral::V6(ipv6(address).ok_or_else(bad)?)
        }
        // an IPv6 address without its tag would read as a general literal, and none of that tag exists
        Some(_) if content.parse::<Ipv6Addr>().is_ok() => return Err(bad()),
        Some((tag, content)) if is_tag(tag) && !content.is_empty() => {
            AddressLiteral::General(GeneralLiteral { tag, content })
        }
        Some(_) => return Err(bad()),
    };
    let (rest, ()) = token::octet(b']', Expected::ClosingBracket)(rest)?;
    Ok((rest, literal))
}

/// ```abnf
/// Standardized-tag = Ldh-str       ; RFC 5321 §4.1.3; ends in a letter or digit
/// ```
fn is_tag(text: &str) -> bool {
    Class::KEYWORD.all(text) && text.bytes().last().is_some_and(|octet| Class::ALPHANUMERIC.has(octet))
}

/// ```abnf
/// IPv4-address-literal = Snum 3("." Snum)
/// Snum                 = 1*3DIGIT  ; 0 to 255, leading zeros allowed, always decimal
/// ```
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut numbers = text.split('.');
    for octet in &mut octets {
        let number =
            numbers.next().filter(|number| (1..=3).contains(&number.len()) && Class::DIGIT.all(number))?;
        *octet = number.parse().ok()?;
    }
    numbers.next().is_none().then(|| octets.into())
}

/// `IPv6-addr`: what RFC 4291 §2.2 writes, where RFC 5321 wants "::" to stand for two groups or more.
fn ipv6(text: &str) -> Option<Ipv6Addr> {
    if let Some((head, tail)) = text.split_once("::") {
        let groups = |part: &str| {
            part.split(':')
                .filter(|group| !group.is_empty())
                .map(|group| 1 + usize::from(group.contains('.')))
                .sum::<usize>()
        };
        if groups(head) + groups(tail) > 6 {
            return None;
        }
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_rfc_5321() {
        let check = |input: &str, expected: Option<&str>| {
            let found = AddressLiteral::parse(input).ok().map(|literal| alloc::format!("{literal}"));
            assert_eq!(found.as_deref(), expected, "{input}");
        };
        check("[192.0.2.1]", Some("[192.0.2.1]"));
        check("[255.255.255.255]", Some("[255.255.255.255]"));
        check("[010.0.0.001]", Some("[10.0.0.1]"));
        check("[IPv6:::1]", Some("[IPv6:::1]"));
        check("[IPv6:::]", Some("[IPv6:::]"));
        check("[ipv6:2001:DB8::1]", Some("[IPv6:2001:db8::1]"));
        check("[IPv6:1:2:3:4:5:6:7:8]", Some("[IPv6:1:2:3:4:5:6:7:8]"));
        check("[IPv6:::ffff:192.0.2.1]", Some("[IPv6:::ffff:192.0.2.1]"));
        check("[tag:x]", Some("[tag:x]"));
        check("[IPv6:1:2:3:4:5:6:7::]", None);
        check("[IPv6:1:2:3:4:5::192.0.2.1]", None);
        check("[IPv6:1:2:3]", None);
        check("[IPv6:1::2::3]", None);
        check("[IPv6:12345::]", None);
        check("[IPv6:]", None);
        check("[256.0.0.1]", None);
        check("[1.2.3]", None);
        check("[1.2.3.4.5]", None);
        check("[0001.2.3.4]", None);
        check("[+1.2.3.4]", None);
        check("[2001:db8::1]", None);
        check("[]", None);
        check("[:x]", None);
        check("[tag:]", None);
        check("[tag-:x]", None);
        check("[tag:x", None);
        check("[ta g:x]", None);
        check("192.0.2.1", None);
    }
}
