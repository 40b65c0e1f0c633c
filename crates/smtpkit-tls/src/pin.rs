//! Pinned keys: trust in one key instead of in everybody whom the operating system trusts.
//!
//! A pin is the SHA-256 of the SubjectPublicKeyInfo (RFC 7469 §2.4) of the server's own certificate. Keys higher up in
//! the chain are not looked at: a peer may present certificates that play no part in the proof.

use core::fmt;
use core::str::FromStr;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use sha2::{Digest, Sha256};

/// SHA-256 of a certificate's SubjectPublicKeyInfo (RFC 7469 §2.4).
///
/// Read from 64 hexadecimal digits (colons allowed) or from the form that curl takes; written in the latter.
///
/// ```
/// use smtpkit_tls::Pin;
///
/// # fn main() -> Result<(), smtpkit_tls::InvalidPin> {
/// let pin: Pin = "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".parse()?;
/// assert_eq!(pin, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".parse()?);
/// assert_eq!(pin.to_string(), "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin([u8; 32]);

const PREFIX: &str = "sha256//";

impl Pin {
    /// A pin from the digest itself.
    ///
    /// ```
    /// let pin = smtpkit_tls::Pin::from_digest([0; 32]);
    /// assert_eq!(pin.digest(), &[0; 32]);
    /// ```
    #[must_use]
    pub const fn from_digest(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest.
    #[must_use]
    pub const fn digest(&self) -> &[u8; 32] {
        &self.0
    }

    /// The pin of a DER SubjectPublicKeyInfo.
    pub(crate) fn of_key(subject_public_key_info: &[u8]) -> Self {
        Self(Sha256::digest(subject_public_key_info).into())
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", BASE64_STANDARD.encode(self.0))
    }
}

impl FromStr for Pin {
    type Err = InvalidPin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digest = match text.strip_prefix(PREFIX) {
            Some(base64) => BASE64_STANDARD.decode(base64).map_err(|_| InvalidPin)?,
            None => hexadecimal(text).ok_or(InvalidPin)?,
        };
        digest.try_into().map(Self).map_err(|_| InvalidPin)
    }
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| *c != ':')
        .map(|c| c.to_digit(16).and_then(|digit| digit.try_into().ok()))
        .collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// The text is no [`Pin`].
///
/// ```
/// use smtpkit_tls::{InvalidPin, Pin};
///
/// assert_eq!("sha1//AAAA".parse::<Pin>(), Err(InvalidPin));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("not a key pin; expected 64 hexadecimal digits or `sha256//` and 44 base64 characters")]
#[expect(clippy::exhaustive_structs, reason = "it says all there is to say")]
pub struct InvalidPin;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let pin = Pin::of_key(b"");
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let colons =
            hex.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap()).collect::<Vec<_>>().join(":");
        for text in [hex, &hex.to_uppercase(), &colons, &pin.to_string()] {
            assert_eq!(text.parse(), Ok(pin), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let short = "e3b0".repeat(15);
        let odd = "e".repeat(63);
        for text in ["", "sha256//", "sha256//47DEQpj8HBSa", &short, &odd, "é", "sha256//!!!!"] {
            assert_eq!(text.parse::<Pin>(), Err(InvalidPin), "{text:?}");
        }
    }
}
