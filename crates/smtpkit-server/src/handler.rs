//! What you implement: a [`Handler`] for all connections and a [`Session`] for each.

use std::future::Future;
use std::sync::Arc;

use smtpkit_codec::{Recipient, Reply};

use crate::{Body, Delivery, Layer, Layered, Peer, Refusal, RelayGrant, Route, Transaction};

/// Takes new connections. It is shared by all of them; what belongs to one connection is its [`Session`].
pub trait Handler: Send + Sync + 'static {
    /// What belongs to one connection.
    type Session: Session + 'static;

    /// A client connected and waits for the greeting; a refusal (554 or 421) takes the greeting's place and ends the
    /// session (RFC 5321 §3.1).
    fn connect(&self, peer: &Peer) -> impl Future<Output = Result<Self::Session, Refusal>> + Send;

    /// This handler behind a [`Layer`], of which `make` makes one for each connection. The layer that is put on last
    /// is asked first.
    fn layer<L, F>(self, make: F) -> Layered<Self, F>
    where
        Self: Sized,
        F: Fn(&Peer) -> L + Send + Sync + 'static,
        L: Layer + 'static,
    {
        Layered::new(self, make)
    }
}

impl<H: Handler> Handler for Arc<H> {
    type Session = H::Session;

    fn connect(&self, peer: &Peer) -> impl Future<Output = Result<Self::Session, Refusal>> + Send {
        (**self).connect(peer)
    }
}

/// A handler that needs nothing but a way to make sessions.
///
/// ```
/// use smtpkit_server::{Body, Peer, Recipient, Refusal, RelayGrant, Reply, Route, Server, Session, Transaction};
/// use smtpkit_server::each;
///
/// struct Nobody;
///
/// impl Session for Nobody {
///     async fn rcpt<'a>(
///         &mut self, _: &Peer, _: &Transaction, _: &Recipient, _: Option<RelayGrant<'a>>,
///     ) -> Result<Route<'a>, Refusal> {
///         Err(Refusal::no_such_user())
///     }
///     async fn message(&mut self, _: &Peer, _: &Transaction, _: &mut Body<'_>) -> Result<Reply, Refusal> {
///         Err(Refusal::try_later())
///     }
/// }
///
/// let server = Server::catch_all("localhost", each(|_peer| Nobody));
/// server.check()?;
/// # Ok::<(), smtpkit_server::ServerError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Each<F>(F);

/// The handler that makes each connection's session with `make`.
pub const fn each<F, S>(make: F) -> Each<F>
where
    F: Fn(&Peer) -> S + Send + Sync + 'static,
    S: Session + 'static,
{
    Each(make)
}

impl<F, S> Handler for Each<F>
where
    F: Fn(&Peer) -> S + Send + Sync + 'static,
    S: Session + 'static,
{
    type Session = S;

    async fn connect(&self, peer: &Peer) -> Result<S, Refusal> {
        Ok((self.0)(peer))
    }
}

/// One connection, from the greeting to its end. Write the methods as plain `async fn`.
///
/// A method that returns a [`Refusal`] refuses the command; the connection goes on. Whatever the server can decide
/// itself (order, syntax, limits, foreign recipients, authentication) never gets here.
pub trait Session: Send {
    /// EHLO, HELO or LHLO; the name is in [`Peer::hello`].
    fn hello(&mut self, peer: &Peer) -> impl Future<Output = Result<(), Refusal>> + Send {
        let _ = peer;
        async { Ok(()) }
    }

    /// A TLS handshake succeeded; its facts are in [`Peer::tls`]. With STARTTLS, everything that was said before is
    /// forgotten. A refusal ends the session.
    fn tls(&mut self, peer: &Peer) -> impl Future<Output = Result<(), Refusal>> + Send {
        let _ = peer;
        async { Ok(()) }
    }

    /// The client proved who it is; the identity is in [`Peer::identity`]. A refusal takes it back.
    fn authenticated(&mut self, peer: &Peer) -> impl Future<Output = Result<(), Refusal>> + Send {
        let _ = peer;
        async { Ok(()) }
    }

    /// MAIL: a transaction begins; it has no recipients yet.
    fn mail(&mut self, peer: &Peer, tx: &Transaction) -> impl Future<Output = Result<(), Refusal>> + Send {
        let _ = (peer, tx);
        async { Ok(()) }
    }

    /// RCPT: does this recipient exist here, or may it be relayed to?
    ///
    /// `recipient` is local, or there is a `grant`: a foreign recipient of a client that may not relay is refused by
    /// the server with 550 5.7.1. For a foreign recipient only [`Route::relay`] is an answer.
    fn rcpt<'a>(
        &mut self,
        peer: &Peer,
        tx: &Transaction,
        recipient: &Recipient,
        grant: Option<RelayGrant<'a>>,
    ) -> impl Future<Output = Result<Route<'a>, Refusal>> + Send;

    /// DATA or the first BDAT: may the content come? The recipients are complete.
    fn data(&mut self, peer: &Peer, tx: &Transaction) -> impl Future<Output = Result<(), Refusal>> + Send {
        let _ = (peer, tx);
        async { Ok(()) }
    }

    /// The content. `Ok` says that the message is safe with you: after it, the client forgets it.
    ///
    /// Read `body` until it gives `None`, store, and only then return `Ok`. What you leave unread is read and dropped
    /// by the server.
    fn message(
        &mut self,
        peer: &Peer,
        tx: &Transaction,
        body: &mut Body<'_>,
    ) -> impl Future<Output = Result<Reply, Refusal>> + Send;

    /// The content, with LMTP: each recipient gets a reply of its own (RFC 2033 §4.2). The default asks
    /// [`message`](Self::message) once for all.
    fn deliver(
        &mut self,
        peer: &Peer,
        tx: &Transaction,
        body: &mut Body<'_>,
    ) -> impl Future<Output = Delivery> + Send {
        async move { Delivery::All(self.message(peer, tx, body).await) }
    }

    /// A transaction was dropped: RSET, EHLO, or content that did not come to its end.
    fn reset(&mut self, peer: &Peer) -> impl Future<Output = ()> + Send {
        let _ = peer;
        async {}
    }

    /// The connection is over. Always the last call.
    fn closed(&mut self, peer: &Peer) -> impl Future<Output = ()> + Send {
        let _ = peer;
        async {}
    }
}
