//! Spans of `tracing`: a connection from its first octet to its end, a mail transaction from MAIL to its last reply.
//!
//! Both are of level `DEBUG`. A connection outlives the work that it was opened for, so it has no parent and follows from
//! what was under way; a transaction is a child of that. Their fields are numbers, names of machines and words of the
//! protocol: no address of a mailbox, nothing of the content, no secret.

use crate::error::{Delivered, SendError};
use crate::outcome::Report;
use crate::session::Session;
use crate::settings::Settings;
use tracing::field::{Empty, debug, display};
use tracing::{Level, Span};

/// Opens the span of a connection.
pub(crate) fn connection(settings: &Settings) -> Span {
    let span = tracing::span!(
        parent: None,
        Level::DEBUG,
        "connection",
        server = Empty,
        peer = Empty,
        tls = Empty,
        mechanism = Empty,
        error = Empty,
    );
    if !span.is_disabled() {
        span.follows_from(Span::current());
        span.record("server", display(settings.url.endpoint()));
    }
    span
}

/// The session is open, or will never be.
pub(crate) fn opened(span: &Span, outcome: Result<&Session, &SendError>) {
    if span.is_disabled() {
        return;
    }
    let session = match outcome {
        Ok(session) => Some(session),
        Err(error) => {
            span.record("error", debug(error.kind()));
            error.session()
        }
    };
    let Some(session) = session else { return };
    span.record("peer", session.peer());
    if let Some(tls) = session.tls() {
        span.record("tls", display(tls));
    }
    if let Some(mechanism) = session.mechanism() {
        span.record("mechanism", mechanism.as_str());
    }
}

/// Opens the span of a mail transaction.
pub(crate) fn transaction(session: &Session, recipients: usize) -> Span {
    tracing::debug_span!(
        "transaction",
        peer = session.peer(),
        recipients,
        accepted = Empty,
        octets = Empty,
        reply = Empty,
        outcome = Empty,
    )
}

/// The transaction is over.
pub(crate) fn concluded(span: &Span, outcome: &Result<Report, SendError>) {
    if span.is_disabled() {
        return;
    }
    match outcome {
        Ok(report) => {
            span.record("accepted", report.accepted_count()).record("octets", report.content_octets());
            if let Some(reply) = report.reply() {
                span.record("reply", reply.code().get());
            }
            span.record("outcome", "accepted");
        }
        Err(error) => failed(span, error),
    }
}

/// The transaction came to nothing, as far as is known.
pub(crate) fn failed(span: &Span, error: &SendError) {
    if let Some(reply) = error.reply() {
        span.record("reply", reply.code().get());
    }
    let is_unknown = error.delivered() == Delivered::Unknown;
    span.record("outcome", if is_unknown { "unknown" } else { "failed" });
}
