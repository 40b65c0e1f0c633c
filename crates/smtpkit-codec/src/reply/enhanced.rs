//! Enhanced status codes (RFC 3463): `class.subject.detail` at the front of a reply's text
//! (RFC 2034).

use core::fmt;
use core::str::FromStr;

use thiserror::Error;

use super::{ReplyCode, Severity};

/// The class of an [`EnhancedStatusCode`] (RFC 3463 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[expect(clippy::exhaustive_enums, reason = "RFC 3463 §3.1 closes the set")]
pub enum StatusClass {
    /// 2: success.
    Success = 2,
    /// 4: persistent transient failure.
    Transient = 4,
    /// 5: permanent failure.
    Permanent = 5,
}

impl StatusClass {
    /// The class that goes with replies of a severity; 3yz replies carry none (RFC 2034 §4).
    #[must_use]
    pub const fn of(severity: Severity) -> Option<Self> {
        match severity {
            Severity::PositiveCompletion => Some(Self::Success),
            Severity::PositiveIntermediate => None,
            Severity::TransientNegative => Some(Self::Transient),
            Severity::PermanentNegative => Some(Self::Permanent),
        }
    }
}

/// A status code of RFC 3463: `class.subject.detail`.
///
/// ```abnf
/// status-code = class "." subject "." detail
/// class = "2" / "4" / "5"
/// subject = 1*3digit
/// detail = 1*3digit
/// ```
///
/// ```
/// use smtpkit_codec::{EnhancedStatusCode, StatusClass};
///
/// let code: EnhancedStatusCode = "5.1.1".parse()?;
/// assert_eq!(code.class(), StatusClass::Permanent);
/// assert_eq!((code.subject(), code.detail()), (1, 1));
/// assert_eq!(EnhancedStatusCode::new(StatusClass::Permanent, 1, 1), Some(code));
/// assert!("3.0.0".parse::<EnhancedStatusCode>().is_err());
/// # Ok::<(), smtpkit_codec::BadEnhancedStatusCode>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnhancedStatusCode {
    class: StatusClass,
    subject: u16,
    detail: u16,
}

/// One row per code that this workspace says itself; the registry is open (RFC 5248).
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $class:ident $subject:literal $detail:literal;)*) => {
        impl EnhancedStatusCode {
            $(
                $(#[$doc])*
                pub const $name: Self =
                    Self { class: StatusClass::$class, subject: $subject, detail: $detail };
            )*
        }
    };
}

codes! {
    /// 2.0.0: success, nothing more to say.
    OK = Success 0 0;
    /// 2.1.0: the sender is okay.
    SENDER_OK = Success 1 0;
    /// 2.1.5: the recipient is okay.
    RECIPIENT_OK = Success 1 5;
    /// 2.6.0: the content is okay.
    CONTENT_OK = Success 6 0;
    /// 2.7.0: authentication succeeded.
    AUTH_OK = Success 7 0;
    /// 4.3.0: something of the system failed; try again.
    SYSTEM_TROUBLE = Transient 3 0;
    /// 4.3.1: the disk is full.
    SYSTEM_FULL = Transient 3 1;
    /// 4.3.2: the system takes no mail now.
    SYSTEM_CLOSED = Transient 3 2;
    /// 4.4.2: the connection was lost or idle too long.
    BAD_CONNECTION = Transient 4 2;
    /// 4.5.3: too many recipients; try the rest again.
    TOO_MANY_RECIPIENTS = Transient 5 3;
    /// 4.7.0: not now for a reason of policy.
    TEMPORARY_POLICY = Transient 7 0;
    /// 5.1.1: no such mailbox.
    NO_SUCH_MAILBOX = Permanent 1 1;
    /// 5.1.2: no such system.
    NO_SUCH_SYSTEM = Permanent 1 2;
    /// 5.1.3: the recipient's address breaks the grammar.
    BAD_RECIPIENT_ADDRESS = Permanent 1 3;
    /// 5.1.7: the sender's address breaks the grammar.
    BAD_SENDER_ADDRESS = Permanent 1 7;
    /// 5.3.4: the message is too big.
    MESSAGE_TOO_BIG = Permanent 3 4;
    /// 5.5.0: some other protocol fault.
    PROTOCOL_FAULT = Permanent 5 0;
    /// 5.5.1: the command is not one for this moment, or none.
    INVALID_COMMAND = Permanent 5 1;
    /// 5.5.2: syntax error.
    SYNTAX_ERROR = Permanent 5 2;
    /// 5.5.4: the arguments are wrong.
    INVALID_ARGUMENTS = Permanent 5 4;
    /// 5.5.6: a line of the AUTH exchange is too long.
    AUTH_LINE_TOO_LONG = Permanent 5 6;
    /// 5.6.0: the content is wrong.
    CONTENT_FAULT = Permanent 6 0;
    /// 5.6.7: non-ASCII addresses are not taken here.
    NON_ASCII_ADDRESS = Permanent 6 7;
    /// 5.7.0: security, nothing more to say.
    SECURITY = Permanent 7 0;
    /// 5.7.1: not allowed.
    NOT_ALLOWED = Permanent 7 1;
    /// 5.7.8: the credentials are wrong.
    BAD_CREDENTIALS = Permanent 7 8;
    /// 5.7.9: the mechanism is too weak.
    MECHANISM_TOO_WEAK = Permanent 7 9;
    /// 5.7.11: encryption is required first.
    ENCRYPTION_REQUIRED = Permanent 7 11;
}

/// Longest text form: `5.999.999`.
pub(super) const ENHANCED_OCTETS_MAX: usize = 9;

impl EnhancedStatusCode {
    /// A code of its three numbers, if subject and detail are below 1,000.
    #[must_use]
    pub const fn new(class: StatusClass, subject: u16, detail: u16) -> Option<Self> {
        if subject < 1000 && detail < 1000 { Some(Self { class, subject, detail }) } else { None }
    }

    /// The class: whether the attempt succeeded, and whether another may.
    #[must_use]
    pub const fn class(self) -> StatusClass {
        self.class
    }

    /// The subject (RFC 3463 §3.2 and on): 1 address, 2 mailbox, 3 system, 4 network,
    /// 5 protocol, 6 content, 7 security or policy.
    #[must_use]
    pub const fn subject(self) -> u16 {
        self.subject
    }

    /// The detail within the subject.
    #[must_use]
    pub const fn detail(self) -> u16 {
        self.detail
    }

    /// The code at the front of a reply's text, and the text after it, if the class is the
    /// one that goes with the reply code (RFC 2034 §4).
    ///
    /// ```
    /// use smtpkit_codec::{EnhancedStatusCode, ReplyCode};
    ///
    /// let split = EnhancedStatusCode::split(ReplyCode::OK, b"2.1.5 fine");
    /// assert_eq!(split, Some((EnhancedStatusCode::RECIPIENT_OK, &b"fine"[..])));
    /// assert_eq!(EnhancedStatusCode::split(ReplyCode::OK, b"5.1.5 odd"), None);
    /// ```
    #[must_use]
    pub fn split(code: ReplyCode, text: &[u8]) -> Option<(Self, &[u8])> {
        match Self::front(code, text)? {
            (enhanced, [b' ', rest @ ..] | rest @ []) => Some((enhanced, rest)),
            _ => None,
        }
    }

    /// The same without a look at what follows.
    #[inline]
    pub(super) fn front(code: ReplyCode, text: &[u8]) -> Option<(Self, &[u8])> {
        let class = StatusClass::of(code.severity());
        Self::prefix(text).filter(|(enhanced, _)| class == Some(enhanced.class))
    }

    /// The grammar rule itself, on the front of `text`.
    #[inline]
    fn prefix(text: &[u8]) -> Option<(Self, &[u8])> {
        let (class, rest) = match text {
            [b'2', b'.', rest @ ..] => (StatusClass::Success, rest),
            [b'4', b'.', rest @ ..] => (StatusClass::Transient, rest),
            [b'5', b'.', rest @ ..] => (StatusClass::Permanent, rest),
            _ => return None,
        };
        let (subject, rest) = number(rest)?;
        let (detail, rest) = number(rest.strip_prefix(b".")?)?;
        Some((Self { class, subject, detail }, rest))
    }

    /// The text form: a buffer and how much of it is used.
    pub(super) const fn digits(self) -> ([u8; ENHANCED_OCTETS_MAX], usize) {
        let mut text = [b'.'; ENHANCED_OCTETS_MAX];
        let ([first, ..], class) = (&mut text, self.class as u8);
        *first = b'0' + class;
        let after_subject = put_number(&mut text, 2, self.subject);
        let end = put_number(&mut text, after_subject + 1, self.detail);
        (text, end)
    }
}

/// `1*3digit`, canonical or not: `01` is read as 1.
#[inline]
fn number(text: &[u8]) -> Option<(u16, &[u8])> {
    let (mut number, mut rest) = (0, text);
    for _ in 0..3 {
        let [digit @ b'0'..=b'9', after @ ..] = rest else { break };
        number = number * 10 + u16::from(digit - b'0');
        rest = after;
    }
    (rest.len() < text.len()).then_some((number, rest))
}

/// Writes `number` (below 1,000) at `at`; says where it ends.
#[expect(
    clippy::indexing_slicing,
    reason = "three digits from 6 at most: `class.` 2, subject 3, `.` 1, detail 3"
)]
const fn put_number(text: &mut [u8; ENHANCED_OCTETS_MAX], at: usize, number: u16) -> usize {
    let mut at = at;
    if number >= 100 {
        text[at] = b'0' + (number / 100) as u8;
        at += 1;
    }
    if number >= 10 {
        text[at] = b'0' + (number / 10 % 10) as u8;
        at += 1;
    }
    text[at] = b'0' + (number % 10) as u8;
    at + 1
}

impl fmt::Display for EnhancedStatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class as u8, self.subject, self.detail)
    }
}

impl fmt::Debug for EnhancedStatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is not an enhanced status code (RFC 3463 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("expected an enhanced status code such as 5.1.1")]
pub struct BadEnhancedStatusCode(());

impl FromStr for EnhancedStatusCode {
    type Err = BadEnhancedStatusCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Self::prefix(text.as_bytes()) {
            Some((code, [])) => Ok(code),
            _ => Err(BadEnhancedStatusCode(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn text_forms_of_rfc_3463() {
        for text in ["2.0.0", "4.4.7", "5.1.10", "5.999.999", "2.10.5"] {
            let code: EnhancedStatusCode = text.parse().unwrap();
            assert_eq!(code.to_string(), text);
            let (digits, used) = code.digits();
            assert_eq!(&digits[..used], text.as_bytes());
        }
        for text in [
            "", "2", "2.", "2.0", "2.0.", "1.0.0", "3.0.0", "2.1000.0", "2.0.0 ", "2.0.0.0", "2..0", "02.0.0",
        ] {
            assert!(text.parse::<EnhancedStatusCode>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_class_must_go_with_the_reply_code() {
        let split = |code, text| EnhancedStatusCode::split(ReplyCode::new(code).unwrap(), text);
        assert!(split(250, b"2.0.0").is_some());
        assert!(split(250, b"2.0.0 ok").is_some());
        assert!(split(250, b"2.0.0ok").is_none());
        assert!(split(250, b"4.0.0 ok").is_none());
        assert!(split(334, b"2.0.0 ok").is_none(), "RFC 2034 §4: 3yz carries none");
        assert!(split(450, b"4.0.0 ok").is_some());
        assert!(split(550, b"5.0.0 ok").is_some());
    }
}
