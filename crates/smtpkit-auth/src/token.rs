//! Where an OAuth token comes from, and when the next one is needed.
//!
//! Fetching is the embedding program's ([`TokenSource`]); deciding when to fetch is here ([`TokenCache`]), without a clock.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::Secret;

/// A bearer token and when it ends (RFC 6749 §5.1).
///
/// ```
/// use std::time::Duration;
/// use smtpkit_auth::{AccessToken, Secret};
/// let token = AccessToken::new(Secret::from("ya29.token")).expires_at(Duration::from_secs(3_600));
/// assert_eq!(token.secret().len(), 10);
/// ```
#[derive(Clone)]
pub struct AccessToken {
    secret: Secret,
    expires_at: Option<Duration>,
}

impl AccessToken {
    /// A token without a known end.
    pub fn new(secret: Secret) -> Self {
        Self { secret, expires_at: None }
    }

    /// Sets its end, on the clock that is given to [`TokenCache::get`].
    #[must_use]
    pub fn expires_at(mut self, end: Duration) -> Self {
        self.expires_at = Some(end);
        self
    }

    /// The token.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }
}

/// A place to get tokens from: a command, a token endpoint, a key ring.
///
/// ```
/// use smtpkit_auth::{AccessToken, Secret, TokenFuture, TokenSource};
///
/// struct Fixed;
/// impl TokenSource for Fixed {
///     fn fetch(&self) -> TokenFuture<'_> {
///         Box::pin(async { Ok(AccessToken::new(Secret::from("ya29.token"))) })
///     }
/// }
/// ```
pub trait TokenSource: Send + Sync {
    /// Gets a fresh token. It is called only when the last one has ended or was refused.
    fn fetch(&self) -> TokenFuture<'_>;
}

/// A token on its way.
pub type TokenFuture<'a> = Pin<Box<dyn Future<Output = Result<AccessToken, TokenError>> + Send + 'a>>;

/// No token could be had. The text is the source's; it must not hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no access token: {reason}")]
pub struct TokenError {
    reason: String,
    temporary: bool,
}

impl TokenError {
    /// A failure that may pass: the network, a busy server.
    ///
    /// ```
    /// assert!(smtpkit_auth::TokenError::temporary("token endpoint is unreachable").is_temporary());
    /// ```
    pub fn temporary(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), temporary: true }
    }

    /// A failure that needs a human: consent was withdrawn, the command does not exist.
    ///
    /// ```
    /// assert!(!smtpkit_auth::TokenError::permanent("consent was withdrawn").is_temporary());
    /// ```
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), temporary: false }
    }

    /// Whether another try can help.
    pub fn is_temporary(&self) -> bool {
        self.temporary
    }
}

/// The last token, for as long as it is good.
///
/// ```
/// use std::time::Duration;
/// use smtpkit_auth::{AccessToken, Secret, TokenCache};
///
/// let mut cache = TokenCache::default();
/// assert!(cache.get(Duration::ZERO).is_none(), "fetch one and store it");
/// cache.store(AccessToken::new(Secret::from("ya29.token")).expires_at(Duration::from_secs(3_600)));
/// assert!(cache.get(Duration::from_secs(3_539)).is_some());
/// assert!(cache.get(Duration::from_secs(3_540)).is_none(), "too close to its end");
/// ```
#[derive(Clone, Default)]
pub struct TokenCache(Option<AccessToken>);

impl TokenCache {
    /// How long before its end a token is replaced: an exchange takes time, and clocks differ.
    pub const MARGIN: Duration = Duration::from_secs(60);

    /// The token, unless there is none or it is about to end.
    pub fn get(&self, now: Duration) -> Option<&Secret> {
        self.0
            .as_ref()
            .filter(|token| token.expires_at.is_none_or(|end| now.saturating_add(Self::MARGIN) < end))
            .map(AccessToken::secret)
    }

    /// Keeps a token that was just fetched.
    pub fn store(&mut self, token: AccessToken) {
        self.0 = Some(token);
    }

    /// Forgets the token, because a server refused it. Fetch once more and try again; if that is refused, too, give up.
    pub fn refused(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_token_is_never_given_again() {
        let mut cache = TokenCache::default();
        cache.store(AccessToken::new(Secret::from("a")));
        assert!(cache.get(Duration::MAX).is_some(), "no known end");
        cache.refused();
        assert!(cache.get(Duration::ZERO).is_none());
    }
}
