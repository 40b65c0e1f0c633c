//! What a rule gives back, and how its failure becomes the error that a caller sees.
//!
//! A rule knows only what is left of the line in front of it, so a [`Fault`] carries that length;
//! the caller, who knows the whole line, turns it into an offset. Faults are built in a cold
//! function: the good line pays nothing for them.

use nom::error::{ErrorKind, ParseError};
use nom::{Err, IResult};

use crate::syntax_error::{Expected, SyntaxError};

/// The result of a rule: what is left of the line and what was read.
pub(crate) type Parsed<'a, T> = IResult<&'a str, T, Fault>;

/// What a rule wanted, and how many octets were left of the line where it wanted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    left: u32,
    expected: Expected,
}

impl Fault {
    /// The failure of the rule that wanted `expected` in front of `left`.
    #[cold]
    #[inline(never)]
    pub(crate) fn at(left: &str, expected: Expected) -> Err<Self> {
        Err::Error(Self { left: u32::try_from(left.len()).unwrap_or(u32::MAX), expected })
    }

    /// The error that the caller of a rule over the whole of `line` sees.
    #[cold]
    #[inline(never)]
    pub(crate) fn in_line(fault: Err<Self>, line: &str) -> SyntaxError {
        match fault {
            Err::Error(fault) | Err::Failure(fault) => {
                SyntaxError::new(line.len().saturating_sub(fault.left as usize), fault.expected)
            }
            // complete parsers never ask for more; the end of the line is then what is missing
            Err::Incomplete(_) => SyntaxError::new(line.len(), Expected::Argument),
        }
    }
}

impl ParseError<&str> for Fault {
    fn from_error_kind(input: &str, _: ErrorKind) -> Self {
        Self { left: u32::try_from(input.len()).unwrap_or(u32::MAX), expected: Expected::Argument }
    }

    fn append(_: &str, _: ErrorKind, first: Self) -> Self {
        first
    }
}

/// The value of `rule` when it takes all of `text`.
///
/// # Errors
/// The rule's own failure, or [`Expected::EndOfLine`] where it stopped short.
#[inline]
pub(crate) fn whole<'a, T>(
    text: &'a str,
    rule: impl FnOnce(&'a str) -> Parsed<'a, T>,
) -> Result<T, SyntaxError> {
    match rule(text) {
        Ok(("", value)) => Ok(value),
        Ok((rest, _)) => Err(Fault::in_line(Fault::at(rest, Expected::EndOfLine), text)),
        Err(fault) => Err(Fault::in_line(fault, text)),
    }
}
