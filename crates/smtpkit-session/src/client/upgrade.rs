//! From plaintext to TLS: a type that remembers nothing but the configuration (RFC 3207 §4.2).

use super::config::ClientConfig;
use super::machine::Client;
use crate::Tick;

/// The promise that no plaintext is left: the connection may start its TLS handshake.
///
/// Made by [`Client::into_upgrade`] alone. Nothing that the peer said before is in it.
#[derive(Debug)]
#[must_use = "the peer waits for a TLS handshake"]
pub struct ClientUpgrade {
    config: ClientConfig,
}

impl ClientUpgrade {
    pub(super) const fn new(config: ClientConfig) -> Self {
        Self { config }
    }

    /// The machine for the encrypted connection, after the handshake; it says EHLO at once.
    pub fn into_client<B: AsRef<[u8]>>(self, now: Tick) -> Client<B> {
        Client::upgraded(self.config, now)
    }
}

/// Why an upgrade must not go on; the connection has to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fatal {
    /// The peer has not agreed to STARTTLS.
    NotAgreed,
    /// The peer, or somebody in between, sent plaintext behind the reply to STARTTLS.
    InjectedPlaintext,
}

impl core::fmt::Display for Fatal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NotAgreed => "the server has not agreed to STARTTLS",
            Self::InjectedPlaintext => "plaintext follows the reply to STARTTLS: somebody may be in between",
        })
    }
}

impl core::error::Error for Fatal {}
