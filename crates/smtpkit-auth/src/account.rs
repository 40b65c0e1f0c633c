//! One account as the credential look-up returns it.

use crate::{Identity, SendAs, StoredCredential};

/// An account: its name, what proves it, and what it may do (RFC 4422 §2).
///
/// ```
/// use smtpkit_auth::{Account, SendAs, Secret, StoredCredential};
///
/// let account = Account::new("alice@example.test", StoredCredential::plaintext(Secret::from("pencil"))?)
///     .with_send_as([SendAs::parse("sales@example.test")?])
///     .with_acts_as(["bob@example.test".to_owned()]);
/// assert!(account.identity().may_send_as("sales@example.test"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Account {
    identity: Identity,
    credential: StoredCredential,
    acts_as: Vec<String>,
}

impl Account {
    /// An account that may send and act as itself only.
    pub fn new(name: impl Into<String>, credential: StoredCredential) -> Self {
        Self { identity: Identity::new(name), credential, acts_as: Vec::new() }
    }

    /// Adds reverse-paths that it may use.
    #[must_use]
    pub fn with_send_as(mut self, send_as: impl IntoIterator<Item = SendAs>) -> Self {
        self.identity = self.identity.with_send_as(send_as);
        self
    }

    /// Adds names that it may give as authorization identity.
    #[must_use]
    pub fn with_acts_as(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.acts_as.extend(names);
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.identity.authentication()
    }

    /// What proves it.
    pub fn credential(&self) -> &StoredCredential {
        &self.credential
    }

    /// Who it is when it acts for itself.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Who it is when it asks for this authorization identity; `None` if it may not act so. An empty one is its own.
    pub fn authorize(&self, authorization: Option<&str>) -> Option<Identity> {
        match authorization {
            None | Some("") => Some(self.identity.clone()),
            Some(own) if own.eq_ignore_ascii_case(self.name()) => Some(self.identity.clone()),
            Some(other) => self
                .acts_as
                .iter()
                .find(|name| name.eq_ignore_ascii_case(other))
                .map(|name| self.identity.clone().acting_as(name.clone())),
        }
    }
}
