//! What a server announces in its reply to EHLO: one line per extension.

use core::fmt;

use crate::grammar::{Class, Fault, Parsed, token, whole};
use crate::syntax_error::{Expected, SyntaxError};

use super::{FutureRelease, Keyword, Limits, MechanismName, SizeLimit, Solicitation, deliver_by};

/// An extension as a server announces it (RFC 5321 §4.1.1.1): a keyword and typed arguments.
///
/// `Display` writes the line, without the code of the reply.
///
/// ```
/// use smtpkit_codec::{Extension, SizeLimit};
///
/// assert_eq!(Extension::parse("size 52428800")?, Extension::Size(SizeLimit::Octets(52_428_800)));
/// assert_eq!(Extension::Pipelining.to_string(), "PIPELINING");
/// let Extension::Unknown(unknown) = Extension::parse("X-LOCAL a b")? else { panic!() };
/// assert_eq!((unknown.keyword(), unknown.arguments().as_str()), ("X-LOCAL", "a b"));
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extension<'a> {
    /// `8BITMIME` (RFC 6152)
    EightBitMime,
    /// `ATRN` (RFC 2645)
    Atrn,
    /// `AUTH` (RFC 4954): mechanisms; see [`mechanisms`](Self::mechanisms).
    Auth(Arguments<'a>),
    /// `BINARYMIME` (RFC 3030)
    BinaryMime,
    /// `BURL` (RFC 4468): `imap`, or URLs of the servers that are trusted.
    Burl(Arguments<'a>),
    /// `CHECKPOINT` (RFC 1845)
    Checkpoint,
    /// `CHUNKING` (RFC 3030)
    Chunking,
    /// `CONNEG` (RFC 4141)
    Conneg,
    /// `CONPERM` (RFC 4141)
    Conperm,
    /// `DELIVERBY` (RFC 2852): the shortest time in seconds that is taken, where it is told.
    DeliverBy(Option<u32>),
    /// `DSN` (RFC 3461)
    Dsn,
    /// `ENHANCEDSTATUSCODES` (RFC 2034)
    EnhancedStatusCodes,
    /// `ETRN` (RFC 1985)
    Etrn,
    /// `EXPN` (RFC 5321)
    Expn,
    /// `FUTURERELEASE` (RFC 4865)
    FutureRelease(FutureRelease<'a>),
    /// `HELP` (RFC 5321)
    Help,
    /// `LIMITS` (RFC 9422)
    Limits(Limits<'a>),
    /// `MT-PRIORITY` (RFC 6710): the profile of priorities, where it is told.
    MtPriority(Arguments<'a>),
    /// `MTRK` (RFC 3885)
    Mtrk,
    /// `NO-SOLICITING` (RFC 3865): what is refused from all, where it is told.
    NoSoliciting(Option<Solicitation<'a>>),
    /// `PIPELINING` (RFC 2920)
    Pipelining,
    /// `REQUIRETLS` (RFC 8689)
    RequireTls,
    /// `RRVS` (RFC 7293)
    Rrvs,
    /// `SIZE` (RFC 1870)
    Size(SizeLimit),
    /// `SMTPUTF8` (RFC 6531)
    SmtpUtf8,
    /// `STARTTLS` (RFC 3207)
    StartTls,
    /// `TURN` (RFC 821): unsafe, never use it.
    Turn,
    /// `UTF8SMTP` (RFC 5336): obsolete.
    Utf8Smtp,
    /// `VERB` (Sendmail)
    Verb,
    /// `XCLIENT` (Postfix): the names of the attributes that are taken.
    Xclient(Arguments<'a>),
    /// `XFORWARD` (Postfix): the names of the attributes that are taken.
    Xforward(Arguments<'a>),
    /// Another keyword, or a known one with arguments that its extension does not allow.
    Unknown(UnknownExtension<'a>),
}

/// The arguments of an extension: words, separated by spaces; there may be none.
///
/// ```
/// use smtpkit_codec::Arguments;
///
/// assert!(Arguments::new("PLAIN LOGIN")?.iter().eq(["PLAIN", "LOGIN"]));
/// assert!(Arguments::new("a\r\n250 STARTTLS").is_err());
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Arguments<'a>(&'a str);

/// An extension that this crate does not know, kept as announced.
///
/// ```
/// use smtpkit_codec::{Extension, UnknownExtension};
///
/// let extension = Extension::Unknown(UnknownExtension::new("X-LOCAL", "a b")?);
/// assert_eq!(extension.to_string(), "X-LOCAL a b");
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnknownExtension<'a> {
    keyword: &'a str,
    arguments: Arguments<'a>,
}

impl<'a> Arguments<'a> {
    /// The words of `text`.
    ///
    /// # Errors
    /// If it begins or ends with a space, or holds a control.
    pub fn new(text: &'a str) -> Result<Self, SyntaxError> {
        if text.is_empty() { Ok(Self(text)) } else { whole(text, arguments) }
    }

    /// The arguments as written.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Is there none?
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Word by word.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        self.0.split(' ').filter(|word| !word.is_empty())
    }
}

impl fmt::Display for Arguments<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl<'a> UnknownExtension<'a> {
    /// An extension of any keyword. Under a keyword that this crate knows, arguments that its
    /// extension allows read as that extension.
    ///
    /// # Errors
    /// If the keyword is not letters, digits and "-", beginning with a letter or digit, or the
    /// arguments are not [`Arguments`].
    pub fn new(keyword: &'a str, arguments: &'a str) -> Result<Self, SyntaxError> {
        Ok(Self { keyword: whole(keyword, ehlo_keyword)?, arguments: Arguments::new(arguments)? })
    }

    /// The keyword as written.
    #[must_use]
    pub const fn keyword(self) -> &'a str {
        self.keyword
    }

    /// The arguments as written.
    #[must_use]
    pub const fn arguments(self) -> Arguments<'a> {
        self.arguments
    }
}

impl<'a> Extension<'a> {
    /// The extension that a line of the reply to EHLO announces, without the code.
    ///
    /// # Errors
    /// If the line is not a keyword with arguments.
    pub fn parse(line: &'a str) -> Result<Self, SyntaxError> {
        whole(line, ehlo_line)
    }

    /// Its keyword; none if this crate does not know it.
    #[must_use]
    pub fn keyword(self) -> Option<Keyword> {
        Keyword::named(self.parts().0)
    }

    /// The mechanisms, if it is AUTH.
    pub fn mechanisms(self) -> impl Iterator<Item = MechanismName<'a>> {
        let arguments = if let Self::Auth(arguments) = self { arguments } else { Arguments::default() };
        arguments.iter().filter_map(|name| MechanismName::new(name).ok())
    }

    /// A known keyword with its arguments; none if the extension does not allow them. Where an
    /// extension has no arguments, those that a server sends are dropped.
    fn known(keyword: Keyword, arguments: Arguments<'a>) -> Option<Self> {
        let text = arguments.as_str();
        Some(match keyword {
            Keyword::EightBitMime => Self::EightBitMime,
            Keyword::Atrn => Self::Atrn,
            Keyword::Auth => Self::Auth(arguments),
            Keyword::BinaryMime => Self::BinaryMime,
            Keyword::Burl => Self::Burl(arguments),
            Keyword::Checkpoint => Self::Checkpoint,
            Keyword::Chunking => Self::Chunking,
            Keyword::Conneg => Self::Conneg,
            Keyword::Conperm => Self::Conperm,
            Keyword::DeliverBy => Self::DeliverBy(deliver_by::announced(text)?),
            Keyword::Dsn => Self::Dsn,
            Keyword::EnhancedStatusCodes => Self::EnhancedStatusCodes,
            Keyword::Etrn => Self::Etrn,
            Keyword::Expn => Self::Expn,
            Keyword::FutureRelease => Self::FutureRelease(FutureRelease::announced(text)?),
            Keyword::Help => Self::Help,
            Keyword::Limits => Self::Limits(Limits::new(text).ok()?),
            Keyword::MtPriority => Self::MtPriority(arguments),
            Keyword::Mtrk => Self::Mtrk,
            Keyword::NoSoliciting if text.is_empty() => Self::NoSoliciting(None),
            Keyword::NoSoliciting => Self::NoSoliciting(Some(Solicitation::new(text).ok()?)),
            Keyword::Pipelining => Self::Pipelining,
            Keyword::RequireTls => Self::RequireTls,
            Keyword::Rrvs => Self::Rrvs,
            Keyword::Size => Self::Size(SizeLimit::announced(text)?),
            Keyword::SmtpUtf8 => Self::SmtpUtf8,
            Keyword::StartTls => Self::StartTls,
            Keyword::Turn => Self::Turn,
            Keyword::Utf8Smtp => Self::Utf8Smtp,
            Keyword::Verb => Self::Verb,
            Keyword::Xclient => Self::Xclient(arguments),
            Keyword::Xforward => Self::Xforward(arguments),
        })
    }

    /// Its keyword and its arguments, as they are written.
    fn parts(self) -> (&'a str, ArgumentsOf<'a>) {
        use ArgumentsOf::{Limit, Minimum, Moment, Nothing, Text};
        let (keyword, arguments) = match self {
            Self::EightBitMime => (Keyword::EightBitMime, Nothing),
            Self::Atrn => (Keyword::Atrn, Nothing),
            Self::Auth(arguments) => (Keyword::Auth, Text(arguments.0)),
            Self::BinaryMime => (Keyword::BinaryMime, Nothing),
            Self::Burl(arguments) => (Keyword::Burl, Text(arguments.0)),
            Self::Checkpoint => (Keyword::Checkpoint, Nothing),
            Self::Chunking => (Keyword::Chunking, Nothing),
            Self::Conneg => (Keyword::Conneg, Nothing),
            Self::Conperm => (Keyword::Conperm, Nothing),
            Self::DeliverBy(minimum) => (Keyword::DeliverBy, minimum.map_or(Nothing, Minimum)),
            Self::Dsn => (Keyword::Dsn, Nothing),
            Self::EnhancedStatusCodes => (Keyword::EnhancedStatusCodes, Nothing),
            Self::Etrn => (Keyword::Etrn, Nothing),
            Self::Expn => (Keyword::Expn, Nothing),
            Self::FutureRelease(longest) => (Keyword::FutureRelease, Moment(longest)),
            Self::Help => (Keyword::Help, Nothing),
            Self::Limits(limits) => (Keyword::Limits, Text(limits.as_str())),
            Self::MtPriority(arguments) => (Keyword::MtPriority, Text(arguments.0)),
            Self::Mtrk => (Keyword::Mtrk, Nothing),
            Self::NoSoliciting(keywords) => {
                (Keyword::NoSoliciting, Text(keywords.map_or("", Solicitation::as_str)))
            }
            Self::Pipelining => (Keyword::Pipelining, Nothing),
            Self::RequireTls => (Keyword::RequireTls, Nothing),
            Self::Rrvs => (Keyword::Rrvs, Nothing),
            Self::Size(limit) => (Keyword::Size, Limit(limit)),
            Self::SmtpUtf8 => (Keyword::SmtpUtf8, Nothing),
            Self::StartTls => (Keyword::StartTls, Nothing),
            Self::Turn => (Keyword::Turn, Nothing),
            Self::Utf8Smtp => (Keyword::Utf8Smtp, Nothing),
            Self::Verb => (Keyword::Verb, Nothing),
            Self::Xclient(arguments) => (Keyword::Xclient, Text(arguments.0)),
            Self::Xforward(arguments) => (Keyword::Xforward, Text(arguments.0)),
            Self::Unknown(unknown) => return (unknown.keyword, Text(unknown.arguments.0)),
        };
        (keyword.as_str(), arguments)
    }
}

/// Arguments in the type of their extension, to be written.
enum ArgumentsOf<'a> {
    Nothing,
    Text(&'a str),
    Minimum(u32),
    Limit(SizeLimit),
    Moment(FutureRelease<'a>),
}

impl fmt::Display for Extension<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (keyword, arguments) = self.parts();
        f.write_str(keyword)?;
        match arguments {
            ArgumentsOf::Nothing | ArgumentsOf::Text("") | ArgumentsOf::Limit(SizeLimit::Untold) => Ok(()),
            ArgumentsOf::Text(text) => write!(f, " {text}"),
            ArgumentsOf::Minimum(seconds) => write!(f, " {seconds}"),
            ArgumentsOf::Limit(limit) => write!(f, " {limit}"),
            ArgumentsOf::Moment(longest) => write!(f, " {longest}"),
        }
    }
}

/// ```abnf
/// ehlo-line    = ehlo-keyword *( SP ehlo-param )              ; RFC 5321 §4.1.1.1
/// ```
/// The old form `AUTH=` of AUTH (before RFC 2554) is read as `AUTH`.
pub(crate) fn ehlo_line(input: &str) -> Parsed<'_, Extension<'_>> {
    let (rest, keyword) = ehlo_keyword(input)?;
    let known = Keyword::of_keyword(keyword.as_bytes());
    let rest = if known == Some(Keyword::Auth) {
        rest.strip_prefix('=').map_or(rest, token::skip_spaces)
    } else {
        rest
    };
    let (rest, arguments) = match token::skip_spaces(rest) {
        "" => ("", Arguments::default()),
        words if words.len() == rest.len() && keyword.len() + words.len() == input.len() => {
            return Err(Fault::at(rest, Expected::Space));
        }
        words => arguments(words.trim_end_matches(' '))?,
    };
    let extension = known.and_then(|known| Extension::known(known, arguments));
    Ok((rest, extension.unwrap_or(Extension::Unknown(UnknownExtension { keyword, arguments }))))
}

/// ```abnf
/// ehlo-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")       ; RFC 5321 §4.1.1.1
/// ```
fn ehlo_keyword(input: &str) -> Parsed<'_, &str> {
    if input.starts_with('-') {
        return Err(Fault::at(input, Expected::Keyword));
    }
    token::run(Class::KEYWORD, Expected::Keyword)(input)
}

/// ```abnf
/// ehlo-param   = 1*(%d33-126)                                 ; RFC 5321 §4.1.1.1, here also UTF-8
/// ```
/// One or more, separated by spaces.
fn arguments(input: &str) -> Parsed<'_, Arguments<'_>> {
    let (rest, words) = token::run(Class::TEXT, Expected::Text)(input)?;
    if !rest.is_empty() {
        return Err(Fault::at(rest, Expected::Text));
    }
    if words.starts_with(' ') || words.ends_with(' ') {
        return Err(Fault::at(input, Expected::Text));
    }
    Ok((rest, Arguments(words)))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn announcements_are_read_and_written() {
        let check = |line: &str, expected: Option<&str>| {
            let found = Extension::parse(line).ok().map(|extension| extension.to_string());
            assert_eq!(found.as_deref(), expected, "{line}");
        };
        for keyword in Keyword::ALL {
            let written = Extension::parse(keyword.as_str()).map(|extension| extension.to_string());
            assert_eq!(written.as_deref(), Ok(keyword.as_str()));
        }
        check("auth=PLAIN LOGIN", Some("AUTH PLAIN LOGIN"));
        check("AUTH PLAIN X-OWN", Some("AUTH PLAIN X-OWN"));
        check("size 1000", Some("SIZE 1000"));
        check("PIPELINING now", Some("PIPELINING"));
        check("DELIVERBY 240", Some("DELIVERBY 240"));
        check("FUTURERELEASE 60 2030-01-01T00:00:00Z", Some("FUTURERELEASE 60 2030-01-01T00:00:00Z"));
        check("LIMITS RCPTMAX=5", Some("LIMITS RCPTMAX=5"));
        check("MT-PRIORITY MIXER", Some("MT-PRIORITY MIXER"));
        check("NO-SOLICITING net.example:ADV", Some("NO-SOLICITING net.example:ADV"));
        check("XFORWARD NAME ADDR", Some("XFORWARD NAME ADDR"));
        check("X-OWN  a ", Some("X-OWN a"));
        check("", None);
        check("-X", None);
        check("X=1", None);
        check("X_Y", None);
        check("SIZE\t\u{1}", None);
    }

    #[test]
    fn arguments_that_an_extension_does_not_allow_are_kept_as_unknown() {
        for line in ["SIZE many", "LIMITS", "FUTURERELEASE soon", "NO-SOLICITING 1"] {
            let extension = Extension::parse(line).unwrap();
            assert!(matches!(extension, Extension::Unknown(_)), "{extension:?}");
            assert_eq!(extension.to_string(), line);
        }
    }
}
