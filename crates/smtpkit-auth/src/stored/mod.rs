//! What a server keeps to check a user: an argon2id hash, SCRAM keys, a bearer token, or the password itself.
//!
//! ```text
//!   $argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>        PLAIN, LOGIN
//!   SCRAM-SHA-256$<iterations>:<salt>$<stored>:<server> that SCRAM, PLAIN, LOGIN
//!   {TOKEN}<token>                                      OAUTHBEARER, XOAUTH2
//!   {PLAIN}<password>, or just <password>               every password mechanism
//! ```
//!
//! Several forms stand in one text, separated by a space, with `{PLAIN}` last because a password may hold spaces. What looks like
//! the hash of another system is refused: taken as a password, it would open the account to whoever reads the file.

pub(crate) mod argon2id;
pub(crate) mod scram_keys;

use crate::credentials::ProofKind;
use crate::decoy::DecoyCost;
use crate::mechanisms;
use crate::{Mechanism, PasswordHash, ScramHash, ScramKeys, Secret, saslprep};

/// What proves one account. Not formattable.
///
/// ```
/// use smtpkit_auth::{Mechanism, StoredCredential};
///
/// let plaintext = StoredCredential::parse("correct horse battery staple")?;
/// assert!(plaintext.serves(&Mechanism::SCRAM_SHA_256) && plaintext.serves(&Mechanism::PLAIN));
///
/// let hash = StoredCredential::parse("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$jnUoZlYMqWfqTfbkGBYRFUQVpnMXdwmsxK8xV0fQiFs")?;
/// assert!(hash.serves(&Mechanism::PLAIN) && !hash.serves(&Mechanism::SCRAM_SHA_256));
///
/// assert!(StoredCredential::parse("$2y$05$bcrypt").is_err());
/// # Ok::<(), smtpkit_auth::CredentialError>(())
/// ```
#[derive(Clone, Default)]
pub struct StoredCredential {
    hash: Option<PasswordHash>,
    scram: Vec<ScramKeys>,
    token: Option<Secret>,
    plaintext: Option<Secret>,
}

const PLAIN_TAG: &str = "{PLAIN}";
const TOKEN_TAG: &str = "{TOKEN}";

impl StoredCredential {
    /// A password kept as it is; for accounts of tests and for mechanisms that need it.
    ///
    /// # Errors
    /// [`CredentialError::Password`] if SASLprep refuses it, or it is empty.
    ///
    /// ```
    /// use smtpkit_auth::{Secret, StoredCredential};
    /// assert!(StoredCredential::plaintext(Secret::from("pencil")).is_ok());
    /// assert!(StoredCredential::plaintext(Secret::from("")).is_err());
    /// ```
    pub fn plaintext(password: Secret) -> Result<Self, CredentialError> {
        saslprep::password(&password).ok_or(CredentialError::Password)?;
        Ok(Self { plaintext: Some(password), ..Self::default() })
    }

    /// An argon2id hash.
    pub fn hash(hash: PasswordHash) -> Self {
        Self { hash: Some(hash), ..Self::default() }
    }

    /// SCRAM keys of one hash function.
    pub fn scram(keys: ScramKeys) -> Self {
        Self { scram: vec![keys], ..Self::default() }
    }

    /// A bearer token that never changes; for tests and robots.
    ///
    /// # Errors
    /// [`CredentialError::Token`] if it is not a token of RFC 6750 §2.1.
    ///
    /// ```
    /// use smtpkit_auth::{Mechanism, Secret, StoredCredential};
    /// assert!(StoredCredential::token(Secret::from("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="))?.serves(&Mechanism::XOAUTH2));
    /// # Ok::<(), smtpkit_auth::CredentialError>(())
    /// ```
    pub fn token(token: Secret) -> Result<Self, CredentialError> {
        if !is_bearer_token(token.expose()) {
            return Err(CredentialError::Token);
        }
        Ok(Self { token: Some(token), ..Self::default() })
    }

    /// Adds the forms of the other; where both have one, the other's counts.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.scram.retain(|keys| other.scram_keys(keys.hash()).is_none());
        self.scram.extend(other.scram);
        self.hash = other.hash.or(self.hash);
        self.token = other.token.or(self.token);
        self.plaintext = other.plaintext.or(self.plaintext);
        self
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// [`CredentialError`]; none of them repeats the text.
    pub fn parse(text: &str) -> Result<Self, CredentialError> {
        let mut credential = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(password) = rest.strip_prefix(PLAIN_TAG) {
                return Ok(credential.and(Self::plaintext(password.into())?));
            }
            let (form, after) = rest.split_once(' ').unwrap_or((rest, ""));
            let one = if form.starts_with(PasswordHash::TAG) {
                Self::hash(PasswordHash::parse(form)?)
            } else if ScramKeys::is_text_form(form) {
                Self::scram(ScramKeys::parse(form)?)
            } else if let Some(token) = form.strip_prefix(TOKEN_TAG) {
                Self::token(token.into())?
            } else if looks_like_a_hash(form) {
                return Err(CredentialError::ForeignHash);
            } else if rest.len() == text.len() {
                return Self::plaintext(text.into());
            } else {
                return Err(CredentialError::TrailingText);
            };
            credential = credential.and(one);
            rest = after;
        }
        if text.is_empty() { Err(CredentialError::Password) } else { Ok(credential) }
    }

    /// The text form, which [`StoredCredential::parse`] reads.
    pub fn to_text(&self) -> Secret {
        let mut forms: Vec<Secret> = self.hash.iter().map(|hash| Secret::from(hash.as_str())).collect();
        forms.extend(self.scram.iter().map(ScramKeys::to_text));
        forms.extend(self.token.iter().map(|token| tagged(TOKEN_TAG, token)));
        forms.extend(self.plaintext.iter().map(|password| tagged(PLAIN_TAG, password)));
        let mut text =
            zeroize::Zeroizing::new(Vec::with_capacity(forms.iter().map(|form| form.len() + 1).sum()));
        for form in &forms {
            if !text.is_empty() {
                text.push(b' ');
            }
            text.extend_from_slice(form.expose());
        }
        Secret::new(std::mem::take(&mut *text))
    }

    /// Whether it can serve a mechanism.
    pub fn serves(&self, mechanism: &Mechanism) -> bool {
        match mechanisms::row(mechanism).map(|row| row.proof) {
            Some(ProofKind::Password) => {
                self.plaintext.is_some()
                    || (mechanism.is_plaintext_password() && self.has_password())
                    || ScramHash::of(mechanism).is_some_and(|hash| self.scram_keys(hash).is_some())
            }
            Some(ProofKind::Token) => self.token.is_some(),
            Some(ProofKind::External | ProofKind::Anonymous) | None => false,
        }
    }

    /// Whether any form of a password is stored.
    pub fn has_password(&self) -> bool {
        self.hash.is_some() || !self.scram.is_empty() || self.plaintext.is_some()
    }

    /// Whether this bearer token is the stored one, in constant time.
    pub fn has_token(&self, token: &Secret) -> bool {
        self.token.as_ref().is_some_and(|own| own.constant_time_eq(token.expose()))
    }

    pub(crate) fn scram_keys(&self, hash: ScramHash) -> Option<&ScramKeys> {
        self.scram.iter().find(|keys| keys.hash() == hash)
    }

    pub(crate) fn plaintext_password(&self) -> Option<&Secret> {
        self.plaintext.as_ref()
    }

    /// Checks a prepared password against one stored form: the argon2id hash before SCRAM keys before plain text.
    /// `None` if there is not enough memory.
    pub(crate) fn matches_prepared(&self, password: &Secret) -> Option<bool> {
        if let Some(hash) = &self.hash {
            hash.matches_prepared(password)
        } else if let Some(keys) = self.scram.first() {
            Some(keys.matches_prepared(password))
        } else {
            let own = self.plaintext.as_ref().and_then(saslprep::password);
            Some(own.is_some_and(|own| own.constant_time_eq(password.expose())))
        }
    }

    /// What [`StoredCredential::matches_prepared`] costs.
    pub(crate) fn check_cost(&self) -> DecoyCost {
        if let Some(hash) = &self.hash {
            DecoyCost::Argon2id(hash.cost())
        } else if let Some(keys) = self.scram.first() {
            DecoyCost::Scram(keys.hash(), keys.iterations())
        } else {
            DecoyCost::Plaintext
        }
    }
}

fn tagged(tag: &str, secret: &Secret) -> Secret {
    Secret::new([tag.as_bytes(), secret.expose()].concat())
}

/// `b64token` of RFC 6750 §2.1.
pub(crate) fn is_bearer_token(octets: &[u8]) -> bool {
    let padding = octets.iter().rev().take_while(|octet| **octet == b'=').count();
    let body = octets.get(..octets.len() - padding).unwrap_or_default();
    !body.is_empty() && body.iter().all(|octet| octet.is_ascii_alphanumeric() || b"-._~+/".contains(octet))
}

/// `$name$…` and `{NAME}…`: what other systems write in front of their hashes.
fn looks_like_a_hash(text: &str) -> bool {
    let between = |open: char, close: char| {
        text.strip_prefix(open).and_then(|rest| rest.split_once(close)).is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        })
    };
    between('$', '$') || between('{', '}')
}

/// Why a stored credential cannot be made or read. It never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The password is empty, is not UTF-8, or has a character that SASLprep refuses (RFC 4013 §2.3).
    #[error("the password is empty or has a character that cannot be used in a password")]
    Password,
    /// Not a bearer token of RFC 6750 §2.1.
    #[error("the token is empty or has a character that a bearer token cannot have")]
    Token,
    /// The hash of another system.
    #[error("this looks like a hash that is not supported; if it is a password, write {{PLAIN}} before it")]
    ForeignHash,
    /// Something after a complete form that is not another form.
    #[error("unexpected text after a password hash")]
    TrailingText,
    /// An argon2id string that is not well formed.
    #[error("malformed argon2id hash: {0}")]
    Argon2id(&'static str),
    /// The costs of an argon2id hash are outside what is safe and sane.
    #[error("argon2id cost out of range: memory 8 KiB a lane to 1 GiB, passes 1 to 64, lanes 1 to 16")]
    HashCost,
    /// There is not enough memory to make the hash.
    #[error("not enough memory to hash the password")]
    OutOfMemory,
    /// SCRAM keys that are not well formed.
    #[error("malformed SCRAM keys: {0}")]
    Scram(&'static str),
    /// An iteration count that is too low to be safe or too high to be sane.
    #[error("SCRAM iteration count {0} is outside 4,096 to 1,000,000")]
    Iterations(u32),
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARGON2ID: &str =
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$jnUoZlYMqWfqTfbkGBYRFUQVpnMXdwmsxK8xV0fQiFs";

    #[test]
    fn text_forms() {
        fn check(text: &str, expected: Result<&str, CredentialError>) {
            let parsed = StoredCredential::parse(text).map(|credential| credential.to_text());
            let shown = parsed.as_ref().map(|text| text.expose_str().unwrap()).map_err(|error| *error);
            assert_eq!(shown, expected, "{text:?}");
        }
        let both = format!("{ARGON2ID} {{TOKEN}}abc {{PLAIN}}two words");
        check("pencil", Ok("{PLAIN}pencil"));
        check("two words", Ok("{PLAIN}two words"));
        check(" leading", Ok("{PLAIN} leading"));
        check("{PLAIN}$1$password", Ok("{PLAIN}$1$password"));
        check("$dollar", Ok("{PLAIN}$dollar"));
        check("{TOKEN}abc", Ok("{TOKEN}abc"));
        check(ARGON2ID, Ok(ARGON2ID));
        check(&both, Ok(&both));
        check("", Err(CredentialError::Password));
        check("{PLAIN}", Err(CredentialError::Password));
        check("bell\u{7}", Err(CredentialError::Password));
        check("{TOKEN}a,b", Err(CredentialError::Token));
        check("{TOKEN}", Err(CredentialError::Token));
        check("$6$salt$hash", Err(CredentialError::ForeignHash));
        check("{SSHA}x", Err(CredentialError::ForeignHash));
        check("$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$jnUoZlYMqWfqTfbk", Err(CredentialError::ForeignHash));
        check(&format!("{ARGON2ID} pencil"), Err(CredentialError::TrailingText));
        check(
            "$argon2id$v=19$m=64",
            Err(CredentialError::Argon2id("not a PHC string with parameters, salt and hash")),
        );
    }

    #[test]
    fn each_form_serves_what_it_can() {
        fn check(text: &str, expected: &str) {
            let credential = StoredCredential::parse(text).unwrap();
            let served: Vec<String> =
                Mechanism::known().filter(|m| credential.serves(m)).map(|m| m.to_string()).collect();
            assert_eq!(served.join(" "), expected, "{text}");
        }
        let keys = ScramKeys::derive(ScramHash::Sha256, &"pencil".into(), b"saltsaltsalt", 4_096).unwrap();
        check(ARGON2ID, "PLAIN LOGIN");
        check(keys.to_text().expose_str().unwrap(), "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN");
        check("{TOKEN}abc", "OAUTHBEARER XOAUTH2");
        check(
            "pencil",
            "SCRAM-SHA-512-PLUS SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN CRAM-MD5",
        );
    }
}
