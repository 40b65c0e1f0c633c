//! Argon2id password hashes in the PHC string format (RFC 9106).
//!
//! Only argon2id is taken, in version 19, with costs inside named bounds: a hash file must not be able to take
//! all memory of the server at a login.

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use crate::{CredentialError, Secret, saslprep};

/// Hashes a password for storage (RFC 9106 §3.1); the salt must be random.
///
/// # Errors
/// [`CredentialError::Password`] if SASLprep refuses the password, [`CredentialError::OutOfMemory`].
///
/// ```
/// use smtpkit_auth::{HashCost, Secret, hash_password};
///
/// # let random_salt = [7; 16];
/// let hash = hash_password(&Secret::from("pencil"), &random_salt, HashCost::new(64, 1, 1)?)?;
/// assert!(hash.as_str().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
/// # Ok::<(), smtpkit_auth::CredentialError>(())
/// ```
pub fn hash_password(
    password: &Secret,
    salt: &[u8; HashCost::SALT_OCTETS],
    cost: HashCost,
) -> Result<PasswordHash, CredentialError> {
    let prepared = saslprep::password(password).ok_or(CredentialError::Password)?;
    let digest = cost.hash(&prepared, salt).ok_or(CredentialError::OutOfMemory)?;
    let encoded = phc::PasswordHash {
        algorithm: argon2::ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: phc::ParamsString::try_from(&cost.params()).map_err(|_| CredentialError::HashCost)?,
        salt: Some(phc::Salt::new(salt).map_err(|_| CredentialError::Argon2id("salt"))?),
        hash: Some(phc::Output::new(&digest).map_err(|_| CredentialError::Argon2id("hash"))?),
    };
    PasswordHash::parse(&encoded.to_string())
}

/// What an argon2id hash costs to compute (RFC 9106 §4).
///
/// ```
/// use smtpkit_auth::HashCost;
/// assert!(HashCost::new(19_456, 2, 1).is_ok());
/// assert!(HashCost::new(u32::MAX, 1, 1).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl HashCost {
    /// The most memory of one hash, in KiB.
    pub const MEMORY_KIB_MAX: u32 = 1 << 20;
    /// The most passes over it.
    pub const PASSES_MAX: u32 = 64;
    /// The most lanes.
    pub const LANES_MAX: u32 = 16;
    /// The length of a salt, in octets (RFC 9106 §3.1).
    pub const SALT_OCTETS: usize = 16;
    /// The length of the hash, in octets.
    const DIGEST_OCTETS: usize = 32;

    /// Memory in KiB, passes, lanes.
    ///
    /// # Errors
    /// [`CredentialError::HashCost`] if one is outside its bounds; memory is at least 8 KiB a lane.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, CredentialError> {
        let sane = (1..=Self::LANES_MAX).contains(&lanes)
            && (1..=Self::PASSES_MAX).contains(&passes)
            && (8 * lanes..=Self::MEMORY_KIB_MAX).contains(&memory_kib);
        if sane { Ok(Self { memory_kib, passes, lanes }) } else { Err(CredentialError::HashCost) }
    }

    /// The memory that one computation takes, in octets: what a driver multiplies by its blocking threads.
    pub fn memory_octets(self) -> usize {
        self.memory_kib as usize * 1024
    }

    /// Orders costs: memory times passes.
    pub(crate) fn weight(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.passes)
    }

    /// A hash of this cost; `None` if there is not enough memory.
    pub(crate) fn hash(self, prepared: &Secret, salt: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut digest = Zeroizing::new(vec![0; Self::DIGEST_OCTETS]);
        hash_into(self.params(), prepared, salt, &mut digest)?;
        Some(digest)
    }

    fn params(self) -> Params {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(Self::DIGEST_OCTETS))
            .expect("invariant: the bounds of HashCost lie inside those of RFC 9106 §3.1")
    }
}

impl Default for HashCost {
    /// 19 MiB, 2 passes, 1 lane: the least that OWASP recommends.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

/// A stored argon2id hash: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. Not formattable.
///
/// ```
/// use smtpkit_auth::PasswordHash;
/// let text = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$jnUoZlYMqWfqTfbkGBYRFUQVpnMXdwmsxK8xV0fQiFs";
/// assert_eq!(PasswordHash::parse(text)?.as_str(), text);
/// # Ok::<(), smtpkit_auth::CredentialError>(())
/// ```
#[derive(Clone)]
pub struct PasswordHash {
    text: Zeroizing<String>,
    cost: HashCost,
    salt: Vec<u8>,
    digest: Secret,
}

impl PasswordHash {
    /// What every text form begins with.
    pub(crate) const TAG: &'static str = "$argon2id$";

    /// Reads the PHC string form.
    ///
    /// # Errors
    /// [`CredentialError::Argon2id`] if it is malformed, of another variant or version, or has a key id or associated data;
    /// [`CredentialError::HashCost`] if its costs are out of bounds.
    pub fn parse(text: &str) -> Result<Self, CredentialError> {
        const SHAPE: CredentialError =
            CredentialError::Argon2id("not a PHC string with parameters, salt and hash");
        let parsed = phc::PasswordHash::new(text).map_err(|_| SHAPE)?;
        let (Some(salt), Some(digest)) = (parsed.salt, parsed.hash) else { return Err(SHAPE) };
        if parsed.algorithm != argon2::ARGON2ID_IDENT {
            return Err(CredentialError::Argon2id("not argon2id"));
        }
        if parsed.version != Some(Version::V0x13.into()) {
            return Err(CredentialError::Argon2id("version is not 19"));
        }
        if parsed.params.iter().count() != 3 {
            return Err(CredentialError::Argon2id("parameters are not m, t, p"));
        }
        let parameter = |name: &str| {
            parsed.params.get_decimal(name).ok_or(CredentialError::Argon2id("parameters are not m, t, p"))
        };
        let cost = HashCost::new(parameter("m")?, parameter("t")?, parameter("p")?)?;
        Ok(Self {
            text: Zeroizing::new(text.to_owned()),
            cost,
            salt: salt.to_vec(),
            digest: digest.as_bytes().into(),
        })
    }

    /// The PHC string form.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What a check of it costs.
    pub fn cost(&self) -> HashCost {
        self.cost
    }

    /// `None` if there is not enough memory.
    pub(crate) fn matches_prepared(&self, prepared: &Secret) -> Option<bool> {
        let mut digest = Zeroizing::new(vec![0; self.digest.len()]);
        let params =
            Params::new(self.cost.memory_kib, self.cost.passes, self.cost.lanes, Some(digest.len())).ok()?;
        hash_into(params, prepared, &self.salt, &mut digest)?;
        Some(self.digest.constant_time_eq(&digest))
    }
}

fn hash_into(params: Params, prepared: &Secret, salt: &[u8], digest: &mut [u8]) -> Option<()> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(prepared.expose(), salt, digest)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_reference_implementation() {
        // echo -n password | argon2 somesalt -id -t 2 -m 8 -p 1
        let hash = PasswordHash::parse(
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        )
        .unwrap();
        assert_eq!(hash.matches_prepared(&"password".into()), Some(true));
        assert_eq!(hash.matches_prepared(&"Password".into()), Some(false));
    }

    #[test]
    fn only_argon2id_within_bounds() {
        fn check(text: &str, expected: CredentialError) {
            assert_eq!(PasswordHash::parse(text).err(), Some(expected), "{text}");
        }
        let shape = CredentialError::Argon2id("not a PHC string with parameters, salt and hash");
        check("", shape);
        check("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ", shape);
        check(
            "$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHQ$jnUoZlYMqWfqTfbk",
            CredentialError::Argon2id("not argon2id"),
        );
        check(
            "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$jnUoZlYMqWfqTfbk",
            CredentialError::Argon2id("version is not 19"),
        );
        check(
            "$argon2id$v=19$m=64,t=1$c29tZXNhbHQ$jnUoZlYMqWfqTfbk",
            CredentialError::Argon2id("parameters are not m, t, p"),
        );
        check("$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$jnUoZlYMqWfqTfbk", CredentialError::HashCost);
        check("$argon2id$v=19$m=8,t=1,p=2$c29tZXNhbHQ$jnUoZlYMqWfqTfbk", CredentialError::HashCost);
    }

    #[test]
    fn hash_matches_its_password_in_any_spelling() {
        let hash = hash_password(&"I\u{AD}X".into(), &[3; 16], HashCost::new(64, 1, 1).unwrap()).unwrap();
        let again = PasswordHash::parse(hash.as_str()).unwrap();
        assert_eq!(again.matches_prepared(&"IX".into()), Some(true));
        assert_eq!(again.matches_prepared(&"ix".into()), Some(false));
    }
}
