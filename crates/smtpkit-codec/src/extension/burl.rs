//! BURL: content that the server fetches from an IMAP server (RFC 4468).

use core::fmt;

use crate::grammar::{Class, Fault, Parsed, token, whole};
use crate::syntax_error::{Expected, SyntaxError};

/// The `BURL` command (RFC 4468 §3): append what stands at a URL to the content.
///
/// ```
/// use smtpkit_codec::{Burl, Command, Line};
///
/// let line = Line::new("BURL imap://jane@imap.example.com/Drafts;UIDVALIDITY=1/;UID=7 LAST").unwrap();
/// let Ok(Command::Burl(burl)) = Command::parse(line) else { panic!() };
/// assert!(burl.is_last() && burl.url().starts_with("imap://"));
/// assert_eq!(burl, Burl::new(burl.url())?.last());
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Burl<'a> {
    url: &'a str,
    last: bool,
}

impl<'a> Burl<'a> {
    /// More content follows what stands at `url`.
    ///
    /// # Errors
    /// If `url` is not an absolute URI in ASCII.
    pub fn new(url: &'a str) -> Result<Self, SyntaxError> {
        whole(url, absolute_uri).map(|url| Self { url, last: false })
    }

    /// The same, but it is the end of the content.
    #[must_use]
    pub const fn last(mut self) -> Self {
        self.last = true;
        self
    }

    /// The URL. It often holds an access token (RFC 4467): mind where it goes.
    #[must_use]
    pub const fn url(self) -> &'a str {
        self.url
    }

    /// Is it the end of the content?
    #[must_use]
    pub const fn is_last(self) -> bool {
        self.last
    }
}

impl fmt::Debug for Burl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Burl({} octets{})", self.url.len(), if self.last { ", last" } else { "" })
    }
}

/// ```abnf
/// burl-cmd   = "BURL" SP absolute-URI [SP end-marker] CRLF     ; RFC 4468 §3.1
/// end-marker = "LAST"
/// ```
/// Takes what follows "BURL" and its space.
pub(crate) fn burl(input: &str) -> Parsed<'_, Burl<'_>> {
    let (rest, url) = absolute_uri(input)?;
    if rest.is_empty() {
        return Ok((rest, Burl { url, last: false }));
    }
    let (rest, ()) = token::word(b"LAST", Expected::Last)(token::skip_spaces(rest))?;
    Ok((rest, Burl { url, last: true }))
}

/// ```abnf
/// absolute-URI = scheme ":" hier-part [ "?" query ]            ; RFC 3986 §4.3
/// scheme       = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )
/// ```
/// Of what follows the scheme only that it is printable ASCII: who fetches it reads it.
fn absolute_uri(input: &str) -> Parsed<'_, &str> {
    let (rest, url) = token::run(Class::GRAPHIC, Expected::Url)(input)?;
    let in_scheme = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.');
    match url.split_once(':') {
        Some((scheme, part))
            if url.is_ascii()
                && !part.is_empty()
                && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                && scheme.bytes().all(in_scheme) =>
        {
            Ok((rest, url))
        }
        _ => Err(Fault::at(input, Expected::Url)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_rfc_4468() {
        let check = |input: &str, expected: Option<bool>| {
            assert_eq!(whole(input, burl).ok().map(Burl::is_last), expected, "{input}");
        };
        check("imap://h/m;UID=1", Some(false));
        check("imap://h/m;UID=1 LAST", Some(true));
        check("imap://h/m;UID=1 last", Some(true));
        check("imap://h/m FIRST", None);
        check("imap:", None);
        check("://h", None);
        check("1map://h", None);
        check("imap://é", None);
        check("", None);
    }
}
