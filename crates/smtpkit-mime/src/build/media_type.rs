//! Media types with their parameters (RFC 2045 §5.1).

use core::str::FromStr;
use std::borrow::Cow;

use super::value_error::{ValueError, ValueKind, ValueProblem, check, check_text};
use crate::encode::is_token_octet;

/// Longest type or parameter name: RFC 6838 §4.2 allows 127 for each half of a type.
const TYPE_OCTETS_MAX: usize = 255;
/// Longest parameter name, so that a section of its value fits beside it in a line of 78 octets.
const PARAMETER_NAME_OCTETS_MAX: usize = 40;

/// A media type and its parameters, to be written in a `Content-Type` field (RFC 2045 §5.1).
///
/// ```
/// use smtpkit_mime::build::MediaType;
///
/// let table = MediaType::new("text/csv")?.with("header", "present")?;
/// assert_eq!(table.essence(), "text/csv");
/// assert!(MediaType::new("text").is_err());
/// # Ok::<(), smtpkit_mime::build::ValueError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType {
    essence: Cow<'static, str>,
    parameters: Vec<(Cow<'static, str>, Cow<'static, str>)>,
}

impl MediaType {
    /// Takes a type and subtype, `type/subtype`, without parameters.
    ///
    /// # Errors
    /// [`ValueError`] if there is no `/` between two tokens, or it is longer than 255 octets.
    pub fn new(essence: &str) -> Result<Self, ValueError> {
        check(ValueKind::MediaType, essence, TYPE_OCTETS_MAX, |octet| {
            is_token_octet(octet) || octet == b'/'
        })?;
        let Some((kind, subtype)) = essence.split_once('/') else {
            return Err(ValueError::new(ValueKind::MediaType, ValueProblem::Missing(b'/')));
        };
        if kind.is_empty() || subtype.is_empty() {
            return Err(ValueError::new(ValueKind::MediaType, ValueProblem::Empty));
        }
        if let Some(at) = subtype.find('/') {
            let problem = ValueProblem::Octet { octet: b'/', at: kind.len() + 1 + at };
            return Err(ValueError::new(ValueKind::MediaType, problem));
        }
        Ok(Self { essence: Cow::Owned(essence.to_ascii_lowercase()), parameters: Vec::new() })
    }

    /// Adds a parameter; its value may be any text, and is written as RFC 2231 says where it must be.
    ///
    /// ```
    /// # use smtpkit_mime::build::MediaType;
    /// let calendar = MediaType::new("text/calendar")?.with("method", "REQUEST")?;
    /// # assert!(calendar.with("bad name", "x").is_err());
    /// # Ok::<(), smtpkit_mime::build::ValueError>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError`] if the name is not a token of at most 40 octets without `*`, `'` and `%`, or the value has
    /// a CR, LF or NUL.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, ValueError> {
        check(ValueKind::ParameterName, name, PARAMETER_NAME_OCTETS_MAX, |octet| {
            is_token_octet(octet) && !matches!(octet, b'*' | b'\'' | b'%')
        })?;
        check_text(ValueKind::ParameterValue, value)?;
        self.parameters.push((Cow::Owned(name.to_owned()), Cow::Owned(value.to_owned())));
        Ok(self)
    }

    /// A type that is known to be well-formed.
    pub(crate) const fn known(essence: &'static str) -> Self {
        Self { essence: Cow::Borrowed(essence), parameters: Vec::new() }
    }

    /// The same with a parameter that is known to be well-formed.
    pub(crate) fn with_known(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.parameters.push((Cow::Borrowed(name), value.into()));
        self
    }

    /// `type/subtype` in lower case.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// The parameters in the order in which they were added.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (&**name, &**value))
    }

    pub(crate) fn is_text(&self) -> bool {
        self.essence.starts_with("text/")
    }
}

/// Reads `type/subtype`; parameters are added by [`with`](MediaType::with).
impl FromStr for MediaType {
    type Err = ValueError;

    fn from_str(essence: &str) -> Result<Self, ValueError> {
        Self::new(essence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(essence: &str, expected: Option<ValueProblem>) {
        assert_eq!(MediaType::new(essence).err().map(|e| e.problem()), expected, "{essence:?}");
    }

    #[test]
    fn a_type_is_two_tokens() {
        check("text/plain", None);
        check("application/vnd.oasis.opendocument.text", None);
        check("text", Some(ValueProblem::Missing(b'/')));
        check("/plain", Some(ValueProblem::Empty));
        check("text/", Some(ValueProblem::Empty));
        check("a/b/c", Some(ValueProblem::Octet { octet: b'/', at: 3 }));
        check("text/plain;x=y", Some(ValueProblem::Octet { octet: b';', at: 10 }));
        check("text/pl\r\nain", Some(ValueProblem::Octet { octet: b'\r', at: 7 }));
        check("text/ümlaut", Some(ValueProblem::Octet { octet: 0xc3, at: 5 }));
    }

    #[test]
    fn parameters_cannot_end_the_line() {
        let plain = || MediaType::new("text/plain").unwrap();
        assert!(plain().with("name", "any text; \"quoted\" ü").is_ok());
        assert!(plain().with("name", "a\r\nX: y").is_err());
        assert!(plain().with("na me", "a").is_err());
        assert!(plain().with("name*", "a").is_err());
        assert!(plain().with("", "a").is_err());
    }
}
