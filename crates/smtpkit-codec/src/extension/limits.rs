//! LIMITS: how much a server takes in one session or transaction (RFC 9422).

use core::fmt;

use crate::grammar::{Class, Fault, Parsed, token, whole};
use crate::syntax_error::{Expected, SyntaxError};

/// The arguments of `LIMITS` in the reply to EHLO (RFC 9422 §3), unknown ones kept.
///
/// ```
/// use smtpkit_codec::Limits;
///
/// let limits = Limits::new("RCPTMAX=100 MAILMAX=20 X-PER-HOUR=500")?;
/// assert_eq!((limits.rcpt_max(), limits.mail_max(), limits.rcpt_domain_max()), (Some(100), Some(20), None));
/// assert!(limits.iter().any(|limit| limit == ("X-PER-HOUR", Some("500"))));
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits<'a>(&'a str);

impl<'a> Limits<'a> {
    /// The limits that `text` lists, separated by spaces.
    ///
    /// # Errors
    /// If there is none, or one does not follow the grammar.
    pub fn new(text: &'a str) -> Result<Self, SyntaxError> {
        whole(text, limits)
    }

    /// The limits as written.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// `MAILMAX`: transactions in one session (RFC 9422 §4.1).
    #[must_use]
    pub fn mail_max(self) -> Option<u32> {
        self.number("MAILMAX")
    }

    /// `RCPTMAX`: recipients of one transaction (RFC 9422 §4.2).
    #[must_use]
    pub fn rcpt_max(self) -> Option<u32> {
        self.number("RCPTMAX")
    }

    /// `RCPTDOMAINMAX`: domains of the recipients of one transaction (RFC 9422 §4.3).
    #[must_use]
    pub fn rcpt_domain_max(self) -> Option<u32> {
        self.number("RCPTDOMAINMAX")
    }

    /// Name and value of each.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        let words = self.0.split(' ').filter(|word| !word.is_empty());
        words.map(|word| word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value))))
    }

    /// A value of 1 to 6 digits, not 0: anything else is to be ignored (RFC 9422 §3.3).
    fn number(self, name: &str) -> Option<u32> {
        let (_, value) = self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        value
            .filter(|digits| digits.len() <= 6 && Class::DIGIT.all(digits))?
            .parse()
            .ok()
            .filter(|&number| number != 0)
    }
}

impl fmt::Display for Limits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// ```abnf
/// limits      = limit-name-value *( SP limit-name-value )     ; RFC 9422 §3.1
/// limit-name-value = limit-name ["=" limit-value]
/// limit-name  = 1*(ALPHA / DIGIT / "-" / "_")
/// limit-value = 1*(%x21-3A / %x3C-7E)                         ; graphic, no ";"
/// ```
fn limits(input: &str) -> Parsed<'_, Limits<'_>> {
    let mut rest = input;
    loop {
        rest = token::run(Class::MECHANISM, Expected::Keyword)(rest)?.0;
        if let Some(value) = rest.strip_prefix('=') {
            let (after, text) = token::run(Class::GRAPHIC, Expected::Value)(value)?;
            if text.contains(';') || !text.is_ascii() {
                return Err(Fault::at(value, Expected::Value));
            }
            rest = after;
        }
        match token::skip_spaces(rest) {
            "" => break,
            next if next.len() == rest.len() => return Err(Fault::at(rest, Expected::Space)),
            next => rest = next,
        }
    }
    Ok(("", Limits(input)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_rfc_9422() {
        let check = |input: &str, expected: Option<[Option<u32>; 3]>| {
            let found = Limits::new(input).ok();
            let found = found.map(|limits| [limits.mail_max(), limits.rcpt_max(), limits.rcpt_domain_max()]);
            assert_eq!(found, expected, "{input}");
        };
        check("MAILMAX=5 RCPTMAX=100 RCPTDOMAINMAX=1", Some([Some(5), Some(100), Some(1)]));
        check("rcptmax=100", Some([None, Some(100), None]));
        check("RCPTMAX=0 MAILMAX=1234567 RCPTDOMAINMAX", Some([None, None, None]));
        check("OTHER=x,y", Some([None, None, None]));
        check("RCPTMAX=", None);
        check("=1", None);
        check("RCPTMAX=1;2", None);
        check("", None);
    }
}
