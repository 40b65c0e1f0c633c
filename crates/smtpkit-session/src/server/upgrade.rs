//! STARTTLS: the machine is consumed, and its plaintext with it (RFC 3207 §4.2).
//!
//! What was said before the handshake could have been said by anybody. So nothing of it goes on: not the EHLO name,
//! not an identity, not a transaction, and above all no octet of input. A machine with octets left refuses to go on.

use alloc::sync::Arc;

use super::config::{Channel, ServerConfig};
use super::machine::Server;
use super::patience::Patience;
use super::state::{Activity, Phase};
use crate::wire::Tick;

/// Why a session cannot go on inside TLS. The connection has to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fatal {
    /// Plaintext came behind STARTTLS: an injection, or a broken client.
    PlaintextLeft {
        /// How many octets.
        octets: usize,
    },
    /// The caller's mistake: no STARTTLS was accepted, or its reply is not written yet.
    NotReady,
}

impl core::fmt::Display for Fatal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::PlaintextLeft { octets } => write!(f, "{octets} octets of plaintext behind STARTTLS"),
            Self::NotReady => f.write_str("no STARTTLS is agreed"),
        }
    }
}

impl core::error::Error for Fatal {}

/// A session between the reply to STARTTLS and the end of the handshake.
#[derive(Debug)]
#[must_use = "the session goes on with `secured`, or ends when this is dropped"]
pub struct ServerUpgrade {
    config: Arc<ServerConfig>,
    patience: Patience,
}

impl Server {
    /// Takes the machine apart once [`ServerEvent::Upgrade`](super::ServerEvent::Upgrade) was told.
    ///
    /// # Errors
    /// [`Fatal::PlaintextLeft`] if the client sent anything behind STARTTLS; [`Fatal::NotReady`] if it is too early.
    pub fn into_upgrade(self) -> Result<ServerUpgrade, Fatal> {
        if self.filled > 0 {
            return Err(Fatal::PlaintextLeft { octets: self.filled });
        }
        if self.activity != Activity::Upgrading || !self.output.is_empty() {
            return Err(Fatal::NotReady);
        }
        Ok(ServerUpgrade { config: self.config, patience: self.patience })
    }
}

impl ServerUpgrade {
    /// The session inside TLS: it starts anew, without a greeting. `channel` must be a TLS one.
    pub fn secured(self, channel: Channel, now: Tick) -> Server {
        let patience = self.patience.after_upgrade(now);
        Server::in_phase(Phase::Fresh, self.config, channel, patience)
    }
}
