//! A table of users in memory, and the file that it is read from.
//!
//! ```text
//! # one a line: ADDRESS:PASSWORD-or-hash; blank lines and lines that begin with # are skipped
//! alice@example.test:$argon2id$v=19$m=19456,t=2,p=1$…
//! bob@example.test:correct horse battery staple
//! ```
//!
//! The name is the full address; everything after the first colon is the credential, as it is. Names differ by more than ASCII case.
//! Errors give the line and never its content.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::credentials::ProofKind;
use crate::{
    Account, Answer, CredentialError, Decoy, Identity, Mechanism, Query, ScramHash, Secret, StoredCredential,
    Verifier, mechanisms, saslprep,
};

/// Accounts in memory: a [`Verifier`] that needs no database.
///
/// ```
/// use smtpkit_auth::{Secret, Users, Verifier};
///
/// # let random = [7; 32];
/// let users = Users::parse("alice@example.test:pencil\n", Secret::new(random))?;
/// assert_eq!(users.names().collect::<Vec<_>>(), ["alice@example.test"]);
/// assert!(users.mechanisms().contains(&smtpkit_auth::Mechanism::SCRAM_SHA_256));
///
/// let error = Users::parse("alice@example.test:pencil\nbob:secret\n", Secret::new(random)).err();
/// assert_eq!(error.map(|error| error.to_string()).as_deref(), Some("line 2: the name is not an address"));
/// # Ok::<(), smtpkit_auth::UsersError>(())
/// ```
#[derive(Clone)]
pub struct Users {
    accounts: BTreeMap<String, Account>,
    server_secret: Secret,
    decoy: Arc<Decoy>,
    cram_md5: bool,
    anonymous: Option<Identity>,
}

impl Users {
    /// An empty table. The secret is random and hides which users exist; see [`Decoy`].
    pub fn new(server_secret: Secret) -> Self {
        let decoy = Decoy::new(server_secret.clone()).shared();
        Self { accounts: BTreeMap::new(), server_secret, decoy, cram_md5: false, anonymous: None }
    }

    /// Reads a user file.
    ///
    /// # Errors
    /// [`UsersError`] with the number of the first bad line.
    pub fn parse(text: &str, server_secret: Secret) -> Result<Self, UsersError> {
        let mut users = Self::new(server_secret);
        users.extend_parse(text)?;
        Ok(users)
    }

    /// Adds what a user file says; nothing is added if there is an error.
    ///
    /// # Errors
    /// [`UsersError`] with the number of the first bad line.
    pub fn extend_parse(&mut self, text: &str) -> Result<(), UsersError> {
        let mut accounts = self.accounts.clone();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let at = |problem| UsersError { line: index + 1, problem };
            let account = parse_line(line).map_err(at)?;
            if accounts.insert(key(account.name()), account).is_some() {
                return Err(at(UsersProblem::Duplicate));
            }
        }
        self.accounts = accounts;
        self.refresh_decoy();
        Ok(())
    }

    /// Adds one account.
    ///
    /// # Errors
    /// [`DuplicateUser`] if the name is taken; the table keeps the old one.
    ///
    /// ```
    /// use smtpkit_auth::{Account, Secret, StoredCredential, Users};
    ///
    /// let mut users = Users::new(Secret::new([7; 32]));
    /// let pencil = StoredCredential::plaintext(Secret::from("pencil"))?;
    /// users.insert(Account::new("alice@example.test", pencil.clone()))?;
    /// assert!(users.insert(Account::new("ALICE@example.test", pencil)).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn insert(&mut self, account: Account) -> Result<(), DuplicateUser> {
        let key = key(account.name());
        if self.accounts.contains_key(&key) {
            return Err(DuplicateUser);
        }
        self.accounts.insert(key, account);
        self.refresh_decoy();
        Ok(())
    }

    /// Serves CRAM-MD5, too, if every password is stored in plain text.
    #[must_use]
    pub fn with_cram_md5(mut self) -> Self {
        self.cram_md5 = true;
        self
    }

    /// Serves ANONYMOUS, and says who the nobody is.
    #[must_use]
    pub fn with_anonymous(mut self, identity: Identity) -> Self {
        self.anonymous = Some(identity);
        self
    }

    /// The account of a name; ASCII case does not matter.
    pub fn get(&self, name: &str) -> Option<&Account> {
        self.accounts.get(&key(name))
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.accounts.values().map(Account::name)
    }

    /// The number of accounts.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether there is no account.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// A client picks the strongest mechanism on offer and does not fall back, so a password mechanism is served only
    /// if it works for every account that has a password.
    fn serves(&self, mechanism: &Mechanism) -> bool {
        let credentials = || self.accounts.values().map(Account::credential);
        let any = || credentials().any(|credential| credential.serves(mechanism));
        match mechanisms::row(mechanism).map(|row| row.proof) {
            Some(ProofKind::Password) if *mechanism == Mechanism::CRAM_MD5 && !self.cram_md5 => false,
            Some(ProofKind::Password) => {
                any()
                    && credentials()
                        .filter(|c| c.has_password())
                        .all(|credential| credential.serves(mechanism))
            }
            Some(ProofKind::Token) => any(),
            Some(ProofKind::External) => !self.accounts.is_empty(),
            Some(ProofKind::Anonymous) => self.anonymous.is_some(),
            None => false,
        }
    }

    /// Makes nobody cost and look like the dearest account.
    fn refresh_decoy(&mut self) {
        let credentials =
            || self.accounts.values().map(Account::credential).filter(|credential| credential.has_password());
        let mut decoy = Decoy::new(self.server_secret.clone());
        if let Some(cost) = credentials().map(StoredCredential::check_cost).max_by_key(|cost| cost.weight()) {
            decoy = decoy.with_cost(cost);
        }
        let keys = credentials()
            .find_map(|credential| ScramHash::ALL.into_iter().find_map(|hash| credential.scram_keys(hash)));
        if let Some(keys) = keys {
            decoy = decoy.with_scram_iterations(keys.iterations());
        }
        if credentials().any(|credential| credential.plaintext_password().is_some()) {
            decoy = decoy.deriving_scram_keys();
        }
        self.decoy = decoy.shared();
    }

    fn find(&self, query: &Query) -> Option<Answer> {
        match query {
            Query::Password { name } => self.get(name).cloned().map(Answer::Account),
            Query::Token { name: Some(name), token } => {
                self.get(name).filter(|account| account.credential().has_token(token)).map(identity_of)
            }
            Query::Token { name: None, token } => {
                let owner = |account: &&Account| account.credential().has_token(token);
                self.accounts.values().find(owner).map(identity_of)
            }
            Query::External { names, authorization } => {
                let account = names.iter().find_map(|name| self.get(name))?;
                account.authorize(authorization.as_deref()).map(Answer::Identity)
            }
            Query::Anonymous { .. } => self.anonymous.clone().map(Answer::Identity),
        }
    }
}

fn identity_of(account: &Account) -> Answer {
    Answer::Identity(account.identity().clone())
}

impl Verifier for Users {
    fn mechanisms(&self) -> Vec<Mechanism> {
        Mechanism::known().filter(|mechanism| self.serves(mechanism)).collect()
    }

    fn decoy(&self) -> Arc<Decoy> {
        Arc::clone(&self.decoy)
    }

    fn look_up(&self, query: Query) -> impl Future<Output = Answer> + Send {
        core::future::ready(self.find(&query).unwrap_or(Answer::Unknown))
    }
}

/// Names are kept by their prepared, lower-case form.
fn key(name: &str) -> String {
    saslprep::name(name).unwrap_or_else(|| name.to_owned()).to_ascii_lowercase()
}

fn parse_line(line: &str) -> Result<Account, UsersProblem> {
    let (name, credential) = line.split_once(':').ok_or(UsersProblem::NoColon)?;
    let name = name.trim();
    let is_address = name
        .rsplit_once('@')
        .is_some_and(|(local_part, domain)| !local_part.is_empty() && !domain.is_empty());
    if !is_address || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(UsersProblem::NotAnAddress);
    }
    let name = saslprep::name(name).ok_or(UsersProblem::NotAnAddress)?;
    let credential = StoredCredential::parse(credential).map_err(UsersProblem::Credential)?;
    Ok(Account::new(name, credential))
}

/// A line of a user file that cannot be used. It never repeats the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct UsersError {
    line: usize,
    problem: UsersProblem,
}

impl UsersError {
    /// The number of the line; the first is 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// What is wrong with it.
    pub fn problem(&self) -> UsersProblem {
        self.problem
    }
}

/// What is wrong with a line of a user file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsersProblem {
    /// There is no colon.
    #[error("expected ADDRESS:PASSWORD")]
    NoColon,
    /// What stands before the colon is not an address.
    #[error("the name is not an address")]
    NotAnAddress,
    /// The name stands on an earlier line, too.
    #[error("duplicate user")]
    Duplicate,
    /// The credential cannot be used.
    #[error("{0}")]
    Credential(CredentialError),
}

/// An account of this name exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("duplicate user")]
pub struct DuplicateUser;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::block_on;

    fn users(text: &str) -> Result<Users, UsersError> {
        Users::parse(text, Secret::from("server secret"))
    }

    #[test]
    fn file_is_read_line_by_line() {
        fn check(text: &str, expected: Result<&str, &str>) {
            let names = users(text)
                .map(|users| users.names().collect::<Vec<_>>().join(" "))
                .map_err(|error| error.to_string());
            assert_eq!(names.as_deref().map_err(String::as_str), expected, "{text:?}");
        }
        check("", Ok(""));
        check("# comment\n\n  \r\na@x.test:p\r\nb@x.test: p:q # not a comment\n", Ok("a@x.test b@x.test"));
        check("a@x.test", Err("line 1: expected ADDRESS:PASSWORD"));
        check("\n\na:p", Err("line 3: the name is not an address"));
        check("a b@x.test:p", Err("line 1: the name is not an address"));
        check("@x.test:p", Err("line 1: the name is not an address"));
        check("a@x.test:p\nA@X.test:q", Err("line 2: duplicate user"));
        check(
            "a@x.test:",
            Err("line 1: the password is empty or has a character that cannot be used in a password"),
        );
        check(
            "a@x.test:$1$hunter2",
            Err(
                "line 1: this looks like a hash that is not supported; if it is a password, write {PLAIN} before it",
            ),
        );
    }

    #[test]
    fn nothing_is_added_by_a_bad_file() {
        let mut table = users("a@x.test:p").unwrap();
        assert!(table.extend_parse("b@x.test:p\nbad").is_err());
        assert_eq!((table.len(), table.is_empty()), (1, false));
    }

    #[test]
    fn only_what_works_for_everybody_is_served() {
        fn check(text: &str, expected: &str) {
            let served: Vec<String> =
                users(text).unwrap().mechanisms().iter().map(Mechanism::to_string).collect();
            assert_eq!(served.join(" "), expected, "{text}");
        }
        let argon2id =
            "b@x.test:$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$jnUoZlYMqWfqTfbkGBYRFUQVpnMXdwmsxK8xV0fQiFs";
        check("", "");
        check(
            "a@x.test:p",
            "SCRAM-SHA-512-PLUS SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS EXTERNAL SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN",
        );
        check(argon2id, "EXTERNAL PLAIN LOGIN");
        check(&format!("a@x.test:p\n{argon2id}"), "EXTERNAL PLAIN LOGIN");
        check(&format!("{argon2id}\nc@x.test:{{TOKEN}}t"), "EXTERNAL OAUTHBEARER XOAUTH2 PLAIN LOGIN");
        let all = users("a@x.test:p")
            .unwrap()
            .with_cram_md5()
            .with_anonymous(Identity::new("anonymous"))
            .mechanisms();
        assert!(all.contains(&Mechanism::CRAM_MD5) && all.contains(&Mechanism::ANONYMOUS));
    }

    #[test]
    fn look_ups_find_their_own_and_nobody_else() {
        let table = users("a@x.test:{TOKEN}t {PLAIN}p\nb@x.test:q").unwrap();
        let unknown = |query| matches!(block_on(table.look_up(query)), Answer::Unknown);
        let whose = |query| match block_on(table.look_up(query)) {
            Answer::Identity(identity) => identity.authentication().to_owned(),
            Answer::Account(account) => account.name().to_owned(),
            Answer::Unknown | Answer::TemporaryFailure => String::new(),
        };
        assert_eq!(whose(Query::Password { name: "A@X.TEST".to_owned() }), "a@x.test");
        assert_eq!(whose(Query::Token { name: None, token: "t".into() }), "a@x.test");
        assert_eq!(whose(Query::Token { name: Some("a@x.test".to_owned()), token: "t".into() }), "a@x.test");
        assert!(unknown(Query::Token { name: Some("b@x.test".to_owned()), token: "t".into() }));
        assert!(unknown(Query::Token { name: None, token: "p".into() }));
        let names = vec!["cn".to_owned(), "b@x.test".to_owned()];
        assert_eq!(whose(Query::External { names: names.clone(), authorization: None }), "b@x.test");
        assert!(unknown(Query::External { names, authorization: Some("a@x.test".to_owned()) }));
        assert!(unknown(Query::Anonymous { trace: String::new() }));
    }
}
