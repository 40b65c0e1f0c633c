//! What is logged: one record per session and one per transaction, without secrets and without content. What is counted
//! of them is counted here, too, so that the two agree.
//!
//! Texts of the peer stand in fields, never in the message, so that they cannot pass for something else.

use std::fmt;
use std::io;
use std::time::Duration;

use smtpkit_codec::{Recipient, Reply};
use smtpkit_session::server::{Closed, Fatal};
use tracing::{debug, info, warn};

use crate::body::BodyError;
use crate::connection::{Arrival, Connection};
use crate::gate::Full;
use crate::refusal::Cause;
use crate::{Handler, Peer, Transaction, tally};

const SESSION: &str = "smtpkit::session";
const TRANSACTION: &str = "smtpkit::transaction";
/// What an operator should look at.
const ALARM: &str = "smtpkit::alarm";
/// Recipients that a record names; of more, it tells the number alone.
const RECIPIENTS_MAX: usize = 100;

/// How a session ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Closed(Closed),
    NoHandshake(smtpkit_tls::Error),
    NoUpgrade(Fatal),
    NoProxy(String),
    Panicked,
    HungUp,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(_) | Self::Panicked | Self::HungUp => f.write_str(self.word()),
            Self::NoHandshake(error) => write!(f, "{}: {error}", self.word()),
            Self::NoUpgrade(fatal) => write!(f, "{}: {fatal}", self.word()),
            Self::NoProxy(why) => write!(f, "{}: {why}", self.word()),
        }
    }
}

impl Outcome {
    /// One word of a fixed set.
    const fn word(&self) -> &'static str {
        match self {
            Self::Closed(why) => word(*why),
            Self::NoHandshake(_) => "tls-failed",
            Self::NoUpgrade(_) => "starttls-refused",
            Self::NoProxy(_) => "proxy-refused",
            Self::Panicked => "handler-panicked",
            Self::HungUp => "hung-up",
        }
    }
}

const fn word(why: Closed) -> &'static str {
    match why {
        Closed::Quit => "quit",
        Closed::ByPeer => "peer-closed",
        Closed::TimedOut => "timed-out",
        Closed::TooSlow => "too-slow",
        Closed::TooManyErrors => "too-many-errors",
        Closed::TooManyAuthFailures => "too-many-auth-failures",
        Closed::TooMuchContent => "too-much-content",
        Closed::SpokeEarly => "spoke-early",
        Closed::SpokeTls => "tls-on-plaintext-port",
        Closed::Refused => "refused",
        Closed::PlaintextAfterStartTls => "plaintext-after-starttls",
        _ => "ended",
    }
}

/// The record of a session, at its end.
pub(crate) fn session<H: Handler>(connection: &mut Connection<H>, outcome: &Outcome, took: Duration) {
    let notes = connection.link.machine().notes();
    let counters = *connection.link.machine().counters();
    let peer = &connection.peer;
    tally::session(peer, &counters, outcome.word(), took);
    info!(
        target: SESSION,
        session = %peer.session_id(),
        address = peer.address().map(tracing::field::display),
        role = %peer.role(),
        hello = peer.hello(),
        tls = peer.tls().map(tracing::field::display),
        account = peer.identity().map(|identity| identity.authentication()),
        commands = counters.commands,
        errors = counters.errors_total,
        probes = counters.probes,
        transactions = counters.transactions,
        messages = counters.messages,
        refused_recipients = counters.recipients_refused,
        unknown_recipients = connection.unknown_recipients,
        octets = counters.content_octets,
        auth_failures = counters.auth_failures,
        spoke_early = notes.spoke_before_greeting || notes.spoke_before_reply,
        outcome = %outcome,
        duration_ms = milliseconds(took),
        "session"
    );
}

/// The record of a transaction whose content was answered.
pub(crate) fn transaction(peer: &Peer, tx: &Transaction, octets: u64, reply: Option<&Reply>) {
    tally::transaction(peer, octets, reply);
    let is_taken = reply.is_some_and(|reply| reply.code().severity().is_positive());
    info!(
        target: TRANSACTION,
        session = %peer.session_id(),
        transaction = tx.id(),
        queue_id = tx.queue_id(),
        address = peer.address().map(tracing::field::display),
        role = %peer.role(),
        hello = peer.hello(),
        tls = peer.tls().map(tracing::field::display),
        account = peer.identity().map(|identity| identity.authentication()),
        reverse_path = %tx.reverse_path(),
        recipients = %Recipients(tx),
        refused = tx.refused,
        octets,
        outcome = if is_taken { "accepted" } else { "refused" },
        reply = reply.map(tracing::field::display),
        duration_ms = milliseconds(tx.started.elapsed()),
        "transaction"
    );
}

/// The record of a transaction whose content did not come to its end.
pub(crate) fn unfinished(peer: &Peer, tx: &Transaction, octets: u64, error: BodyError) {
    tally::unfinished(peer, octets);
    info!(
        target: TRANSACTION,
        session = %peer.session_id(),
        transaction = tx.id(),
        address = peer.address().map(tracing::field::display),
        role = %peer.role(),
        hello = peer.hello(),
        tls = peer.tls().map(tracing::field::display),
        account = peer.identity().map(|identity| identity.authentication()),
        reverse_path = %tx.reverse_path(),
        recipients = %Recipients(tx),
        refused = tx.refused,
        octets,
        outcome = "unfinished",
        error = %error,
        duration_ms = milliseconds(tx.started.elapsed()),
        "transaction"
    );
}

/// As a number that every form of the log can show: one of 128 bits would be a text in JSON.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The recipients of a transaction with spaces between, which no path can hold outside quotes.
struct Recipients<'a>(&'a Transaction);

impl fmt::Display for Recipients<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recipients = self.0.recipients();
        for (at, recipient) in recipients.iter().take(RECIPIENTS_MAX).enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { " " }, recipient.path)?;
        }
        match recipients.len().checked_sub(RECIPIENTS_MAX) {
            Some(more) if more > 0 => write!(f, " and {more} more"),
            _ => Ok(()),
        }
    }
}

/// A recipient that was refused: counted, and told in detail only to whoever asks for detail.
pub(crate) fn recipient_refused(peer: &Peer, recipient: &Recipient, reply: &Reply) {
    tally::recipient_refused(peer, reply);
    debug!(
        target: TRANSACTION,
        session = %peer.session_id(),
        recipient = %recipient.path,
        reply = %reply,
        "recipient refused"
    );
}

/// Why a handler refused, where that is our own business.
pub(crate) fn failure(peer: &Peer, cause: &Cause) {
    match cause {
        // The record of the transaction tells it.
        Cause::Body(_) => {
            debug!(target: TRANSACTION, session = %peer.session_id(), %cause, "content not taken")
        }
        Cause::HungUp => {}
        Cause::Io(_) => warn!(target: TRANSACTION, session = %peer.session_id(), %cause, "handler failed"),
    }
}

pub(crate) fn auth_failed(peer: &Peer, mechanism: &str) {
    tally::auth_failed(peer);
    let address = peer.address().map(tracing::field::display);
    info!(target: SESSION, session = %peer.session_id(), address, mechanism, "authentication failed");
}

/// An address may try no more credentials for now.
pub(crate) fn auth_blocked(peer: &Peer) {
    tally::alarm("auth");
    let address = peer.address().map(tracing::field::display);
    info!(target: SESSION, session = %peer.session_id(), address, "authentication blocked");
}

/// An address named more unknown recipients than it may: told once for each time of the rate.
pub(crate) fn enumeration(peer: &Peer) {
    tally::alarm("enumeration");
    let address = peer.address().map(tracing::field::display);
    warn!(target: ALARM, session = %peer.session_id(), address, hello = peer.hello(), "many unknown recipients");
}

pub(crate) fn panicked(peer: &Peer) {
    warn!(target: SESSION, session = %peer.session_id(), "handler panicked");
}

pub(crate) fn turned_away(arrival: &Arrival, full: Full) {
    tally::turned_away(full);
    let address = arrival.address.map(tracing::field::display);
    info!(target: SESSION, address, reason = ?full, "connection turned away");
}

pub(crate) fn exhausted(error: &io::Error) {
    warn!(target: SESSION, %error, "cannot take connections for the moment");
}
