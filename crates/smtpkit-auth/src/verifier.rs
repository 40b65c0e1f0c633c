//! Credential look-up: the one trait through which this crate asks the world about users.
//!
//! The exchange asks a [`Query`], the driver awaits the [`Verifier`], the exchange judges the [`Answer`]. A verifier
//! looks up and never compares passwords, so it cannot get the comparison wrong; only tokens, which nobody but
//! their issuer understands, are judged by it. Whoever says nothing refuses: every default answer is "unknown".

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::{Account, Channel, Decoy, Identity, Mechanism, Secret};

/// What the exchange wants to know.
#[derive(Clone)]
#[non_exhaustive]
pub enum Query {
    /// Whose credential is this? Answer with an [`Account`].
    Password {
        /// The authentication identity, SASLprepared.
        name: String,
    },
    /// Is this bearer token good, and whose is it? Answer with an [`Identity`].
    Token {
        /// Whose token the client says it is.
        name: Option<String>,
        /// The token.
        token: Secret,
    },
    /// Whose client certificate is this? Answer with an [`Identity`].
    External {
        /// The names of the verified certificate, never empty.
        names: Vec<String>,
        /// For whom the client wants to act.
        authorization: Option<String>,
    },
    /// May anybody come in? Answer with an [`Identity`].
    Anonymous {
        /// What the client says about itself; believe nothing.
        trace: String,
    },
}

impl Query {
    /// The name that the client claims, for the log.
    pub fn claimed_name(&self) -> Option<&str> {
        match self {
            Self::Password { name } => Some(name),
            Self::Token { name, .. } => name.as_deref(),
            Self::External { names, authorization } => {
                authorization.as_deref().or_else(|| names.first().map(String::as_str))
            }
            Self::Anonymous { trace } => Some(trace),
        }
    }
}

/// What the verifier knows.
#[derive(Clone)]
#[non_exhaustive]
pub enum Answer {
    /// The account, with the credential to check.
    Account(Account),
    /// The identity, already proven.
    Identity(Identity),
    /// No such user, or a refusal.
    Unknown,
    /// The look-up failed for the moment; the client is told to try again (454).
    TemporaryFailure,
}

/// Credential look-up, implemented by the embedding program.
///
/// ```
/// use std::sync::Arc;
/// use smtpkit_auth::{Account, Answer, Decoy, Mechanism, Query, Secret, StoredCredential, Verifier};
///
/// struct OneUser(Arc<Decoy>);
///
/// impl Verifier for OneUser {
///     fn mechanisms(&self) -> Vec<Mechanism> {
///         vec![Mechanism::SCRAM_SHA_256, Mechanism::PLAIN]
///     }
///     fn decoy(&self) -> Arc<Decoy> {
///         self.0.clone()
///     }
///     async fn look_up(&self, query: Query) -> Answer {
///         match query {
///             Query::Password { name } if name == "alice" => match StoredCredential::plaintext(Secret::from("pencil")) {
///                 Ok(credential) => Answer::Account(Account::new(name, credential)),
///                 Err(_) => Answer::TemporaryFailure,
///             },
///             _ => Answer::Unknown,
///         }
///     }
/// }
/// ```
pub trait Verifier: Send + Sync + 'static {
    /// The mechanisms that it can serve for every one of its users.
    fn mechanisms(&self) -> Vec<Mechanism>;

    /// What an unknown user costs and looks like; the same at every call.
    fn decoy(&self) -> Arc<Decoy>;

    /// Looks up who is asked for.
    fn look_up(&self, query: Query) -> impl Future<Output = Answer> + Send;
}

/// A look-up in progress, boxed.
pub type LookUpFuture<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// The object-safe twin of [`Verifier`], implemented for every one of them. `Arc<dyn DynVerifier>` is a [`Verifier`] again.
///
/// ```
/// use std::sync::Arc;
/// use smtpkit_auth::{DynVerifier, Secret, Users, Verifier};
///
/// let verifier: Arc<dyn DynVerifier> = Arc::new(Users::new(Secret::new([7; 32])));
/// assert!(verifier.mechanisms().is_empty(), "no user, no mechanism");
/// ```
pub trait DynVerifier: Send + Sync + 'static {
    /// As [`Verifier::mechanisms`].
    fn mechanisms_dyn(&self) -> Vec<Mechanism>;
    /// As [`Verifier::decoy`].
    fn decoy_dyn(&self) -> Arc<Decoy>;
    /// As [`Verifier::look_up`].
    fn look_up_dyn(&self, query: Query) -> LookUpFuture<'_>;
}

impl<V: Verifier> DynVerifier for V {
    fn mechanisms_dyn(&self) -> Vec<Mechanism> {
        self.mechanisms()
    }

    fn decoy_dyn(&self) -> Arc<Decoy> {
        self.decoy()
    }

    fn look_up_dyn(&self, query: Query) -> LookUpFuture<'_> {
        Box::pin(self.look_up(query))
    }
}

impl Verifier for dyn DynVerifier {
    fn mechanisms(&self) -> Vec<Mechanism> {
        self.mechanisms_dyn()
    }

    fn decoy(&self) -> Arc<Decoy> {
        self.decoy_dyn()
    }

    fn look_up(&self, query: Query) -> impl Future<Output = Answer> + Send {
        self.look_up_dyn(query)
    }
}

impl<V: Verifier + ?Sized> Verifier for Arc<V> {
    fn mechanisms(&self) -> Vec<Mechanism> {
        V::mechanisms(self)
    }

    fn decoy(&self) -> Arc<Decoy> {
        V::decoy(self)
    }

    fn look_up(&self, query: Query) -> impl Future<Output = Answer> + Send {
        V::look_up(self, query)
    }
}

/// Whether AUTH is offered on a connection without TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it is or it is not")]
pub enum InsecureAuth {
    /// Nothing is offered without TLS.
    #[default]
    Refused,
    /// The operator wants it for this listener, passwords in clear included.
    Allowed,
}

/// What to offer in the EHLO reply (RFC 4954 §3), strongest first: what the verifier can serve and this channel can
/// carry. Without TLS that is nothing unless the operator says so; `-PLUS` forms need binding data. Drop EXTERNAL from it
/// when the client showed no certificate.
///
/// ```
/// use smtpkit_auth::{Account, Channel, InsecureAuth, Secret, StoredCredential, Users, offer};
///
/// let mut users = Users::new(Secret::new([7; 32]));
/// users.insert(Account::new("alice@example.test", StoredCredential::plaintext(Secret::from("pencil"))?))?;
/// assert!(offer(&users, &Channel::Plaintext, InsecureAuth::Refused).is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn offer(
    verifier: &(impl Verifier + ?Sized),
    channel: &Channel,
    insecure: InsecureAuth,
) -> Vec<Mechanism> {
    if !channel.is_tls() && insecure == InsecureAuth::Refused {
        return Vec::new();
    }
    let served = verifier.mechanisms();
    Mechanism::known()
        .filter(|mechanism| served.contains(mechanism))
        .filter(|mechanism| !mechanism.needs_channel_binding() || channel.can_bind())
        .collect()
}
