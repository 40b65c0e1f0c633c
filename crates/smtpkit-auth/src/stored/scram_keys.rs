//! SCRAM keys: what a server keeps instead of the password (RFC 5802 §3, RFC 5803 §2).
//!
//! Whoever steals them can pretend to be the server, and can guess the password offline; they cannot log in.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::{CredentialError, ScramHash, Secret, saslprep};

/// The keys of one user for one hash function. Not formattable.
///
/// ```text
/// SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>      salt and keys in base64
/// ```
///
/// ```
/// use smtpkit_auth::{ScramHash, ScramKeys, Secret};
///
/// # let random_salt = [7; 16];
/// let keys = ScramKeys::derive(ScramHash::Sha256, &Secret::from("pencil"), &random_salt, ScramKeys::ITERATIONS)?;
/// let text = keys.to_text();
/// assert!(text.expose().starts_with(b"SCRAM-SHA-256$"));
/// assert!(ScramKeys::parse(text.expose_str().unwrap()).is_ok());
/// # Ok::<(), smtpkit_auth::CredentialError>(())
/// ```
#[derive(Clone)]
pub struct ScramKeys {
    hash: ScramHash,
    iterations: u32,
    salt: Vec<u8>,
    stored_key: Secret,
    server_key: Secret,
}

impl ScramKeys {
    /// The iteration count of new keys.
    pub const ITERATIONS: u32 = 16_384;
    /// The least iteration count that is taken (RFC 5802 §5.1, RFC 7677 §4).
    pub const ITERATIONS_MIN: u32 = 4_096;
    /// The most iterations that are computed for a peer or a file.
    pub const ITERATIONS_MAX: u32 = 1_000_000;
    /// The length of new salts, in octets.
    pub const SALT_OCTETS: usize = 16;
    /// The longest salt, in octets.
    pub const SALT_OCTETS_MAX: usize = 256;

    /// Derives the keys of a password; the salt must be random.
    ///
    /// # Errors
    /// [`CredentialError::Password`] if SASLprep refuses the password, [`CredentialError::Iterations`] if the count is out of bounds,
    /// [`CredentialError::Scram`] if the salt is empty or too long.
    pub fn derive(
        hash: ScramHash,
        password: &Secret,
        salt: &[u8],
        iterations: u32,
    ) -> Result<Self, CredentialError> {
        let prepared = saslprep::password(password).ok_or(CredentialError::Password)?;
        check_salt_and_iterations(salt, iterations)?;
        let salted = hash.salted_password(&prepared, salt, iterations);
        let stored_key = hash.digest(client_key(hash, &salted).expose());
        let server_key = server_key(hash, &salted);
        Ok(Self { hash, iterations, salt: salt.to_vec(), stored_key, server_key })
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// [`CredentialError::Scram`] or [`CredentialError::Iterations`]; neither repeats the text.
    pub fn parse(text: &str) -> Result<Self, CredentialError> {
        const SHAPE: CredentialError =
            CredentialError::Scram("expected SCRAM-SHA-…$iterations:salt$StoredKey:ServerKey");
        let hash = ScramHash::ALL.into_iter().find(|hash| has_tag(text, *hash)).ok_or(SHAPE)?;
        let mut fields = text.split('$').skip(1);
        let (Some(costs), Some(keys), None) = (fields.next(), fields.next(), fields.next()) else {
            return Err(SHAPE);
        };
        let (iterations, salt) = costs.split_once(':').ok_or(SHAPE)?;
        let (stored_key, server_key) = keys.split_once(':').ok_or(SHAPE)?;
        let iterations = iterations.parse().map_err(|_| SHAPE)?;
        let decode = |field: &str| {
            BASE64_STANDARD.decode(field).map_err(|_| CredentialError::Scram("a field is not base64"))
        };
        let (salt, stored_key, server_key) = (decode(salt)?, decode(stored_key)?, decode(server_key)?);
        check_salt_and_iterations(&salt, iterations)?;
        if stored_key.len() != hash.digest_octets() || server_key.len() != hash.digest_octets() {
            return Err(CredentialError::Scram("a key is of the wrong length"));
        }
        Ok(Self { hash, iterations, salt, stored_key: stored_key.into(), server_key: server_key.into() })
    }

    /// The text form.
    pub fn to_text(&self) -> Secret {
        let encode = |octets: &[u8]| BASE64_STANDARD.encode(octets);
        let (name, iterations, salt) = (self.hash.name(), self.iterations, encode(&self.salt));
        let (stored_key, server_key) = (encode(self.stored_key.expose()), encode(self.server_key.expose()));
        Secret::from(format!("{name}${iterations}:{salt}${stored_key}:{server_key}"))
    }

    /// The hash function.
    pub fn hash(&self) -> ScramHash {
        self.hash
    }

    /// The iteration count.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Keys that no password has, with this salt and iteration count.
    pub(crate) fn unmatchable(hash: ScramHash, salt: Vec<u8>, iterations: u32) -> Self {
        let nothing = Secret::new(vec![0; hash.digest_octets()]);
        Self { hash, iterations, salt, stored_key: nothing.clone(), server_key: nothing }
    }

    pub(crate) fn salt(&self) -> &[u8] {
        &self.salt
    }

    pub(crate) fn stored_key(&self) -> &Secret {
        &self.stored_key
    }

    pub(crate) fn server_key(&self) -> &Secret {
        &self.server_key
    }

    pub(crate) fn is_text_form(text: &str) -> bool {
        ScramHash::ALL.into_iter().any(|hash| has_tag(text, hash))
    }

    pub(crate) fn matches_prepared(&self, prepared: &Secret) -> bool {
        let salted = self.hash.salted_password(prepared, &self.salt, self.iterations);
        self.hash.digest(client_key(self.hash, &salted).expose()).constant_time_eq(self.stored_key.expose())
    }
}

/// `ClientKey := HMAC(SaltedPassword, "Client Key")` (RFC 5802 §3).
pub(crate) fn client_key(hash: ScramHash, salted_password: &Secret) -> Secret {
    hash.hmac(salted_password.expose(), &[b"Client Key"])
}

/// `ServerKey := HMAC(SaltedPassword, "Server Key")` (RFC 5802 §3).
pub(crate) fn server_key(hash: ScramHash, salted_password: &Secret) -> Secret {
    hash.hmac(salted_password.expose(), &[b"Server Key"])
}

fn has_tag(text: &str, hash: ScramHash) -> bool {
    text.strip_prefix(hash.name()).is_some_and(|rest| rest.starts_with('$'))
}

fn check_salt_and_iterations(salt: &[u8], iterations: u32) -> Result<(), CredentialError> {
    if !(ScramKeys::ITERATIONS_MIN..=ScramKeys::ITERATIONS_MAX).contains(&iterations) {
        return Err(CredentialError::Iterations(iterations));
    }
    let fits = (1..=ScramKeys::SALT_OCTETS_MAX).contains(&salt.len());
    if fits { Ok(()) } else { Err(CredentialError::Scram("a salt has 1 to 256 octets")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_strict() {
        let keys = ScramKeys::derive(ScramHash::Sha1, &"pencil".into(), b"saltsalt", 4_096).unwrap();
        let text = keys.to_text();
        let text = text.expose_str().unwrap();
        let again = ScramKeys::parse(text).unwrap();
        assert_eq!(again.to_text().expose_str(), Some(text));
        assert!(again.matches_prepared(&"pencil".into()) && !again.matches_prepared(&"pencils".into()));

        let check = |from: &str, to: &str, expected: CredentialError| {
            assert_eq!(ScramKeys::parse(&text.replacen(from, to, 1)).err(), Some(expected), "{from} {to}");
        };
        let shape = CredentialError::Scram("expected SCRAM-SHA-…$iterations:salt$StoredKey:ServerKey");
        check("SHA-1", "SHA-2", shape);
        check("SHA-1$", "SHA-1", shape);
        check("4096:", "", shape);
        check("4096", "-1", shape);
        check("4096", "4095", CredentialError::Iterations(4_095));
        check("4096", "1000001", CredentialError::Iterations(1_000_001));
        check("SHA-1", "SHA-256", CredentialError::Scram("a key is of the wrong length"));
        check(":c", ":?", CredentialError::Scram("a field is not base64"));
        assert_eq!(ScramKeys::parse(&format!("{text}$")).err(), Some(shape));
    }
}
