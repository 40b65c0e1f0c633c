//! Names of SASL mechanisms (RFC 4422 §3.1) and what is known about each.
//!
//! The set is open: a name that this crate does not implement survives a round trip, so an EHLO list
//! can be kept whole. What a name means is one row of the table in `mechanisms`; this file holds no
//! `match` over mechanisms.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::mechanisms::{self, Exposure};

/// The name of a SASL mechanism (RFC 4422 §3.1): 1 to 20 of `A`–`Z`, `0`–`9`, `-`, `_`; kept in upper case.
///
/// ```
/// use smtpkit_auth::Mechanism;
///
/// let offered = Mechanism::parse("scram-sha-256")?;
/// assert_eq!(offered, Mechanism::SCRAM_SHA_256);
/// assert!(offered.is_known() && !offered.sends_secret());
/// assert!(!Mechanism::parse("GSSAPI")?.is_known());
/// # Ok::<(), smtpkit_auth::InvalidMechanism>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mechanism(Cow<'static, str>);

impl Mechanism {
    /// PLAIN (RFC 4616): the password itself.
    pub const PLAIN: Self = Self(Cow::Borrowed("PLAIN"));
    /// LOGIN: the password itself, in two prompts; never standardised, widely spoken.
    pub const LOGIN: Self = Self(Cow::Borrowed("LOGIN"));
    /// CRAM-MD5 (RFC 2195): a keyed MD5 digest; broken, and off unless asked for.
    pub const CRAM_MD5: Self = Self(Cow::Borrowed("CRAM-MD5"));
    /// SCRAM-SHA-1 (RFC 5802).
    pub const SCRAM_SHA_1: Self = Self(Cow::Borrowed("SCRAM-SHA-1"));
    /// SCRAM-SHA-1-PLUS (RFC 5802): bound to the TLS channel.
    pub const SCRAM_SHA_1_PLUS: Self = Self(Cow::Borrowed("SCRAM-SHA-1-PLUS"));
    /// SCRAM-SHA-256 (RFC 7677).
    pub const SCRAM_SHA_256: Self = Self(Cow::Borrowed("SCRAM-SHA-256"));
    /// SCRAM-SHA-256-PLUS (RFC 7677): bound to the TLS channel.
    pub const SCRAM_SHA_256_PLUS: Self = Self(Cow::Borrowed("SCRAM-SHA-256-PLUS"));
    /// SCRAM-SHA-512: RFC 5802 with SHA-512.
    pub const SCRAM_SHA_512: Self = Self(Cow::Borrowed("SCRAM-SHA-512"));
    /// SCRAM-SHA-512-PLUS: bound to the TLS channel.
    pub const SCRAM_SHA_512_PLUS: Self = Self(Cow::Borrowed("SCRAM-SHA-512-PLUS"));
    /// OAUTHBEARER (RFC 7628): an OAuth 2.0 bearer token.
    pub const OAUTHBEARER: Self = Self(Cow::Borrowed("OAUTHBEARER"));
    /// XOAUTH2: the older, vendor-made form of OAUTHBEARER.
    pub const XOAUTH2: Self = Self(Cow::Borrowed("XOAUTH2"));
    /// EXTERNAL (RFC 4422 appendix A): who the TLS client certificate says.
    pub const EXTERNAL: Self = Self(Cow::Borrowed("EXTERNAL"));
    /// ANONYMOUS (RFC 4505): nobody, with a trace.
    pub const ANONYMOUS: Self = Self(Cow::Borrowed("ANONYMOUS"));

    /// The longest name (RFC 4422 §3.1), in octets.
    pub const OCTETS_MAX: usize = 20;

    /// Reads a name in any case.
    ///
    /// ```abnf
    /// sasl-mech = 1*20mech-char
    /// mech-char = UPPER-ALPHA / DIGIT / HYPHEN / UNDERSCORE
    /// ```
    ///
    /// # Errors
    /// [`InvalidMechanism`] if the name is empty, too long, or has another character.
    pub fn parse(name: &str) -> Result<Self, InvalidMechanism> {
        if !(1..=Self::OCTETS_MAX).contains(&name.len()) {
            return Err(InvalidMechanism::Length { octets: name.len() });
        }
        if let Some(at) =
            name.bytes().position(|b| !matches!(b, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        {
            return Err(InvalidMechanism::Character { at });
        }
        Ok(Self(Cow::Owned(name.to_ascii_uppercase())))
    }

    /// Every mechanism that this crate speaks, strongest first.
    ///
    /// ```
    /// use smtpkit_auth::Mechanism;
    /// assert_eq!(Mechanism::known().next(), Some(Mechanism::SCRAM_SHA_512_PLUS));
    /// ```
    pub fn known() -> impl Iterator<Item = Self> {
        mechanisms::ROWS.iter().map(|row| row.mechanism.clone())
    }

    /// What is used unless somebody says otherwise, strongest first: all but CRAM-MD5 and ANONYMOUS.
    ///
    /// ```
    /// use smtpkit_auth::Mechanism;
    /// assert!(!Mechanism::defaults().contains(&Mechanism::CRAM_MD5));
    /// ```
    pub fn defaults() -> Vec<Self> {
        mechanisms::ROWS.iter().filter(|row| row.by_default).map(|row| row.mechanism.clone()).collect()
    }

    /// The name, in upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this crate speaks it.
    pub fn is_known(&self) -> bool {
        mechanisms::row(self).is_some()
    }

    /// Whether the password itself crosses the wire (PLAIN, LOGIN).
    pub fn is_plaintext_password(&self) -> bool {
        mechanisms::row(self).is_some_and(|row| row.exposure == Exposure::Password)
    }

    /// Whether a password or a bearer token crosses the wire, so that it must never be used without TLS.
    pub fn sends_secret(&self) -> bool {
        mechanisms::row(self).is_some_and(|row| row.exposure != Exposure::Nothing)
    }

    /// Whether it is a `-PLUS` form, which needs channel binding data (RFC 5802 §6).
    pub fn needs_channel_binding(&self) -> bool {
        self.0.ends_with("-PLUS")
    }

    /// Whether the server speaks first, so that an initial response is an error (RFC 4954 §4). `false` for
    /// LOGIN, whose initial response is taken as the user name, as everybody does.
    pub fn is_server_first(&self) -> bool {
        mechanisms::row(self).is_some_and(|row| row.server_first)
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Mechanism {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for Mechanism {
    type Err = InvalidMechanism;

    fn from_str(name: &str) -> Result<Self, InvalidMechanism> {
        Self::parse(name)
    }
}

/// Why a text is not the name of a mechanism (RFC 4422 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMechanism {
    /// Not 1 to 20 octets long.
    #[error("a mechanism name has 1 to 20 characters, not {octets}")]
    Length {
        /// How long it is.
        octets: usize,
    },
    /// A character that is not a letter, a digit, `-` or `_`.
    #[error("a mechanism name has only letters, digits, - and _; see offset {at}")]
    Character {
        /// Where the character stands, in octets.
        at: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_rfc_4422() {
        fn check(input: &str, expected: Result<&str, InvalidMechanism>) {
            let parsed = Mechanism::parse(input);
            assert_eq!(parsed.as_ref().map(Mechanism::as_str), expected.as_ref().copied(), "{input:?}");
        }
        check("PLAIN", Ok("PLAIN"));
        check("plain", Ok("PLAIN"));
        check("X_1-y", Ok("X_1-Y"));
        check("ABCDEFGHIJKLMNOPQRST", Ok("ABCDEFGHIJKLMNOPQRST"));
        check("", Err(InvalidMechanism::Length { octets: 0 }));
        check("ABCDEFGHIJKLMNOPQRSTU", Err(InvalidMechanism::Length { octets: 21 }));
        check("PL AIN", Err(InvalidMechanism::Character { at: 2 }));
        check("PLAIN\r\n", Err(InvalidMechanism::Character { at: 5 }));
        check("É", Err(InvalidMechanism::Character { at: 0 }));
    }

    #[test]
    fn strongest_comes_first_and_secrets_last() {
        let names: Vec<String> = Mechanism::known().map(|m| m.to_string()).collect();
        assert_eq!(
            names.join(" "),
            "SCRAM-SHA-512-PLUS SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS EXTERNAL SCRAM-SHA-512 SCRAM-SHA-256 \
             SCRAM-SHA-1 OAUTHBEARER XOAUTH2 PLAIN LOGIN CRAM-MD5 ANONYMOUS"
        );
        for mechanism in Mechanism::known() {
            assert_eq!(
                mechanism.sends_secret(),
                ["OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN"].contains(&mechanism.as_str())
            );
            assert_eq!(mechanism.is_plaintext_password(), ["PLAIN", "LOGIN"].contains(&mechanism.as_str()));
            assert_eq!(Mechanism::parse(mechanism.as_str()), Ok(mechanism));
        }
    }
}
