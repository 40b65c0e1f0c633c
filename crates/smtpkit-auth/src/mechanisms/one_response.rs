//! The client half of every mechanism that is one response and nothing else: PLAIN, EXTERNAL, ANONYMOUS.

use crate::client::ClientHalf;
use crate::{AuthError, Secret};

/// Gives its response once; every challenge is one too many.
pub(super) struct OneResponse(Option<Secret>);

impl OneResponse {
    pub(super) fn boxed(response: Secret) -> Box<dyn ClientHalf> {
        Box::new(Self(Some(response)))
    }
}

impl ClientHalf for OneResponse {
    fn initial(&mut self) -> Option<Secret> {
        self.0.take()
    }

    fn step(&mut self, _challenge: &[u8]) -> Result<Secret, AuthError> {
        Err(AuthError::UnexpectedChallenge)
    }

    fn finish(&self) -> Result<(), AuthError> {
        Ok(())
    }
}
