//! Taking mail: the handler that a server hands its transactions to.
//!
//! ```text
//! RCPT  ─► routing table ─► next hops, or the reply that refuses ─► a server for local deliveries is asked, too
//! DATA  ─► trace field on top ─► header pass (loops, RFC 6409) ─► content into the spool, in pieces
//! "."   ─► one entry for each reverse-path ─► commit ─► only then 250 with the queue id
//! ```
//!
//! Reading the body is what slows the peer down; nothing is buffered beyond one piece. A full queue answers 452, one that
//! cannot write 451. Mail that has gone round in a circle is refused here, where no report is needed.

mod acceptance;
mod call_ahead;
mod content;
mod forwarded_report;

use std::sync::Arc;

use smtpkit_codec::{Recipient as EnvelopeRecipient, Reply};
use smtpkit_queue::{ContentWriter, Health, Origin, SpoolError, Staged};
use smtpkit_server::{Body, Handler, Peer, Refusal, RelayGrant, Route, Session, Transaction, accepted_as};

use self::acceptance::Acceptance;
pub(crate) use self::call_ahead::CallAhead;
use self::content::Content;
use crate::delivery::day;
use crate::record;
use crate::relay::Shared;
use crate::routes::{Leg, Via};

/// Makes one [`Accepting`] for each connection: give it to the servers of [`smtpkit_server`].
#[derive(Clone)]
pub struct Intake(Arc<Shared>);

impl Intake {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Intake")
    }
}

impl Handler for Intake {
    type Session = Accepting;

    async fn connect(&self, _: &Peer) -> Result<Accepting, Refusal> {
        Ok(Accepting { shared: Arc::clone(&self.0), legs: Vec::new() })
    }
}

/// One connection: the routes of the transaction in progress.
pub struct Accepting {
    shared: Arc<Shared>,
    /// For each accepted recipient.
    legs: Vec<Vec<Leg>>,
}

impl std::fmt::Debug for Accepting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accepting").field("recipients", &self.legs.len()).finish_non_exhaustive()
    }
}

impl Session for Accepting {
    async fn mail(&mut self, _: &Peer, _: &Transaction) -> Result<(), Refusal> {
        self.legs.clear();
        match self.shared.spool.health() {
            Health::Ready => Ok(()),
            Health::Full => Err(Refusal::storage_full()),
            _ => Err(Refusal::try_later()),
        }
    }

    async fn rcpt<'a>(
        &mut self,
        _: &Peer,
        _: &Transaction,
        recipient: &EnvelopeRecipient,
        grant: Option<RelayGrant<'a>>,
    ) -> Result<Route<'a>, Refusal> {
        let routes = self.shared.routes();
        let is_foreign =
            recipient.path.mailbox().is_some_and(|mailbox| !routes.directory().is_local(mailbox));
        let legs = routes.resolve(recipient.path.as_ref(), day(self.shared.now()))?;
        let route = match grant {
            Some(grant) if is_foreign => Route::relay(grant),
            None if is_foreign => return Err(Refusal::relaying_denied()),
            _ => Route::local(),
        };
        self.legs.push(call_ahead::taken(&self.shared, legs).await?);
        Ok(route)
    }

    async fn message(
        &mut self,
        peer: &Peer,
        transaction: &Transaction,
        body: &mut Body<'_>,
    ) -> Result<Reply, Refusal> {
        let legs = std::mem::take(&mut self.legs);
        let shared = &self.shared;
        let now = shared.now();
        let id = shared.spool.next_id(now);
        let mut content = Content::begin(shared, peer, transaction, id, now)?;
        let is_report = transaction.reverse_path().is_null();
        if is_report && legs.iter().flatten().any(|leg| leg.via == Via::Restored) {
            content = content.keeping_report();
        }
        while let Some(piece) = body.chunk().await? {
            content.push(&piece).await?;
        }
        let taken = content.finish().await?;

        let routes = shared.routes();
        let mut acceptance = Acceptance::new(shared, &routes, transaction, id, now);
        for (recipient, legs) in transaction.recipients().iter().zip(legs) {
            acceptance.add(recipient, legs, &taken);
        }
        if acceptance.is_loop() {
            return Err(Refusal::mail_loop());
        }
        let origin = origin(peer, transaction);
        let staged = stage(taken.writer).await?;
        let (batch, entries) = acceptance.into_batch(staged, &origin, &taken.copy);
        shared.spool.commit(batch).await.map_err(refusal)?;
        transaction.queued_as(&id.to_string());
        for entry in &entries {
            record::queued(entry, id, transaction.id());
        }
        shared.wake.notify_one();
        Ok(accepted_as(&id.to_string()))
    }

    async fn reset(&mut self, _: &Peer) {
        self.legs.clear();
    }
}

/// What the peer hears when the queue cannot take the mail.
#[expect(clippy::needless_pass_by_value, reason = "a conversion for map_err")]
fn refusal(error: SpoolError) -> Refusal {
    tracing::error!(target: "smtpkit::queue", %error, "mail could not be queued");
    match error {
        SpoolError::Full { .. } => Refusal::storage_full(),
        _ => Refusal::try_later(),
    }
}

/// Content on the disk is synced on a thread that may block.
async fn stage(writer: ContentWriter) -> Result<Staged, Refusal> {
    if writer.is_inline() {
        return writer.finish().map_err(refusal);
    }
    let finished = tokio::task::spawn_blocking(move || writer.finish()).await;
    finished.map_err(|error| Refusal::from(std::io::Error::other(error)))?.map_err(refusal)
}

fn origin(peer: &Peer, transaction: &Transaction) -> Origin {
    Origin {
        protocol: peer.protocol(transaction.parameters().as_ref().smtputf8()).to_string().into(),
        account: peer.identity().map(|identity| identity.authorization().to_string().into()),
        peer: peer.address(),
        hello: peer.hello().map(Into::into),
        tls: peer.tls().map(|tls| tls.cipher_suite().into()),
        report_of: None,
    }
}
