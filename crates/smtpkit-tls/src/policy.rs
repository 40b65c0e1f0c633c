//! When TLS is used, and what a failure of it means (RFC 3207 §4.1, RFC 7435, RFC 8314 §3).
//!
//! The policy is decided before the first octet and never weakened by what the peer says: only
//! [`Policy::Opportunistic`] has a way back to plaintext, and that one is spelled out.

use core::fmt;
use core::str::FromStr;

use crate::Error;

/// When TLS is used on a connection (RFC 3207, RFC 8314).
///
/// ```
/// use smtpkit_tls::{Policy, Starttls, Step};
///
/// assert_eq!(Policy::Required.step(Starttls::Offered), Ok(Step::Upgrade));
/// assert!(Policy::Required.step(Starttls::NotOffered).is_err());
/// assert_eq!(Policy::Opportunistic.step(Starttls::NotOffered), Ok(Step::Plaintext));
/// assert_eq!("require".parse(), Ok(Policy::Required));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "RFC 3207 and RFC 8314 leave no fifth way")]
pub enum Policy {
    /// Never: everything goes in the clear, even when the server offers STARTTLS.
    Off,
    /// STARTTLS when the server offers it, plaintext otherwise (RFC 7435). Protects from listeners only.
    Opportunistic,
    /// STARTTLS or nothing.
    Required,
    /// TLS from the first octet (RFC 8314 §3.3).
    Implicit,
}

/// What the server has said about STARTTLS (RFC 3207 §4).
///
/// ```
/// use smtpkit_tls::{Policy, PolicyError, Starttls};
///
/// assert_eq!(Policy::Required.step(Starttls::Refused), Err(PolicyError::Refused));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a keyword is there or not, a command succeeds or not")]
pub enum Starttls {
    /// The reply to EHLO lists the keyword.
    Offered,
    /// The reply to EHLO does not list the keyword.
    NotOffered,
    /// The keyword was listed, but the command got a reply other than 220 (454, 501 …).
    Refused,
}

/// What comes next after the reply to EHLO or STARTTLS.
///
/// ```
/// use smtpkit_tls::{Policy, Starttls, Step};
///
/// assert_eq!(Policy::Off.step(Starttls::Offered), Ok(Step::Plaintext));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a connection is in the clear or it is not")]
pub enum Step {
    /// Go on in the clear.
    Plaintext,
    /// Send STARTTLS and shake hands.
    Upgrade,
}

/// The server did not give what the [`Policy`] demands. Nothing was sent in the clear.
///
/// ```
/// use smtpkit_tls::PolicyError;
///
/// assert!(PolicyError::NotOffered.to_string().contains("STARTTLS"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The reply to EHLO does not list STARTTLS, though TLS is required.
    #[error(
        "the server does not offer STARTTLS; \
         use TLS policy `implicit` if its port speaks TLS at once, or `off` to send in the clear"
    )]
    NotOffered,
    /// The server lists STARTTLS and then refuses the command.
    #[error(
        "the server offers STARTTLS but refuses to start it; \
         try again later, or use TLS policy `off` to send in the clear"
    )]
    Refused,
}

impl Policy {
    /// Every policy, weakest first.
    pub const ALL: [Self; 4] = [Self::Off, Self::Opportunistic, Self::Required, Self::Implicit];

    /// Whether the handshake comes before the greeting (RFC 8314 §3).
    #[must_use]
    pub const fn is_implicit(self) -> bool {
        matches!(self, Self::Implicit)
    }

    /// The port of message submission that goes with the policy (RFC 6409 §3.1, RFC 8314 §7.3).
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Implicit => 465,
            Self::Off | Self::Opportunistic | Self::Required => 587,
        }
    }

    /// What to do, given what the server said. Under `Implicit` the session is encrypted already: plain sailing.
    ///
    /// # Errors
    /// [`PolicyError`] when TLS is required and the server does not give it.
    pub const fn step(self, starttls: Starttls) -> Result<Step, PolicyError> {
        match (self, starttls) {
            (Self::Off | Self::Implicit, _)
            | (Self::Opportunistic, Starttls::NotOffered | Starttls::Refused) => Ok(Step::Plaintext),
            (Self::Opportunistic | Self::Required, Starttls::Offered) => Ok(Step::Upgrade),
            (Self::Required, Starttls::NotOffered) => Err(PolicyError::NotOffered),
            (Self::Required, Starttls::Refused) => Err(PolicyError::Refused),
        }
    }

    /// Whether mail may be tried in the clear, *on a new connection*, after a handshake failed (RFC 7435 §3).
    ///
    /// Only under `Opportunistic`, and not when the connection itself broke or stalled: then the peer is in trouble,
    /// not its TLS.
    ///
    /// ```
    /// use smtpkit_tls::{Error, Policy};
    ///
    /// assert!(Policy::Opportunistic.survives(&Error::ProtocolVersion));
    /// assert!(!Policy::Required.survives(&Error::ProtocolVersion));
    /// ```
    #[must_use]
    pub fn survives(self, failure: &Error) -> bool {
        self == Self::Opportunistic && !failure.is_temporary()
    }

    /// The word for it in URLs, flags and configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Opportunistic => "opportunistic",
            Self::Required => "require",
            Self::Implicit => "implicit",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let word = word.to_ascii_lowercase();
        let word = if word == "required" { "require" } else { &word };
        Self::ALL.into_iter().find(|policy| policy.as_str() == word).ok_or(UnknownPolicy)
    }
}

/// The word names no [`Policy`].
///
/// ```
/// use smtpkit_tls::{Policy, UnknownPolicy};
///
/// assert_eq!("maybe".parse::<Policy>(), Err(UnknownPolicy));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("unknown TLS policy; expected `off`, `opportunistic`, `require` or `implicit`")]
#[expect(clippy::exhaustive_structs, reason = "it says all there is to say")]
pub struct UnknownPolicy;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_off_and_opportunistic_go_on_in_the_clear() {
        use Starttls::{NotOffered, Offered, Refused};
        let check = |policy: Policy, starttls, expected| {
            assert_eq!(policy.step(starttls), expected, "{policy} when {starttls:?}");
        };
        check(Policy::Off, Offered, Ok(Step::Plaintext));
        check(Policy::Off, NotOffered, Ok(Step::Plaintext));
        check(Policy::Opportunistic, Offered, Ok(Step::Upgrade));
        check(Policy::Opportunistic, NotOffered, Ok(Step::Plaintext));
        check(Policy::Opportunistic, Refused, Ok(Step::Plaintext));
        check(Policy::Required, Offered, Ok(Step::Upgrade));
        check(Policy::Required, NotOffered, Err(PolicyError::NotOffered));
        check(Policy::Required, Refused, Err(PolicyError::Refused));
        check(Policy::Implicit, NotOffered, Ok(Step::Plaintext));
    }

    #[test]
    fn words_round_trip() {
        for policy in Policy::ALL {
            assert_eq!(policy.to_string().parse(), Ok(policy));
            assert_eq!(policy.as_str().to_uppercase().parse(), Ok(policy));
        }
        assert_eq!("required".parse(), Ok(Policy::Required));
        for word in ["", "on", "starttls", "required "] {
            assert_eq!(word.parse::<Policy>(), Err(UnknownPolicy), "{word:?}");
        }
    }

    #[test]
    fn only_opportunistic_survives_a_failed_handshake() {
        for policy in Policy::ALL {
            assert_eq!(policy.survives(&Error::NotTls), policy == Policy::Opportunistic, "{policy}");
            assert!(
                !policy.survives(&Error::Closed),
                "{policy}: a broken connection is no reason to go in the clear"
            );
        }
    }
}
