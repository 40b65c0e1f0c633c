//! Why a server half failed, and the reply that is owed for it (RFC 4954 §6).
//!
//! The whole table of failure replies is in this file. A wrong password, an unknown user and a refused authorization
//! are one variant on purpose: the peer must not learn which it was.

/// Why an exchange failed, from the server's side.
///
/// ```
/// use smtpkit_auth::Failure;
/// assert_eq!(Failure::Credentials.reply().code, 535);
/// assert!(Failure::Credentials.counts() && !Failure::Temporary.counts());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The mechanism is unknown or was not offered: 504 5.5.4.
    #[error("mechanism not offered")]
    UnknownMechanism,
    /// The mechanism would show a secret and there is no TLS: 538 5.7.11.
    #[error("mechanism needs TLS")]
    EncryptionRequired,
    /// The client's message does not follow the mechanism's grammar: 501 5.5.2.
    #[error("malformed message: {0}")]
    Malformed(&'static str),
    /// The client sent `*`: 501 5.7.0.
    #[error("cancelled by the client")]
    Cancelled,
    /// Wrong password or token, unknown user, or not allowed to act for the other: 535 5.7.8.
    #[error("credentials invalid")]
    Credentials,
    /// The TLS channels at both ends differ, or somebody hid that a `-PLUS` mechanism was offered (RFC 5802 §6): 535 5.7.8.
    #[error("channel binding failed")]
    ChannelBinding,
    /// The look-up failed for the moment: 454 4.7.0.
    #[error("credential look-up failed for now")]
    Temporary,
    /// The program called the exchange out of order or gave the wrong kind of answer: 454 4.3.0.
    #[error("exchange driven out of order")]
    Misuse,
}

impl Failure {
    /// The reply to send.
    pub fn reply(self) -> FailureReply {
        let (code, enhanced, text) = match self {
            Self::UnknownMechanism => (504, (5, 5, 4), "Unrecognized authentication mechanism"),
            Self::EncryptionRequired => {
                (538, (5, 7, 11), "Encryption required for requested authentication mechanism")
            }
            Self::Malformed(_) => (501, (5, 5, 2), "Malformed authentication message"),
            Self::Cancelled => (501, (5, 7, 0), "Authentication cancelled"),
            Self::Credentials => (535, (5, 7, 8), "Authentication credentials invalid"),
            Self::ChannelBinding => (535, (5, 7, 8), "Authentication is not bound to this TLS channel"),
            Self::Temporary => (454, (4, 7, 0), "Temporary authentication failure"),
            Self::Misuse => (454, (4, 3, 0), "Temporary authentication failure"),
        };
        FailureReply { code, enhanced, text }
    }

    /// Whether it counts as an attempt to guess, for the limits per session and per address.
    pub fn counts(self) -> bool {
        matches!(self, Self::Credentials | Self::ChannelBinding)
    }
}

/// A reply as data: this crate writes no protocol octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a reply has a code, an enhanced status code and a text")]
pub struct FailureReply {
    /// The reply code (RFC 5321 §4.2).
    pub code: u16,
    /// The enhanced status code: class, subject, detail (RFC 3463 §2).
    pub enhanced: (u8, u16, u16),
    /// The text: ASCII, without any word of the peer's.
    pub text: &'static str,
}
