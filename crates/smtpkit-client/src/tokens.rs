//! Access tokens for a client that lives longer than they do: kept until they end, asked for anew when a server refuses
//! one (RFC 6750 §3.1), and then once.

use crate::error::{ErrorKind, Retry, SendError, Stage};
use smtpkit_auth::{AccessToken, Credentials, TokenCache, TokenSource};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Whose tokens, where they come from, and the last one.
pub(crate) struct Tokens {
    user: String,
    source: Box<dyn TokenSource>,
    cache: Mutex<TokenCache>,
}

impl Tokens {
    pub(crate) fn new(user: String, source: Box<dyn TokenSource>) -> Self {
        Self { user, source, cache: Mutex::default() }
    }

    fn cache(&self) -> MutexGuard<'_, TokenCache> {
        // Nothing that holds the lock can panic half-way.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The credentials with a token that is good, as far as one can know.
    pub(crate) async fn credentials(&self) -> Result<Credentials, SendError> {
        if let Some(token) = self.cache().get(now()) {
            return Ok(Credentials::token(&self.user, token.clone()));
        }
        let token: AccessToken = self.source.fetch().await.map_err(|error| {
            let retry = if error.is_temporary() { Retry::Later } else { Retry::Never };
            SendError::new(ErrorKind::Authentication, Stage::Auth, error.to_string()).with_retry(retry)
        })?;
        let credentials = Credentials::token(&self.user, token.secret().clone());
        self.cache().store(token);
        Ok(credentials)
    }

    /// Forgets the token if the server refused it, and tells whether it did, so that another one may do.
    pub(crate) fn forget_refused(&self, error: &SendError) -> bool {
        let is_refused = error.kind() == ErrorKind::Authentication
            && error.retry() == Retry::Never
            && error.reply().is_some();
        if is_refused {
            self.cache().refused();
        }
        is_refused
    }
}

/// The clock that the end of a token is told on.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
