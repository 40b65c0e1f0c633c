//! The DNS of a world: a zone, and name servers that are slow, or fail, by chance.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use smtpkit_relay::{Lookup, LookupError, Mx, Resolver};
use tokio::time::sleep;

use crate::dice::Dice;
use crate::weather::Weather;

/// How long a resolver asks before it gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// The names of a world.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zone {
    mx: BTreeMap<Box<str>, Vec<Mx>>,
    hosts: BTreeSet<Box<str>>,
    /// Domains whose servers never answer.
    lame: BTreeSet<Box<str>>,
}

impl Zone {
    pub(crate) fn mx(&mut self, domain: &str, preference: u16, host: &str) {
        self.mx.entry(domain.into()).or_default().push(Mx::new(preference, host));
    }

    pub(crate) fn host(&mut self, name: &str) {
        self.hosts.insert(name.into());
    }

    pub(crate) fn lame(&mut self, domain: &str) {
        self.lame.insert(domain.into());
    }
}

/// A resolver; clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    zone: Arc<Zone>,
    dice: Arc<Mutex<Dice>>,
    weather: Weather,
}

impl Names {
    pub(crate) fn new(zone: Zone, dice: Dice, weather: Weather) -> Self {
        Self { zone: Arc::new(zone), dice: Arc::new(Mutex::new(dice)), weather }
    }

    /// Takes the time that a look-up takes, and fails now and then.
    async fn ask(&self, name: &str) -> Result<(), LookupError> {
        let (delay, fails, is_lost) = {
            // nothing that holds the lock can panic half-way
            let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
            let delay = dice.milliseconds(0, 80);
            (delay, self.weather.strikes(&mut dice, 30), self.weather.strikes(&mut dice, 10))
        };
        sleep(delay).await;
        if is_lost || self.zone.lame.contains(name) {
            sleep(PATIENCE).await;
            return Err(LookupError::Temporary("timed out".into()));
        }
        if fails { Err(LookupError::Temporary("SERVFAIL".into())) } else { Ok(()) }
    }
}

impl Resolver for Names {
    fn mx<'a>(&'a self, domain: &'a str) -> Lookup<'a, Vec<Mx>> {
        Box::pin(async move {
            self.ask(domain).await?;
            match self.zone.mx.get(domain) {
                Some(records) => Ok(records.clone()),
                None if self.zone.hosts.contains(domain) => Err(LookupError::NoRecords),
                None => Err(LookupError::NoSuchName),
            }
        })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> Lookup<'a, Vec<IpAddr>> {
        Box::pin(async move {
            self.ask(host).await?;
            // wires go by name: which address it is makes no difference
            let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
            if self.zone.hosts.contains(host) { Ok(vec![address]) } else { Err(LookupError::NoSuchName) }
        })
    }
}
