//! One mail to one site: find its hosts, try them in their order, and say what became of each recipient.

use std::sync::Arc;

use smtpkit_client::{Report, Unsupported};
use smtpkit_codec::{
    EnhancedStatusCode, Envelope, MailParameters, Recipient as EnvelopeRecipient, StatusClass,
};
use smtpkit_queue::{LastReply, Lease, QueueId};

use super::mailbox::Delivery;
use super::remote::{Host, Parcel, Trouble, reports_itself};
use super::settle::Success;
use crate::NextHop;
use crate::outcome::{self, Fate, SiteState, Verdict};
use crate::record::Way;
use crate::relay::Shared;
use crate::resolve::next_hops;
use crate::routes::Routes;

/// What came of one mail.
pub(crate) struct Attempt {
    /// Indexes and fates; a recipient that is missing is given back: nobody tried.
    pub(crate) fates: Vec<(u32, Fate)>,
    pub(crate) site: SiteState,
    pub(crate) success: Success,
    pub(crate) way: Way,
    /// The set of hosts, when it was looked up.
    pub(crate) set: Option<String>,
}

impl Attempt {
    fn alike(lease: &Lease, fate: &Fate, site: SiteState, success: Success) -> Self {
        let fates = lease.indexes.iter().map(|index| (*index, fate.clone())).collect();
        Self { fates, site, success, way: Way::default(), set: None }
    }

    /// What became of another mail to the same site becomes of this one.
    pub(crate) fn put_off(lease: &Lease, fate: &Fate) -> Self {
        Self::alike(lease, fate, SiteState::Down, Success::Silent)
    }

    fn given_back() -> Self {
        Self {
            fates: Vec::new(),
            site: SiteState::Slower,
            success: Success::Silent,
            way: Way::default(),
            set: None,
        }
    }
}

/// Delivers a mail to the next hop of its site.
pub(crate) async fn attempt(shared: &Shared, routes: &Routes, hop: &NextHop, lease: &Lease) -> Attempt {
    match hop {
        NextHop::Discard => {
            let reply = LastReply::new(EnhancedStatusCode::OK, "discarded, as the routing table says");
            Attempt::alike(lease, &Fate::Done(reply), SiteState::Fine, Success::Silent)
        }
        NextHop::Loop => {
            let status = EnhancedStatusCode::new(StatusClass::Permanent, 4, 6)
                .expect("invariant: 5.4.6 is within the limits of RFC 3463");
            let reply = LastReply::new(status, "mail loop: it was delivered to this mailbox before");
            Attempt::alike(lease, &Fate::Failed(reply), SiteState::Fine, Success::Silent)
        }
        NextHop::Mailbox(mailbox) => {
            let folder = mailbox.folder(&shared.options.data);
            local(shared, lease, folder, Some(mailbox.to_string())).await
        }
        NextHop::Maildir(folder) => local(shared, lease, folder.clone(), None).await,
        NextHop::Lmtp(url) => match url.parse() {
            Ok(url) => remote(shared, lease, &[Host::Lmtp(url)], Success::Delivered, None).await,
            Err(_) => misrouted(lease, hop),
        },
        NextHop::Smarthost(name) => match routes.smarthost(name) {
            Some(smarthost) => {
                let mut ports: Vec<Option<u16>> = smarthost.ports().map(Some).collect();
                if ports.is_empty() {
                    ports.push(None);
                }
                let host = |port| Host::Smarthost { smarthost: Arc::clone(&smarthost), port };
                let hosts: Vec<Host> = ports.into_iter().map(host).collect();
                remote(shared, lease, &hosts, Success::Relayed, None).await
            }
            None => misrouted(lease, hop),
        },
        NextHop::Mx(domain) => mx(shared, routes, lease, domain).await,
    }
}

/// The table no longer knows the next hop: the operator has to route the mail anew, or bring the row back.
fn misrouted(lease: &Lease, hop: &NextHop) -> Attempt {
    let status = EnhancedStatusCode::new(StatusClass::Transient, 3, 5)
        .expect("invariant: 4.3.5 is within the limits of RFC 3463");
    let reply = LastReply::new(status, &format!("the routing table no longer knows {hop}"));
    Attempt::alike(lease, &Fate::Deferred(reply), SiteState::Down, Success::Silent)
}

async fn mx(shared: &Shared, routes: &Routes, lease: &Lease, domain: &str) -> Attempt {
    let seed = shared.options.seed ^ lease.entry.id.get();
    match next_hops(shared.remote.resolver(), domain, routes.own_names(), seed).await {
        Ok(names) => {
            let mut set: Vec<&str> = names.iter().map(|name| &**name).collect();
            set.sort_unstable();
            let set = format!("{}:{}", set.join(","), shared.options.mx_port);
            let hosts: Vec<Host> =
                names.into_iter().map(|name| Host::Mx { name, port: shared.options.mx_port }).collect();
            remote(shared, lease, &hosts, Success::Relayed, Some(set)).await
        }
        Err(why) => {
            let verdict = outcome::unroutable(&why, lease.indexes.len());
            let fates = lease.indexes.iter().copied().zip(verdict.fates).collect();
            Attempt { fates, site: verdict.site, success: Success::Silent, way: Way::default(), set: None }
        }
    }
}

/// Recipients in transactions of bounded size, each to the first host that takes it.
async fn remote(
    shared: &Shared,
    lease: &Lease,
    hosts: &[Host],
    success: Success,
    set: Option<String>,
) -> Attempt {
    let mut all = Attempt { fates: Vec::new(), site: SiteState::Fine, success, way: Way::default(), set };
    let mut at_once = shared.options.limits.recipients_max.max(1);
    let mut rest = lease.indexes.as_slice();
    while !rest.is_empty() {
        let (indexes, later) = rest.split_at(at_once.min(rest.len()));
        match transaction(shared, lease, hosts, indexes, &mut all).await {
            Transaction::Ended => {}
            // our own fault: nothing counts as tried
            Transaction::Broken => {
                all.site = SiteState::Slower;
                return all;
            }
            Transaction::TooLarge { limit } => {
                at_once = limit;
                continue;
            }
        }
        if all.site == SiteState::Down {
            break;
        }
        rest = later;
    }
    // what a site that went down did not hear of goes the way of what it did hear of
    if all.site == SiteState::Down
        && let Some((_, last)) = all.fates.last().cloned()
        && matches!(last, Fate::Deferred(_))
    {
        let known: Vec<u32> = all.fates.iter().map(|(index, _)| *index).collect();
        let rest = lease.indexes.iter().filter(|index| !known.contains(index));
        all.fates.extend(rest.map(|index| (*index, last.clone())));
    }
    all
}

/// What came of one transaction, or of as many as there were hosts to try.
enum Transaction {
    Ended,
    Broken,
    /// A host takes fewer recipients at once (RFC 9422 §4.2). Nobody was told of any.
    TooLarge {
        limit: usize,
    },
}

/// These recipients, each to the first host that takes it; adds what became of them.
async fn transaction(
    shared: &Shared,
    lease: &Lease,
    hosts: &[Host],
    indexes: &[u32],
    all: &mut Attempt,
) -> Transaction {
    let mut waiting: Vec<u32> = indexes.to_vec();
    let mut state = SiteState::Fine;
    for (at, host) in hosts.iter().enumerate() {
        let envelope = envelope(lease, &waiting);
        let (verdict, report) = match one_host(shared, host, &envelope, lease.entry.id).await {
            Heard::Verdict(verdict, report) => (verdict, report),
            Heard::TooMany { limit } if waiting.len() == indexes.len() => {
                return Transaction::TooLarge { limit };
            }
            // a host before it has taken some of them: the rest waits for the next attempt
            Heard::TooMany { .. } => {
                all.site = worse(all.site, SiteState::Slower);
                return Transaction::Ended;
            }
            Heard::Nothing => return Transaction::Broken,
        };
        all.way.host = host.name();
        if let Some(report) = &report {
            all.way.tls = report.session().tls().map(|tls| tls.cipher_suite().to_owned());
            if all.success == Success::Relayed && reports_itself(report) {
                all.success = Success::PassedOn;
            }
        }
        let is_last = at + 1 == hosts.len();
        let goes_on = verdict.next_host && !is_last;
        state = verdict.site;
        let mut left = Vec::new();
        for (index, fate) in waiting.iter().zip(verdict.fates) {
            match fate {
                Fate::Deferred(_) if goes_on => left.push(*index),
                Fate::Failed(_) if goes_on && report.is_none() && verdict_is_of_host(&fate) => {
                    left.push(*index);
                }
                fate => all.fates.push((*index, fate)),
            }
        }
        waiting = left;
        if waiting.is_empty() {
            break;
        }
    }
    all.site = worse(all.site, state);
    Transaction::Ended
}

/// Whether a failure is that of a host without an address: another host may have one.
fn verdict_is_of_host(fate: &Fate) -> bool {
    matches!(fate, Fate::Failed(reply) if (reply.status.subject(), reply.status.detail()) == (4, 4) && reply.host.is_none())
}

const fn worse(one: SiteState, other: SiteState) -> SiteState {
    match (one, other) {
        (SiteState::Down, _) | (_, SiteState::Down) => SiteState::Down,
        (SiteState::Slower, _) | (_, SiteState::Slower) => SiteState::Slower,
        _ => SiteState::Fine,
    }
}

/// What a host said.
enum Heard {
    Verdict(Verdict, Option<Report>),
    /// It says beforehand that these are too many recipients at once.
    TooMany {
        limit: usize,
    },
    /// It could not be asked, through a fault of ours.
    Nothing,
}

async fn one_host(shared: &Shared, host: &Host, envelope: &Envelope, id: QueueId) -> Heard {
    let name = host.name();
    let recipients = envelope.recipients.len();
    if let Host::Mx { name, .. } = host
        && name.parse::<std::net::IpAddr>().is_err()
        && let Err(why) = shared.remote.resolver().addresses(name).await
    {
        return Heard::Verdict(outcome::no_address(name, &why, recipients), None);
    }
    let parcel = Parcel { envelope, spool: &*shared.spool, id };
    match shared.remote.send(host, &parcel).await {
        Ok(report) => Heard::Verdict(outcome::sent(&report, &name), Some(report)),
        Err(Trouble::Send(error)) => {
            tracing::debug!(target: "smtpkit::relay", %id, host = name, %error, "not sent");
            if let Some(Unsupported::Recipients { limit, .. }) = error.unsupported()
                && let Ok(limit @ 1..) = usize::try_from(*limit)
            {
                return Heard::TooMany { limit };
            }
            outcome::failed(&error, recipients, &name)
                .map_or(Heard::Nothing, |verdict| Heard::Verdict(verdict, None))
        }
        Err(Trouble::Ours(why)) => {
            tracing::error!(target: "smtpkit::relay", %id, host = name, why, "a delivery could not begin");
            Heard::Nothing
        }
    }
}

/// The envelope for these recipients, without what was meant for us alone.
fn envelope(lease: &Lease, indexes: &[u32]) -> Envelope {
    let entry = &lease.entry;
    let recipients = indexes
        .iter()
        .filter_map(|index| lease.recipient(*index))
        .map(|recipient| EnvelopeRecipient {
            path: recipient.path.clone(),
            parameters: recipient.parameters.clone(),
        })
        .collect();
    Envelope { reverse_path: entry.reverse_path.clone(), parameters: onward(&entry.parameters), recipients }
}

/// SIZE has changed, the hold is over, AUTH is for those who trust us, and we keep the deadline ourselves.
fn onward(parameters: &MailParameters) -> MailParameters {
    let mut parameters = parameters.clone();
    for ours in ["SIZE", "HOLDFOR", "HOLDUNTIL", "AUTH", "BY", "MTRK", "TRANSID"] {
        parameters.remove(ours);
    }
    parameters
}

/// Into a folder; all recipients of the mail that lead there share one copy.
async fn local(
    shared: &Shared,
    lease: &Lease,
    folder: std::path::PathBuf,
    mailbox: Option<String>,
) -> Attempt {
    let Some(first) = lease.entry.recipients.first() else { return Attempt::given_back() };
    let mailbox = mailbox.unwrap_or_else(|| {
        first.path.mailbox().map_or_else(|| "postmaster".to_owned(), |mailbox| mailbox.as_str().to_owned())
    });
    let content = match shared.spool.content(lease.entry.id) {
        Ok(content) => content,
        Err(error) => {
            tracing::error!(target: "smtpkit::relay", id = %lease.entry.id, %error, "content cannot be read");
            return Attempt::given_back();
        }
    };
    let shown = folder.display().to_string();
    let delivery = Delivery { folder, reverse_path: lease.entry.reverse_path.clone(), mailbox, content };
    let done = tokio::task::spawn_blocking(move || delivery.run()).await;
    match done {
        Ok(Ok(())) => {
            let reply = LastReply::new(EnhancedStatusCode::OK, "delivered to the mailbox");
            Attempt::alike(lease, &Fate::Done(reply), SiteState::Fine, Success::Delivered)
        }
        failed => {
            let why = match failed {
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
                Ok(Ok(())) => String::new(),
            };
            tracing::error!(target: "smtpkit::relay", id = %lease.entry.id, folder = shown, why, "a mailbox takes no mail");
            // the sender learns no more than that
            let status = EnhancedStatusCode::new(StatusClass::Transient, 2, 0)
                .expect("invariant: 4.2.0 is within the limits of RFC 3463");
            let reply = LastReply::new(status, "the mailbox takes no mail now");
            Attempt::alike(lease, &Fate::Deferred(reply), SiteState::Fine, Success::Silent)
        }
    }
}
