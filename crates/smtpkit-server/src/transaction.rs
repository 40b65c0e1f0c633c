//! One mail transaction (RFC 5321 §3.3): envelope, routes, and the trace fields that go on top of the content.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use smtpkit_codec::trace::{DateTime, Received, ReturnPath};
use smtpkit_codec::{ClientName, DomainRef, Encode as _, Envelope, MailParameters, Recipient, ReversePath};
use tokio::time::Instant;

use crate::{Peer, RouteKind};

/// A mail transaction: what MAIL said, and the recipients that were accepted so far.
#[derive(Debug)]
pub struct Transaction {
    session: u64,
    number: u32,
    /// Made when somebody asks for it.
    id: OnceLock<Box<str>>,
    envelope: Envelope,
    routes: Vec<RouteKind>,
    queue_id: OnceLock<Box<str>>,
    pub(crate) refused: u32,
    pub(crate) started: Instant,
}

impl Transaction {
    /// The transaction with this number in its session.
    pub(crate) fn new(
        session: u64,
        number: u32,
        reverse_path: ReversePath,
        parameters: MailParameters,
    ) -> Self {
        Self {
            session,
            number,
            id: OnceLock::new(),
            envelope: Envelope { reverse_path, parameters, recipients: Vec::new() },
            routes: Vec::new(),
            queue_id: OnceLock::new(),
            refused: 0,
            started: Instant::now(),
        }
    }

    pub(crate) fn accept(&mut self, recipient: Recipient, route: RouteKind) {
        self.envelope.recipients.push(recipient);
        self.routes.push(route);
    }

    /// A name of this transaction that no other has: the session's and a number. Letters, digits and a dot, so it can
    /// stand in the trace field and in a file name.
    pub fn id(&self) -> &str {
        self.id.get_or_init(|| format!("{:016x}.{}", self.session, self.number).into_boxed_str())
    }

    /// Says by which name the message is known from now on; it stands in the record of the transaction. The first one
    /// stays.
    pub fn queued_as(&self, id: &str) {
        // a second name would be that of a copy
        let _first_stays = self.queue_id.set(id.into());
    }

    /// The name by which the message is known from now on, if the handler gave it one.
    pub fn queue_id(&self) -> Option<&str> {
        self.queue_id.get().map(|id| &**id)
    }

    /// Where notifications go.
    pub const fn reverse_path(&self) -> &ReversePath {
        &self.envelope.reverse_path
    }

    /// The parameters of MAIL.
    pub const fn parameters(&self) -> &MailParameters {
        &self.envelope.parameters
    }

    /// The recipients that were accepted, in their order.
    pub fn recipients(&self) -> &[Recipient] {
        &self.envelope.recipients
    }

    /// The route of each recipient, in the same order.
    pub fn routes(&self) -> &[RouteKind] {
        &self.routes
    }

    /// All of it as a codec's envelope.
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The size that the client announced (RFC 1870).
    pub fn declared_size(&self) -> Option<u64> {
        self.envelope.parameters.as_ref().size()
    }

    /// The Received field for the content, with its CRLF (RFC 5321 §4.4). `unix_seconds` is the time of arrival in UTC.
    ///
    /// It names the recipient only if there is just one, so that recipients do not see each other (RFC 5321 §7.2).
    pub fn received(&self, peer: &Peer, unix_seconds: i64) -> Vec<u8> {
        self.received_as(self.id(), peer, unix_seconds)
    }

    /// The same with another `id`, for a handler that has given the message a name before it reads the content, such as
    /// that of its queue.
    pub fn received_as(&self, id: &str, peer: &Peer, unix_seconds: i64) -> Vec<u8> {
        let protocol = peer.protocol(self.envelope.parameters.as_ref().smtputf8());
        let (Ok(by), Some(date)) = (DomainRef::parse(peer.hostname()), date(unix_seconds)) else {
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
        if let [recipient] = self.recipients()
            && let Some(mailbox) = recipient.path.as_ref().mailbox()
        {
            field = field.recipient(mailbox);
        }
        field.to_vec()
    }

    /// The Return-Path field, with its CRLF: for final delivery only (RFC 5321 §4.4).
    pub fn return_path(&self) -> Vec<u8> {
        ReturnPath::new(self.envelope.reverse_path.as_ref()).to_vec()
    }
}

/// The first second of the era stands in for a clock that shows a year beyond four digits.
fn date(unix_seconds: i64) -> Option<DateTime> {
    DateTime::new(unix_seconds, 0).or_else(|| DateTime::new(0, 0))
}

/// The time of the system's clock in seconds since 1970-01-01 UTC, for [`Transaction::received`].
pub fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or_default()
}
