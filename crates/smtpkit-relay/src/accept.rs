//! Taking mail: the handler that a server hands its transactions to.
//!
//! ```text
//! RCPT  ─► routing table ─► next hops, or the reply that refuses
//! DATA  ─► trace field on top ─► header pass (loops, RFC 6409) ─► content into the spool, in pieces
//! "."   ─► one entry for each reverse-path ─► commit ─► only then 250 with the queue id
//! ```
//!
//! Reading the body is what slows the peer down; nothing is buffered beyond one piece. A full queue answers 452, one that
//! cannot write 451. Mail that has gone round in a circle is refused here, where no report is needed.

use std::collections::HashSet;
use std::sync::Arc;

use smtpkit_codec::trace::{DateTime, Received};
use smtpkit_codec::{
    ClientName, DomainRef, Encode as _, EnhancedStatusCode, ForwardPath, MailParameters, Notify,
    RcptParameters, Recipient as EnvelopeRecipient, Reply, ReversePath,
};
use smtpkit_mime::report::Action;
use smtpkit_queue::{
    Batch, ContentWriter, Entry, Health, LastReply, Origin, QueueId, Recipient, SpoolError, Staged, Timestamp,
};
use smtpkit_server::{
    Body, Handler, Peer, Refusal, RelayGrant, Role, Route, Session, Transaction, accepted_as,
};

use crate::delivery::day;
use crate::header_pass::HeaderPass;
use crate::mix::octets;
use crate::record;
use crate::relay::Shared;
use crate::report::{Case, Notice, addressee, build, is_wanted};
use crate::routes::{Leg, Routes, Sender, Via};
use crate::{NextHop, next_hop};

/// Content is handed to the disk in pieces of about this size.
const PIECE_OCTETS: usize = 256 * 1024;
/// More Received fields of our own than this are a mail loop, however many there may be in all (RFC 5321 §6.3).
const OWN_HOPS_MAX: usize = 10;
/// As much of the header is kept for reports that are made at once.
const HEADER_OCTETS_MAX: usize = 32 * 1024;

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
        self.legs.push(legs);
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
        while let Some(piece) = body.chunk().await? {
            content.push(&piece).await?;
        }
        let (writer, header, copy) = content.finish().await?;
        let staged = stage(writer).await?;

        let routes = shared.routes();
        let mut acceptance = Acceptance {
            shared,
            routes: &routes,
            transaction,
            now,
            ids: vec![id],
            entries: Vec::new(),
            expanded: Vec::new(),
        };
        for (recipient, legs) in transaction.recipients().iter().zip(legs) {
            acceptance.add(recipient, legs, &header);
        }
        if acceptance.is_loop() {
            return Err(Refusal::mail_loop());
        }
        let origin = origin(peer, transaction);
        let batch = acceptance.into_batch(staged, &origin, &copy);
        let entries = batch.1;
        shared.spool.commit(batch.0).await.map_err(refusal)?;
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

/// The Received field (RFC 5321 §4.4), with the queue id. It names the recipient only if there is just one.
fn received(peer: &Peer, transaction: &Transaction, id: &str, now: Timestamp) -> Vec<u8> {
    let protocol = peer.protocol(transaction.parameters().as_ref().smtputf8());
    let seconds = i64::try_from(now.get() / 1_000).unwrap_or_default();
    let (Ok(by), Some(date)) = (DomainRef::parse(peer.hostname()), DateTime::new(seconds, 0)) else {
        return Vec::new();
    };
    let mut field = Received::new(by, protocol, date);
    if let Some(Ok(name)) = peer.hello().map(ClientName::new) {
        field = field.from(name);
    }
    if let Some(address) = peer.ip() {
        field = field.peer(address);
    }
    if let Some(tls) = peer.tls() {
        field = field.tls(tls.cipher_suite()).unwrap_or(field);
    }
    field = field.id(id).unwrap_or(field);
    if let [recipient] = transaction.recipients()
        && let Some(mailbox) = recipient.path.as_ref().mailbox()
    {
        field = field.recipient(mailbox);
    }
    field.to_vec()
}

/// The message on its way into the spool: trace field, header, body.
struct Content {
    /// None only while a write is under way.
    writer: Option<ContentWriter>,
    waiting: Vec<u8>,
    header: HeaderPass,
    /// The header for reports, as far as it is kept.
    copy: Vec<u8>,
    /// What a submission that lacks them gets (RFC 6409 §8).
    fixes: Option<Fixes>,
    hops_max: usize,
}

struct Fixes {
    date: String,
    message_id: String,
}

impl Content {
    fn begin(
        shared: &Shared,
        peer: &Peer,
        transaction: &Transaction,
        id: QueueId,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let writer = shared.spool.begin().map_err(refusal)?;
        let seconds = i64::try_from(now.get() / 1_000).unwrap_or_default();
        let fixes = match DateTime::new(seconds, 0) {
            Some(date) if peer.role() == Role::Submission => {
                let unique = u128::from_be_bytes(octets(shared.options.seed, id.get()));
                Some(Fixes {
                    date: date.to_string(),
                    message_id: format!("{id}.{unique:032x}@{}", peer.hostname()),
                })
            }
            _ => None,
        };
        Ok(Self {
            writer: Some(writer),
            waiting: received(peer, transaction, &id.to_string(), now),
            header: HeaderPass::counting(peer.hostname()),
            copy: Vec::new(),
            fixes,
            hops_max: shared.options.limits.hops_max,
        })
    }

    async fn push(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        if self.header.is_complete() {
            self.waiting.extend_from_slice(piece);
        } else {
            let rest = self.header.push(piece, &mut self.waiting);
            if self.header.hops() > self.hops_max || self.header.own_hops() > OWN_HOPS_MAX {
                return Err(Refusal::mail_loop());
            }
            if self.header.is_complete() {
                self.end_header();
            }
            self.waiting.extend_from_slice(rest);
        }
        if self.waiting.len() >= PIECE_OCTETS { self.write().await } else { Ok(()) }
    }

    async fn finish(mut self) -> Result<(ContentWriter, HeaderPass, Vec<u8>), Refusal> {
        if !self.header.is_complete() {
            self.header.finish(&mut self.waiting);
            self.end_header();
        }
        self.write().await?;
        let writer = self.writer.ok_or_else(Refusal::try_later)?;
        Ok((writer, self.header, self.copy))
    }

    /// Hands what waits to the spool; on a thread that may block as soon as it goes to the disk.
    async fn write(&mut self) -> Result<(), Refusal> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut writer = self.writer.take().ok_or_else(Refusal::try_later)?;
        if waiting.len() < PIECE_OCTETS && writer.is_inline() {
            writer.write(&waiting).map_err(refusal)?;
            self.writer = Some(writer);
            return Ok(());
        }
        let written = tokio::task::spawn_blocking(move || writer.write(&waiting).map(|()| writer)).await;
        let writer =
            written.map_err(|error| Refusal::from(std::io::Error::other(error)))?.map_err(refusal)?;
        self.writer = Some(writer);
        Ok(())
    }

    fn end_header(&mut self) {
        if let Some(fixes) = self.fixes.take() {
            if !self.waiting.ends_with(b"\n") {
                self.waiting.extend_from_slice(b"\r\n");
            }
            if !self.header.has_date() {
                self.waiting.extend_from_slice(format!("Date: {}\r\n", fixes.date).as_bytes());
            }
            if !self.header.has_message_id() {
                self.waiting.extend_from_slice(format!("Message-ID: <{}>\r\n", fixes.message_id).as_bytes());
            }
        }
        self.copy.extend(self.waiting.iter().take(HEADER_OCTETS_MAX));
        if let Some(separator) = self.header.take_separator() {
            self.waiting.extend(separator);
        }
    }
}

/// The entries that a transaction becomes: one for each reverse-path.
struct Acceptance<'a> {
    shared: &'a Shared,
    routes: &'a Routes,
    transaction: &'a Transaction,
    now: Timestamp,
    /// The first is the one that the peer hears.
    ids: Vec<QueueId>,
    entries: Vec<(ReversePath, MailParameters, Vec<Recipient>)>,
    /// Recipients that became several and whose sender wants to hear of it.
    expanded: Vec<Recipient>,
}

impl Acceptance<'_> {
    fn add(&mut self, recipient: &EnvelopeRecipient, legs: Vec<Leg>, header: &HeaderPass) {
        let is_expanded = legs.iter().any(|leg| leg.via == Via::Expansion);
        let mut seen = HashSet::new();
        for leg in legs {
            if !seen.insert((leg.path.clone(), leg.hop.clone())) {
                continue;
            }
            let (sender, parameters) = self.envelope_of(&leg.sender);
            let hop = match leg.hop {
                NextHop::Mailbox(mailbox) if header.was_delivered_to(&mailbox.to_string()) => NextHop::Loop,
                hop => hop,
            };
            let wanted = match leg.sender {
                Sender::Owner(_) => RcptParameters::default(),
                _ => inherited(&recipient.parameters, &recipient.path, leg.via),
            };
            let mut queued = Recipient::new(leg.path, hop.site()).with_parameters(wanted);
            // who owns a list may know its members, who writes to an alias may not know what is behind it
            if leg.via != Via::Itself
                && !matches!(leg.sender, Sender::Owner(_))
                && queued.path != recipient.path
            {
                queued = queued.with_alias(recipient.path.clone());
            }
            match self.entries.iter_mut().find(|(known, ..)| *known == sender) {
                Some((.., recipients)) => recipients.push(queued),
                None => self.entries.push((sender, parameters, vec![queued])),
            }
        }
        if is_expanded {
            let whole = Recipient::new(recipient.path.clone(), next_hop::NextHop::Discard.site())
                .with_parameters(recipient.parameters.clone());
            self.expanded.push(whole);
        }
    }

    fn envelope_of(&self, sender: &Sender) -> (ReversePath, MailParameters) {
        let ours = self.transaction.reverse_path();
        let mut parameters = self.transaction.parameters().clone();
        parameters.remove("SIZE");
        match (sender, ours.mailbox()) {
            (Sender::Owner(owner), _) => {
                parameters.remove("RET");
                parameters.remove("ENVID");
                (ReversePath::from(owner.as_ref().to_owned()), parameters)
            }
            (Sender::Rewrite, Some(mailbox)) => match self.routes.rewritten(mailbox, day(self.now)) {
                Some(rewritten) => (ReversePath::from(rewritten), parameters),
                None => (ours.clone(), parameters),
            },
            _ => (ours.clone(), parameters),
        }
    }

    /// Whether nobody is left who could get the mail.
    fn is_loop(&self) -> bool {
        let site = NextHop::Loop.site();
        let mut recipients = self.entries.iter().flat_map(|(.., recipients)| recipients).peekable();
        recipients.peek().is_none() || recipients.all(|recipient| recipient.site == site)
    }

    fn into_batch(mut self, staged: Staged, origin: &Origin, header: &[u8]) -> (Batch, Vec<Entry>) {
        let schedule = &self.shared.options.schedule;
        let mut entries = Vec::with_capacity(self.entries.len());
        for (sender, parameters, recipients) in std::mem::take(&mut self.entries) {
            let id = self.ids.pop().unwrap_or_else(|| self.shared.spool.next_id(self.now));
            let terms = schedule.terms(self.now, parameters.as_ref());
            let entry = Entry::new(id, sender)
                .with_parameters(parameters)
                .with_origin(origin.clone())
                .with_terms(terms);
            let held =
                |entry: Entry, recipient: Recipient| entry.with_recipient(recipient.with_due(terms.release));
            entries.push(recipients.into_iter().fold(entry, held));
        }
        let batch = Batch::default().accept(staged, entries.clone());
        let batch = self.with_expanded(batch, &entries, header);
        (batch, entries)
    }

    /// The report that says that a recipient became several (RFC 3464 §2.3.3, "expanded").
    fn with_expanded(&self, batch: Batch, entries: &[Entry], header: &[u8]) -> Batch {
        let Some(about) = entries.first() else { return batch };
        let mut about = about.clone();
        about.reverse_path = self.transaction.reverse_path().clone();
        about.parameters = self.transaction.parameters().clone();
        let Some(sender) = about.reverse_path.mailbox().map(|mailbox| mailbox.to_owned()) else {
            return batch;
        };
        let reply = LastReply::new(EnhancedStatusCode::OK, "passed on to all members");
        let cases: Vec<Case<'_>> = self
            .expanded
            .iter()
            .filter(|recipient| is_wanted(&about, recipient, Action::Expanded))
            .map(|recipient| Case { recipient, action: Action::Expanded, reply: reply.clone() })
            .collect();
        if cases.is_empty() {
            return batch;
        }
        let id = self.shared.spool.next_id(self.now);
        let notice = Notice {
            entry: &about,
            cases,
            hostname: self.routes.hostname(),
            now: self.now,
            id,
            content: header,
        };
        let path = addressee(&sender);
        let (Some(report), Ok(legs)) = (build(&notice), self.routes.resolve(path.as_ref(), day(self.now)))
        else {
            return batch;
        };
        let terms = self.shared.options.schedule.terms(self.now, MailParameters::default().as_ref());
        let origin = Origin { report_of: Some(about.id), ..Origin::default() };
        let entry = Entry::new(id, ReversePath::null()).with_origin(origin).with_terms(terms);
        let entry = legs.into_iter().fold(entry, |entry, leg| {
            entry.with_recipient(Recipient::new(leg.path, leg.hop.site()).with_due(terms.release))
        });
        batch.accept(Staged::inline(report), [entry])
    }
}

/// What a recipient behind an alias keeps of the parameters (RFC 3461 §5.2.7): the address that the sender knows, and all
/// wishes if it is the only one; behind several, success is reported by us, once.
fn inherited(given: &RcptParameters, original: &ForwardPath, via: Via) -> RcptParameters {
    let mut parameters = given.clone();
    if via == Via::Itself {
        return parameters;
    }
    if parameters.as_ref().orcpt().is_none()
        && let Some(mailbox) = original.mailbox()
        && let Ok(named) = parameters.clone().with_orcpt(mailbox.as_str())
    {
        parameters = named;
    }
    if let (Via::Expansion, Some(notify)) = (via, parameters.as_ref().notify()) {
        let kept = [(notify.on_failure(), Notify::FAILURE), (notify.on_delay(), Notify::DELAY)];
        let kept =
            kept.into_iter().filter(|(is_kept, _)| *is_kept).fold(Notify::NEVER, |sum, (_, one)| sum.or(one));
        parameters.remove("NOTIFY");
        parameters = parameters.with_notify(kept);
    }
    parameters
}
