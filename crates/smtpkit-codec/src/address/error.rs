//! Why a text is not an address.

use core::fmt;

use crate::syntax_error::{Expected, SyntaxError};

/// A text that is not the mailbox, domain or path that it was taken for. The fault is the caller's:
/// addresses on the wire are read by [`Command::parse`](crate::Command::parse).
///
/// ```
/// use smtpkit_codec::Mailbox;
///
/// let error = "jane doe@example.com".parse::<Mailbox>().unwrap_err();
/// assert_eq!(error.offset(), 4);
/// assert_eq!(error.to_string(), "expected @ at octet 4");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressError(SyntaxError);

impl AddressError {
    /// Where in the text, in octets.
    #[must_use]
    pub const fn offset(self) -> usize {
        self.0.offset()
    }

    /// What the grammar wanted there.
    #[must_use]
    pub const fn expected(self) -> Expected {
        self.0.expected()
    }
}

impl From<SyntaxError> for AddressError {
    fn from(error: SyntaxError) -> Self {
        Self(error)
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::error::Error for AddressError {}
