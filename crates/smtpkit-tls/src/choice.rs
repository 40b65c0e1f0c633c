//! Which identity a server shows: by the name that the client asks for (RFC 6066 §3), then by the signatures that it
//! can check (RFC 8446 §4.2.3), so that ECDSA and RSA live side by side.
//!
//! Each identity has a configuration and ticket keys of its own: a session is never resumed under another identity.

use core::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::SignatureAlgorithm;
use rustls::pki_types::CertificateDer;
use rustls::server::ClientHello;

use crate::Identity;

/// The identities of a server, ready for handshakes. Never empty.
pub(crate) struct Identities {
    entries: Vec<Entry>,
}

/// One identity with its configuration.
pub(crate) struct Entry {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) leaf: Arc<CertificateDer<'static>>,
    identity: Identity,
}

impl Entry {
    pub(crate) fn new(identity: Identity, config: ServerConfig) -> Option<Self> {
        let leaf = Arc::new(identity.key().cert.first()?.clone());
        Some(Self { config: Arc::new(config), leaf, identity })
    }

    fn fits(&self, hello: &ClientHello<'_>) -> bool {
        self.identity.key().key.choose_scheme(hello.signature_schemes()).is_some()
    }

    fn is_rsa(&self) -> bool {
        self.identity.key().key.algorithm() == SignatureAlgorithm::RSA
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|entry| &entry.identity)).finish()
    }
}

impl Identities {
    /// None if there are none.
    pub(crate) fn new(entries: Vec<Entry>) -> Option<Self> {
        (!entries.is_empty()).then_some(Self { entries })
    }

    /// The identity for this client: of the ones for its name, or else of the default ones, the first that it can
    /// check, ECDSA and Ed25519 before RSA. A client that can check none gets the default and will say so.
    pub(crate) fn choose(&self, hello: &ClientHello<'_>) -> Option<&Entry> {
        let default = self.entries.first()?;
        let best = |group: &dyn Fn(&Entry) -> bool| {
            let fitting = self.entries.iter().filter(|entry| group(entry) && entry.fits(hello));
            fitting.min_by_key(|entry| entry.is_rsa())
        };
        let named = |matches: Match| {
            hello.server_name().and_then(|sni| {
                best(&|entry| {
                    entry.identity.names().iter().any(|name| match_name(name, sni) == Some(matches))
                })
            })
        };
        named(Match::Exact)
            .or_else(|| named(Match::Wildcard))
            .or_else(|| best(&|entry| entry.identity.names() == default.identity.names()))
            .or(Some(default))
    }
}

/// How a name of a certificate matches the one asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    Exact,
    Wildcard,
}

/// `*` stands for exactly one label, the first (RFC 9525 §6.3).
fn match_name(name: &str, sni: &str) -> Option<Match> {
    if name.eq_ignore_ascii_case(sni) {
        return Some(Match::Exact);
    }
    let (label, parent) = sni.split_once('.')?;
    let wanted = name.strip_prefix("*.")?;
    (!label.is_empty() && wanted.eq_ignore_ascii_case(parent) && wanted.parse::<IpAddr>().is_err())
        .then_some(Match::Wildcard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_label() {
        let check = |name, sni, expected| assert_eq!(match_name(name, sni), expected, "{name} for {sni}");
        check("mx.example.test", "mx.example.test", Some(Match::Exact));
        check("mx.example.test", "MX.example.TEST", Some(Match::Exact));
        check("*.example.test", "mx.example.test", Some(Match::Wildcard));
        check("*.example.test", "a.mx.example.test", None);
        check("*.example.test", "example.test", None);
        check("*.example.test", ".example.test", None);
        check("mx.example.test", "example.test", None);
    }
}
