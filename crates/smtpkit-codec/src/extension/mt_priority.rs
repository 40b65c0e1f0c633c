//! MT-PRIORITY: how urgent a mail is (RFC 6710).

use core::fmt;

use crate::grammar::{Fault, Parsed, token};
use crate::syntax_error::{Expected, SyntaxError};

/// The value of `MT-PRIORITY` in MAIL: −9 (lowest) to 9 (highest) (RFC 6710 §4).
///
/// ```
/// use smtpkit_codec::MtPriority;
///
/// assert!(MtPriority::new(-9)? < MtPriority::NORMAL);
/// assert!(MtPriority::new(10).is_err());
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MtPriority(i8);

impl MtPriority {
    /// 0: what a mail without the parameter has.
    pub const NORMAL: Self = Self(0);

    /// A priority.
    ///
    /// # Errors
    /// If it is not from −9 to 9.
    pub const fn new(priority: i8) -> Result<Self, SyntaxError> {
        match priority {
            -9..=9 => Ok(Self(priority)),
            _ => Err(SyntaxError::new(0, Expected::Priority)),
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i8 {
        self.0
    }
}

impl fmt::Display for MtPriority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// ```abnf
/// priority-value = (["-"] NZDIGIT) / "0"       ; RFC 6710 §6
/// ```
pub(crate) fn priority(input: &str) -> Parsed<'_, MtPriority> {
    let (digits, sign) = input.strip_prefix('-').map_or((input, 1), |digits| (digits, -1));
    match digits.as_bytes().first() {
        Some(&digit @ b'0'..=b'9') if (digit, sign) != (b'0', -1) => {
            let (rest, _) = token::split(digits, 1, Expected::Priority)?;
            Ok((rest, MtPriority(sign * (digit - b'0').cast_signed())))
        }
        _ => Err(Fault::at(input, Expected::Priority)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::whole;

    #[test]
    fn priorities_of_rfc_6710() {
        let check = |input: &str, expected: Option<i8>| {
            assert_eq!(whole(input, priority).ok().map(MtPriority::get), expected, "{input}");
        };
        for number in -9..=9 {
            check(&alloc::format!("{number}"), Some(number));
        }
        check("10", None);
        check("-10", None);
        check("-0", None);
        check("+1", None);
        check("", None);
        check("-", None);
    }
}
