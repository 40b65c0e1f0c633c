//! Values that name their own type: addresses, names of systems, diagnostics (RFC 3464 §2.1.2).
//!
//! ```abnf
//! typed-value = type ";" value
//! ```

use super::ReportText;
use super::unitext::{self, Form};
use crate::build::{ValueError, ValueKind, ValueProblem};
use crate::encode::is_token_octet;

/// A value and its type: an address, the name of a system, or a diagnostic (RFC 3464 §2.1.2).
///
/// ```
/// use smtpkit_mime::report::TypedValue;
///
/// let recipient = TypedValue::rfc822("bob@example.com")?;
/// assert_eq!((recipient.kind(), recipient.value()), ("rfc822", "bob@example.com"));
/// assert!(recipient.is("RFC822"));
/// # Ok::<(), smtpkit_mime::build::ValueError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TypedValue {
    kind: String,
    value: ReportText,
}

impl TypedValue {
    /// A value of any registered type.
    ///
    /// ```
    /// # use smtpkit_mime::report::TypedValue;
    /// assert!(TypedValue::new("x400", "/c=de/a=x/").is_ok());
    /// assert!(TypedValue::new("a;b", "c").is_err());
    /// ```
    ///
    /// # Errors
    /// [`ValueError`] if the type is not an atom of at most 60 octets, or of [`ReportText::new`].
    pub fn new(kind: &str, value: &str) -> Result<Self, ValueError> {
        Ok(Self { kind: atom(kind)?, value: ReportText::new(value)? })
    }

    /// An address of mail, `rfc822`; or `utf-8` if it is not ASCII (RFC 6533 §3).
    ///
    /// ```
    /// # use smtpkit_mime::report::TypedValue;
    /// assert!(TypedValue::rfc822("用户@example.com")?.is("utf-8"));
    /// # Ok::<(), smtpkit_mime::build::ValueError>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError`] of [`ReportText::new`].
    pub fn rfc822(address: &str) -> Result<Self, ValueError> {
        Self::new(if address.is_ascii() { "rfc822" } else { "utf-8" }, address)
    }

    /// The name of a host, `dns`.
    ///
    /// ```
    /// # use smtpkit_mime::report::TypedValue;
    /// assert!(TypedValue::dns("mx.example.org")?.is("dns"));
    /// # Ok::<(), smtpkit_mime::build::ValueError>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError`] of [`ReportText::new`].
    pub fn dns(name: &str) -> Result<Self, ValueError> {
        Self::new("dns", name)
    }

    /// A reply of an SMTP server, `smtp`.
    ///
    /// ```
    /// # use smtpkit_mime::report::TypedValue;
    /// assert!(TypedValue::smtp("550 5.1.1 no such user")?.is("smtp"));
    /// # Ok::<(), smtpkit_mime::build::ValueError>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError`] of [`ReportText::new`].
    pub fn smtp(reply: &str) -> Result<Self, ValueError> {
        Self::new("smtp", reply)
    }

    /// A reply of an SMTP server in whatever form it came, on one line: see [`ReportText::lossy`].
    ///
    /// ```
    /// # use smtpkit_mime::report::TypedValue;
    /// assert_eq!(TypedValue::smtp_lossy("550-no\r\n550 never").value(), "550-no 550 never");
    /// ```
    pub fn smtp_lossy(reply: &str) -> Self {
        Self { kind: "smtp".to_owned(), value: ReportText::lossy(reply) }
    }

    /// The type as it is written.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The value.
    pub fn value(&self) -> &str {
        self.value.as_str()
    }

    /// Whether it has this type, in any case.
    pub fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }

    /// Whether only a report in UTF-8 can carry it.
    pub(super) fn needs_utf8(&self) -> bool {
        !self.value().is_ascii() && !self.is("utf-8")
    }

    /// `type; value`.
    pub(super) fn written(&self, form: Form) -> String {
        let value = self.value();
        match self.is("utf-8") {
            true => format!("{}; {}", self.kind, unitext::encode(value, form)),
            false => format!("{}; {value}", self.kind),
        }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let (kind, value) = text.split_once(';')?;
        let kind = kind.trim_ascii();
        let value = if kind.eq_ignore_ascii_case("utf-8") {
            ReportText::lossy(&unitext::decode(value.trim_ascii()))
        } else {
            ReportText::lossy(value.trim_ascii())
        };
        Some(Self { kind: atom(kind).ok()?, value })
    }
}

fn atom(kind: &str) -> Result<String, ValueError> {
    let refused = |problem| Err(ValueError::new(ValueKind::ReportValue, problem));
    if kind.is_empty() {
        return refused(ValueProblem::Empty);
    }
    if kind.len() > 60 {
        return refused(ValueProblem::TooLong { octets_max: 60 });
    }
    match kind.bytes().enumerate().find(|&(_, octet)| !is_token_octet(octet)) {
        Some((at, octet)) => refused(ValueProblem::Octet { octet, at }),
        None => Ok(kind.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_it_was_written() {
        for (kind, value) in [("rfc822", "a@b"), ("smtp", "550 5.1.1 <a@b>; no"), ("utf-8", "jürgen+x@例.de")]
        {
            let typed = TypedValue::new(kind, value).unwrap();
            for form in [Form::Ascii, Form::Utf8] {
                assert_eq!(TypedValue::read(&typed.written(form)), Some(typed.clone()));
            }
        }
        assert_eq!(TypedValue::read("no type"), None);
        assert_eq!(TypedValue::read("two words; x"), None);
        assert_eq!(TypedValue::read("dns;mx").map(|v| v.value().to_owned()).as_deref(), Some("mx"));
    }
}
