//! ETRN: ask a server to start sending what it holds for a node (RFC 1985).

use core::fmt;

use nom::Parser as _;
use nom::branch::alt;
use nom::combinator::cut;
use nom::sequence::preceded;

use crate::address::{DomainRef, domain};
use crate::grammar::{Class, Parsed, token, whole};
use crate::syntax_error::{Expected, SyntaxError};

/// The argument of the `ETRN` command (RFC 1985 §5.1).
///
/// ```
/// use smtpkit_codec::{Command, DomainRef, Etrn, Line};
///
/// let command = Command::parse(Line::new("ETRN @example.com").unwrap()).unwrap();
/// assert_eq!(command, Command::Etrn(Etrn::Subdomains(DomainRef::parse("example.com")?)));
/// # Ok::<(), smtpkit_codec::AddressError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Etrn<'a> {
    /// What is held for one host.
    Host(DomainRef<'a>),
    /// `@`: what is held for a domain and all below it.
    Subdomains(DomainRef<'a>),
    /// `#`: the queue of that name.
    Queue(QueueName<'a>),
}

/// The name of a queue, of a meaning that the server defines (RFC 1985 §5.3).
///
/// ```
/// assert_eq!(smtpkit_codec::QueueName::new("uucp")?.as_str(), "uucp");
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QueueName<'a>(&'a str);

impl<'a> QueueName<'a> {
    /// The name of a queue: one word.
    ///
    /// # Errors
    /// If it is empty or holds a space or control.
    pub fn new(text: &'a str) -> Result<Self, SyntaxError> {
        whole(text, token::run(Class::GRAPHIC, Expected::NodeName)).map(Self)
    }

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

impl<'a> Etrn<'a> {
    /// The option character and the name, as they are sent.
    pub(crate) const fn parts(self) -> (&'static str, &'a str) {
        match self {
            Self::Host(domain) => ("", domain.as_str()),
            Self::Subdomains(domain) => ("@", domain.as_str()),
            Self::Queue(name) => ("#", name.0),
        }
    }
}

impl fmt::Display for Etrn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (option, name) = self.parts();
        write!(f, "{option}{name}")
    }
}

/// ```abnf
/// etrn = "ETRN" SP [option-character] node-name CRLF      ; RFC 1985 §5.1
/// option-character = "@" / "#"
/// ```
/// Takes what follows "ETRN" and its space.
pub(crate) fn etrn(input: &str) -> Parsed<'_, Etrn<'_>> {
    let queue_name = token::run(Class::GRAPHIC, Expected::NodeName).map(|name| Etrn::Queue(QueueName(name)));
    let queue = preceded(token::octet(b'#', Expected::NodeName), cut(queue_name));
    let subdomains = preceded(token::octet(b'@', Expected::NodeName), cut(domain.map(Etrn::Subdomains)));
    alt((queue, subdomains, domain.map(Etrn::Host))).parse(input)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn nodes_of_rfc_1985() {
        let check = |input: &str, expected: bool| {
            let found = whole(input, etrn).ok().map(|etrn| etrn.to_string());
            assert_eq!(found.as_deref(), expected.then_some(input), "{input}");
        };
        check("mail.example.com", true);
        check("@example.com", true);
        check("#queue/7", true);
        check("", false);
        check("@", false);
        check("#", false);
        check("a b", false);
        check("&a", false);
    }
}
