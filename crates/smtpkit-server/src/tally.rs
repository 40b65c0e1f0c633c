//! The numbers that a monitor watches: connections, sessions, transactions and what was refused, through the `metrics`
//! facade.
//!
//! Nothing is counted unless the program installs a recorder. No label holds a text of a peer: each comes from a fixed
//! set, so that nobody can make a monitor grow.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use smtpkit_codec::Reply;
use smtpkit_session::server::Counters;
use smtpkit_tls::Version;

use crate::gate::Full;
use crate::{Peer, Role};

/// Gives the recorder that is installed the help texts of what servers count. Call it once, when the recorder is there.
///
/// ```
/// // without a recorder it does nothing
/// smtpkit_server::describe_metrics();
/// ```
pub fn describe_metrics() {
    describe_counter!("smtpkit_connections_refused_total", "Connections that found no room, by reason.");
    describe_counter!(
        "smtpkit_sessions_total",
        "Sessions that came to an end, by role and by how they ended."
    );
    describe_histogram!("smtpkit_session_seconds", Unit::Seconds, "How long sessions took, by role.");
    describe_counter!("smtpkit_session_tls_total", "Sessions by role and version of TLS; none is plaintext.");
    describe_counter!(
        "smtpkit_transactions_total",
        "Transactions whose content was answered, by role and code."
    );
    describe_counter!(
        "smtpkit_transactions_unfinished_total",
        "Transactions whose content broke off, by role."
    );
    describe_counter!("smtpkit_content_octets_total", Unit::Bytes, "Content that came in, by role.");
    describe_counter!("smtpkit_recipients_refused_total", "Recipients refused at RCPT, by role and reason.");
    describe_counter!("smtpkit_auth_failures_total", "Attempts to log in that failed, by role.");
    describe_counter!("smtpkit_probes_total", "VRFY and EXPN commands, by role and command.");
    describe_counter!(
        "smtpkit_alarms_total",
        "Addresses that guess passwords (auth) or mailboxes (enumeration), by kind."
    );
    describe_counter!("smtpkit_errors_total", "Commands refused for a fault of the client, by role.");
}

const fn name(role: Role) -> &'static str {
    match role {
        Role::Mx => "mx",
        Role::Submission => "submission",
        Role::Lmtp => "lmtp",
        Role::CatchAll => "catch-all",
    }
}

/// A session has ended; `outcome` is one of the words of its record.
pub(crate) fn session(peer: &Peer, counters: &Counters, outcome: &'static str, took: Duration) {
    let role = name(peer.role());
    let tls = match peer.tls().map(smtpkit_tls::SessionInfo::version) {
        None => "none",
        Some(Version::Tls12) => "1.2",
        Some(_) => "1.3",
    };
    counter!("smtpkit_sessions_total", "role" => role, "outcome" => outcome).increment(1);
    counter!("smtpkit_session_tls_total", "role" => role, "version" => tls).increment(1);
    histogram!("smtpkit_session_seconds", "role" => role).record(took.as_secs_f64());
    for (command, count) in
        [("vrfy", counters.probes.saturating_sub(counters.expansions)), ("expn", counters.expansions)]
    {
        counter!("smtpkit_probes_total", "role" => role, "command" => command).increment(count.into());
    }
    counter!("smtpkit_errors_total", "role" => role).increment(counters.errors_total.into());
}

/// The content of a transaction was answered.
pub(crate) fn transaction(peer: &Peer, octets: u64, reply: Option<&Reply>) {
    let role = name(peer.role());
    let code = reply.map_or(0, |reply| reply.code().get()).to_string();
    counter!("smtpkit_transactions_total", "role" => role, "code" => code).increment(1);
    counter!("smtpkit_content_octets_total", "role" => role).increment(octets);
}

/// The content of a transaction broke off.
pub(crate) fn unfinished(peer: &Peer, octets: u64) {
    let role = name(peer.role());
    counter!("smtpkit_transactions_unfinished_total", "role" => role).increment(1);
    counter!("smtpkit_content_octets_total", "role" => role).increment(octets);
}

/// A recipient was refused.
pub(crate) fn recipient_refused(peer: &Peer, reply: &Reply) {
    let status = reply.enhanced().map(|status| (status.subject(), status.detail()));
    let reason = match (reply.code().get(), status) {
        (_, Some((1, 1))) => "unknown",
        (_, Some((7, 1))) => "denied",
        (400..=499, _) => "later",
        _ => "other",
    };
    counter!("smtpkit_recipients_refused_total", "role" => name(peer.role()), "reason" => reason)
        .increment(1);
}

/// An attempt to log in failed.
pub(crate) fn auth_failed(peer: &Peer) {
    counter!("smtpkit_auth_failures_total", "role" => name(peer.role())).increment(1);
}

/// Something that an operator should look at.
pub(crate) fn alarm(kind: &'static str) {
    counter!("smtpkit_alarms_total", "kind" => kind).increment(1);
}

/// A connection found no room.
pub(crate) fn turned_away(full: Full) {
    let reason = match full {
        Full::Connections => "connections",
        Full::Address => "address",
        Full::Rate => "rate",
    };
    counter!("smtpkit_connections_refused_total", "reason" => reason).increment(1);
}
