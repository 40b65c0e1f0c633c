//! Who can be connected to: machines and hosts by their names, and the wires between them.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smtpkit_client::{AsyncStream, BoxFuture, Connect};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::dice::Dice;
use crate::journal::Journal;
use crate::power::Power;
use crate::weather::Weather;
use crate::wire::{Break, End, Handle, Quality, Side, stretch};

/// The network of a world; clones are the same one.
#[derive(Clone)]
pub(crate) struct Network(Arc<Mutex<State>>);

struct State {
    doors: BTreeMap<Box<str>, Door>,
    wires: Vec<Open>,
    /// The most wires that there were at once from one to another.
    most: BTreeMap<(Box<str>, Box<str>), usize>,
    connections: u64,
    dice: Dice,
    weather: Weather,
    journal: Journal,
}

struct Door {
    arrivals: mpsc::UnboundedSender<Arrival>,
    power: Power,
}

struct Open {
    from: Box<str>,
    to: Box<str>,
    handle: Handle,
}

/// A connection that comes in.
pub(crate) struct Arrival {
    pub(crate) end: End,
    pub(crate) address: SocketAddr,
    /// Its number in the journal.
    pub(crate) number: u64,
}

/// What comes of an attempt to connect.
enum Fortune {
    Connected(Box<End>),
    Refused,
    Silence,
}

impl Network {
    pub(crate) fn new(dice: Dice, weather: Weather, journal: Journal) -> Self {
        Self(Arc::new(Mutex::new(State {
            doors: BTreeMap::new(),
            wires: Vec::new(),
            most: BTreeMap::new(),
            connections: 0,
            dice,
            weather,
            journal,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // nothing that holds the lock can panic half-way
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes connections for `name` from now on.
    pub(crate) fn open(&self, name: &str, power: Power) -> mpsc::UnboundedReceiver<Arrival> {
        let (arrivals, door) = mpsc::unbounded_channel();
        self.state().doors.insert(name.into(), Door { arrivals, power });
        door
    }

    /// A machine is gone, and with it every wire that it had: its peers learn of it at once, or not at all.
    pub(crate) fn cut_off(&self, name: &str) {
        let mut state = self.state();
        state.doors.remove(name);
        let how = if state.dice.per_mille(500) { Break::Reset } else { Break::Silence };
        for wire in std::mem::take(&mut state.wires) {
            if *wire.from == *name || *wire.to == *name {
                wire.handle.break_down(how);
            } else {
                state.wires.push(wire);
            }
        }
    }

    /// The most connections that there were at once, by who made them and to whom.
    pub(crate) fn most(&self) -> BTreeMap<(Box<str>, Box<str>), usize> {
        self.state().most.clone()
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> u64 {
        self.state().connections
    }

    fn connect(&self, plug: &Plug, host: &str) -> Fortune {
        let mut state = self.state();
        let state = &mut *state;
        let (refused, lost) = (state.dice.per_mille(15), state.dice.per_mille(6));
        let dark = state.dice.per_mille(300);
        let breaks = (state.dice.per_mille(60), state.dice.per_mille(500), state.dice.per_mille(500));
        let octets = state.dice.below(3_000);
        let window = state.dice.between(600, 40_000);
        let piece = if state.dice.per_mille(200) { state.dice.between(1, 40) } else { 20_000 };
        let slowest = state.dice.between(1, 120);
        let is_calm = state.weather.is_calm();
        let door = state.doors.get(host).filter(|door| !door.arrivals.is_closed());
        let Some(door) = door else {
            return if dark { Fortune::Silence } else { Fortune::Refused };
        };
        if !is_calm && (refused || lost) {
            return if refused { Fortune::Refused } else { Fortune::Silence };
        }
        state.connections += 1;
        let number = state.connections;
        let quality = Quality {
            latency: (slowest.min(2), slowest),
            piece_octets_max: piece,
            window_octets: usize::try_from(window).unwrap_or(usize::MAX),
            breaks: (breaks.0 && !is_calm).then_some((
                if breaks.1 { Side::Client } else { Side::Server },
                octets,
                if breaks.2 { Break::Reset } else { Break::Silence },
            )),
        };
        let dice = state.dice.fork(&number.to_string());
        let (client, server, handle) = stretch(quality, [plug.power.clone(), door.power.clone()], &dice);
        // somebody may have closed the door a moment ago; then the server's end is dropped, and the client sees the end
        let _ = door.arrivals.send(Arrival { end: server, address: plug.address, number });
        state.journal.note(&plug.name, format_args!("connects to {host}, connection {number}"));
        state.wires.retain(|wire| wire.handle.is_in_use());
        state.wires.push(Open { from: plug.name.clone(), to: host.into(), handle });
        let together = state.wires.iter().filter(|wire| wire.from == plug.name && *wire.to == *host).count();
        let most = state.most.entry((plug.name.clone(), host.into())).or_default();
        *most = together.max(*most);
        Fortune::Connected(Box::new(client))
    }
}

/// What a machine connects with.
pub(crate) struct Plug {
    pub(crate) network: Network,
    pub(crate) name: Box<str>,
    pub(crate) address: SocketAddr,
    pub(crate) power: Power,
}

impl Connect for Plug {
    fn connect<'a>(&'a self, host: &'a str, _: u16) -> BoxFuture<'a, io::Result<Box<dyn AsyncStream>>> {
        Box::pin(async move {
            let travel = self.network.state().dice.milliseconds(1, 60);
            sleep(travel).await;
            match self.network.connect(self, host) {
                Fortune::Connected(end) => Ok(end as Box<dyn AsyncStream>),
                Fortune::Refused => Err(io::ErrorKind::ConnectionRefused.into()),
                Fortune::Silence => std::future::pending().await,
            }
        })
    }
}
