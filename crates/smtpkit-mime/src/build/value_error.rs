//! Why a value cannot be part of a message: one error for all the checked constructors of [`build`](super).

use core::fmt;

use memchr::memchr3;

/// A value that was refused, and why; always the caller's fault, and found before anything is written.
///
/// ```
/// use smtpkit_mime::build::{Mailbox, ValueKind, ValueProblem};
///
/// let error = Mailbox::named("Mallory\r\nBcc: all@example.org", "m@example.org").unwrap_err();
/// assert_eq!(error.kind(), ValueKind::DisplayName);
/// assert_eq!(error.problem(), ValueProblem::Octet { octet: b'\r', at: 7 });
/// assert_eq!(error.to_string(), "display name: octet 0x0D at offset 7 is not allowed");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueError {
    kind: ValueKind,
    problem: ValueProblem,
}

impl ValueError {
    pub(crate) const fn new(kind: ValueKind, problem: ValueProblem) -> Self {
        Self { kind, problem }
    }

    /// What the value was to be.
    pub const fn kind(&self) -> ValueKind {
        self.kind
    }

    /// What is wrong with it.
    pub const fn problem(&self) -> ValueProblem {
        self.problem
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.kind.name())?;
        match self.problem {
            ValueProblem::Empty => f.write_str("is empty"),
            ValueProblem::TooLong { octets_max } => write!(f, "is longer than {octets_max} octets"),
            ValueProblem::Octet { octet, at } => {
                write!(f, "octet 0x{octet:02X} at offset {at} is not allowed")
            }
            ValueProblem::Missing(octet) => write!(f, "lacks {:?}", char::from(octet)),
        }
    }
}

impl core::error::Error for ValueError {}

/// What a refused value was to be.
///
/// ```
/// use smtpkit_mime::build::{MessageId, ValueKind};
/// assert_eq!(MessageId::new("").unwrap_err().kind(), ValueKind::MessageId);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueKind {
    /// A field name (RFC 5322 §3.6.8).
    FieldName,
    /// The body of a field (RFC 5322 §2.2).
    FieldBody,
    /// The name of a mailbox or group (RFC 5322 §3.4).
    DisplayName,
    /// An `addr-spec` (RFC 5322 §3.4.1).
    Address,
    /// A message or content identifier (RFC 5322 §3.6.4, RFC 2045 §7).
    MessageId,
    /// A media type (RFC 2045 §5.1).
    MediaType,
    /// The name of a parameter (RFC 2045 §5.1).
    ParameterName,
    /// The value of a parameter (RFC 2231).
    ParameterValue,
    /// A value of a report field (RFC 3464 §2).
    ReportValue,
}

impl ValueKind {
    const fn name(self) -> &'static str {
        match self {
            Self::FieldName => "field name",
            Self::FieldBody => "field body",
            Self::DisplayName => "display name",
            Self::Address => "address",
            Self::MessageId => "message id",
            Self::MediaType => "media type",
            Self::ParameterName => "parameter name",
            Self::ParameterValue => "parameter value",
            Self::ReportValue => "report value",
        }
    }
}

/// What is wrong with a refused value.
///
/// ```
/// use smtpkit_mime::build::{AddrSpec, ValueProblem};
/// assert_eq!(AddrSpec::new("nobody").unwrap_err().problem(), ValueProblem::Missing(b'@'));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueProblem {
    /// Nothing, where something must be.
    Empty,
    /// More octets than can be written in one line, or than the grammar allows.
    TooLong {
        /// The most that is taken.
        octets_max: usize,
    },
    /// An octet that cannot stand there; CR, LF and NUL can stand nowhere.
    Octet {
        /// The octet.
        octet: u8,
        /// Where it is.
        at: usize,
    },
    /// An octet that the grammar demands is not there.
    Missing(u8),
}

/// Checks length and octets of a value; `allowed` decides on each octet.
pub(crate) fn check(
    kind: ValueKind,
    value: &str,
    octets_max: usize,
    allowed: impl Fn(u8) -> bool,
) -> Result<(), ValueError> {
    if value.is_empty() {
        return Err(ValueError::new(kind, ValueProblem::Empty));
    }
    if value.len() > octets_max {
        return Err(ValueError::new(kind, ValueProblem::TooLong { octets_max }));
    }
    check_octets(kind, value, allowed)
}

/// Checks the octets of a value that may be empty and of any length.
fn check_octets(kind: ValueKind, value: &str, allowed: impl Fn(u8) -> bool) -> Result<(), ValueError> {
    match value.bytes().enumerate().find(|&(_, octet)| !allowed(octet)) {
        Some((at, octet)) => Err(ValueError::new(kind, ValueProblem::Octet { octet, at })),
        None => Ok(()),
    }
}

/// Checks text that may be empty and of any length: no CR, LF or NUL, which would change what is a line.
pub(crate) fn check_text(kind: ValueKind, text: &str) -> Result<(), ValueError> {
    match memchr3(b'\r', b'\n', 0, text.as_bytes()) {
        Some(at) => {
            let octet = text.as_bytes().get(at).copied().unwrap_or_default();
            Err(ValueError::new(kind, ValueProblem::Octet { octet, at }))
        }
        None => Ok(()),
    }
}

/// Everything but CR, LF and NUL.
pub(crate) const fn is_text_octet(octet: u8) -> bool {
    !matches!(octet, b'\r' | b'\n' | 0)
}
