//! Small worlds with one thing in them, on a clock that costs nothing.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use smtpkit_client::{Client, Delivered, Envelope, SendError};
use smtpkit_queue::{Schedule, Timestamp};
use smtpkit_relay::{Clock, Destination, Directory, Limits, Routes};
use smtpkit_server::CancellationToken;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::dice::Dice;
use crate::disk::{EIO, ENOSPC};
use crate::host::{Host, Manner};
use crate::journal::Journal;
use crate::ledger::Ledger;
use crate::letter;
use crate::machine::{Common, Machine, Mishap, Remains, What};
use crate::names::{Names, Zone};
use crate::network::{Network, Plug};
use crate::power::Power;
use crate::weather::Weather;

/// One relay, in calm weather, and the hosts that a scenario names.
struct Stage {
    common: Common,
    stop: CancellationToken,
    machine: JoinHandle<Remains>,
}

impl Stage {
    /// Each domain has one host of its own name.
    async fn set(hosts: &[(&str, Manner)], mishaps: &[Mishap]) -> Self {
        let (dice, weather, journal, ledger) =
            (Dice::new(1), Weather::default(), Journal::new(), Ledger::default());
        weather.calm_down();
        let mut zone = Zone::default();
        let network = Network::new(dice.fork("network"), weather.clone(), journal.clone());
        for (name, manner) in hosts {
            zone.host(name);
            let host = Host {
                name: (*name).to_owned(),
                manner: *manner,
                dice: dice.fork(name),
                weather: weather.clone(),
                ledger: ledger.clone(),
                journal: journal.clone(),
            };
            tokio::spawn(host.run(network.clone()));
        }
        let common = Common {
            names: Names::new(zone, dice.fork("names"), weather.clone()),
            network,
            ledger,
            journal,
            clock: Clock::of_runtime(Timestamp::from_seconds(1_800_000_000)),
            weather,
        };
        let machine = Machine {
            name: "relay.test",
            address: SocketAddr::from(([10, 0, 0, 1], 25)),
            domains: Vec::new(),
            routes: Routes::builder("relay.test", Directory::default())
                .route("*@store.test", Destination::lmtp("lmtp://store.test:24?tls=off").unwrap())
                .unwrap()
                .build(),
            schedule: Schedule::new(vec![Duration::from_secs(60)]).unwrap(),
            limits: Limits::default(),
            entries_max: 10_000,
            mishaps: VecDeque::from(mishaps.to_vec()),
            dice,
            common: common.clone(),
        };
        let stop = CancellationToken::new();
        let machine = tokio::spawn(machine.run(stop.clone()));
        sleep(Duration::from_millis(1)).await;
        Self { common, stop, machine }
    }

    fn client(&self) -> Client {
        let plug = Plug {
            network: self.common.network.clone(),
            name: "client".into(),
            address: SocketAddr::from(([10, 1, 0, 1], 1_025)),
            power: Power::on(),
        };
        let url = "smtp://relay.test:25?tls=off".parse().unwrap();
        Client::builder(url).connector(plug).hello_name("client.test").build().unwrap()
    }

    async fn send(&self, client: &Client, token: &str, to: &[&str]) -> Result<(), SendError> {
        let envelope = Envelope::new("a@origin.test", to).unwrap();
        client.send(&envelope, letter::content(token, 500)).await.map(drop)
    }

    /// When the last message of each domain was kept, since the world began, and how many there were.
    fn kept(&self, began: Instant) -> BTreeMap<String, (usize, Duration)> {
        let mut kept: BTreeMap<String, (usize, Duration)> = BTreeMap::new();
        for keep in &self.common.ledger.book().keeps {
            let (_, domain) = keep.recipient.split_once('@').unwrap();
            let (count, last) = kept.entry(domain.to_owned()).or_default();
            *count += 1;
            *last = keep.at.duration_since(began).max(*last);
        }
        kept
    }

    async fn finish(self) -> Remains {
        self.stop.cancel();
        self.machine.await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_sync_is_451_until_somebody_restarts_the_machine() {
    for number in [EIO, ENOSPC] {
        let fails = Mishap { after: Duration::from_secs(10), what: What::SyncFails(1, number) };
        let stage = Stage::set(&[("far.test", Manner::default())], &[fails]).await;
        let client = stage.client();
        stage.send(&client, "m1a1", &["r1@far.test"]).await.unwrap();
        sleep(Duration::from_secs(10)).await;
        for token in ["m2a1", "m3a1"] {
            let error = stage.send(&client, token, &["r1@far.test"]).await.unwrap_err();
            let reply = error.reply().map(|reply| reply.code().get());
            assert_eq!((reply, error.delivered()), (Some(451), Delivered::No), "{number}: {error}");
        }
        sleep(Duration::from_secs(3_600)).await;
        stage.send(&client, "m4a1", &["r1@far.test"]).await.unwrap();
        sleep(Duration::from_secs(600)).await;
        let kept: Vec<String> =
            stage.common.ledger.book().keeps.iter().map(|keep| keep.token.clone()).collect();
        assert!(kept.contains(&"m1a1".to_owned()) && kept.contains(&"m4a1".to_owned()), "{kept:?}");
        let remains = stage.finish().await;
        assert_eq!((remains.lives, remains.faults), (2, Vec::new()), "one restart, no crash loop");
    }
}

#[tokio::test(start_paused = true)]
async fn a_destination_at_five_seconds_for_each_reply_takes_nothing_from_the_others() {
    let quick = ("quick.test", Manner::default());
    let slow = ("slow.test", Manner { pause: Duration::from_secs(5), ..Manner::default() });
    let mut times = Vec::new();
    for domains in [&["quick.test"][..], &["slow.test", "quick.test"]] {
        let stage = Stage::set(&[quick, slow], &[]).await;
        let (client, began) = (stage.client(), Instant::now());
        for number in 0..100 {
            for domain in domains {
                stage.send(&client, &format!("m{number}a1"), &[&format!("r1@{domain}")]).await.unwrap();
            }
        }
        sleep(Duration::from_secs(4 * 3_600)).await;
        let kept = stage.kept(began);
        let (count, last) = kept["quick.test"];
        assert_eq!(count, 100);
        times.push(last);
        if domains.len() == 2 {
            let (count, last_slow) = kept["slow.test"];
            assert_eq!(count, 100);
            assert!(last_slow > Duration::from_secs(60), "{last_slow:?}: it was not slow");
        }
        stage.finish().await;
    }
    // twice as much mail was handed over meanwhile
    assert!(times[1] < times[0] * 3, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn who_has_a_copy_over_lmtp_gets_no_second_one_when_the_connection_is_lost() {
    let store = ("store.test", Manner { is_lmtp: true, answers_once: true, ..Manner::default() });
    let stage = Stage::set(&[store], &[]).await;
    let client = stage.client();
    stage.send(&client, "m1a1", &["r1@store.test", "r2@store.test", "r3@store.test"]).await.unwrap();
    sleep(Duration::from_secs(3_600)).await;
    let mut kept: Vec<String> =
        stage.common.ledger.book().keeps.iter().map(|keep| keep.recipient.clone()).collect();
    kept.sort();
    assert_eq!(kept, ["r1@store.test", "r2@store.test", "r3@store.test"]);
    assert_eq!(stage.finish().await.owed.len(), 0);
}
