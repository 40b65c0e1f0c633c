//! The attribute lists of XCLIENT and XFORWARD: what a proxy knows about the client behind it.

use core::fmt;

use nom::Parser as _;
use nom::combinator::{cut, recognize};
use nom::multi::many0_count;
use nom::sequence::preceded;

use crate::grammar::xtext::{Xtext, xtext};
use crate::grammar::{Class, Fault, Parsed, token, whole};
use crate::syntax_error::{Expected, SyntaxError};

/// The attributes of one XCLIENT or XFORWARD command, in their order; names in either case.
///
/// ```
/// use smtpkit_codec::{AttributeValue, Attributes};
///
/// let attributes = Attributes::new("NAME=spike.example ADDR=192.0.2.1 IDENT=[UNAVAILABLE]")?;
/// assert!(matches!(attributes.get("addr"), Some(AttributeValue::Text(text)) if text.as_str() == "192.0.2.1"));
/// assert_eq!(attributes.get("IDENT"), Some(AttributeValue::Unavailable));
/// assert_eq!(attributes.get("PORT"), None);
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attributes<'a>(&'a str);

/// The value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AttributeValue<'a> {
    /// `[UNAVAILABLE]`: there is none.
    Unavailable,
    /// `[TEMPUNAVAIL]`: it cannot be told now.
    TemporarilyUnavailable,
    /// The value.
    Text(Xtext<'a>),
}

impl<'a> Attributes<'a> {
    /// The attributes that `text` lists: `NAME=value`, separated by spaces.
    ///
    /// # Errors
    /// If there is none, or one does not follow the grammar.
    pub fn new(text: &'a str) -> Result<Self, SyntaxError> {
        whole(text, attributes)
    }

    /// The list as written.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// The value of the attribute `name`; of the first one if there are several.
    #[must_use]
    pub fn get(self, name: &str) -> Option<AttributeValue<'a>> {
        self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Name and value of each.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, AttributeValue<'a>)> {
        self.0.split(' ').filter_map(|attribute| {
            let (name, text) = attribute.split_once('=')?;
            value(text).ok().map(|(_, value)| (name, value))
        })
    }
}

impl fmt::Display for Attributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// ```abnf
/// attributes = attribute *( SP attribute )     ; Postfix XCLIENT_README, XFORWARD_README
/// attribute  = attribute-name "=" attribute-value
/// ```
pub(crate) fn attributes(input: &str) -> Parsed<'_, Attributes<'_>> {
    let separator = token::octet(b' ', Expected::Attribute);
    let next = preceded(separator, cut(|rest| attribute(token::skip_spaces(rest))));
    recognize((attribute, many0_count(next))).map(Attributes).parse(input)
}

fn attribute(input: &str) -> Parsed<'_, AttributeValue<'_>> {
    let name = token::run(Class::ALPHANUMERIC, Expected::Attribute);
    preceded((name, token::octet(b'=', Expected::Attribute)), value).parse(input)
}

/// ```abnf
/// attribute-value = "[UNAVAILABLE]" / "[TEMPUNAVAIL]" / xtext
/// ```
fn value(input: &str) -> Parsed<'_, AttributeValue<'_>> {
    let (rest, text) = xtext(input).map_err(|_| Fault::at(input, Expected::Attribute))?;
    let value = match text.as_str() {
        "[UNAVAILABLE]" => AttributeValue::Unavailable,
        "[TEMPUNAVAIL]" => AttributeValue::TemporarilyUnavailable,
        _ => AttributeValue::Text(text),
    };
    Ok((rest, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_of_postfix() {
        let check = |input: &str, expected: Option<usize>| {
            assert_eq!(Attributes::new(input).ok().map(|list| list.iter().count()), expected, "{input}");
        };
        check("NAME=spike.porcupine.org ADDR=168.100.189.2 PROTO=ESMTP", Some(3));
        check("ADDR=IPV6:2001:db8::1", Some(1));
        check("NAME=[UNAVAILABLE] PORT=[TEMPUNAVAIL]", Some(2));
        check("HELO=a+20b", Some(1));
        check("NAME=a  ADDR=b", Some(2));
        check("", None);
        check("NAME", None);
        check("NAME=", None);
        check("=a", None);
        check("NAME=a=b", None);
        check("NA-ME=a", None);
    }
}
