//! Access tokens for a client that lives longer than they do: kept until they end, asked for anew when a server refuses
//! one (RFC 6750 §3.1), and then once.

use crate::error::{ErrorKind, Retry, SendError, Stage};
use smtpkit_auth::{AccessToken, Credentials, Secret, TokenCache, TokenSource};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Whose tokens, where they come from, and the last one.
pub(crate) struct Tokens {
    user: String,
    source: Box<dyn TokenSource>,
    cache: Mutex<TokenCache>,
    /// The one that a server refused last.
    refused: Mutex<Option<Secret>>,
}

impl Tokens {
    pub(crate) fn new(user: String, source: Box<dyn TokenSource>) -> Self {
        Self { user, source, cache: Mutex::default(), refused: Mutex::default() }
    }

    fn cache(&self) -> MutexGuard<'_, TokenCache> {
        // Nothing that holds the lock can panic half-way.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self) -> MutexGuard<'_, Option<Secret>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The credentials with a token that is good, as far as one can know.
    pub(crate) async fn credentials(&self) -> Result<Credentials, SendError> {
        let token = self.token().await?;
        Ok(Credentials::token(&self.user, token))
    }

    /// The same after a refusal; `None` if the source gives the refused token again: trying it twice gets nowhere, but
    /// locked out.
    pub(crate) async fn others(&self) -> Result<Option<Credentials>, SendError> {
        let token = self.token().await?;
        let is_refused = self.refused().as_ref().is_some_and(|refused| refused.expose() == token.expose());
        if is_refused {
            self.cache().refused();
            return Ok(None);
        }
        Ok(Some(Credentials::token(&self.user, token)))
    }

    async fn token(&self) -> Result<Secret, SendError> {
        if let Some(token) = self.cache().get(now()) {
            return Ok(token.clone());
        }
        let token: AccessToken = self.source.fetch().await.map_err(|error| {
            let retry = if error.is_temporary() { Retry::Later } else { Retry::Never };
            SendError::new(ErrorKind::Authentication, Stage::Auth, error.to_string()).with_retry(retry)
        })?;
        let secret = token.secret().clone();
        self.cache().store(token);
        Ok(secret)
    }

    /// Forgets the token if the server refused it, and tells whether it did, so that another one may do.
    pub(crate) fn forget_refused(&self, error: &SendError) -> bool {
        let is_refused = error.kind() == ErrorKind::Authentication
            && error.retry() == Retry::Never
            && error.reply().is_some();
        if is_refused {
            let mut cache = self.cache();
            *self.refused() = cache.get(now()).cloned();
            cache.refused();
        }
        is_refused
    }
}

/// The clock that the end of a token is told on.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
