//! What is wrong with a command, where, and which reply a server owes for it.
//!
//! The error is eight octets, `Copy`, and never allocates: an offset into the line and
//! one [`Expected`] of a closed table. The table below is the whole policy that turns a
//! grammar failure into a reply (RFC 5321 §4.2.4, RFC 5248); nothing else decides it.

use core::fmt;

use crate::reply::{EnhancedStatusCode, Reply, ReplyCode};

/// A command that does not follow the grammar (RFC 5321 §4.1). The fault is the peer's.
///
/// ```
/// use smtpkit_codec::{Expected, SyntaxError};
///
/// let error = SyntaxError::new(10, Expected::AngleBracket);
/// assert_eq!(error.to_string(), "expected < at octet 10");
/// assert_eq!(error.reply().to_string(), "501 5.5.2 expected <");
/// assert_eq!(error.caret("MAIL FROM:a@b.c").to_string(), "MAIL FROM:a@b.c\n          ^ expected <");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SyntaxError {
    offset: u32,
    expected: Expected,
}

impl SyntaxError {
    /// An error at `offset` octets into the line.
    #[cold]
    #[must_use]
    pub const fn new(offset: usize, expected: Expected) -> Self {
        // Lines are bounded far below 4 GiB; a larger offset would only be shown wrong.
        #[expect(clippy::cast_possible_truncation, reason = "saturated just before")]
        let offset = if offset > u32::MAX as usize { u32::MAX } else { offset as u32 };
        Self { offset, expected }
    }

    /// Where in the line, in octets.
    #[must_use]
    pub const fn offset(self) -> usize {
        self.offset as usize
    }

    /// What the grammar wanted there.
    #[must_use]
    pub const fn expected(self) -> Expected {
        self.expected
    }

    /// The reply that a server owes for it: 500, 501, 502, 504 or 555 with its enhanced code.
    #[must_use]
    pub const fn reply(self) -> Reply {
        self.expected.reply()
    }

    /// Shows `line` with a caret under the offset, for people.
    #[must_use]
    pub fn caret(self, line: &str) -> impl fmt::Display {
        fmt::from_fn(move |f| {
            let column = line.char_indices().take_while(|&(at, _)| at < self.offset()).count();
            write!(f, "{line}\n{:column$}^ expected {}", "", self.expected)
        })
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {} at octet {}", self.expected, self.offset)
    }
}

impl core::error::Error for SyntaxError {}

/// One row per thing that the grammar can miss: its name, its words, the reply it deserves.
macro_rules! expected {
    ($($(#[$doc:meta])* $name:ident, $words:literal, $code:ident, $enhanced:ident;)*) => {
        /// What the grammar wanted at the offset of a [`SyntaxError`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Expected {
            $($(#[$doc])* $name,)*
        }

        impl Expected {
            /// The words for people, without the "expected".
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $words,)*
                }
            }

            /// The reply that a server owes when it is missing.
            #[must_use]
            pub const fn reply(self) -> Reply {
                match self {
                    $(Self::$name => const {
                        Reply::fixed(
                            ReplyCode::$code,
                            Some(EnhancedStatusCode::$enhanced),
                            concat!("expected ", $words),
                        )
                    },)*
                }
            }

            /// Every row, for the tests of the table.
            #[cfg(test)]
            const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

expected! {
    /// A known verb stood where none can be used.
    Verb, "a command", SYNTAX_ERROR, SYNTAX_ERROR;
    /// One space.
    Space, "a space", PARAMETER_SYNTAX, SYNTAX_ERROR;
    /// The end of the line: the command takes no (more) arguments.
    EndOfLine, "the end of the line", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// An argument, but the line ended.
    Argument, "an argument", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// `FROM:` after MAIL.
    From, "FROM:", PARAMETER_SYNTAX, SYNTAX_ERROR;
    /// `TO:` after RCPT.
    To, "TO:", PARAMETER_SYNTAX, SYNTAX_ERROR;
    /// `<` that opens a path.
    AngleBracket, "<", PARAMETER_SYNTAX, SYNTAX_ERROR;
    /// `>` that closes a path.
    ClosingAngleBracket, ">", PARAMETER_SYNTAX, SYNTAX_ERROR;
    /// A reverse-path.
    ReversePath, "a reverse-path", PARAMETER_SYNTAX, BAD_SENDER_ADDRESS;
    /// A forward-path.
    ForwardPath, "a forward-path", PARAMETER_SYNTAX, BAD_RECIPIENT_ADDRESS;
    /// A path of at most 256 octets (RFC 5321 §4.5.3.1.3).
    ShorterPath, "a path of at most 256 octets", PARAMETER_SYNTAX, SYNTAX_ERROR;
    /// A source route: `@domain,@domain:`.
    SourceRoute, "a source route", PARAMETER_SYNTAX, SYNTAX_ERROR;
    /// A mailbox.
    Mailbox, "a mailbox", PARAMETER_SYNTAX, SYNTAX_ERROR;
    /// A local-part.
    LocalPart, "a local-part", PARAMETER_SYNTAX, SYNTAX_ERROR;
    /// A local-part of at most 64 octets (RFC 5321 §4.5.3.1.1).
    ShorterLocalPart, "a local-part of at most 64 octets", PARAMETER_SYNTAX, SYNTAX_ERROR;
    /// `"` that closes a quoted string.
    ClosingQuote, "a closing quote", PARAMETER_SYNTAX, SYNTAX_ERROR;
    /// `@` between local-part and domain.
    At, "@", PARAMETER_SYNTAX, SYNTAX_ERROR;
    /// A domain.
    Domain, "a domain", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// A domain of at most 255 octets (RFC 5321 §4.5.3.1.2).
    ShorterDomain, "a domain of at most 255 octets", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// A label of at most 63 octets (RFC 1035 §2.3.4).
    ShorterLabel, "a label of at most 63 octets", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// An address literal.
    AddressLiteral, "an address literal", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// `]` that closes an address literal.
    ClosingBracket, "]", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// A domain or an address literal, as EHLO takes.
    ClientName, "a domain or an address literal", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// Text of printable characters.
    Text, "text", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// An ASCII character: the place does not take UTF-8.
    Ascii, "an ASCII character", PARAMETER_SYNTAX, SYNTAX_ERROR;
    /// An atom.
    Atom, "an atom", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// The keyword of a parameter.
    Keyword, "a parameter keyword", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// `=` and a value after a keyword that needs one.
    Value, "a parameter value", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// No value: the keyword takes none.
    NoValue, "no parameter value", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// Each parameter at most once.
    Once, "each parameter once", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// Only one of two parameters that exclude each other.
    Exclusive, "only one of parameters that exclude each other", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// A parameter that this server knows (RFC 5321 §4.1.1.11).
    KnownParameter, "a known parameter", UNKNOWN_PARAMETER, INVALID_ARGUMENTS;
    /// A decimal number.
    Number, "a number", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// A number that fits.
    SmallerNumber, "a smaller number", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// `LAST` or nothing (RFC 3030).
    Last, "LAST or nothing", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// `7BIT`, `8BITMIME` or `BINARYMIME` (RFC 6152, 3030).
    Body, "7BIT, 8BITMIME or BINARYMIME", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// `FULL` or `HDRS` (RFC 3461).
    Ret, "FULL or HDRS", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// `NEVER`, or a list of `SUCCESS`, `FAILURE`, `DELAY` (RFC 3461).
    Notify, "NEVER, or SUCCESS, FAILURE, DELAY", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// `addr-type;xtext` (RFC 3461).
    OriginalRecipient, "an address type and an address", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// xtext (RFC 3461 §4).
    Xtext, "xtext", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// A deliver-by time and mode (RFC 2852).
    DeliverBy, "a deliver-by time", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// An RFC 3339 date-time.
    DateTime, "a date-time", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// A priority from −9 to 9 (RFC 6710).
    Priority, "a priority from -9 to 9", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// `<>` or a mailbox as xtext, after AUTH= (RFC 4954 §5).
    AuthIdentity, "<> or a mailbox in xtext", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// The name of a SASL mechanism (RFC 4422 §3.1).
    Mechanism, "a SASL mechanism name", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// Base64.
    Base64, "base64", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// An initial response in base64 (RFC 4954 §4).
    InitialResponse, "an initial response in base64", PARAMETER_SYNTAX, SYNTAX_ERROR;
    /// A URL (RFC 4468).
    Url, "a URL", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// Fewer parameters: no command has a use for so many.
    FewerParameters, "fewer parameters", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// A number of seconds that is not 0 (RFC 4865).
    Interval, "an interval in seconds", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// `C` or `R` (RFC 7293).
    RrvsAction, "C or R", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// A solicitation keyword (RFC 3865).
    SolicitationKeyword, "a solicitation keyword", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// The id of a transaction in angle brackets (RFC 1845).
    TransactionId, "a transaction id", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// The name of a node or queue (RFC 1985).
    NodeName, "a node name", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
    /// `NAME=value`, as XCLIENT and XFORWARD take.
    Attribute, "an attribute", PARAMETER_SYNTAX, INVALID_ARGUMENTS;
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::Encode;

    #[test]
    fn an_error_is_eight_octets() {
        assert_eq!(size_of::<SyntaxError>(), 8);
        assert_eq!(size_of::<Result<(), SyntaxError>>(), 8);
    }

    #[test]
    fn every_row_makes_a_permanent_reply_that_fits_its_line() {
        for expected in Expected::ALL {
            let reply = expected.reply();
            assert!(reply.code().get() >= 500, "{expected:?}");
            assert!(reply.encoded_len() <= crate::limits::REPLY_LINE_OCTETS, "{expected:?}");
            assert_eq!(reply.lines().count(), 1, "{expected:?}");
            assert!(reply.to_string().ends_with(expected.as_str()), "{expected:?}");
        }
    }

    #[test]
    fn the_caret_counts_characters_not_octets() {
        let shown = SyntaxError::new(7, Expected::At).caret("VRFY ü!").to_string();
        assert_eq!(shown, "VRFY ü!\n      ^ expected @");
    }
}
