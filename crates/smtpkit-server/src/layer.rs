//! Layers: what stands between the clients and a handler, like a greylist, a limit, or a log.
//!
//! A layer can refuse at every step, and it sees what becomes of each message. It cannot permit anything: what it lets
//! through is still for the session inside to decide, so no stack of layers makes an open relay of a server that is
//! none. What must change an answer and not just refuse is a [`Session`] that holds another one.

use std::future::Future;

use smtpkit_codec::{Recipient, Reply};

use crate::{Body, Decision, Delivery, Grant, Handler, Peer, Refusal, Session, Transaction};

/// What stands between one connection and its session. Write the methods as plain `async fn`.
///
/// Each method is asked before the one of the same name of the [`Session`] inside, which is not asked if it refuses.
///
/// ```
/// use smtpkit_server::{Layer, Peer, Recipient, Refusal, Transaction};
///
/// /// Strangers send to one recipient at a time.
/// struct OneRecipient;
///
/// impl Layer for OneRecipient {
///     async fn rcpt(&mut self, peer: &Peer, tx: &Transaction, _: &Recipient) -> Result<(), Refusal> {
///         let is_full = peer.identity().is_none() && !tx.recipients().is_empty();
///         if is_full { Err(Refusal::try_later()) } else { Ok(()) }
///     }
/// }
/// # use smtpkit_server::{Body, Decision, Grant, Handler, LocalDomains, Reply, Route, Server, Session, accepted, each};
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
///
/// let handler = each(|_| Discard).layer(|_| OneRecipient);
/// Server::mx("mx.example.test", LocalDomains::new(["example.test"])?, handler).check()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Layer: Send {
    /// Before the greeting.
    fn connect(&mut self, peer: &Peer) -> impl Future<Output = Result<(), Refusal>> + Send {
        let _ = peer;
        async { Ok(()) }
    }

    /// EHLO, HELO or LHLO.
    fn hello(&mut self, peer: &Peer) -> impl Future<Output = Result<(), Refusal>> + Send {
        let _ = peer;
        async { Ok(()) }
    }

    /// The client proved who it is.
    fn authenticated(&mut self, peer: &Peer) -> impl Future<Output = Result<(), Refusal>> + Send {
        let _ = peer;
        async { Ok(()) }
    }

    /// MAIL.
    fn mail(&mut self, peer: &Peer, tx: &Transaction) -> impl Future<Output = Result<(), Refusal>> + Send {
        let _ = (peer, tx);
        async { Ok(()) }
    }

    /// RCPT; `tx` has the recipients that were accepted before.
    fn rcpt(
        &mut self,
        peer: &Peer,
        tx: &Transaction,
        recipient: &Recipient,
    ) -> impl Future<Output = Result<(), Refusal>> + Send {
        let _ = (peer, tx, recipient);
        async { Ok(()) }
    }

    /// DATA or the first BDAT.
    fn data(&mut self, peer: &Peer, tx: &Transaction) -> impl Future<Output = Result<(), Refusal>> + Send {
        let _ = (peer, tx);
        async { Ok(()) }
    }

    /// The session inside has decided about the message: `replies` is what the client will be told, one reply for all
    /// recipients or, with LMTP, one for each if the session says so. If the content did not come to its end the
    /// client is told something else.
    fn decided(
        &mut self,
        peer: &Peer,
        tx: &Transaction,
        replies: &[&Reply],
    ) -> impl Future<Output = ()> + Send {
        let _ = (peer, tx, replies);
        async {}
    }

    /// The connection is over.
    fn closed(&mut self, peer: &Peer) -> impl Future<Output = ()> + Send {
        let _ = peer;
        async {}
    }
}

/// A handler behind a layer; made by [`Handler::layer`].
#[derive(Clone, Copy, Debug)]
pub struct Layered<H, F> {
    inner: H,
    make: F,
}

impl<H, F> Layered<H, F> {
    pub(crate) const fn new(inner: H, make: F) -> Self {
        Self { inner, make }
    }
}

/// A session behind a layer.
#[derive(Debug)]
pub struct LayeredSession<S, L> {
    inner: S,
    layer: L,
}

impl<H, F, L> Handler for Layered<H, F>
where
    H: Handler,
    F: Fn(&Peer) -> L + Send + Sync + 'static,
    L: Layer + 'static,
{
    type Session = LayeredSession<H::Session, L>;

    async fn connect(&self, peer: &Peer) -> Result<Self::Session, Refusal> {
        let mut layer = (self.make)(peer);
        layer.connect(peer).await?;
        Ok(LayeredSession { inner: self.inner.connect(peer).await?, layer })
    }
}

impl<S: Session, L: Layer> Session for LayeredSession<S, L> {
    async fn hello(&mut self, peer: &Peer) -> Result<(), Refusal> {
        self.layer.hello(peer).await?;
        self.inner.hello(peer).await
    }

    async fn tls(&mut self, peer: &Peer) -> Result<(), Refusal> {
        self.inner.tls(peer).await
    }

    async fn authenticated(&mut self, peer: &Peer) -> Result<(), Refusal> {
        self.layer.authenticated(peer).await?;
        self.inner.authenticated(peer).await
    }

    async fn mail(&mut self, peer: &Peer, tx: &Transaction) -> Result<(), Refusal> {
        self.layer.mail(peer, tx).await?;
        self.inner.mail(peer, tx).await
    }

    async fn rcpt<'a>(
        &mut self,
        peer: &Peer,
        tx: &Transaction,
        recipient: &Recipient,
        grant: Grant<'a>,
    ) -> Decision<'a> {
        self.layer.rcpt(peer, tx, recipient).await?;
        self.inner.rcpt(peer, tx, recipient, grant).await
    }

    async fn data(&mut self, peer: &Peer, tx: &Transaction) -> Result<(), Refusal> {
        self.layer.data(peer, tx).await?;
        self.inner.data(peer, tx).await
    }

    async fn message(
        &mut self,
        peer: &Peer,
        tx: &Transaction,
        body: &mut Body<'_>,
    ) -> Result<Reply, Refusal> {
        let verdict = self.inner.message(peer, tx, body).await;
        self.layer.decided(peer, tx, &[reply(&verdict)]).await;
        verdict
    }

    async fn deliver(&mut self, peer: &Peer, tx: &Transaction, body: &mut Body<'_>) -> Delivery {
        let outcome = self.inner.deliver(peer, tx, body).await;
        let replies: Vec<&Reply> = match &outcome {
            Delivery::All(verdict) => vec![reply(verdict)],
            Delivery::Each(verdicts) => verdicts.iter().map(reply).collect(),
        };
        self.layer.decided(peer, tx, &replies).await;
        outcome
    }

    async fn reset(&mut self, peer: &Peer) {
        self.inner.reset(peer).await;
    }

    async fn closed(&mut self, peer: &Peer) {
        self.inner.closed(peer).await;
        self.layer.closed(peer).await;
    }
}

const fn reply(verdict: &Result<Reply, Refusal>) -> &Reply {
    match verdict {
        Ok(reply) => reply,
        Err(refusal) => refusal.reply(),
    }
}
