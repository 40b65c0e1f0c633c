//! What a client proves itself with.

use crate::Secret;

/// A client's credentials. Not formattable: they hold a [`Secret`].
///
/// ```
/// use smtpkit_auth::{Credentials, Secret};
///
/// let alice = Credentials::password("alice@example.test", Secret::from("pencil"));
/// let robot = Credentials::token("robot@example.test", Secret::from("ya29.token")).for_host("smtp.example.test", 587);
/// assert_eq!(alice.user(), Some("alice@example.test"));
/// # let _ = robot;
/// ```
#[derive(Clone)]
pub struct Credentials {
    pub(crate) proof: Proof,
    pub(crate) authorization: Option<String>,
    pub(crate) host: Option<(String, u16)>,
}

/// What is shown to the server.
#[derive(Clone)]
pub(crate) enum Proof {
    Password { user: String, password: Secret },
    Token { user: String, token: Secret },
    External,
    Anonymous { trace: String },
}

/// The kind of proof that a mechanism shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProofKind {
    Password,
    Token,
    External,
    Anonymous,
}

impl Credentials {
    /// A user name and a password: for SCRAM, PLAIN, LOGIN, CRAM-MD5.
    pub fn password(user: impl Into<String>, password: Secret) -> Self {
        Self::new(Proof::Password { user: user.into(), password })
    }

    /// A user name and an OAuth 2.0 bearer token: for OAUTHBEARER, XOAUTH2.
    pub fn token(user: impl Into<String>, token: Secret) -> Self {
        Self::new(Proof::Token { user: user.into(), token })
    }

    /// The client certificate that TLS has already shown: for EXTERNAL.
    ///
    /// ```
    /// use smtpkit_auth::Credentials;
    /// assert_eq!(Credentials::external().acting_as("bob@example.test").user(), None);
    /// ```
    pub fn external() -> Self {
        Self::new(Proof::External)
    }

    /// Nobody, with a trace such as an address (RFC 4505 §2; at most 255 characters): for ANONYMOUS.
    ///
    /// ```
    /// use smtpkit_auth::Credentials;
    /// assert_eq!(Credentials::anonymous("sirhc").user(), None);
    /// ```
    pub fn anonymous(trace: impl Into<String>) -> Self {
        Self::new(Proof::Anonymous { trace: trace.into() })
    }

    /// Asks to act for another: the authorization identity (RFC 4422 §2). LOGIN, CRAM-MD5, XOAUTH2 and ANONYMOUS
    /// cannot say it, and are never chosen for such credentials.
    #[must_use]
    pub fn acting_as(mut self, authorization: impl Into<String>) -> Self {
        self.authorization = Some(authorization.into());
        self
    }

    /// Tells OAUTHBEARER the server's name and port (RFC 7628 §3.1), against tokens passed on by a rogue server.
    #[must_use]
    pub fn for_host(mut self, host: impl Into<String>, port: u16) -> Self {
        self.host = Some((host.into(), port));
        self
    }

    /// The authentication identity, where there is one.
    pub fn user(&self) -> Option<&str> {
        match &self.proof {
            Proof::Password { user, .. } | Proof::Token { user, .. } => Some(user),
            Proof::External | Proof::Anonymous { .. } => None,
        }
    }

    pub(crate) fn kind(&self) -> ProofKind {
        match self.proof {
            Proof::Password { .. } => ProofKind::Password,
            Proof::Token { .. } => ProofKind::Token,
            Proof::External => ProofKind::External,
            Proof::Anonymous { .. } => ProofKind::Anonymous,
        }
    }

    fn new(proof: Proof) -> Self {
        Self { proof, authorization: None, host: None }
    }
}
