//! The loop: begins what is due and may begin, then sleeps until something changes.

use std::sync::Arc;
use std::time::Duration;

use smtpkit_queue::{Site, Timestamp};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::gates::Reach;
use super::worker::{LEASES_MAX, Worker};
use crate::NextHop;
use crate::relay::Shared;

/// Sites that are asked for at once.
const SITES_MAX: usize = 64;
/// However long nothing is due, the clock may be set: look again.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// Delivers until `stop`, then waits for what is under way as long as the options allow.
pub(crate) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let mut workers = JoinSet::new();
    loop {
        let looked_at = begin(&shared, &mut workers, &stop);
        let sleep = until_next(&shared, looked_at);
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = shared.wake.notified() => {}
            Some(ended) = workers.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(target: "smtpkit::relay", %error, "a delivery broke off");
                }
            }
            () = tokio::time::sleep(sleep) => {}
        }
    }
    let grace = shared.options.grace;
    let ending = async { while workers.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, ending).await.is_err() {
        // their leases end with the process; the mail is tried again after a restart
        tracing::warn!(target: "smtpkit::relay", "deliveries in progress are broken off");
        workers.abort_all();
    }
    shared.remote.close(Duration::from_secs(1)).await;
}

/// Tasks for sites that have something due and room for one more. Each begins with leases of its own, so what is due
/// becomes less with every round. Gives the moment at which nothing more could begin.
fn begin(shared: &Arc<Shared>, workers: &mut JoinSet<()>, stop: &CancellationToken) -> Timestamp {
    loop {
        let moment = shared.now();
        let mut gates = shared.gates();
        gates.look(moment);
        let sites = shared
            .spool
            .due(moment, SITES_MAX, &mut |site| gates.may_enter(site.as_str(), reach(site), moment));
        let mut begun = 0;
        for site in sites {
            // an earlier one of this round may have taken the last place
            if !gates.may_enter(site.as_str(), reach(&site), moment) {
                continue;
            }
            // whoever may be dead is asked with one mail
            let leases_max = if gates.is_proven(site.as_str()) { LEASES_MAX } else { 1 };
            let leases = shared.spool.lease(&site, moment, leases_max);
            if leases.is_empty() {
                continue;
            }
            begun += 1;
            let pass = gates.enter(site.as_str(), reach(&site), moment);
            workers.spawn(Worker::new(Arc::clone(shared), site, pass, stop.clone()).run(leases));
        }
        if begun == 0 {
            return moment;
        }
    }
}

fn reach(site: &Site) -> Reach {
    match NextHop::of(site) {
        Some(hop) if hop.is_local() => Reach::Local,
        Some(NextHop::Mx(_)) => Reach::Found,
        _ => Reach::Named,
    }
}

/// How long to sleep after a look at `moment`. It has to be that one: what falls due between two readings of the clock
/// would be in neither the look nor the answer.
fn until_next(shared: &Shared, moment: Timestamp) -> Duration {
    let due = shared.spool.next_due(moment);
    let opening = shared.gates().next_opening(moment);
    let next = due.into_iter().chain(opening).min();
    next.map_or(SLEEP_MAX, |next| next.since(moment).clamp(Duration::from_millis(1), SLEEP_MAX))
}
