//! The hash functions of SCRAM and what is computed with them (RFC 5802 §2.2, RFC 7677 §3).

use hmac::{EagerHash, Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

use crate::{Mechanism, Secret};

/// A hash function that SCRAM is used with.
///
/// ```
/// use smtpkit_auth::ScramHash;
/// assert_eq!(ScramHash::Sha256.name(), "SCRAM-SHA-256");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScramHash {
    /// SHA-1 (RFC 5802).
    Sha1,
    /// SHA-256 (RFC 7677).
    Sha256,
    /// SHA-512.
    Sha512,
}

impl ScramHash {
    /// All of them, strongest first.
    pub const ALL: [Self; 3] = [Self::Sha512, Self::Sha256, Self::Sha1];

    /// The name of the mechanism without channel binding, which stored keys carry, too (RFC 5803 §2).
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SCRAM-SHA-1",
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha512 => "SCRAM-SHA-512",
        }
    }

    /// The length of its digests, in octets.
    pub fn digest_octets(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The hash of a mechanism; `None` if it is not a SCRAM.
    pub(crate) fn of(mechanism: &Mechanism) -> Option<Self> {
        let bare = mechanism.as_str().strip_suffix("-PLUS").unwrap_or(mechanism.as_str());
        Self::ALL.into_iter().find(|hash| hash.name() == bare)
    }

    /// HMAC over the concatenated parts.
    pub(crate) fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Secret {
        match self {
            Self::Sha1 => hmac_with::<Sha1>(key, parts),
            Self::Sha256 => hmac_with::<Sha256>(key, parts),
            Self::Sha512 => hmac_with::<Sha512>(key, parts),
        }
    }

    /// H(octets).
    pub(crate) fn digest(self, octets: &[u8]) -> Secret {
        match self {
            Self::Sha1 => Secret::new(Sha1::digest(octets).as_slice()),
            Self::Sha256 => Secret::new(Sha256::digest(octets).as_slice()),
            Self::Sha512 => Secret::new(Sha512::digest(octets).as_slice()),
        }
    }

    /// Hi(password, salt, i), which is PBKDF2 with HMAC.
    pub(crate) fn salted_password(self, prepared: &Secret, salt: &[u8], iterations: u32) -> Secret {
        let mut salted = Zeroizing::new(vec![0; self.digest_octets()]);
        match self {
            Self::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(prepared.expose(), salt, iterations, &mut salted),
            Self::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(prepared.expose(), salt, iterations, &mut salted),
            Self::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(prepared.expose(), salt, iterations, &mut salted),
        }
        Secret::new(std::mem::take(&mut *salted))
    }
}

fn hmac_with<D: EagerHash>(key: &[u8], parts: &[&[u8]]) -> Secret {
    let mut mac =
        Hmac::<D>::new_from_slice(key).expect("invariant: HMAC takes a key of any length (RFC 2104 §2)");
    for part in parts {
        mac.update(part);
    }
    Secret::new(mac.finalize().into_bytes().as_slice())
}
