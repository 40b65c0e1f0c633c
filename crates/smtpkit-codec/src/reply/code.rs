//! Reply codes (RFC 5321 §4.2.1–4.2.3) as an open set: unknown codes survive, because a
//! client must act on the first digit alone (§4.3.2).

use core::fmt;

/// A three-digit reply code from 200 to 599 (RFC 5321 §4.2).
///
/// ```
/// use smtpkit_codec::{ReplyCode, Severity};
///
/// assert_eq!(ReplyCode::OK.get(), 250);
/// assert_eq!(ReplyCode::new(299).map(ReplyCode::severity), Some(Severity::PositiveCompletion));
/// assert_eq!(ReplyCode::new(199), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplyCode(u16);

/// One row per code of RFC 5321 §4.2.3 and of the extensions.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        impl ReplyCode {
            $($(#[$doc])* pub const $name: Self = Self($code);)*
        }
    };
}

codes! {
    /// 211: system status or help reply.
    SYSTEM_STATUS = 211;
    /// 214: help message.
    HELP_MESSAGE = 214;
    /// 220: service ready; also: go ahead with TLS (RFC 3207).
    SERVICE_READY = 220;
    /// 221: service closing the transmission channel.
    CLOSING = 221;
    /// 235: authentication succeeded (RFC 4954).
    AUTH_OK = 235;
    /// 250: requested mail action okay, completed.
    OK = 250;
    /// 251: user not local; will forward.
    WILL_FORWARD = 251;
    /// 252: cannot VRFY user, but will accept message and attempt delivery.
    CANNOT_VRFY = 252;
    /// 253: messages are pending (RFC 1985).
    MESSAGES_PENDING = 253;
    /// 334: a challenge of an AUTH exchange (RFC 4954).
    AUTH_CHALLENGE = 334;
    /// 354: start mail input.
    START_MAIL_INPUT = 354;
    /// 421: service not available, closing the transmission channel.
    SERVICE_UNAVAILABLE = 421;
    /// 432: a password transition is needed (RFC 4954).
    PASSWORD_TRANSITION = 432;
    /// 450: mailbox unavailable for now.
    MAILBOX_BUSY = 450;
    /// 451: local error in processing.
    LOCAL_ERROR = 451;
    /// 452: insufficient system storage, or too many recipients (§4.5.3.1.10).
    INSUFFICIENT_STORAGE = 452;
    /// 453: no mail for this domain (RFC 2645).
    NO_MAIL = 453;
    /// 454: TLS or authentication not available for now (RFC 3207, 4954).
    TEMPORARY_AUTH_FAILURE = 454;
    /// 455: server unable to accommodate parameters.
    PARAMETERS_UNAVAILABLE = 455;
    /// 458: unable to queue messages (RFC 1985).
    UNABLE_TO_QUEUE = 458;
    /// 459: node not allowed (RFC 1985).
    NODE_NOT_ALLOWED = 459;
    /// 500: syntax error, command unrecognized.
    SYNTAX_ERROR = 500;
    /// 501: syntax error in parameters or arguments.
    PARAMETER_SYNTAX = 501;
    /// 502: command not implemented.
    NOT_IMPLEMENTED = 502;
    /// 503: bad sequence of commands.
    BAD_SEQUENCE = 503;
    /// 504: command parameter not implemented.
    PARAMETER_NOT_IMPLEMENTED = 504;
    /// 521: the host never accepts mail (RFC 7504).
    NO_MAIL_SERVICE = 521;
    /// 523: encryption needed first (RFC 4954, 5248: see 538).
    ENCRYPTION_NEEDED = 523;
    /// 530: authentication (or TLS) required (RFC 4954, 3207).
    AUTH_REQUIRED = 530;
    /// 534: authentication mechanism too weak (RFC 4954).
    MECHANISM_TOO_WEAK = 534;
    /// 535: authentication credentials invalid (RFC 4954).
    AUTH_FAILED = 535;
    /// 538: encryption required for the mechanism (RFC 4954).
    ENCRYPTION_REQUIRED = 538;
    /// 550: mailbox unavailable.
    MAILBOX_UNAVAILABLE = 550;
    /// 551: user not local.
    USER_NOT_LOCAL = 551;
    /// 552: exceeded storage allocation.
    EXCEEDED_STORAGE = 552;
    /// 553: mailbox name not allowed.
    MAILBOX_NAME = 553;
    /// 554: transaction failed; as a greeting: no SMTP service here.
    TRANSACTION_FAILED = 554;
    /// 555: MAIL or RCPT parameters not recognized or not implemented.
    UNKNOWN_PARAMETER = 555;
    /// 556: the domain does not accept mail (RFC 7504).
    NO_MAIL_FOR_DOMAIN = 556;
}

impl ReplyCode {
    /// The code, if it is from 200 to 599.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        if 200 <= code && code <= 599 { Some(Self(code)) } else { None }
    }

    /// The code of three ASCII digits.
    #[inline]
    pub(crate) const fn from_digits(digits: [u8; 3]) -> Option<Self> {
        let [a, b, c] = digits;
        if matches!(a, b'2'..=b'5') && b.is_ascii_digit() && c.is_ascii_digit() {
            Some(Self((a - b'0') as u16 * 100 + (b - b'0') as u16 * 10 + (c - b'0') as u16))
        } else {
            None
        }
    }

    /// The three ASCII digits.
    #[inline]
    pub(crate) const fn digits(self) -> [u8; 3] {
        [b'0' + (self.0 / 100) as u8, b'0' + (self.0 / 10 % 10) as u8, b'0' + (self.0 % 10) as u8]
    }

    /// The number.
    #[inline]
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// What the first digit says.
    #[inline]
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self.0 {
            0..300 => Severity::PositiveCompletion,
            300..400 => Severity::PositiveIntermediate,
            400..500 => Severity::TransientNegative,
            _ => Severity::PermanentNegative,
        }
    }
}

impl fmt::Debug for ReplyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for ReplyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What the first digit of a reply code says (RFC 5321 §4.2.1). A client decides by this alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5321 §4.2.1 closes the set")]
pub enum Severity {
    /// 2yz: done.
    PositiveCompletion,
    /// 3yz: go on.
    PositiveIntermediate,
    /// 4yz: not now; trying again may help.
    TransientNegative,
    /// 5yz: no; trying the same again will not help.
    PermanentNegative,
}

impl Severity {
    /// Whether it is 2yz or 3yz.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        matches!(self, Self::PositiveCompletion | Self::PositiveIntermediate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_range_survives_its_digits() {
        for number in 0..1100 {
            let code = ReplyCode::new(number);
            assert_eq!(code.is_some(), (200..=599).contains(&number), "{number}");
            if let Some(code) = code {
                assert_eq!(ReplyCode::from_digits(code.digits()), Some(code));
                assert_eq!(code.severity() as u16, number / 100 - 2);
            }
        }
        for digits in [*b"199", *b"600", *b"2x0", *b"25 ", *b"25:", *b" 50"] {
            assert_eq!(ReplyCode::from_digits(digits), None);
        }
    }
}
