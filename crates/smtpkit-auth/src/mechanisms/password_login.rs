//! What PLAIN and LOGIN have in common at the server: a name and a password, to be looked up and checked.

use std::sync::Arc;

use crate::server::ServerStep;
use crate::work::{Outcome, Work, Worked};
use crate::{Account, Answer, Decoy, Failure, Identity, Query, Secret, saslprep};

/// A presented name and password on their way to a verdict.
pub(super) struct PasswordLogin {
    authorization: Option<String>,
    password: Secret,
    granted: Option<Identity>,
}

impl PasswordLogin {
    /// Asks for the account; the name is prepared here.
    pub(super) fn open(
        name: &[u8],
        authorization: Option<String>,
        password: &[u8],
    ) -> Result<(Self, ServerStep), Failure> {
        let name =
            core::str::from_utf8(name).map_err(|_| Failure::Malformed("the user name is not UTF-8"))?;
        let name = saslprep::name(name)
            .ok_or(Failure::Malformed("the user name is empty or has a character that is not allowed"))?;
        if password.is_empty() {
            return Err(Failure::Malformed("the password is empty"));
        }
        let login = Self { authorization, password: password.into(), granted: None };
        Ok((login, ServerStep::LookUp(Query::Password { name })))
    }

    /// The check is the same work whether the account exists, and whether it may act for the other.
    pub(super) fn answer(&mut self, answer: Answer, decoy: &Arc<Decoy>) -> ServerStep {
        let account: Option<Account> = match answer {
            Answer::Account(account) => Some(account),
            Answer::Unknown => None,
            Answer::Identity(_) | Answer::TemporaryFailure => return ServerStep::Failed(Failure::Misuse),
        };
        self.granted = account.as_ref().and_then(|account| account.authorize(self.authorization.as_deref()));
        let stored = account.map(|account| account.credential().clone());
        ServerStep::Work(Work::check(self.password.clone(), stored, Arc::clone(decoy)))
    }

    pub(super) fn worked(&mut self, worked: Worked) -> ServerStep {
        match (worked.0, self.granted.take()) {
            (Outcome::Checked(Some(true)), Some(identity)) => ServerStep::Done(identity),
            (Outcome::Checked(Some(_)), _) => ServerStep::Failed(Failure::Credentials),
            (Outcome::Checked(None), _) => ServerStep::Failed(Failure::Temporary),
            (Outcome::Derived(_), _) => ServerStep::Failed(Failure::Misuse),
        }
    }
}
