//! Where a recipient's mail goes, and the permission that relaying needs.

use smtpkit_auth::Identity;
use smtpkit_codec::Reply;

use crate::Refusal;

/// Permission to relay for the client at hand. Only the server makes one: for a client that authenticated, that
/// comes from a trusted network, or that showed a verified certificate where the operator accepts these.
///
/// A session relays with it, or not at all:
///
/// ```
/// # use smtpkit_server::{Body, Decision, Grant, Peer, Recipient, Refusal, Reply, Route, Session, Transaction};
/// struct Relay;
///
/// impl Session for Relay {
///     async fn rcpt<'a>(&mut self, _: &Peer, _: &Transaction, _: &Recipient, grant: Grant<'a>) -> Decision<'a> {
///         grant.map(Route::relay).ok_or_else(Refusal::relaying_denied)
///     }
/// #     async fn message(&mut self, _: &Peer, _: &Transaction, _: &mut Body<'_>) -> Result<Reply, Refusal> {
/// #         Err(Refusal::try_later())
/// #     }
/// }
/// ```
///
/// The same with a grant out of nowhere does not compile, because nobody else can make one:
///
/// ```compile_fail
/// # use smtpkit_server::{Body, Decision, Grant, Peer, Recipient, Refusal, Reply, Route, Session, Transaction};
/// struct Relay;
///
/// impl Session for Relay {
///     async fn rcpt<'a>(&mut self, _: &Peer, _: &Transaction, _: &Recipient, grant: Grant<'a>) -> Decision<'a> {
///         let grant = Some(smtpkit_server::RelayGrant {});
///         grant.map(Route::relay).ok_or_else(Refusal::relaying_denied)
///     }
/// #     async fn message(&mut self, _: &Peer, _: &Transaction, _: &mut Body<'_>) -> Result<Reply, Refusal> {
/// #         Err(Refusal::try_later())
/// #     }
/// }
/// ```
///
/// Nor can one be kept for a later command, because it lives no longer than its own:
///
/// ```compile_fail
/// # use smtpkit_server::{Body, Decision, Grant, Peer, Recipient, Refusal, Reply, Route, Session, Transaction};
/// struct Relay(Grant<'static>);
///
/// impl Session for Relay {
///     async fn rcpt<'a>(&mut self, _: &Peer, _: &Transaction, _: &Recipient, grant: Grant<'a>) -> Decision<'a> {
///         self.0 = grant;
///         Ok(Route::local())
///     }
/// #     async fn message(&mut self, _: &Peer, _: &Transaction, _: &mut Body<'_>) -> Result<Reply, Refusal> {
/// #         Err(Refusal::try_later())
/// #     }
/// }
/// ```
#[derive(Debug)]
pub struct RelayGrant<'a> {
    reason: GrantReason<'a>,
}

/// A short name for what [`Session::rcpt`](crate::Session::rcpt) is given.
pub type Grant<'a> = Option<RelayGrant<'a>>;

/// A short name for what [`Session::rcpt`](crate::Session::rcpt) answers.
pub type Decision<'a> = Result<Route<'a>, Refusal>;

/// A short name for what [`Session::message`](crate::Session::message) answers.
pub type Verdict = Result<Reply, Refusal>;

/// Why a client may relay.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum GrantReason<'a> {
    /// It authenticated (RFC 4954).
    Authenticated(&'a Identity),
    /// It connects from a network that the operator trusts.
    TrustedNetwork,
    /// It showed a certificate that was verified, and the operator lets such clients relay.
    ClientCertificate,
}

impl<'a> RelayGrant<'a> {
    pub(crate) const fn new(reason: GrantReason<'a>) -> Self {
        Self { reason }
    }

    /// Why the client may relay.
    pub const fn reason(&self) -> GrantReason<'a> {
        self.reason
    }
}

/// Where the mail for one accepted recipient goes.
#[derive(Debug)]
#[must_use = "it is the answer to RCPT"]
pub struct Route<'a> {
    kind: RouteKind,
    _grant: Option<RelayGrant<'a>>,
}

/// The two kinds of [`Route`], for the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5321 §2.3.10: a recipient is delivered here or relayed")]
pub enum RouteKind {
    /// The recipient's mail ends here, or is redirected by this system's own decision.
    Local,
    /// The recipient's mail is passed on for the client.
    Relay,
}

impl<'a> Route<'a> {
    /// The recipient is one of this system's.
    pub const fn local() -> Self {
        Self { kind: RouteKind::Local, _grant: None }
    }

    /// The recipient's mail is passed on, by the permission `grant`.
    pub const fn relay(grant: RelayGrant<'a>) -> Self {
        Self { kind: RouteKind::Relay, _grant: Some(grant) }
    }

    pub(crate) const fn kind(&self) -> RouteKind {
        self.kind
    }
}
