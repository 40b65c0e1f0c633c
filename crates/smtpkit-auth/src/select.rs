//! A client's choice of mechanism: the strongest that both sides can use.
//!
//! It never chooses one that sends a password or token without TLS, and when nothing fits it says why for
//! every mechanism that the server offers.

use std::fmt;

use crate::credentials::ProofKind;
use crate::mechanisms::{self, Exposure, Row};
use crate::{Channel, Credentials, Mechanism};

/// Chooses the strongest of the `offered` mechanisms that is `allowed`, fits the credentials, and is safe on
/// this channel. The order of both lists does not matter.
///
/// # Errors
/// [`NoMechanism`] with the reason for every offered mechanism.
///
/// ```
/// use smtpkit_auth::{Channel, ChannelBindings, Credentials, Mechanism, Secret, select};
///
/// let offered = [Mechanism::PLAIN, Mechanism::SCRAM_SHA_256];
/// let credentials = Credentials::password("user", Secret::from("pencil"));
/// let tls = Channel::Tls(ChannelBindings::default());
/// assert_eq!(select(&offered, &credentials, &tls, &Mechanism::defaults())?, Mechanism::SCRAM_SHA_256);
///
/// let refused = select(&[Mechanism::PLAIN], &credentials, &Channel::Plaintext, &Mechanism::defaults()).unwrap_err();
/// assert_eq!(refused.to_string(), "no usable authentication mechanism: PLAIN needs TLS");
/// # Ok::<(), smtpkit_auth::NoMechanism>(())
/// ```
pub fn select(
    offered: &[Mechanism],
    credentials: &Credentials,
    channel: &Channel,
    allowed: &[Mechanism],
) -> Result<Mechanism, NoMechanism> {
    let reason = |mechanism: &Mechanism| match mechanisms::row(mechanism) {
        None => Some(Unfit::Unknown),
        Some(_) if !allowed.contains(mechanism) => Some(Unfit::NotAllowed),
        Some(row) => unfit(row, credentials, channel),
    };
    mechanisms::ROWS
        .iter()
        .map(|row| &row.mechanism)
        .find(|mechanism| offered.contains(mechanism) && reason(mechanism).is_none())
        .cloned()
        .ok_or_else(|| NoMechanism {
            reasons: offered
                .iter()
                .filter_map(|mechanism| Some((mechanism.clone(), reason(mechanism)?)))
                .collect(),
        })
}

fn unfit(row: &Row, credentials: &Credentials, channel: &Channel) -> Option<Unfit> {
    if row.proof != credentials.kind() {
        return Some(match row.proof {
            ProofKind::Password => Unfit::NeedsPassword,
            ProofKind::Token => Unfit::NeedsToken,
            ProofKind::External => Unfit::NeedsCertificate,
            ProofKind::Anonymous => Unfit::NeedsAnonymous,
        });
    }
    if credentials.authorization.is_some() && !row.says_authorization {
        return Some(Unfit::NoAuthorization);
    }
    if row.exposure != Exposure::Nothing && !channel.is_tls() {
        return Some(Unfit::NeedsTls);
    }
    (row.mechanism.needs_channel_binding() && !channel.can_bind()).then_some(Unfit::NoChannelBinding)
}

/// None of the mechanisms that the server offers can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoMechanism {
    reasons: Vec<(Mechanism, Unfit)>,
}

impl NoMechanism {
    /// Every offered mechanism, in the server's order, with the reason against it; empty if none was offered.
    pub fn reasons(&self) -> &[(Mechanism, Unfit)] {
        &self.reasons
    }
}

impl fmt::Display for NoMechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no usable authentication mechanism: ")?;
        for (nth, (mechanism, unfit)) in self.reasons.iter().enumerate() {
            write!(f, "{}{mechanism} {unfit}", if nth == 0 { "" } else { ", " })?;
        }
        if self.reasons.is_empty() { f.write_str("the server offers none") } else { Ok(()) }
    }
}

impl std::error::Error for NoMechanism {}

/// Why one mechanism was not chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unfit {
    /// This crate does not speak it.
    Unknown,
    /// It is not in the list of allowed ones.
    NotAllowed,
    /// It would send a password or token in clear.
    NeedsTls,
    /// It is a `-PLUS` form, and TLS gave no data to bind to.
    NoChannelBinding,
    /// The credentials hold no password.
    NeedsPassword,
    /// The credentials hold no token.
    NeedsToken,
    /// The credentials are not a client certificate.
    NeedsCertificate,
    /// The credentials are somebody's.
    NeedsAnonymous,
    /// It cannot say for whom the user wants to act.
    NoAuthorization,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "is not supported",
            Self::NotAllowed => "is not allowed",
            Self::NeedsTls => "needs TLS",
            Self::NoChannelBinding => "needs channel binding data from TLS",
            Self::NeedsPassword => "needs a password",
            Self::NeedsToken => "needs an OAuth token",
            Self::NeedsCertificate => "needs a client certificate",
            Self::NeedsAnonymous => "needs anonymous access",
            Self::NoAuthorization => "cannot act for another user",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChannelBindings, Secret};

    fn mechanisms(names: &str) -> Vec<Mechanism> {
        names.split_ascii_whitespace().map(|name| Mechanism::parse(name).unwrap()).collect()
    }

    #[test]
    fn strongest_safe_mechanism_or_every_reason() {
        let password = Credentials::password("user", Secret::from("pencil"));
        let token = Credentials::token("user", Secret::from("token"));
        let bound = Channel::Tls(ChannelBindings::default().with_tls_exporter([1; 32]));
        let tls = Channel::Tls(ChannelBindings::default());
        let check =
            |offered: &str, credentials: &Credentials, channel: &Channel, expected: Result<&str, &str>| {
                let chosen = select(&mechanisms(offered), credentials, channel, &Mechanism::defaults());
                let chosen = chosen.map(|m| m.to_string()).map_err(|e| e.to_string());
                let expected = expected
                    .map(str::to_owned)
                    .map_err(|e| format!("no usable authentication mechanism: {e}"));
                assert_eq!(chosen, expected, "{offered}");
            };
        check(
            "PLAIN LOGIN SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS",
            &password,
            &bound,
            Ok("SCRAM-SHA-256-PLUS"),
        );
        check("PLAIN SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS", &password, &tls, Ok("SCRAM-SHA-256"));
        check("LOGIN PLAIN", &password, &tls, Ok("PLAIN"));
        check("LOGIN PLAIN SCRAM-SHA-1", &password, &Channel::Plaintext, Ok("SCRAM-SHA-1"));
        check("LOGIN PLAIN", &password, &Channel::Plaintext, Err("LOGIN needs TLS, PLAIN needs TLS"));
        check(
            "GSSAPI CRAM-MD5 XOAUTH2",
            &password,
            &tls,
            Err("GSSAPI is not supported, CRAM-MD5 is not allowed, XOAUTH2 needs an OAuth token"),
        );
        check(
            "SCRAM-SHA-256-PLUS",
            &password,
            &tls,
            Err("SCRAM-SHA-256-PLUS needs channel binding data from TLS"),
        );
        check("", &password, &tls, Err("the server offers none"));
        check("PLAIN XOAUTH2 OAUTHBEARER", &token, &tls, Ok("OAUTHBEARER"));
        check("XOAUTH2", &token, &Channel::Plaintext, Err("XOAUTH2 needs TLS"));
        check("EXTERNAL PLAIN", &Credentials::external(), &tls, Ok("EXTERNAL"));
        check("LOGIN", &password.clone().acting_as("bob"), &tls, Err("LOGIN cannot act for another user"));
    }
}
