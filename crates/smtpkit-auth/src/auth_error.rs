//! Why a client half stopped.

use crate::Mechanism;

/// Why a client half refused to go on. It holds no secret; on any of these during an exchange the client sends `*`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The caller asked for a mechanism that this crate does not speak.
    #[error("{0} is not supported")]
    Unsupported(Mechanism),
    /// The caller's credentials are of the wrong kind for the mechanism, or ask to act for another where it cannot say so.
    #[error("{0} cannot use these credentials")]
    WrongCredentials(Mechanism),
    /// The mechanism would send a password or token without TLS.
    #[error("{0} would send the secret in clear, without TLS")]
    NeedsTls(Mechanism),
    /// A `-PLUS` mechanism without channel binding data.
    #[error("{0} needs channel binding data from TLS")]
    NoChannelBinding(Mechanism),
    /// A name, password or token holds something that the mechanism cannot carry (NUL, SASLprep, RFC 4013).
    #[error("the {0} is empty or has a character that cannot be used for authentication")]
    Unusable(&'static str),
    /// The server sent a challenge that the mechanism has no room for.
    #[error("the server sent one challenge too many")]
    UnexpectedChallenge,
    /// The server's challenge does not follow the mechanism's grammar.
    #[error("the server's challenge is malformed: {0}")]
    MalformedChallenge(&'static str),
    /// The server asks for fewer hash iterations than is safe, or for more than is sane (RFC 5802 §5.1, §9).
    #[error("the server asks for {0} hash iterations, which is outside 4,096 to 1,000,000")]
    Iterations(u32),
    /// The server's signature is wrong: it does not know the password (RFC 5802 §5).
    #[error("the server could not prove that it knows the password")]
    ServerSignature,
    /// The server reported an error inside the exchange (SCRAM `e=`); see `ClientExchange::server_report`.
    #[error("the server refused the authentication")]
    Refused,
    /// The server claimed success before the exchange was complete.
    #[error("the server claims success before the end of the exchange")]
    PrematureSuccess,
}

impl AuthError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Unsupported(_)
            | Self::WrongCredentials(_)
            | Self::NeedsTls(_)
            | Self::NoChannelBinding(_) => Fault::Caller,
            Self::Unusable(_) | Self::Refused => Fault::Credentials,
            Self::UnexpectedChallenge
            | Self::MalformedChallenge(_)
            | Self::Iterations(_)
            | Self::ServerSignature
            | Self::PrematureSuccess => Fault::Server,
        }
    }
}

/// Whose fault a failed exchange is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an exchange has two ends, and the credentials between them")]
pub enum Fault {
    /// The program that called: it chose a mechanism that does not fit.
    Caller,
    /// The name, password or token.
    Credentials,
    /// The server: broken, or not who it says.
    Server,
}
