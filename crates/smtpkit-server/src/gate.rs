//! How many connections there may be: in all, of one address, and how fast new ones of an address may come.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::{Limits, Rate};

/// Addresses that are remembered for their rate alone; beyond it those whose time is over are forgotten.
const REMEMBERED_MAX: usize = 16_384;

/// The connection limits. Clones share the count, so several servers of one process can have one limit together.
///
/// ```
/// use smtpkit_server::{Gate, Limits};
///
/// let gate = Gate::new(&Limits { connections_max: 100, ..Limits::default() });
/// assert_eq!(gate.connections(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connections_max: usize,
    per_address_max: usize,
    rate: Option<Rate>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    connections: usize,
    addresses: HashMap<IpAddr, Address>,
}

/// What is known of one address.
#[derive(Debug)]
struct Address {
    connections: usize,
    /// When the current time of the rate began, and how many connections came in it.
    since: Instant,
    recent: u32,
}

/// Why a connection may not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// There are too many.
    Connections,
    /// There are too many of this address.
    Address,
    /// They come too fast from this address.
    Rate,
}

/// A connection that came in; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Pass {
    gate: Gate,
    address: Option<IpAddr>,
    /// Whether it counts among all connections.
    counts: bool,
}

impl Gate {
    /// A gate with the connection limits of `limits`.
    pub fn new(limits: &Limits) -> Self {
        Self(Arc::new(Inner {
            connections_max: limits.connections_max,
            per_address_max: limits.connections_per_address_max,
            rate: limits.connection_rate,
            state: Mutex::default(),
        }))
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.state().connections
    }

    /// Whether nine tenths of all connections are taken: time to be short with slow clients.
    pub(crate) fn is_pressed(&self) -> bool {
        self.connections() > self.0.connections_max / 10 * 9
    }

    /// Lets a connection in. `address` is `None` for one that is exempt from the limits per address.
    pub(crate) fn enter(&self, address: Option<IpAddr>, now: Instant) -> Result<Pass, Full> {
        let address = address.map(site);
        let mut state = self.state();
        if state.connections >= self.0.connections_max {
            return Err(Full::Connections);
        }
        if let Some(address) = address {
            self.count(&mut state, address, now)?;
        }
        state.connections += 1;
        Ok(Pass { gate: self.clone(), address, counts: true })
    }

    /// Counts a connection that is in already for `address` too: a proxy said that it comes from there.
    pub(crate) fn enter_address(&self, address: IpAddr, now: Instant) -> Result<Pass, Full> {
        let address = site(address);
        self.count(&mut self.state(), address, now)?;
        Ok(Pass { gate: self.clone(), address: Some(address), counts: false })
    }

    fn count(&self, state: &mut State, address: IpAddr, now: Instant) -> Result<(), Full> {
        if let Some(rate) = self.0.rate
            && state.addresses.len() >= REMEMBERED_MAX
        {
            state.addresses.retain(|_, known| known.connections > 0 || now - known.since < rate.per);
        }
        let fresh = || Address { connections: 0, since: now, recent: 0 };
        let known = state.addresses.entry(address).or_insert_with(fresh);
        if known.connections >= self.0.per_address_max {
            return Err(Full::Address);
        }
        if let Some(rate) = self.0.rate {
            if now - known.since >= rate.per {
                (known.since, known.recent) = (now, 0);
            }
            if known.recent >= rate.count {
                return Err(Full::Rate);
            }
            known.recent += 1;
        }
        known.connections += 1;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let keeps_rate = self.gate.0.rate.is_some();
        let mut state = self.gate.state();
        state.connections = state.connections.saturating_sub(usize::from(self.counts));
        let Some(address) = self.address else { return };
        let Some(known) = state.addresses.get_mut(&address) else { return };
        known.connections = known.connections.saturating_sub(1);
        if known.connections == 0 && !keeps_rate {
            state.addresses.remove(&address);
        }
    }
}

/// What counts as one address: an IPv4 address, or an IPv6 /64, which is what one customer gets (RFC 6177 §2).
fn site(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn gate(
        connections_max: usize,
        connections_per_address_max: usize,
        connection_rate: Option<Rate>,
    ) -> Gate {
        Gate::new(&Limits {
            connections_max,
            connections_per_address_max,
            connection_rate,
            ..Limits::default()
        })
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn the_total_counts_everybody() {
        let now = Instant::now();
        let gate = gate(2, 2, None);
        let first = gate.enter(address("192.0.2.1"), now).unwrap();
        let _exempt = gate.enter(None, now).unwrap();
        assert_eq!(gate.enter(address("192.0.2.2"), now).unwrap_err(), Full::Connections);
        drop(first);
        gate.enter(address("192.0.2.2"), now).unwrap();
    }

    #[test]
    fn one_network_of_ipv6_is_one_address() {
        let now = Instant::now();
        let gate = gate(10, 1, None);
        let _pass = gate.enter(address("2001:db8::1"), now).unwrap();
        assert_eq!(gate.enter(address("2001:db8::ffff"), now).unwrap_err(), Full::Address);
        gate.enter(address("2001:db8:0:1::1"), now).unwrap();
        let _v4 = gate.enter(address("192.0.2.1"), now).unwrap();
        assert_eq!(gate.enter(address("::ffff:192.0.2.1"), now).unwrap_err(), Full::Address);
    }

    #[test]
    fn the_rate_is_kept_after_a_connection_is_gone() {
        let now = Instant::now();
        let gate = gate(10, 10, Some(Rate { count: 2, per: Duration::from_secs(60) }));
        for _ in 0..2 {
            drop(gate.enter(address("192.0.2.1"), now).unwrap());
        }
        assert_eq!(gate.enter(address("192.0.2.1"), now).unwrap_err(), Full::Rate);
        gate.enter(address("192.0.2.1"), now + Duration::from_secs(60)).unwrap();
    }
}
