//! The roles of a server. There is no other way to make one, so each comes with the safety that its role needs.

use std::marker::PhantomData;

use smtpkit_auth::Verifier;
use smtpkit_tls::Acceptor;

use crate::{Builder, Handler, LocalDomains, Role};

/// Where every server begins: one constructor per role.
#[derive(Debug)]
pub struct Server<H>(PhantomData<H>);

impl<H: Handler> Server<H> {
    /// A server that takes mail for `domains` from anybody (RFC 5321). It offers no AUTH, and STARTTLS once it has
    /// a certificate ([`Builder::tls`]).
    pub fn mx(hostname: &str, domains: LocalDomains, handler: H) -> Builder<H> {
        Builder::new(Role::Mx, hostname, Some(domains), handler)
    }

    /// A server that takes mail for everywhere from those who authenticate (RFC 6409). AUTH needs TLS, MAIL needs
    /// AUTH, and the reverse-path must belong to whoever authenticated.
    pub fn submission(hostname: &str, tls: Acceptor, accounts: impl Verifier, handler: H) -> Builder<H> {
        Builder::new(Role::Submission, hostname, Some(LocalDomains::default()), handler)
            .tls(tls)
            .auth(accounts)
    }

    /// A server that takes mail for `domains` from the mail system of this machine (RFC 2033).
    pub fn lmtp(hostname: &str, domains: LocalDomains, handler: H) -> Builder<H> {
        Builder::new(Role::Lmtp, hostname, Some(domains), handler)
    }

    /// A server that takes everything, for tests and development. It listens on loopback addresses only.
    pub fn catch_all(hostname: &str, handler: H) -> Builder<H> {
        Builder::new(Role::CatchAll, hostname, None, handler)
    }
}
