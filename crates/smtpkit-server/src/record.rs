//! What is logged: one record per session and one per transaction, without secrets and without content.
//!
//! Texts of the peer stand in fields, never in the message, so that they cannot pass for something else.

use std::fmt;
use std::io;
use std::time::Duration;

use smtpkit_codec::Reply;
use smtpkit_session::server::{Closed, Fatal};
use tracing::{debug, info, warn};

use crate::body::BodyError;
use crate::connection::{Arrival, Connection};
use crate::gate::Full;
use crate::refusal::Cause;
use crate::{Handler, Peer, Transaction};

const SESSION: &str = "smtpkit::session";
const TRANSACTION: &str = "smtpkit::transaction";
/// What an operator should look at.
const ALARM: &str = "smtpkit::alarm";

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
            Self::Closed(why) => f.write_str(word(*why)),
            Self::NoHandshake(error) => write!(f, "tls-failed: {error}"),
            Self::NoUpgrade(fatal) => write!(f, "starttls-refused: {fatal}"),
            Self::NoProxy(why) => write!(f, "proxy-refused: {why}"),
            Self::Panicked => f.write_str("handler-panicked"),
            Self::HungUp => f.write_str("hung-up"),
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
        duration_ms = took.as_millis(),
        "session"
    );
}

/// The record of a transaction whose content was answered.
pub(crate) fn transaction(peer: &Peer, tx: &Transaction, octets: u64, reply: Option<&Reply>) {
    info!(
        target: TRANSACTION,
        session = %peer.session_id(),
        transaction = tx.id(),
        reverse_path = %tx.reverse_path(),
        recipients = tx.recipients().len(),
        recipient = tx.recipients().first().map(|recipient| tracing::field::display(&recipient.path)),
        refused = tx.refused,
        octets,
        reply = reply.map(tracing::field::display),
        duration_ms = tx.started.elapsed().as_millis(),
        "transaction"
    );
}

/// The record of a transaction whose content did not come to its end.
pub(crate) fn unfinished(peer: &Peer, tx: &Transaction, octets: u64, error: BodyError) {
    info!(
        target: TRANSACTION,
        session = %peer.session_id(),
        transaction = tx.id(),
        reverse_path = %tx.reverse_path(),
        recipients = tx.recipients().len(),
        refused = tx.refused,
        octets,
        error = %error,
        duration_ms = tx.started.elapsed().as_millis(),
        "transaction unfinished"
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
    let address = peer.address().map(tracing::field::display);
    info!(target: SESSION, session = %peer.session_id(), address, mechanism, "authentication failed");
}

/// An address may try no more credentials for now.
pub(crate) fn auth_blocked(peer: &Peer) {
    let address = peer.address().map(tracing::field::display);
    info!(target: SESSION, session = %peer.session_id(), address, "authentication blocked");
}

/// An address named more unknown recipients than it may: told once for each time of the rate.
pub(crate) fn enumeration(peer: &Peer) {
    let address = peer.address().map(tracing::field::display);
    warn!(target: ALARM, session = %peer.session_id(), address, hello = peer.hello(), "many unknown recipients");
}

pub(crate) fn panicked(peer: &Peer) {
    warn!(target: SESSION, session = %peer.session_id(), "handler panicked");
}

pub(crate) fn turned_away(arrival: &Arrival, full: Full) {
    let address = arrival.address.map(tracing::field::display);
    info!(target: SESSION, address, reason = ?full, "connection turned away");
}

pub(crate) fn exhausted(error: &io::Error) {
    warn!(target: SESSION, %error, "cannot take connections for the moment");
}
