//! A world, made from a seed: machines, hosts, names, senders, what goes wrong; then calm until everything has come to
//! its end.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use smtpkit_client::Secret;
use smtpkit_queue::{Schedule, Timestamp};
use smtpkit_relay::{Clock, Destination, Directory, Limits, Routes, RoutesBuilder, Smarthost, SrsKeys};
use smtpkit_server::CancellationToken;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::dice::Dice;
use crate::disk::{EIO, ENOSPC};
use crate::host::{Host, Manner};
use crate::journal::Journal;
use crate::ledger::Ledger;
use crate::machine::{Common, Machine, Mishap, Remains, What};
use crate::names::{Names, Zone};
use crate::network::{Network, Plug};
use crate::power::Power;
use crate::sender::Sender;
use crate::verdict::{Evidence, Figures, judge};
use crate::weather::Weather;

/// What the calendar shows when a world begins.
const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
/// The relay that everybody hands mail to, and the one behind it.
const RELAY: &str = "relay.home.test";
const HUB: &str = "hub.test";
/// Local mail goes there by LMTP.
const STORE: &str = "store.home.test";
/// Mail for this domain goes by way of the hub, if there is one.
const VIA_HUB: &str = "far0.test";
const TAKES_NOBODY: &str = "gone.test";
/// Addresses that stand for others. The mail of the list goes out in the name of its owner.
const TEAM: (&str, &[&str]) = ("team@home.test", &["m1@far1.test", "m2@home.test"]);
const LIST: (&str, &[&str]) = ("list@home.test", &["m3@far0.test", "m4@bare.test", "noone@far1.test"]);
const LIST_OWNER: &str = "owner@home.test";
const GIVE_UP: Duration = Duration::from_secs(20 * 3_600);
const HOUR: Duration = Duration::from_secs(3_600);

/// What came of a world.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The promises that were broken; none in a good world.
    pub broken: Vec<String>,
    /// What happened, line by line.
    pub journal: Vec<String>,
    /// A number that two runs of one seed have in common.
    pub hash: u64,
    /// How much there was of everything.
    pub figures: Figures,
}

struct World {
    dice: Dice,
    weather: Weather,
    hours: u64,
    common: Common,
    /// The hosts of each foreign domain.
    domains: Vec<String>,
    has_hub: bool,
    limits: Limits,
    machines: JoinSet<Remains>,
    stop: CancellationToken,
}

/// Lives through the world of a seed, in which things go wrong for so many hours.
pub(crate) async fn live(seed: u64, hours: u64) -> Outcome {
    let mut dice = Dice::new(seed);
    let (weather, journal) = (Weather::default(), Journal::new());
    let domains: Vec<String> = (0..dice.between(2, 5)).map(|number| format!("far{number}.test")).collect();
    let hosts = hosts(&mut dice.fork("hosts"), &domains);
    let names = Names::new(zone(&mut dice.fork("zone"), &domains), dice.fork("names"), weather.clone());
    let network = Network::new(dice.fork("network"), weather.clone(), journal.clone());
    let ledger = Ledger::default();
    let clock = Clock::of_runtime(START);
    let mut limits = Limits::default();
    limits.site_max = usize::try_from(dice.between(1, 4)).unwrap_or(1);
    limits.deliveries_max = usize::try_from(dice.between(4, 16)).unwrap_or(4);
    limits.unproven_max = limits.deliveries_max.div_ceil(2);
    let has_hub = dice.per_mille(300);
    for (name, manner) in hosts {
        let (dice, weather) = (dice.fork(&name), weather.clone());
        let host = Host { name, manner, dice, weather, ledger: ledger.clone(), journal: journal.clone() };
        tokio::spawn(host.run(network.clone()));
    }
    let common = Common { network, names, ledger, journal, clock, weather: weather.clone() };
    let mut world = World {
        dice,
        weather,
        hours,
        common,
        domains,
        has_hub,
        limits,
        machines: JoinSet::new(),
        stop: CancellationToken::new(),
    };
    world.switch_on(RELAY, 1);
    if has_hub {
        world.switch_on(HUB, 2);
    }
    world.post();
    world.finish().await
}

impl World {
    fn switch_on(&mut self, name: &'static str, number: u8) {
        let mut dice = self.dice.fork(name);
        let machine = Machine {
            name,
            address: SocketAddr::from(([10, 0, 0, number], 25)),
            domains: if name == RELAY { vec!["home.test"] } else { Vec::new() },
            routes: routes(name, self.has_hub),
            schedule: schedule(&mut dice),
            limits: self.limits.clone(),
            entries_max: usize::try_from(dice.between(6, 60)).unwrap_or(6),
            mishaps: mishaps(&mut dice, self.hours),
            dice,
            common: self.common.clone(),
        };
        self.machines.spawn(machine.run(self.stop.clone()));
    }

    /// Sets all messages on their way.
    fn post(&mut self) {
        let mut dice = self.dice.fork("senders");
        for number in 1..=dice.between(3, 24) {
            let from = ["a@home.test", "b@origin.test", "c@origin.test", "d@gone.test"];
            let from = dice.pick(&from).copied().unwrap_or_default();
            let mut to: Vec<String> = Vec::new();
            for _ in 0..dice.between(1, 5) {
                let recipient = recipient(&mut dice, &self.domains);
                if !to.contains(&recipient) {
                    to.push(recipient);
                }
            }
            let octets = if dice.per_mille(40) { dice.between(20_000, 60_000) } else { dice.below(3_000) };
            let sender = Sender {
                number,
                after: dice.milliseconds(0, self.hours * 3_600_000),
                from: from.to_owned(),
                to,
                members: BTreeMap::from([TEAM, LIST]),
                octets: usize::try_from(octets).unwrap_or_default(),
                relay: RELAY,
                plug: Plug {
                    network: self.common.network.clone(),
                    name: format!("sender {number}").into(),
                    address: SocketAddr::from(([10, 1, 0, 1], 1_025)),
                    power: Power::on(),
                },
                dice: dice.fork(&number.to_string()),
                ledger: self.common.ledger.clone(),
                journal: self.common.journal.clone(),
            };
            tokio::spawn(sender.run());
        }
    }

    async fn finish(mut self) -> Outcome {
        sleep(HOUR * u32::try_from(self.hours).unwrap_or(u32::MAX)).await;
        self.weather.calm_down();
        self.common.journal.note("weather", "calms down");
        // whoever was told to try again needs two hours more, and the last of that the give-up time
        sleep(GIVE_UP + 8 * HOUR).await;
        self.stop.cancel();
        let mut remains = Vec::new();
        while let Some(machine) = self.machines.join_next().await {
            match machine {
                Ok(machine) => remains.push(machine),
                Err(error) => self.common.journal.note("world", error),
            }
        }
        let mut broken = Vec::new();
        let expected = 1 + usize::from(self.has_hub);
        if remains.len() != expected {
            broken.push(format!("{} of {expected} machines came to their end", remains.len()));
        }
        remains.sort_by_key(|remains| remains.name);
        let connections_most = self.common.network.most();
        let (found, mut figures) = judge(&Evidence {
            book: &self.common.ledger.book(),
            remains: &remains,
            connections_most: &connections_most,
            site_max: self.limits.site_max,
            passed_on: self.has_hub.then_some(VIA_HUB),
            second: HUB,
            alias: TEAM,
            takes_nobody: TAKES_NOBODY,
        });
        figures.connections = self.common.network.connections();
        broken.extend(found);
        for line in &broken {
            self.common.journal.note("verdict", line);
        }
        let (journal, hash) = self.common.journal.close();
        Outcome { broken, journal, hash, figures }
    }
}

fn recipient(dice: &mut Dice, domains: &[String]) -> String {
    match dice.below(20) {
        0 => return TEAM.0.to_owned(),
        1 => return LIST.0.to_owned(),
        _ => {}
    }
    let local = match dice.below(20) {
        0 => "nobody",
        1 => "full",
        2..=8 => "r1",
        9..=14 => "r2",
        _ => "r3",
    };
    let domain = match dice.below(20) {
        0 => "nowhere.test",
        1 => "null.test",
        2 => "lame.test",
        3 => "bare.test",
        4 => "dark.test",
        5..=7 => "home.test",
        _ => dice.pick(domains).map_or("far0.test", String::as_str),
    };
    format!("{local}@{domain}")
}

/// All hosts with their manners.
fn hosts(dice: &mut Dice, domains: &[String]) -> Vec<(String, Manner)> {
    let manner = |dice: &mut Dice| {
        let scale = *dice.pick(&[0, 5, 20, 60]).unwrap_or(&0);
        Manner {
            later: scale * 2,
            never: scale / 3,
            shuts: scale / 2,
            closes: scale,
            slow: scale / 2,
            ..Manner::default()
        }
    };
    let mut hosts = Vec::new();
    for domain in domains {
        for number in 0..3 {
            hosts.push((format!("mx{number}.{domain}"), manner(dice)));
        }
    }
    hosts.push(("bare.test".to_owned(), manner(dice)));
    hosts.push(("mx.gone.test".to_owned(), Manner { takes_nobody: true, ..manner(dice) }));
    // who takes reports never refuses them for good
    hosts.push(("mx.origin.test".to_owned(), Manner { never: 0, ..manner(dice) }));
    hosts.push((STORE.to_owned(), Manner { never: 0, is_lmtp: true, ..manner(dice) }));
    hosts
}

fn zone(dice: &mut Dice, domains: &[String]) -> Zone {
    let mut zone = Zone::default();
    for (place, domain) in domains.iter().enumerate() {
        // some domains share the hosts of the one before
        let shared = place.checked_sub(1).and_then(|before| domains.get(before));
        let owner = shared.filter(|_| dice.per_mille(250)).unwrap_or(domain);
        for number in 0..dice.between(1, 3) {
            let preference = if dice.per_mille(500) { 10 } else { 20 };
            zone.mx(domain, preference, &format!("mx{number}.{owner}"));
        }
        for number in 0..3 {
            zone.host(&format!("mx{number}.{domain}"));
        }
    }
    zone.mx("null.test", 0, ".");
    zone.mx("gone.test", 10, "mx.gone.test");
    zone.mx("home.test", 10, RELAY);
    zone.mx("origin.test", 10, "mx.origin.test");
    // nobody listens there
    zone.mx("dark.test", 10, "mx.dark.test");
    for host in ["mx.gone.test", "mx.origin.test", "mx.dark.test", "bare.test", STORE, RELAY, HUB] {
        zone.host(host);
    }
    zone.lame("lame.test");
    zone
}

fn routes(name: &str, has_hub: bool) -> Routes {
    let mut directory = Directory::default();
    if name != RELAY {
        return Routes::builder(name, directory).build();
    }
    directory.add_domain("home.test").expect("invariant: home.test is a domain name");
    build(Routes::builder(name, directory), has_hub)
        .expect("invariant: the patterns and addresses of this file are some")
}

fn build(mut builder: RoutesBuilder, has_hub: bool) -> Result<Routes, Box<dyn std::error::Error>> {
    if has_hub {
        let hub = Smarthost::new(&format!("smtp://{HUB}:25?tls=off"))?;
        builder = builder.route(&format!("*@{VIA_HUB}"), Destination::smarthost(hub))?;
    }
    builder = builder.route(TEAM.0, Destination::alias(TEAM.1)?)?;
    builder = builder.route(LIST.0, Destination::list(LIST_OWNER, LIST.1)?)?;
    builder = builder.route("*@home.test", Destination::lmtp(&format!("lmtp://{STORE}:24?tls=off"))?)?;
    let keys = SrsKeys::new([Secret::new(b"a key of at least sixteen octets".to_vec())])?;
    Ok(builder.srs("home.test".parse()?, keys).build())
}

fn schedule(dice: &mut Dice) -> Schedule {
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let intervals =
        vec![minutes(dice.between(1, 5)), minutes(dice.between(5, 30)), minutes(dice.between(30, 180))];
    let schedule = Schedule::new(intervals).expect("invariant: there are intervals");
    schedule.with_give_up(GIVE_UP).with_delay_notice(dice.per_mille(500).then_some(4 * HOUR))
}

/// What befalls a machine in its lives.
fn mishaps(dice: &mut Dice, hours: u64) -> VecDeque<Mishap> {
    let count = *dice.pick(&[0, 0, 1, 1, 2, 3, 6]).unwrap_or(&0);
    let mut mishaps = VecDeque::new();
    for _ in 0..count {
        let what = match dice.below(8) {
            0..=2 => What::Crash,
            3 | 4 => What::CrashAtSync(dice.between(1, 6)),
            5 => What::SyncFails(dice.between(1, 4), EIO),
            6 => What::SyncFails(dice.between(1, 4), ENOSPC),
            _ => What::Restart,
        };
        let is_at_once = dice.per_mille(150) && matches!(what, What::CrashAtSync(_));
        let most = hours * 3_600_000 / count;
        let after = if is_at_once { Duration::ZERO } else { dice.milliseconds(1, most.max(1)) };
        mishaps.push_back(Mishap { after, what });
    }
    mishaps
}
