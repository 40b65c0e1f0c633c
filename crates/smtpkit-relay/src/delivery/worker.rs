//! One task: the leases of one site, one after the other, until nothing is due, enough was done, or the site is down.
//!
//! Should it break off, what it holds goes back to the queue, and the site pauses.
//!
//! When the site is down, everything else that is due for it is put off with the same reply: a host that does not answer
//! is asked once, not once for each of ten thousand messages.

use std::sync::Arc;

use bytes::Bytes;
use smtpkit_queue::{Batch, Lease, QueueId, RecipientKey, Site};
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, attempt};
use super::gates::Pass;
use super::promised::Promised;
use super::settle::Settlement;
use crate::NextHop;
use crate::outcome::{Fate, SiteState};
use crate::record;
use crate::relay::Shared;
use crate::report::RETURNED_OCTETS_MAX;

/// Leases that one task holds at a time.
pub(crate) const LEASES_MAX: usize = 8;
/// Mails that are put off together when their site is down.
const PUT_OFF_MAX: usize = 10_000;
const PUT_OFF_AT_ONCE: usize = 250;

/// A task for one site.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    site: Site,
    /// Taken at the end.
    pass: Option<Pass>,
    /// What is leased and not settled.
    held: Vec<RecipientKey>,
    stop: CancellationToken,
}

impl Worker {
    pub(crate) const fn new(shared: Arc<Shared>, site: Site, pass: Pass, stop: CancellationToken) -> Self {
        Self { shared, site, pass: Some(pass), held: Vec::new(), stop }
    }

    /// Begins with these leases. Ends with the gate left and the scheduler woken.
    pub(crate) async fn run(mut self, mut leases: Vec<Lease>) {
        let mut tally = Tally { tried: 0, has_turn: true, state: SiteState::Fine, promised: Vec::new() };
        while !leases.is_empty() {
            self.held = leases.iter().flat_map(Lease::keys).collect();
            let mut fate = None;
            for lease in std::mem::take(&mut leases) {
                tally.has_turn = self.may_go();
                if !tally.has_turn {
                    break;
                }
                fate = self.one(&lease, &mut tally).await;
                if tally.state != SiteState::Fine || self.stop.is_cancelled() {
                    break;
                }
            }
            self.shared.spool.give_back(&std::mem::take(&mut self.held));
            if let (SiteState::Down, Some(fate @ Fate::Deferred(_))) = (tally.state, fate) {
                self.put_off(&fate, &mut tally.promised).await;
            }
            let goes_on = tally.state == SiteState::Fine
                && tally.has_turn
                && tally.tried < self.shared.options.limits.messages_max
                && !self.stop.is_cancelled();
            if goes_on {
                leases = self.shared.spool.lease(&self.site, self.shared.now(), LEASES_MAX);
            }
        }
        for promised in tally.promised {
            promised.settle(&*self.shared.spool, self.shared.now()).await;
        }
        self.leave(tally.state);
    }

    fn leave(&mut self, state: SiteState) {
        let Some(pass) = self.pass.take() else { return };
        self.shared.gates().leave(pass, state, self.shared.now());
        self.shared.wake.notify_one();
    }

    /// Whether the operator's rate lets one more message go.
    fn may_go(&self) -> bool {
        self.pass.as_ref().is_none_or(|pass| self.shared.gates().take_turn(pass, self.shared.now()))
    }

    /// What the attempt shows of the site.
    fn learn(&mut self, found: &Attempt) {
        let Some(pass) = &mut self.pass else { return };
        let mut gates = self.shared.gates();
        if let Some(set) = &found.set {
            gates.learn(pass, self.site.as_str(), set);
        }
        let is_taken = found.fates.iter().any(|(_, fate)| matches!(fate, Fate::Done(_)));
        let has_more_room = match found.site {
            _ if is_taken => gates.succeed(pass),
            SiteState::Fine if !found.way.host.is_empty() => gates.answer(pass),
            _ => false,
        };
        drop(gates);
        if has_more_room {
            self.shared.wake.notify_one();
        }
    }

    /// One mail; gives the fate of its last recipient if the site is down.
    async fn one(&mut self, lease: &Lease, tally: &mut Tally) -> Option<Fate> {
        let routes = self.shared.routes();
        tally.tried += 1;
        let Some(hop) = NextHop::of(&self.site) else {
            tracing::error!(target: "smtpkit::relay", site = %self.site, "the queue names a site that this version does not know");
            tally.state = SiteState::Slower;
            return None;
        };
        let found = attempt(&self.shared, &routes, &hop, lease).await;
        self.learn(&found);
        let (batch, reports) = self.record(Batch::default(), lease, &found).await;
        let commit = self.shared.spool.commit(batch);
        self.held.retain(|key| {
            key.id != lease.entry.id || !found.fates.iter().any(|(index, _)| *index == key.index)
        });
        tally.state = found.site;
        let last = (found.site == SiteState::Down).then(|| found.fates.last().map(|(_, fate)| fate.clone()));
        let promised = Promised::new(commit, lease.entry.id, found.fates);
        match reports {
            Reports::None => tally.promised.push(promised),
            // it is due at once, and this site may keep us for long
            Reports::Some => {
                promised.settle(&*self.shared.spool, self.shared.now()).await;
                self.shared.wake.notify_one();
            }
        }
        last.flatten()
    }

    /// Adds what the attempt changes to the batch: outcomes, and a report if one is owed.
    async fn record(&self, mut batch: Batch, lease: &Lease, found: &Attempt) -> (Batch, Reports) {
        let (routes, now) = (self.shared.routes(), self.shared.now());
        let settlement =
            Settlement { mail: lease, routes: &routes, schedule: &self.shared.options.schedule, now };
        let settled = settlement.decide(&found.fates, found.success);
        for (index, fate) in &found.fates {
            if let Some(recipient) = lease.recipient(*index) {
                record::delivery(&lease.entry, recipient, fate, &found.way, now);
            }
        }
        for (key, outcome) in settled.outcomes {
            batch = batch.record(key, outcome);
        }
        if settled.cases.is_empty() {
            return (batch, Reports::None);
        }
        let content = self.head(lease.entry.id).await;
        let id = self.shared.spool.next_id(now);
        (settlement.with_report(batch, settled.cases, id, &content), Reports::Some)
    }

    /// As much of the content as a report may return. If it cannot be read, a report without it is better than none.
    async fn head(&self, id: QueueId) -> Bytes {
        let Ok(content) = self.shared.spool.content(id) else { return Bytes::new() };
        if let Some(octets) = content.as_inline() {
            return octets.clone();
        }
        let read = tokio::task::spawn_blocking(move || content.chunk(0, RETURNED_OCTETS_MAX)).await;
        read.ok().and_then(Result::ok).unwrap_or_default()
    }

    /// Everything else that is due for the site, with the same fate.
    async fn put_off(&self, fate: &Fate, promised: &mut Vec<Promised>) {
        let mut count = 0;
        while count < PUT_OFF_MAX {
            let leases = self.shared.spool.lease(&self.site, self.shared.now(), PUT_OFF_AT_ONCE);
            if leases.is_empty() {
                break;
            }
            count += leases.len();
            let mut batch = Batch::default();
            let mut fates = Vec::with_capacity(leases.len());
            for lease in leases {
                let found = Attempt::put_off(&lease, fate);
                (batch, _) = self.record(batch, &lease, &found).await;
                fates.push((lease.entry.id, found.fates));
            }
            promised.push(Promised::of_many(self.shared.spool.commit(batch), fates));
        }
    }
}

impl Drop for Worker {
    /// A delivery that breaks off must not keep its mail from being tried again, nor take its place for ever.
    fn drop(&mut self) {
        if self.pass.is_some() {
            self.shared.spool.give_back(&self.held);
            self.leave(SiteState::Slower);
        }
    }
}

/// Whether there is a report in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reports {
    None,
    Some,
}

/// What a task has done so far.
struct Tally {
    tried: usize,
    /// Whether the operator's rate lets one more go.
    has_turn: bool,
    state: SiteState,
    promised: Vec<Promised>,
}
