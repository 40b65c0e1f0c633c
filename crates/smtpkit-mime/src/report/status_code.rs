//! Enhanced status codes, as reports carry them (RFC 3463 §2, RFC 3464 §2.3.4).

use core::fmt;
use core::str::FromStr;

/// An enhanced status code: class, subject and detail (RFC 3463 §2).
///
/// ```
/// use smtpkit_mime::report::StatusCode;
///
/// let code: StatusCode = "5.1.1".parse()?;
/// assert_eq!((code.class(), code.subject(), code.detail()), (5, 1, 1));
/// assert!("3.1.1".parse::<StatusCode>().is_err());
/// # Ok::<(), smtpkit_mime::report::StatusCodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatusCode {
    class: u8,
    subject: u16,
    detail: u16,
}

/// What is no enhanced status code.
///
/// ```
/// assert!("5.1".parse::<smtpkit_mime::report::StatusCode>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a status code is 2, 4 or 5 and two numbers of at most three digits, with dots between them")]
pub struct StatusCodeError;

impl StatusCode {
    /// A code of its three numbers.
    ///
    /// ```
    /// # use smtpkit_mime::report::StatusCode;
    /// assert_eq!(StatusCode::new(4, 4, 7)?.to_string(), "4.4.7");
    /// # Ok::<(), smtpkit_mime::report::StatusCodeError>(())
    /// ```
    ///
    /// # Errors
    /// [`StatusCodeError`] if the class is not 2, 4 or 5, or another number is above 999.
    pub const fn new(class: u8, subject: u16, detail: u16) -> Result<Self, StatusCodeError> {
        if matches!(class, 2 | 4 | 5) && subject < 1000 && detail < 1000 {
            Ok(Self { class, subject, detail })
        } else {
            Err(StatusCodeError)
        }
    }

    /// 2 for success, 4 for a failure that may pass, 5 for one that will not.
    pub const fn class(self) -> u8 {
        self.class
    }

    /// What it is about: address, mailbox, mail system, network, protocol, content, policy.
    pub const fn subject(self) -> u16 {
        self.subject
    }

    /// The condition.
    pub const fn detail(self) -> u16 {
        self.detail
    }
}

impl FromStr for StatusCode {
    type Err = StatusCodeError;

    fn from_str(text: &str) -> Result<Self, StatusCodeError> {
        let mut numbers = text.split('.').map(|digits| match digits.len() {
            1..=3 if digits.bytes().all(|octet| octet.is_ascii_digit()) => digits.parse::<u16>().ok(),
            _ => None,
        });
        match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
            (Some(Some(class)), Some(Some(subject)), Some(Some(detail)), None) => {
                Self::new(class.try_into().unwrap_or(u8::MAX), subject, detail)
            }
            _ => Err(StatusCodeError),
        }
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_numbers_make_a_code() {
        let check = |text: &str, is_code: bool| {
            let parsed = text.parse::<StatusCode>();
            assert_eq!(
                parsed.map(|code| code.to_string()).ok(),
                is_code.then(|| text.to_owned()),
                "{text:?}"
            );
        };
        ["2.0.0", "4.4.7", "5.999.999"].iter().for_each(|text| check(text, true));
        for text in ["", "5", "5.1", "5.1.1.1", "1.1.1", "5.1.1000", "5.-1.1", "5.1.", "+5.1.1", "261.1.1"] {
            check(text, false);
        }
    }
}
