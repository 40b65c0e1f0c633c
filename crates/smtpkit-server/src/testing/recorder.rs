//! The handler of a test server: it keeps what it accepts, and fails where a fault strikes.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use smtpkit_codec::trace::Protocol;
use smtpkit_codec::{Envelope, Recipient, Reply};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::fault::Effect;
use super::{Fault, Step};
use crate::{Body, Delivery, Handler, Peer, Refusal, RelayGrant, Route, Session, Transaction, accepted_as};

/// A message that a test server accepted.
#[derive(Clone, Debug)]
pub struct Received {
    envelope: Envelope,
    content: Bytes,
    hello: Option<Box<str>>,
    account: Option<Box<str>>,
    protocol: Protocol,
    id: Box<str>,
}

impl Received {
    /// Whom it is from and for, with all parameters.
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The content, octet by octet as the client had it before dot-stuffing.
    pub const fn content(&self) -> &Bytes {
        &self.content
    }

    /// The content as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.content)
    }

    /// What the client called itself.
    pub fn hello(&self) -> Option<&str> {
        self.hello.as_deref()
    }

    /// Who the client proved to be.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// How it came: `ESMTP`, `ESMTPSA`, `LMTP` … (RFC 3848).
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The id that the 250 named.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// The messages that were waited for did not come in time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("waited {waited:?}, and only {messages} messages came")]
#[non_exhaustive]
pub struct TimedOut {
    /// How many came.
    pub messages: usize,
    /// How long it took.
    pub waited: Duration,
}

/// The handler of a [`TestServer`](super::TestServer). Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct Recording(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    messages: watch::Sender<Vec<Received>>,
    faults: Mutex<Vec<Fault>>,
}

impl Recording {
    pub(super) fn messages(&self) -> Vec<Received> {
        self.0.messages.borrow().clone()
    }

    pub(super) async fn wait_until(
        &self,
        is_enough: impl FnMut(&[Received]) -> bool,
        time: Duration,
    ) -> Result<Vec<Received>, TimedOut> {
        let (mut is_enough, mut messages) = (is_enough, self.0.messages.subscribe());
        match timeout(time, messages.wait_for(|messages| is_enough(messages))).await {
            Ok(Ok(messages)) => Ok(messages.clone()),
            // The sender is ours, so it is the time that is over.
            _ => Err(TimedOut { messages: self.0.messages.borrow().len(), waited: time }),
        }
    }

    pub(super) fn inject(&self, fault: Fault) {
        self.faults().push(fault);
    }

    pub(super) fn mend(&self) {
        self.faults().clear();
    }

    fn faults(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the faults of a step strike, in the order in which they were given. The first one that ends the step is
    /// the last one.
    async fn strike(&self, step: Step, recipient: Option<&Recipient>) -> Result<(), Refusal> {
        let mut at = 0;
        loop {
            let effect = match self.faults().get_mut(at) {
                Some(fault) => fault.strike(step, recipient),
                None => return Ok(()),
            };
            match effect {
                Some(Effect::Refuse(reply)) => return Err(reply.into()),
                Some(Effect::Disconnect) => return Err(Refusal::hang_up()),
                Some(Effect::Delay(delay)) => sleep(delay).await,
                None => {}
            }
            at += 1;
        }
    }

    async fn gather(&self, body: &mut Body<'_>) -> Result<Bytes, Refusal> {
        let mut content = BytesMut::new();
        while let Some(octets) = body.chunk().await? {
            if content.is_empty() {
                self.strike(Step::Content, None).await?;
            }
            content.extend_from_slice(&octets);
        }
        Ok(content.freeze())
    }

    fn record(&self, peer: &Peer, envelope: Envelope, id: &str, content: Bytes) {
        let received = Received {
            content,
            hello: peer.hello().map(Box::from),
            account: peer.identity().map(|identity| Box::from(identity.authentication())),
            protocol: peer.protocol(envelope.parameters.as_ref().smtputf8()),
            id: Box::from(id),
            envelope,
        };
        self.0.messages.send_modify(|messages| messages.push(received));
    }
}

impl Handler for Recording {
    type Session = Self;

    async fn connect(&self, _: &Peer) -> Result<Self, Refusal> {
        self.strike(Step::Greeting, None).await?;
        Ok(self.clone())
    }
}

impl Session for Recording {
    async fn hello(&mut self, _: &Peer) -> Result<(), Refusal> {
        self.strike(Step::Hello, None).await
    }

    async fn tls(&mut self, _: &Peer) -> Result<(), Refusal> {
        self.strike(Step::Tls, None).await
    }

    async fn authenticated(&mut self, _: &Peer) -> Result<(), Refusal> {
        self.strike(Step::Auth, None).await
    }

    async fn mail(&mut self, _: &Peer, _: &Transaction) -> Result<(), Refusal> {
        self.strike(Step::Mail, None).await
    }

    async fn rcpt<'a>(
        &mut self,
        _: &Peer,
        _: &Transaction,
        recipient: &Recipient,
        grant: Option<RelayGrant<'a>>,
    ) -> Result<Route<'a>, Refusal> {
        self.strike(Step::Rcpt, Some(recipient)).await?;
        Ok(grant.map_or(Route::local(), Route::relay))
    }

    async fn data(&mut self, _: &Peer, _: &Transaction) -> Result<(), Refusal> {
        self.strike(Step::Data, None).await
    }

    async fn message(
        &mut self,
        peer: &Peer,
        tx: &Transaction,
        body: &mut Body<'_>,
    ) -> Result<Reply, Refusal> {
        let content = self.gather(body).await?;
        self.strike(Step::EndOfContent, None).await?;
        self.record(peer, tx.envelope().clone(), tx.id(), content);
        self.strike(Step::Recorded, None).await?;
        Ok(accepted_as(tx.id()))
    }

    async fn deliver(&mut self, peer: &Peer, tx: &Transaction, body: &mut Body<'_>) -> Delivery {
        let content = match self.gather(body).await {
            Ok(content) => content,
            Err(refusal) => return Delivery::All(Err(refusal)),
        };
        let mut envelope = Envelope { recipients: Vec::new(), ..tx.envelope().clone() };
        let mut verdicts = Vec::new();
        for recipient in tx.recipients() {
            let verdict = self.strike(Step::EndOfContent, Some(recipient)).await;
            if verdict.is_ok() {
                envelope.recipients.push(recipient.clone());
            }
            verdicts.push(verdict.map(|()| accepted_as(tx.id())));
        }
        if !envelope.recipients.is_empty() {
            self.record(peer, envelope, tx.id(), content);
        }
        match self.strike(Step::Recorded, None).await {
            Ok(()) => Delivery::Each(verdicts),
            Err(refusal) => Delivery::All(Err(refusal)),
        }
    }
}
