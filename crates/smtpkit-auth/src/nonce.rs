//! The unpredictable text that makes an exchange unrepeatable.
//!
//! This crate draws no random octets; the caller does and hands them in.

use base64::prelude::{BASE64_STANDARD, Engine as _};

/// A nonce of SCRAM (RFC 5802 §5.1) or CRAM-MD5 (RFC 2195 §2): printable ASCII without a comma.
///
/// ```
/// use smtpkit_auth::Nonce;
/// # let random_octets = [7; 24];
/// let nonce = Nonce::from_octets(&random_octets);
/// assert_eq!(nonce.as_str().len(), 32);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// The longest fixed nonce, in octets.
    pub const OCTETS_MAX: usize = 128;

    /// Makes a nonce of 192 random bits, which must come from the operating system's generator.
    pub fn from_octets(random: &[u8; 24]) -> Self {
        Self(BASE64_STANDARD.encode(random))
    }

    /// Takes a fixed nonce, for tests and for replaying the examples of an RFC.
    ///
    /// # Errors
    /// [`InvalidNonce`] if it is empty, longer than [`Nonce::OCTETS_MAX`], or has a comma, a space, `<`, `>`,
    /// `@`, or a character that is not printable ASCII.
    ///
    /// ```
    /// use smtpkit_auth::Nonce;
    /// assert!(Nonce::parse("fyko+d2lbbFgONRv9qkxdawL").is_ok());
    /// assert!(Nonce::parse("a,b").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidNonce> {
        let fits = (1..=Self::OCTETS_MAX).contains(&text.len());
        if fits && text.bytes().all(|b| b.is_ascii_graphic() && !b",<>@".contains(&b)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidNonce)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that cannot be a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a nonce is 1 to 128 printable ASCII characters without comma, <, > and @")]
pub struct InvalidNonce;
