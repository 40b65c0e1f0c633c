//! The boxed twin of [`Handler`] and [`Session`]: which handler it is can be decided at run time, at the price of an
//! allocation for each call.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use smtpkit_codec::{Recipient, Reply};

use crate::{Body, Decision, Delivery, Grant, Handler, Peer, Refusal, Session, Transaction};

/// A future on the heap.
type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Any [`Handler`], behind a pointer. Clones share it.
///
/// ```
/// use smtpkit_server::{BoxHandler, LocalDomains, Server, each};
/// # use smtpkit_server::{Body, Decision, Grant, Peer, Recipient, Refusal, Reply, Route, Session, Transaction, accepted};
/// # struct Discard;
/// # impl Session for Discard {
/// #     async fn rcpt<'a>(&mut self, _: &Peer, _: &Transaction, _: &Recipient, _: Grant<'a>) -> Decision<'a> {
/// #         Ok(Route::local())
/// #     }
/// #     async fn message(&mut self, _: &Peer, _: &Transaction, body: &mut Body<'_>) -> Result<Reply, Refusal> {
/// #         body.discard().await?;
/// #         Ok(accepted())
/// #     }
/// # }
/// # struct Nobody;
/// # impl Session for Nobody {
/// #     async fn rcpt<'a>(&mut self, _: &Peer, _: &Transaction, _: &Recipient, _: Grant<'a>) -> Decision<'a> {
/// #         Err(Refusal::no_such_user())
/// #     }
/// #     async fn message(&mut self, _: &Peer, _: &Transaction, _: &mut Body<'_>) -> Result<Reply, Refusal> {
/// #         Err(Refusal::try_later())
/// #     }
/// # }
/// let is_closed = std::env::args().any(|argument| argument == "--closed");
/// let handler = if is_closed { BoxHandler::new(each(|_| Nobody)) } else { BoxHandler::new(each(|_| Discard)) };
/// Server::mx("mx.example.test", LocalDomains::new(["example.test"])?, handler).check()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct BoxHandler(Arc<dyn DynHandler>);

impl BoxHandler {
    /// Puts `handler` behind a pointer.
    pub fn new(handler: impl Handler) -> Self {
        Self(Arc::new(handler))
    }
}

impl Handler for BoxHandler {
    type Session = BoxSession;

    async fn connect(&self, peer: &Peer) -> Result<BoxSession, Refusal> {
        self.0.connect_dyn(peer).await
    }
}

impl std::fmt::Debug for BoxHandler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BoxHandler").finish_non_exhaustive()
    }
}

/// Any [`Session`], behind a pointer: for handlers that choose one for each connection.
pub struct BoxSession(Box<dyn DynSession>);

impl BoxSession {
    /// Puts `session` behind a pointer.
    pub fn new(session: impl Session + 'static) -> Self {
        Self(Box::new(session))
    }
}

impl std::fmt::Debug for BoxSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BoxSession").finish_non_exhaustive()
    }
}

impl Session for BoxSession {
    async fn hello(&mut self, peer: &Peer) -> Result<(), Refusal> {
        self.0.hello_dyn(peer).await
    }

    async fn tls(&mut self, peer: &Peer) -> Result<(), Refusal> {
        self.0.tls_dyn(peer).await
    }

    async fn authenticated(&mut self, peer: &Peer) -> Result<(), Refusal> {
        self.0.authenticated_dyn(peer).await
    }

    async fn mail(&mut self, peer: &Peer, tx: &Transaction) -> Result<(), Refusal> {
        self.0.mail_dyn(peer, tx).await
    }

    async fn rcpt<'a>(
        &mut self,
        peer: &Peer,
        tx: &Transaction,
        recipient: &Recipient,
        grant: Grant<'a>,
    ) -> Decision<'a> {
        self.0.rcpt_dyn(peer, tx, recipient, grant).await
    }

    async fn data(&mut self, peer: &Peer, tx: &Transaction) -> Result<(), Refusal> {
        self.0.data_dyn(peer, tx).await
    }

    async fn message(
        &mut self,
        peer: &Peer,
        tx: &Transaction,
        body: &mut Body<'_>,
    ) -> Result<Reply, Refusal> {
        self.0.message_dyn(peer, tx, body).await
    }

    async fn deliver(&mut self, peer: &Peer, tx: &Transaction, body: &mut Body<'_>) -> Delivery {
        self.0.deliver_dyn(peer, tx, body).await
    }

    async fn reset(&mut self, peer: &Peer) {
        self.0.reset_dyn(peer).await;
    }

    async fn closed(&mut self, peer: &Peer) {
        self.0.closed_dyn(peer).await;
    }
}

trait DynHandler: Send + Sync {
    fn connect_dyn<'f>(&'f self, peer: &'f Peer) -> Boxed<'f, Result<BoxSession, Refusal>>;
}

impl<H: Handler> DynHandler for H {
    fn connect_dyn<'f>(&'f self, peer: &'f Peer) -> Boxed<'f, Result<BoxSession, Refusal>> {
        Box::pin(async move { self.connect(peer).await.map(BoxSession::new) })
    }
}

/// [`Session`] with futures of one size.
trait DynSession: Send {
    fn hello_dyn<'f>(&'f mut self, peer: &'f Peer) -> Boxed<'f, Result<(), Refusal>>;
    fn tls_dyn<'f>(&'f mut self, peer: &'f Peer) -> Boxed<'f, Result<(), Refusal>>;
    fn authenticated_dyn<'f>(&'f mut self, peer: &'f Peer) -> Boxed<'f, Result<(), Refusal>>;
    fn mail_dyn<'f>(&'f mut self, peer: &'f Peer, tx: &'f Transaction) -> Boxed<'f, Result<(), Refusal>>;
    fn rcpt_dyn<'f, 'a: 'f>(
        &'f mut self,
        peer: &'f Peer,
        tx: &'f Transaction,
        recipient: &'f Recipient,
        grant: Grant<'a>,
    ) -> Boxed<'f, Decision<'a>>;
    fn data_dyn<'f>(&'f mut self, peer: &'f Peer, tx: &'f Transaction) -> Boxed<'f, Result<(), Refusal>>;
    fn message_dyn<'f, 'b: 'f>(
        &'f mut self,
        peer: &'f Peer,
        tx: &'f Transaction,
        body: &'f mut Body<'b>,
    ) -> Boxed<'f, Result<Reply, Refusal>>;
    fn deliver_dyn<'f, 'b: 'f>(
        &'f mut self,
        peer: &'f Peer,
        tx: &'f Transaction,
        body: &'f mut Body<'b>,
    ) -> Boxed<'f, Delivery>;
    fn reset_dyn<'f>(&'f mut self, peer: &'f Peer) -> Boxed<'f, ()>;
    fn closed_dyn<'f>(&'f mut self, peer: &'f Peer) -> Boxed<'f, ()>;
}

impl<S: Session> DynSession for S {
    fn hello_dyn<'f>(&'f mut self, peer: &'f Peer) -> Boxed<'f, Result<(), Refusal>> {
        Box::pin(self.hello(peer))
    }

    fn tls_dyn<'f>(&'f mut self, peer: &'f Peer) -> Boxed<'f, Result<(), Refusal>> {
        Box::pin(self.tls(peer))
    }

    fn authenticated_dyn<'f>(&'f mut self, peer: &'f Peer) -> Boxed<'f, Result<(), Refusal>> {
        Box::pin(self.authenticated(peer))
    }

    fn mail_dyn<'f>(&'f mut self, peer: &'f Peer, tx: &'f Transaction) -> Boxed<'f, Result<(), Refusal>> {
        Box::pin(self.mail(peer, tx))
    }

    fn rcpt_dyn<'f, 'a: 'f>(
        &'f mut self,
        peer: &'f Peer,
        tx: &'f Transaction,
        recipient: &'f Recipient,
        grant: Grant<'a>,
    ) -> Boxed<'f, Decision<'a>> {
        Box::pin(self.rcpt(peer, tx, recipient, grant))
    }

    fn data_dyn<'f>(&'f mut self, peer: &'f Peer, tx: &'f Transaction) -> Boxed<'f, Result<(), Refusal>> {
        Box::pin(self.data(peer, tx))
    }

    fn message_dyn<'f, 'b: 'f>(
        &'f mut self,
        peer: &'f Peer,
        tx: &'f Transaction,
        body: &'f mut Body<'b>,
    ) -> Boxed<'f, Result<Reply, Refusal>> {
        Box::pin(self.message(peer, tx, body))
    }

    fn deliver_dyn<'f, 'b: 'f>(
        &'f mut self,
        peer: &'f Peer,
        tx: &'f Transaction,
        body: &'f mut Body<'b>,
    ) -> Boxed<'f, Delivery> {
        Box::pin(self.deliver(peer, tx, body))
    }

    fn reset_dyn<'f>(&'f mut self, peer: &'f Peer) -> Boxed<'f, ()> {
        Box::pin(self.reset(peer))
    }

    fn closed_dyn<'f>(&'f mut self, peer: &'f Peer) -> Boxed<'f, ()> {
        Box::pin(self.closed(peer))
    }
}
