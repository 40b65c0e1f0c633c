//! Identifiers of messages and parts (RFC 5322 §3.6.4, RFC 2045 §7).

use core::fmt;
use core::str::FromStr;

use super::value_error::{ValueError, ValueKind, check};
use super::{AddrSpec, Stamp};

/// Longest identifier: it stands unbroken in a line of 998 octets, with `<`, `>`, a space and its field name.
const MESSAGE_ID_OCTETS_MAX: usize = 900;

/// The identifier of a message or of a part, without its angle brackets (RFC 5322 §3.6.4).
///
/// Identifiers of other people's messages are copied into `References`, so anything is taken that can be written
/// between `<` and `>`, not only what today's grammar makes.
///
/// ```
/// use smtpkit_mime::build::MessageId;
///
/// let id = MessageId::new("5F2A@mail.example.org")?;
/// assert_eq!(id.to_string(), "<5F2A@mail.example.org>");
/// assert_eq!(MessageId::new("<5F2A@mail.example.org>")?, id);
/// assert!(MessageId::new("a b@example.org").is_err());
/// # Ok::<(), smtpkit_mime::build::ValueError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// Takes an identifier, with or without its angle brackets.
    ///
    /// # Errors
    /// [`ValueError`] if it is empty, longer than 900 octets, or has an octet that cannot stand between angle
    /// brackets: a control, space, `<` or `>`.
    pub fn new(id: &str) -> Result<Self, ValueError> {
        let bare = id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id);
        check(ValueKind::MessageId, bare, MESSAGE_ID_OCTETS_MAX, |octet| {
            !octet.is_ascii_control() && !matches!(octet, b' ' | b'<' | b'>')
        })?;
        Ok(Self(bare.to_owned()))
    }

    /// The identifier that a stamp gives: its nonce, at the domain of `address`.
    ///
    /// ```
    /// use smtpkit_mime::DateTime;
    /// use smtpkit_mime::build::{AddrSpec, MessageId, Stamp};
    ///
    /// let stamp = Stamp::new(DateTime::from_unix_seconds(0, 0)?, [0xab; 16]);
    /// let id = MessageId::generate(&stamp, &AddrSpec::new("ada@example.org")?);
    /// assert_eq!(id.as_str(), "abababababababababababababababab@example.org");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn generate(stamp: &Stamp, address: &AddrSpec) -> Self {
        let mut id = String::with_capacity(33 + address.domain().len());
        id.push_str(core::str::from_utf8(&stamp.hex(0)).expect("invariant: hexadecimal digits are ASCII"));
        id.push('@');
        id.push_str(address.domain());
        Self(id)
    }

    /// The identifier without angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MessageId {
    type Err = ValueError;

    fn from_str(id: &str) -> Result<Self, ValueError> {
        Self::new(id)
    }
}

/// Writes the identifier in its angle brackets.
impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::ValueProblem;

    fn check(id: &str, expected: Option<ValueProblem>) {
        assert_eq!(MessageId::new(id).err().map(|e| e.problem()), expected, "{id:?}");
    }

    #[test]
    fn only_what_fits_between_angle_brackets_is_taken() {
        check("a@b", None);
        check("no-at-sign", None);
        check("ümlaut@example.org", None);
        check("", Some(ValueProblem::Empty));
        check("<>", Some(ValueProblem::Empty));
        check("a>@b", Some(ValueProblem::Octet { octet: b'>', at: 1 }));
        check("a@b\n", Some(ValueProblem::Octet { octet: b'\n', at: 3 }));
        check(&"x".repeat(901), Some(ValueProblem::TooLong { octets_max: 900 }));
    }
}
