//! What an unknown user costs and looks like: the same as a known one.
//!
//! Without it, time and SCRAM salts would tell which names exist. Three rules:
//! a password check costs at least the decoy's cost, whoever the user is; the salt that is shown for a user without
//! stored SCRAM keys is derived from the name and a secret of the server, so that it is the same at every attempt;
//! and if keys must be derived from plaintext passwords for some users, then they are derived for all.

use std::sync::Arc;

use crate::{HashCost, ScramHash, ScramKeys, Secret};

/// What stands in for a user who does not exist.
///
/// ```
/// use smtpkit_auth::{Decoy, DecoyCost, HashCost, Secret};
///
/// # let random = [7; 32];
/// let decoy = Decoy::new(Secret::new(random)).with_cost(DecoyCost::Argon2id(HashCost::default()));
/// # let _ = decoy;
/// ```
#[derive(Clone)]
pub struct Decoy {
    secret: Secret,
    cost: DecoyCost,
    scram_iterations: u32,
    derives_scram_keys: bool,
}

/// The least that a password check costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecoyCost {
    /// A comparison: every stored password is plain text.
    Plaintext,
    /// PBKDF2 with this hash and so many iterations.
    Scram(ScramHash, u32),
    /// Argon2id.
    Argon2id(HashCost),
}

impl DecoyCost {
    /// Orders kinds of cost: nothing, iterations, memory.
    pub(crate) fn kind(self) -> u8 {
        match self {
            Self::Plaintext => 0,
            Self::Scram(..) => 1,
            Self::Argon2id(_) => 2,
        }
    }

    /// Orders costs: by kind, then by amount.
    pub(crate) fn weight(self) -> (u8, u64) {
        let amount = match self {
            Self::Plaintext => 0,
            Self::Scram(_, iterations) => u64::from(iterations),
            Self::Argon2id(cost) => cost.weight(),
        };
        (self.kind(), amount)
    }
}

impl Decoy {
    /// A decoy with the cost of a default argon2id hash. The secret is random, per server, and may change at a restart.
    pub fn new(server_secret: Secret) -> Self {
        Self {
            secret: server_secret,
            cost: DecoyCost::Argon2id(HashCost::default()),
            scram_iterations: ScramKeys::ITERATIONS,
            derives_scram_keys: false,
        }
    }

    /// Sets what a password check costs at least: the cost of the dearest stored password.
    #[must_use]
    pub fn with_cost(mut self, cost: DecoyCost) -> Self {
        self.cost = cost;
        self
    }

    /// Sets the iteration count that SCRAM shows for users without stored keys: that of the stored keys. Values outside
    /// [`ScramKeys::ITERATIONS_MIN`] to [`ScramKeys::ITERATIONS_MAX`] are moved to the nearer end.
    #[must_use]
    pub fn with_scram_iterations(mut self, iterations: u32) -> Self {
        self.scram_iterations = iterations.clamp(ScramKeys::ITERATIONS_MIN, ScramKeys::ITERATIONS_MAX);
        self
    }

    /// Derives SCRAM keys at every attempt: some passwords are stored as plain text.
    #[must_use]
    pub fn deriving_scram_keys(mut self) -> Self {
        self.derives_scram_keys = true;
        self
    }

    /// For a [`Verifier`](crate::Verifier), which hands it out shared.
    pub fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }

    pub(crate) fn cost(&self) -> DecoyCost {
        self.cost
    }

    pub(crate) fn scram_iterations(&self) -> u32 {
        self.scram_iterations
    }

    pub(crate) fn derives_scram_keys(&self) -> bool {
        self.derives_scram_keys
    }

    /// The salt to show for a name without stored keys.
    pub(crate) fn salt(&self, hash: ScramHash, name: &str) -> Vec<u8> {
        let mut salt = self.derive(b"salt", hash, name).expose().to_vec();
        salt.truncate(ScramKeys::SALT_OCTETS);
        salt
    }

    /// A password that nobody knows.
    pub(crate) fn password(&self, hash: ScramHash, name: &str) -> Secret {
        let octets = self.derive(b"password", hash, name);
        Secret::from(octets.expose().iter().map(|octet| char::from(b'a' + octet % 26)).collect::<String>())
    }

    /// Case is folded, as the look-up folds it: a salt that stayed the same for `bob` and `BOB` would tell that Bob exists.
    fn derive(&self, purpose: &[u8], hash: ScramHash, name: &str) -> Secret {
        let name = name.to_ascii_lowercase();
        let parts = [purpose, b"\0", hash.name().as_bytes(), b"\0", name.as_bytes()];
        ScramHash::Sha256.hmac(self.secret.expose(), &parts)
    }
}
