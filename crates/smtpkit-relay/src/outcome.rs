//! What becomes of a recipient when something goes wrong: the whole failure policy, by scope.
//!
//! | scope | what happened | recipients | next host? | the site |
//! |---|---|---|---|---|
//! | site | no such domain, null MX, the way leads back to us | failed | – | – |
//! | site | DNS answers nothing, or a temporary error | deferred 4.4.3 | – | down |
//! | site | no host of it has an address | failed 5.4.4 | – | – |
//! | session | no connection, no greeting in time, greeting or EHLO refused (4yz or 5yz) | deferred | yes | down |
//! | session | 421 at any time | deferred | yes | slower |
//! | session | TLS required or promised before, and not to be had | deferred 4.7.5 | yes | down |
//! | session | AUTH refused: the operator's matter, no fault of the mail | deferred 4.7.8 | – | down |
//! | session | lost before the final dot was out | deferred 4.4.2 | yes | slower |
//! | session | lost behind the final dot | deferred 4.4.2, the same mail again: at least once | no | slower |
//! | session | lost between the replies of LMTP (RFC 2033 §4.2) | those who had theirs: as it says; the others as above | no | slower |
//! | message | MAIL, DATA or the content refused 5yz | failed with that reply | no | fine |
//! | message | the same 4yz | deferred with that reply | no | fine |
//! | message | the host lacks an extension that the mail needs, or room for its size | failed 5.6.x, 5.3.4 | no | fine |
//! | recipient | RCPT refused 5yz | failed with that reply | no | fine |
//! | recipient | RCPT refused 4yz | deferred with that reply | no | fine |
//! | recipient | 452 4.5.3 or 552 4.5.3 behind others: too many at once (RFC 5321 §4.5.3.1.10) | again at once | no | fine |
//! | recipient | the same, and nobody was accepted: fewer are no remedy | deferred with that reply | no | fine |
//! | us | content unreadable, no connection free, client closed | given back, no attempt counted | – | – |
//!
//! Nothing here connects, waits or writes: the functions take what a client or the DNS said and name the consequence.

use smtpkit_client::{Delivered, ErrorKind, RecipientOutcome, Report, Retry, SendError, Unsupported};
use smtpkit_codec::{EnhancedStatusCode, Reply, ReplyCode, Severity, StatusClass};
use smtpkit_queue::LastReply;

use crate::resolve::{LookupError, Unroutable};

/// What becomes of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The next hop has it.
    Done(LastReply),
    /// It is over: report it.
    Failed(LastReply),
    /// Later, as the schedule says.
    Deferred(LastReply),
    /// At once, in another transaction; no attempt is counted.
    Again,
}

/// What the attempt says about the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SiteState {
    /// It takes mail.
    Fine,
    /// It takes mail, and less of it.
    Slower,
    /// It takes none now: what waits for it waits on.
    Down,
}

/// What follows from one attempt at one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// One for each recipient of the envelope, in its order.
    pub(crate) fates: Vec<Fate>,
    /// Whether the next host of the site may be tried for the same mail.
    pub(crate) next_host: bool,
    pub(crate) site: SiteState,
}

impl Verdict {
    fn all(fate: Fate, recipients: usize, next_host: bool, site: SiteState) -> Self {
        Self { fates: vec![fate; recipients], next_host, site }
    }
}

/// The domain has no hosts, or none that can be named now.
pub(crate) fn unroutable(why: &Unroutable, recipients: usize) -> Verdict {
    let reply = LastReply::new(why.status(), &why.to_string());
    match why {
        Unroutable::Temporary { .. } => {
            Verdict::all(Fate::Deferred(reply), recipients, false, SiteState::Down)
        }
        _ => Verdict::all(Fate::Failed(reply), recipients, false, SiteState::Fine),
    }
}

/// A host has no address. If it was the last one, that is what the sender hears.
pub(crate) fn no_address(host: &str, why: &LookupError, recipients: usize) -> Verdict {
    match why {
        LookupError::Temporary(_) => {
            let reply = LastReply::new(
                status(StatusClass::Transient, 4, 3),
                &format!("DNS look-up of {host} failed: {why}"),
            );
            Verdict::all(Fate::Deferred(reply), recipients, true, SiteState::Down)
        }
        _ => {
            let reply =
                LastReply::new(status(StatusClass::Permanent, 4, 4), &format!("host {host} has no address"));
            Verdict::all(Fate::Failed(reply), recipients, true, SiteState::Fine)
        }
    }
}

/// The message was taken, for some of its recipients at least.
pub(crate) fn sent(report: &Report, host: &str) -> Verdict {
    let fates = report.recipients().iter().map(|outcome| recipient(outcome, report.reply(), host)).collect();
    Verdict { fates, next_host: false, site: SiteState::Fine }
}

/// The message was not taken; `None` if that is no fault of the mail, the site or the network but our own.
pub(crate) fn failed(error: &SendError, recipients: usize, host: &str) -> Option<Verdict> {
    let all = |fate, next_host, site| Some(Verdict::all(fate, recipients, next_host, site));
    let deferred = |subject, detail| {
        Fate::Deferred(described(error, status(StatusClass::Transient, subject, detail), host))
    };
    let failed = |subject, detail| {
        Fate::Failed(described(error, status(StatusClass::Permanent, subject, detail), host))
    };
    match error.kind() {
        ErrorKind::ContentUnreadable | ErrorKind::PoolTimeout | ErrorKind::ClientClosed => None,
        ErrorKind::HostUnknown => all(failed(4, 4), true, SiteState::Fine),
        ErrorKind::Connect => all(deferred(4, 1), true, SiteState::Down),
        ErrorKind::Timeout | ErrorKind::Closed | ErrorKind::Protocol => Some(lost(error, recipients, host)),
        ErrorKind::Tls(_) | ErrorKind::TlsRequired | ErrorKind::InjectedPlaintext => {
            all(deferred(7, 5), true, SiteState::Down)
        }
        ErrorKind::Authentication | ErrorKind::NoMechanism => all(deferred(7, 8), false, SiteState::Down),
        ErrorKind::Refused => Some(refused(error, recipients, host)),
        ErrorKind::Recipients => {
            Some(Verdict { fates: each(error, recipients, host), next_host: false, site: SiteState::Fine })
        }
        // it takes no more in this session
        ErrorKind::Unsupported if error.retry() == Retry::Later => {
            all(deferred(5, 3), true, SiteState::Slower)
        }
        ErrorKind::Unsupported => {
            all(Fate::Failed(described(error, unsupported(error), host)), false, SiteState::Fine)
        }
        ErrorKind::Content => all(failed(6, 0), false, SiteState::Fine),
        _ if error.retry() == Retry::Never => all(failed(0, 0), false, SiteState::Fine),
        _ => all(deferred(4, 0), true, SiteState::Slower),
    }
}

/// The connection was lost, too slow, or spoke nonsense.
fn lost(error: &SendError, recipients: usize, host: &str) -> Verdict {
    let reply = described(error, EnhancedStatusCode::BAD_CONNECTION, host);
    let fates = told(error, recipients, host, &Fate::Deferred(reply));
    if error.delivered() == Delivered::Unknown {
        // it may have arrived; another host now would make a second copy likely, the same one later less so
        return Verdict { fates, next_host: false, site: SiteState::Slower };
    }
    let site = if error.stage().is_opening() { SiteState::Down } else { SiteState::Slower };
    Verdict { fates, next_host: true, site }
}

/// What each recipient was told before the connection was gone, whatever became of the others: it was refused, or, over
/// LMTP, has its copy (RFC 2033 §4.2). `otherwise` is for those who were told nothing.
fn told(error: &SendError, recipients: usize, host: &str, otherwise: &Fate) -> Vec<Fate> {
    let outcomes = error.recipients();
    if outcomes.len() != recipients {
        return vec![otherwise.clone(); recipients];
    }
    let fate = |outcome: &RecipientOutcome| match outcome {
        RecipientOutcome::Accepted(_) | RecipientOutcome::Refused(_) => recipient(outcome, None, host),
        _ => otherwise.clone(),
    };
    outcomes.iter().map(fate).collect()
}

/// The session, the sender or the content was refused.
fn refused(error: &SendError, recipients: usize, host: &str) -> Verdict {
    let reply = described(error, EnhancedStatusCode::BAD_CONNECTION, host);
    if error.reply().is_some_and(|reply| reply.code() == ReplyCode::SERVICE_UNAVAILABLE) {
        let site = if error.stage().is_opening() { SiteState::Down } else { SiteState::Slower };
        let fates = told(error, recipients, host, &Fate::Deferred(temporary(reply)));
        return Verdict { fates, next_host: true, site };
    }
    if error.stage().is_opening() {
        // whoever greets with 554 may be a host that takes no mail at all (RFC 5321 §3.1): others may
        return Verdict::all(Fate::Deferred(temporary(reply)), recipients, true, SiteState::Down);
    }
    Verdict { fates: each(error, recipients, host), next_host: false, site: SiteState::Fine }
}

/// The fates of recipients when a reply to the message as a whole decided: those refused before it keep their own.
fn each(error: &SendError, recipients: usize, host: &str) -> Vec<Fate> {
    let message = || {
        let reply = described(error, EnhancedStatusCode::BAD_CONNECTION, host);
        match error.retry() {
            Retry::Never => Fate::Failed(reply),
            Retry::Later => Fate::Deferred(temporary(reply)),
        }
    };
    let outcomes = error.recipients();
    if outcomes.len() != recipients {
        return vec![message(); recipients];
    }
    let is_any_accepted = outcomes.iter().any(|outcome| matches!(outcome, RecipientOutcome::Accepted(_)));
    let decide = |outcome: &RecipientOutcome| match outcome {
        RecipientOutcome::Refused(reply) if is_too_many(reply) && !is_any_accepted => {
            Fate::Deferred(temporary(last_reply(reply, host)))
        }
        RecipientOutcome::Refused(_) => recipient(outcome, None, host),
        _ => message(),
    };
    outcomes.iter().map(decide).collect()
}

/// One recipient of a message that was taken, or of one that nobody was accepted for.
fn recipient(outcome: &RecipientOutcome, message: Option<&Reply>, host: &str) -> Fate {
    match outcome {
        RecipientOutcome::Accepted(own) => {
            // LMTP answers for each recipient; over SMTP the reply to the content counts
            let reply = message.or(own.as_ref());
            Fate::Done(reply.map_or_else(
                || LastReply::new(EnhancedStatusCode::OK, "accepted").from_host(host),
                |reply| last_reply(reply, host),
            ))
        }
        RecipientOutcome::Refused(reply) if is_too_many(reply) => Fate::Again,
        RecipientOutcome::Refused(reply) => match reply.severity() {
            Severity::PermanentNegative => Fate::Failed(last_reply(reply, host)),
            _ => Fate::Deferred(temporary(last_reply(reply, host))),
        },
        _ => Fate::Again,
    }
}

/// Too many recipients at once; 552 is what RFC 821 said for it.
fn is_too_many(reply: &Reply) -> bool {
    let enhanced = reply.enhanced().map(|enhanced| (enhanced.subject(), enhanced.detail()));
    matches!((reply.code().get(), enhanced), (452 | 552, Some((5, 3))))
}

/// The status for what a host cannot do (RFC 3463 §3.7, RFC 6531 §3.5).
fn unsupported(error: &SendError) -> EnhancedStatusCode {
    match error.unsupported() {
        Some(Unsupported::Extension { keyword: "SMTPUTF8", .. }) => EnhancedStatusCode::NON_ASCII_ADDRESS,
        Some(Unsupported::Size { .. }) => EnhancedStatusCode::MESSAGE_TOO_BIG,
        Some(Unsupported::RequireTlsInPlaintext | Unsupported::Extension { keyword: "REQUIRETLS", .. }) => {
            status(StatusClass::Permanent, 7, 30)
        }
        _ => status(StatusClass::Permanent, 6, 3),
    }
}

/// What a host said, for the queue and for reports.
pub(crate) fn last_reply(reply: &Reply, host: &str) -> LastReply {
    let class = StatusClass::of(reply.severity()).unwrap_or(StatusClass::Transient);
    let status =
        reply.enhanced().or_else(|| EnhancedStatusCode::new(class, 0, 0)).unwrap_or(EnhancedStatusCode::OK);
    LastReply::new(status, &reply.to_string()).from_host(host)
}

/// The reply of an error if there is one, else its description with a status of ours.
fn described(error: &SendError, status: EnhancedStatusCode, host: &str) -> LastReply {
    match error.reply() {
        Some(reply) => last_reply(reply, host),
        None => LastReply::new(status, &error.cause().to_string()),
    }
}

/// A 5yz that we only take for now is shown as what it was, with a status that says so.
fn temporary(mut reply: LastReply) -> LastReply {
    if reply.status.class() == StatusClass::Permanent {
        let (subject, detail) = (reply.status.subject(), reply.status.detail());
        reply.status = status(StatusClass::Transient, subject, detail);
    }
    reply
}

fn status(class: StatusClass, subject: u16, detail: u16) -> EnhancedStatusCode {
    EnhancedStatusCode::new(class, subject, detail)
        .expect("invariant: subjects and details have at most three digits")
}
