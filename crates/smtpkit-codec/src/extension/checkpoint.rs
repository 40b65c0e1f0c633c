//! CHECKPOINT: take a broken transaction up again (RFC 1845).

use core::fmt;

use nom::Parser as _;
use nom::combinator::recognize;

use crate::grammar::{Class, Parsed, token, whole};
use crate::syntax_error::{Expected, SyntaxError};

/// The value of `TRANSID` in MAIL: the name of a transaction that may be resumed (RFC 1845 §4).
///
/// ```
/// use smtpkit_codec::TransactionId;
///
/// assert_eq!(TransactionId::new("<12345@example.com>")?.as_str(), "<12345@example.com>");
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransactionId<'a>(&'a str);

impl<'a> TransactionId<'a> {
    /// The id that `text` is, angle brackets included.
    ///
    /// # Errors
    /// If it does not follow the grammar.
    pub fn new(text: &'a str) -> Result<Self, SyntaxError> {
        whole(text, transaction_id)
    }

    /// The id as written.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

impl fmt::Display for TransactionId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// ```abnf
/// transid-value = "<" transid-token "@" transid-token ">"      ; RFC 1845 §4
/// ```
pub(crate) fn transaction_id(input: &str) -> Parsed<'_, TransactionId<'_>> {
    let octet = |octet| token::octet(octet, Expected::TransactionId);
    let transid_token = || token::run(Class::TRANSID, Expected::TransactionId);
    recognize((octet(b'<'), transid_token(), octet(b'@'), transid_token(), octet(b'>')))
        .map(TransactionId)
        .parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_rfc_1845() {
        let check =
            |input: &str, expected: bool| assert_eq!(TransactionId::new(input).is_ok(), expected, "{input}");
        check("<12345@claremont.edu>", true);
        check("<a.b@c>", true);
        check("12345@claremont.edu", false);
        check("<12345>", false);
        check("<@c>", false);
        check("<a@>", false);
        check("<a b@c>", false);
        check("<a@b@c>", false);
        check("<a=b@c>", false);
    }
}
