//! DELIVERBY: by when a mail is to be delivered, and what happens if it is not (RFC 2852).

use core::fmt;

use crate::grammar::{Fault, Parsed, token, whole};
use crate::syntax_error::{Expected, SyntaxError};

/// The value of `BY` in MAIL (RFC 2852 §4).
///
/// ```
/// use smtpkit_codec::{By, ByMode};
///
/// let by = By::new(120, ByMode::Return)?.with_trace();
/// assert_eq!(by.to_string(), "120;RT");
/// assert!(By::new(-1, ByMode::Return).is_err(), "what is late already cannot be returned in time");
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct By {
    seconds: i32,
    mode: ByMode,
    trace: bool,
}

/// What to do when the time is over (RFC 2852 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ByMode {
    /// `N`: notify of the delay and go on.
    Notify,
    /// `R`: give up and return the mail.
    Return,
}

impl By {
    /// Deliver within `seconds` from now; negative if the time was over that long ago.
    ///
    /// # Errors
    /// If it has more than nine digits, or is not positive although the mode is [`ByMode::Return`].
    pub const fn new(seconds: i32, mode: ByMode) -> Result<Self, SyntaxError> {
        let in_time = seconds > 0 || matches!(mode, ByMode::Notify);
        if seconds.unsigned_abs() > 999_999_999 || !in_time {
            return Err(SyntaxError::new(0, Expected::DeliverBy));
        }
        Ok(Self { seconds, mode, trace: false })
    }

    /// The same, with a trace of the hops that do not support the extension.
    #[must_use]
    pub const fn with_trace(mut self) -> Self {
        self.trace = true;
        self
    }

    /// How many seconds are left; negative if the time is over.
    #[must_use]
    pub const fn seconds(self) -> i32 {
        self.seconds
    }

    /// What to do when the time is over.
    #[must_use]
    pub const fn mode(self) -> ByMode {
        self.mode
    }

    /// Is a trace wanted?
    #[must_use]
    pub const fn is_traced(self) -> bool {
        self.trace
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            ByMode::Notify => 'N',
            ByMode::Return => 'R',
        };
        write!(f, "{};{mode}{}", self.seconds, if self.trace { "T" } else { "" })
    }
}

/// ```abnf
/// by-value = by-time ";" by-mode [by-trace]        ; RFC 2852 §4
/// by-time  = ["-" / "+"] 1*9DIGIT
/// by-mode  = "N" / "R"
/// by-trace = "T"
/// ```
pub(crate) fn by(input: &str) -> Parsed<'_, By> {
    let bad = |at: &str| Fault::at(at, Expected::DeliverBy);
    let unsigned = input.strip_prefix(['+', '-']).unwrap_or(input);
    let (rest, seconds) = token::seconds(Expected::DeliverBy)(unsigned)?;
    let seconds = i32::try_from(seconds).map_err(|_| bad(unsigned))?;
    let seconds = if input.starts_with('-') { -seconds } else { seconds };
    let (rest, ()) = token::octet(b';', Expected::DeliverBy)(rest)?;
    let mode = match rest.as_bytes().first() {
        Some(b'N' | b'n') => ByMode::Notify,
        Some(b'R' | b'r') => ByMode::Return,
        _ => return Err(bad(rest)),
    };
    let (rest, _) = token::split(rest, 1, Expected::DeliverBy)?;
    let by = By::new(seconds, mode).map_err(|_| bad(input))?;
    Ok(match rest.strip_prefix(['T', 't']) {
        Some(rest) => (rest, by.with_trace()),
        None => (rest, by),
    })
}

/// ```abnf
/// deliverby-param = min-by-time *(',' extension-token)     ; RFC 2852 §3
/// min-by-time     = [1*9DIGIT]
/// ```
/// The shortest time in seconds that the server takes in mode `R`, where it tells one.
pub(crate) fn announced(arguments: &str) -> Option<Option<u32>> {
    let minimum = arguments.split_once(',').map_or(arguments, |(minimum, _)| minimum);
    match minimum {
        "" => Some(None),
        _ => whole(minimum, token::seconds(Expected::DeliverBy)).ok().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn by_values_of_rfc_2852() {
        let check = |input: &str, expected: Option<&str>| {
            assert_eq!(whole(input, by).ok().map(|by| by.to_string()).as_deref(), expected, "{input}");
        };
        check("120;R", Some("120;R"));
        check("+120;nt", Some("120;NT"));
        check("-120;N", Some("-120;N"));
        check("999999999;N", Some("999999999;N"));
        check("0;N", Some("0;N"));
        check("0;R", None);
        check("-1;R", None);
        check("1000000000;N", None);
        check("120", None);
        check("120;X", None);
        check("120;NN", None);
        check(";N", None);
        check("--1;N", None);
    }

    #[test]
    fn announcements_of_rfc_2852() {
        let check =
            |arguments: &str, expected: Option<Option<u32>>| assert_eq!(announced(arguments), expected);
        check("", Some(None));
        check("240", Some(Some(240)));
        check("240,x", Some(Some(240)));
        check("x", None);
    }
}
