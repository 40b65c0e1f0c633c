//! A machine that runs the production server and relay on a spool of its own, and what befalls it.
//!
//! ```text
//! boot ─► life: server, relay, writer ─► crash, power loss at a sync, failed sync, restart ─► boot on what the disk kept
//! ```

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use smtpkit_queue::{Filter, Limits as QueueLimits, Options as QueueOptions, Schedule, Spool};
use smtpkit_relay::{Clock, Limits, Options, Relay, Routes, Surroundings};
use smtpkit_server::{CancellationToken, Listening, LocalDomains, Network as Net, Server};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::dice::Dice;
use crate::disk::{Disk, Fault};
use crate::journal::Journal;
use crate::ledger::{Ledger, ReportSeen};
use crate::letter;
use crate::names::Names;
use crate::network::{Arrival, Network, Plug};
use crate::operator::Operator;
use crate::power::Power;
use crate::spool::TimedSpool;
use crate::weather::Weather;

/// How long a machine may take to stop.
const STOP_MAX: Duration = Duration::from_secs(120);
/// The networks whose clients may relay: those that the senders and the machines are in.
const TRUSTED: &str = "10.0.0.0/8";

/// What all machines share.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) network: Network,
    pub(crate) names: Names,
    pub(crate) ledger: Ledger,
    pub(crate) journal: Journal,
    pub(crate) clock: Clock,
    pub(crate) weather: Weather,
}

/// A machine, switched off.
pub(crate) struct Machine {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    /// The domains that it takes mail for from anybody.
    pub(crate) domains: Vec<&'static str>,
    pub(crate) routes: Routes,
    pub(crate) schedule: Schedule,
    pub(crate) limits: Limits,
    pub(crate) entries_max: usize,
    /// What befalls it, one in each life.
    pub(crate) mishaps: VecDeque<Mishap>,
    pub(crate) dice: Dice,
    pub(crate) common: Common,
}

/// Something that befalls a machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mishap {
    /// How long after it was switched on.
    pub(crate) after: Duration,
    pub(crate) what: What,
}

/// What befalls it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// The power goes at that moment.
    Crash,
    /// The power goes at a sync from then on.
    CrashAtSync(u64),
    /// A sync from then on fails with an error number; somebody notices later, and restarts the machine.
    SyncFails(u64, i32),
    /// Somebody restarts it in good order.
    Restart,
}

/// How a life ended.
enum Ended {
    /// With the world.
    Stopped,
    /// It goes on with another one; since then it was of no use.
    Down(Instant),
}

/// What is left of a machine at the end.
pub(crate) struct Remains {
    pub(crate) name: &'static str,
    pub(crate) owed: Vec<Owed>,
    pub(crate) entries_most: usize,
    pub(crate) entries_max: usize,
    pub(crate) lives: u64,
    /// What went wrong with the machine itself.
    pub(crate) faults: Vec<String>,
}

/// A recipient that still waits.
pub(crate) struct Owed {
    pub(crate) token: String,
    pub(crate) recipient: String,
    pub(crate) report: Option<ReportSeen>,
}

impl Machine {
    /// Lives until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Remains {
        let mut remains = Remains {
            name: self.name,
            owed: Vec::new(),
            entries_most: 0,
            // reports have as much room again
            entries_max: 2 * self.entries_max,
            lives: 0,
            faults: Vec::new(),
        };
        let mut power = Power::on();
        let mut disk = Disk::new(power.clone());
        loop {
            remains.lives += 1;
            let ended = self.life(&disk, &power, &stop, &mut remains).await;
            // what was not synced is lost in any case
            disk.lose_power(self.dice.roll());
            self.common.network.cut_off(self.name);
            let Ended::Down(since) = ended else { break };
            // one that cannot start would try for ever
            if stop.is_cancelled() {
                break;
            }
            sleep(self.dice.milliseconds(200, 240_000)).await;
            self.common.ledger.outage(since);
            power = Power::on();
            disk = disk.survivor(power.clone());
        }
        match TimedSpool::open(&disk.survivor(Power::on()), self.queue_options()) {
            Ok(spool) => remains.owed = owed(&*spool),
            Err(error) => remains.faults.push(format!("the spool does not open in the end: {error}")),
        }
        remains
    }

    fn queue_options(&mut self) -> QueueOptions {
        let limits = QueueLimits { entries: self.entries_max, ..QueueLimits::default() };
        QueueOptions::default().nonce(self.dice.roll()).limits(limits).cache(1 << 20)
    }

    async fn life(
        &mut self,
        disk: &Disk,
        power: &Power,
        stop: &CancellationToken,
        remains: &mut Remains,
    ) -> Ended {
        let began = Instant::now();
        let mishap = self.mishaps.pop_front();
        if let Some(Mishap { after: Duration::ZERO, what }) = mishap {
            self.strike(disk, what);
        }
        let options = self.queue_options();
        let spool = match TimedSpool::open(disk, options) {
            Ok(spool) => spool,
            Err(error) => {
                self.note(format_args!("cannot start: {error}"));
                if power.is_on() && !power.is_ailing() {
                    remains.faults.push(format!("{} cannot start: {error}", self.name));
                }
                return Ended::Down(began);
            }
        };
        let listening = match self.server(&spool, power) {
            Ok(listening) => listening,
            Err(error) => {
                remains.faults.push(format!("{}: {error}", self.name));
                return Ended::Stopped;
            }
        };
        self.note(format_args!("is up, {} entries", spool.counts().entries));
        let Running { listening, relay } = listening;
        let door = self.common.network.open(self.name, power.clone());
        let orders = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&spool).write(power.clone(), self.dice.fork("writer")));
        let operator = Operator {
            relay: relay.clone(),
            routes: self.routes.clone(),
            clock: self.common.clock,
            dice: self.dice.fork("operator"),
            weather: self.common.weather.clone(),
            journal: self.common.journal.clone(),
        };
        tasks.spawn(operator.work());
        let (order, running) = (orders.clone(), relay.clone());
        let relaying = tasks.spawn(async move { running.run(order).await }).id();
        tasks.spawn(serve(Arc::new(listening), door, orders.clone()));

        let ended = self.wait(disk, power, stop, mishap).await;
        if power.is_on() && !power.is_ailing() {
            orders.cancel();
            let stopping = async {
                while let Some(Ok((id, ()))) = tasks.join_next_with_id().await {
                    if id == relaying {
                        break;
                    }
                }
            };
            if timeout(STOP_MAX, stopping).await.is_err() {
                remains.faults.push(format!("{} does not stop", self.name));
            }
        }
        remains.entries_most = remains.entries_most.max(spool.entries_most());
        tasks.abort_all();
        ended
    }

    /// Until the world ends, or something befalls the machine.
    async fn wait(
        &mut self,
        disk: &Disk,
        power: &Power,
        stop: &CancellationToken,
        mishap: Option<Mishap>,
    ) -> Ended {
        let mut ahead = mishap.filter(|mishap| !mishap.after.is_zero());
        let began = Instant::now();
        loop {
            let at = began + ahead.map_or(Duration::ZERO, |mishap| mishap.after);
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ended::Stopped,
                () = power.changed() => {
                    let since = Instant::now();
                    if power.is_ailing() {
                        self.note("cannot write to its disk");
                        sleep(self.dice.milliseconds(1_000, 1_200_000)).await;
                    }
                    self.note("goes down");
                    return Ended::Down(since);
                }
                () = sleep_until(at), if ahead.is_some() => {
                    if let Some(mishap) = ahead.take() {
                        if matches!(mishap.what, What::Restart) {
                            self.note("is restarted");
                            return Ended::Down(Instant::now());
                        }
                        self.strike(disk, mishap.what);
                    }
                }
            }
        }
    }

    fn strike(&mut self, disk: &Disk, what: What) {
        self.note(format_args!("will suffer: {what:?}"));
        let seed = self.dice.roll();
        match what {
            What::Crash => disk.lose_power(seed),
            What::CrashAtSync(nth) => disk.arm(nth, Fault::PowerLoss { seed }),
            What::SyncFails(nth, number) => disk.arm(nth, Fault::Error { number }),
            What::Restart => {}
        }
    }

    fn server(&mut self, spool: &Arc<TimedSpool>, power: &Power) -> Result<Running, String> {
        let options = Options {
            schedule: self.schedule.clone(),
            limits: self.limits.clone(),
            seed: self.dice.roll(),
            ..Options::new("unused")
        };
        let plug = Plug {
            network: self.common.network.clone(),
            name: self.name.into(),
            address: self.address,
            power: power.clone(),
        };
        let surroundings = Surroundings::from(Arc::new(self.common.names.clone()))
            .with_connector(plug)
            .with_clock(self.common.clock);
        let relay =
            Relay::new(options, Arc::clone(spool) as Arc<dyn Spool>, surroundings, self.routes.clone());
        let domains = LocalDomains::new(self.domains.iter().copied()).map_err(|error| error.to_string())?;
        let trusted: Net = TRUSTED.parse().map_err(|error| format!("{error}"))?;
        let server = Server::mx(self.name, domains, relay.intake()).trusted([trusted]);
        let listening = server.without_sockets().map_err(|error| error.to_string())?;
        Ok(Running { listening, relay })
    }

    fn note(&self, what: impl std::fmt::Display) {
        self.common.journal.note(self.name, what);
    }
}

/// Server and relay of one life.
struct Running {
    listening: Listening<smtpkit_relay::Intake>,
    relay: Relay,
}

async fn serve(
    listening: Arc<Listening<smtpkit_relay::Intake>>,
    mut door: mpsc::UnboundedReceiver<Arrival>,
    stop: CancellationToken,
) {
    let mut sessions = JoinSet::new();
    while let Some(arrival) = door.recv().await {
        while sessions.try_join_next().is_some() {}
        let (listening, stop) = (Arc::clone(&listening), stop.clone());
        sessions.spawn(async move {
            listening.serve_stream(arrival.end, Some(arrival.address), stop).await;
        });
    }
}

/// Everything that waits in a spool.
fn owed(spool: &dyn Spool) -> Vec<Owed> {
    let mut owed = Vec::new();
    let mut after = None;
    loop {
        let page = spool.list(&Filter::all(), after, 100);
        for found in page.entries {
            let content = spool.content(found.entry.id).ok();
            let content =
                content.as_ref().and_then(|content| content.as_inline()).cloned().unwrap_or_default();
            let token = letter::token(&content).unwrap_or_default();
            let report = found.entry.reverse_path.is_null().then(|| ReportSeen::read(&content));
            let waiting = found.entry.recipients.iter().filter(|recipient| !is_over(recipient.state));
            owed.extend(waiting.map(|recipient| Owed {
                token: token.clone(),
                recipient: recipient.path.to_string().trim_matches(['<', '>']).to_owned(),
                report: report.clone(),
            }));
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return owed,
        }
    }
}

const fn is_over(state: smtpkit_queue::RecipientState) -> bool {
    use smtpkit_queue::RecipientState::{Done, Failed};
    matches!(state, Done | Failed)
}
