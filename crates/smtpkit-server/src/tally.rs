//! The numbers that a monitor watches: connections, sessions, transactions and what was refused, through the `metrics`
//! facade.
//!
//! Nothing is counted unless the program installs a recorder. No label holds a text of a peer: each comes from a fixed
//! set, so that nobody can make a monitor grow. What every session and every message counts is looked up once, when it
//! is first counted; what is rare is looked up each time.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram};
use smtpkit_codec::{Reply, ReplyCode};
use smtpkit_session::server::Counters;
use smtpkit_tls::Version;

use crate::gate::Full;
use crate::{Peer, Role};

/// Gives the recorder that is installed the help texts of what servers count. Call it once, when the recorder is there,
/// which has to be before servers take mail.
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

/// What every session and every message of a role counts.
struct Tally {
    role: &'static str,
    /// Sessions without TLS, with TLS 1.2, with TLS 1.3.
    versions: [OnceLock<Counter>; 3],
    quits: OnceLock<Counter>,
    seconds: OnceLock<Histogram>,
    vrfy: OnceLock<Counter>,
    expn: OnceLock<Counter>,
    errors: OnceLock<Counter>,
    /// Transactions that were answered 250.
    accepted: OnceLock<Counter>,
    octets: OnceLock<Counter>,
}

impl Tally {
    const fn new(role: Role) -> Self {
        Self {
            role: name(role),
            versions: [OnceLock::new(), OnceLock::new(), OnceLock::new()],
            quits: OnceLock::new(),
            seconds: OnceLock::new(),
            vrfy: OnceLock::new(),
            expn: OnceLock::new(),
            errors: OnceLock::new(),
            accepted: OnceLock::new(),
            octets: OnceLock::new(),
        }
    }

    fn of(role: Role) -> &'static Self {
        static MX: Tally = Tally::new(Role::Mx);
        static SUBMISSION: Tally = Tally::new(Role::Submission);
        static LMTP: Tally = Tally::new(Role::Lmtp);
        static CATCH_ALL: Tally = Tally::new(Role::CatchAll);
        match role {
            Role::Mx => &MX,
            Role::Submission => &SUBMISSION,
            Role::Lmtp => &LMTP,
            Role::CatchAll => &CATCH_ALL,
        }
    }

    fn count_octets(&self, octets: u64) {
        let counter = || counter!("smtpkit_content_octets_total", "role" => self.role);
        self.octets.get_or_init(counter).increment(octets);
    }

    fn count_version(&self, version: Option<Version>) {
        let [none, old, new] = &self.versions;
        let (counter, label) = match version {
            None => (none, "none"),
            Some(Version::Tls12) => (old, "1.2"),
            Some(_) => (new, "1.3"),
        };
        let make = || counter!("smtpkit_session_tls_total", "role" => self.role, "version" => label);
        counter.get_or_init(make).increment(1);
    }

    fn count_outcome(&self, outcome: &'static str) {
        let make = || counter!("smtpkit_sessions_total", "role" => self.role, "outcome" => outcome);
        match outcome {
            QUIT => self.quits.get_or_init(make).increment(1),
            _ => make().increment(1),
        }
    }
}

/// The outcome of nearly all sessions.
const QUIT: &str = "quit";

/// A session has ended; `outcome` is one of the words of its record.
pub(crate) fn session(peer: &Peer, counters: &Counters, outcome: &'static str, took: Duration) {
    let tally = Tally::of(peer.role());
    let role = tally.role;
    tally.count_outcome(outcome);
    tally.count_version(peer.tls().map(smtpkit_tls::SessionInfo::version));
    let seconds = tally.seconds.get_or_init(|| histogram!("smtpkit_session_seconds", "role" => role));
    seconds.record(took.as_secs_f64());
    let vrfy = || counter!("smtpkit_probes_total", "role" => role, "command" => "vrfy");
    let expn = || counter!("smtpkit_probes_total", "role" => role, "command" => "expn");
    tally.vrfy.get_or_init(vrfy).increment(counters.probes.saturating_sub(counters.expansions).into());
    tally.expn.get_or_init(expn).increment(counters.expansions.into());
    let errors = || counter!("smtpkit_errors_total", "role" => role);
    tally.errors.get_or_init(errors).increment(counters.errors_total.into());
}

/// The content of a transaction was answered.
pub(crate) fn transaction(peer: &Peer, octets: u64, reply: Option<&Reply>) {
    let tally = Tally::of(peer.role());
    let counter = |code: String| counter!("smtpkit_transactions_total", "role" => tally.role, "code" => code);
    match reply.map(Reply::code) {
        Some(ReplyCode::OK) => tally.accepted.get_or_init(|| counter("250".to_owned())).increment(1),
        code => counter(code.map_or(0, ReplyCode::get).to_string()).increment(1),
    }
    tally.count_octets(octets);
}

/// The content of a transaction broke off.
pub(crate) fn unfinished(peer: &Peer, octets: u64) {
    let tally = Tally::of(peer.role());
    counter!("smtpkit_transactions_unfinished_total", "role" => tally.role).increment(1);
    tally.count_octets(octets);
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
