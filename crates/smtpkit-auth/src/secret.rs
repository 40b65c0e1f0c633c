//! Octets that must not be seen: passwords, tokens, and responses that hold them.
//!
//! [`Secret`] implements neither `Debug` nor `Display`, in no build and under no feature, so no log
//! line, error or panic message can carry its content; its memory is wiped when it is dropped. It
//! refuses `PartialEq`, too: the only comparison takes the same time wherever the difference is.

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A password, a token, or an encoded response: wiped on drop, impossible to format.
///
/// ```
/// use smtpkit_auth::Secret;
///
/// let password = Secret::from("pencil");
/// assert_eq!(password.expose(), b"pencil");
/// assert!(password.constant_time_eq(b"pencil"));
/// ```
///
/// Formatting does not compile:
///
/// ```compile_fail
/// println!("{:?}", smtpkit_auth::Secret::from("pencil"));
/// ```
///
/// ```compile_fail
/// println!("{}", smtpkit_auth::Secret::from("pencil"));
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes ownership of the octets.
    ///
    /// ```
    /// assert_eq!(smtpkit_auth::Secret::new(vec![1, 2]).len(), 2);
    /// ```
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(octets.into()))
    }

    /// The octets, for the one place that needs them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The octets as text; `None` if they are not UTF-8.
    pub fn expose_str(&self) -> Option<&str> {
        core::str::from_utf8(&self.0).ok()
    }

    /// The number of octets.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no octet at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares in a time that depends on the lengths alone.
    pub fn constant_time_eq(&self, other: &[u8]) -> bool {
        self.0.as_slice().ct_eq(other).into()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

impl From<&[u8]> for Secret {
    fn from(octets: &[u8]) -> Self {
        Self::new(octets)
    }
}

impl From<Vec<u8>> for Secret {
    fn from(octets: Vec<u8>) -> Self {
        Self::new(octets)
    }
}
