//! The computations that take long enough to disturb an async runtime.
//!
//! A server half hands them out instead of doing them, so that the driver decides where they run. What they cost does
//! not depend on whether the user exists; see [`Decoy`](crate::Decoy).

use std::sync::Arc;

use crate::decoy::{Decoy, DecoyCost};
use crate::{HashCost, ScramHash, ScramKeys, Secret, StoredCredential, saslprep};

/// A computation for the driver to run: a password check or a derivation of SCRAM keys.
///
/// ```
/// # use smtpkit_auth::{ServerExchange, ServerStep, Work};
/// # fn on_a_blocking_thread<T>(f: impl FnOnce() -> T) -> T { f() }
/// fn proceed(exchange: &mut ServerExchange, work: Work) -> ServerStep {
///     let done = if work.is_expensive() { on_a_blocking_thread(|| work.run()) } else { work.run() };
///     exchange.worked(done)
/// }
/// ```
#[must_use = "the exchange waits for its result"]
pub struct Work(Task);

/// What came out of a [`Work`], to be handed back to its exchange.
#[must_use = "the exchange waits for it"]
pub struct Worked(pub(crate) Outcome);

enum Task {
    Check { presented: Secret, stored: Option<StoredCredential>, decoy: Arc<Decoy> },
    Derive { hash: ScramHash, password: Secret, salt: Vec<u8>, iterations: u32 },
}

/// `None`: there was not enough memory.
pub(crate) enum Outcome {
    Checked(Option<bool>),
    Derived(Option<ScramKeys>),
}

impl Work {
    /// The check of a presented password; without a stored one it costs the same and fails.
    pub(crate) fn check(presented: Secret, stored: Option<StoredCredential>, decoy: Arc<Decoy>) -> Self {
        Self(Task::Check { presented, stored, decoy })
    }

    /// The derivation of SCRAM keys from a password.
    pub(crate) fn derive(hash: ScramHash, password: Secret, salt: Vec<u8>, iterations: u32) -> Self {
        Self(Task::Derive { hash, password, salt, iterations })
    }

    /// Whether it takes about a millisecond or more, so that it belongs on a blocking thread.
    pub fn is_expensive(&self) -> bool {
        match &self.0 {
            Task::Check { stored, decoy, .. } => {
                decoy.cost() != DecoyCost::Plaintext
                    || stored.as_ref().is_some_and(|stored| stored.check_cost() != DecoyCost::Plaintext)
            }
            Task::Derive { .. } => true,
        }
    }

    /// Runs it, on this thread.
    pub fn run(self) -> Worked {
        Worked(match self.0 {
            Task::Check { presented, stored, decoy } => {
                Outcome::Checked(check(&presented, stored.as_ref(), decoy.cost()))
            }
            Task::Derive { hash, password, salt, iterations } => {
                Outcome::Derived(ScramKeys::derive(hash, &password, &salt, iterations).ok())
            }
        })
    }
}

fn check(presented: &Secret, stored: Option<&StoredCredential>, least: DecoyCost) -> Option<bool> {
    // a password that SASLprep refuses was never stored; it still costs what others cost
    let prepared = saslprep::password(presented);
    let password = prepared.as_ref().unwrap_or(presented);
    let stored = stored.filter(|stored| stored.has_password());
    let matches = stored.map_or(Some(false), |stored| stored.matches_prepared(password))?;
    let spent = stored.map(|stored| stored.check_cost().kind());
    if spent < Some(least.kind()) {
        spend(password, least);
    }
    Some(matches && prepared.is_some())
}

/// Does what a check of this cost does, and forgets the result.
fn spend(password: &Secret, cost: DecoyCost) {
    let salt = [0x5a; HashCost::SALT_OCTETS];
    match cost {
        DecoyCost::Plaintext => {}
        DecoyCost::Scram(hash, iterations) => {
            drop(std::hint::black_box(hash.salted_password(password, &salt, iterations)))
        }
        DecoyCost::Argon2id(cost) => drop(std::hint::black_box(cost.hash(password, &salt))),
    }
}
