//! What all connections of one or more servers have in common: how many there may be, in all and of one address, how
//! fast things may come, and who guessed too many passwords.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smtpkit_auth::FailureLimiter;
use tokio::time::Instant;

use crate::Limits;
use crate::rates::{Counted, KINDS, Rates, TooFast};

/// When so many tenths of all connections are taken, it is time to be short with slow clients.
const PRESSURE_TENTHS: usize = 9;

/// The limits that hold over all connections: their number, the rates, and wrong credentials. Clones share the
/// counts, so several servers of one process can have one limit together.
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
    opened: Instant,
    /// What has a rate; the rest is not counted, so that nobody waits for the lock in vain.
    has_rate: [bool; KINDS],
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    connections: usize,
    /// Those of each address that has any; never more addresses than connections.
    of_address: HashMap<IpAddr, usize>,
    rates: Rates,
    failures: FailureLimiter,
}

/// Why a connection may not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// There are too many.
    Connections,
    /// There are too many of this address.
    Address,
    /// They come too fast.
    Rate,
}

impl From<TooFast> for Full {
    fn from(_: TooFast) -> Self {
        Self::Rate
    }
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
    /// A gate with the limits of `limits` that concern more than one connection.
    pub fn new(limits: &Limits) -> Self {
        let rates = Rates::new(limits);
        Self(Arc::new(Inner {
            connections_max: limits.connections_max,
            per_address_max: limits.connections_per_address_max,
            opened: Instant::now(),
            has_rate: Counted::ALL.map(|what| rates.has_rate(what)),
            state: Mutex::new(State {
                connections: 0,
                of_address: HashMap::new(),
                rates,
                failures: FailureLimiter::new(limits.auth_failures_per_address),
            }),
        }))
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.state().connections
    }

    /// Whether nearly all connections are taken.
    pub(crate) fn is_pressed(&self) -> bool {
        self.connections().saturating_mul(10) > self.0.connections_max.saturating_mul(PRESSURE_TENTHS)
    }

    /// Lets a connection in. `address` is `None` for one that is exempt from the limits per address.
    pub(crate) fn enter(&self, address: Option<IpAddr>, now: Instant) -> Result<Pass, Full> {
        let address = address.map(site);
        let mut state = self.state();
        if state.connections >= self.0.connections_max {
            return Err(Full::Connections);
        }
        self.admit(&mut state, address, now)?;
        state.connections += 1;
        Ok(Pass { gate: self.clone(), address, counts: true })
    }

    /// Counts a connection that is in already for `address` too: a proxy said that it comes from there.
    pub(crate) fn enter_address(&self, address: IpAddr, now: Instant) -> Result<Pass, Full> {
        let address = Some(site(address));
        self.admit(&mut self.state(), address, now)?;
        Ok(Pass { gate: self.clone(), address, counts: false })
    }

    fn admit(&self, state: &mut State, address: Option<IpAddr>, now: Instant) -> Result<(), Full> {
        let known = address.and_then(|address| state.of_address.get(&address)).copied().unwrap_or(0);
        if known >= self.0.per_address_max {
            return Err(Full::Address);
        }
        state.rates.count(Counted::Connection, address, now)?;
        if let Some(address) = address {
            state.of_address.insert(address, known + 1);
        }
        Ok(())
    }

    /// Whether there is any rate for `what`; without one, nothing of it is counted.
    pub(crate) fn has_rate(&self, what: Counted) -> bool {
        self.0.has_rate.get(what as usize) != Some(&false)
    }

    /// Counts one more of something. `address` is `None` for one that is exempt from the limits per address.
    pub(crate) fn count(&self, what: Counted, address: Option<IpAddr>) -> Result<(), TooFast> {
        if !self.has_rate(what) {
            return Ok(());
        }
        self.state().rates.count(what, address.map(site), Instant::now())
    }

    /// Whether `address` tried too many wrong credentials to try again now.
    pub(crate) fn has_guessed_too_often(&self, address: IpAddr) -> bool {
        self.state().failures.blocked(address, self.0.opened.elapsed()).is_some()
    }

    /// Counts wrong credentials.
    pub(crate) fn count_wrong_guess(&self, address: IpAddr) {
        self.state().failures.failed(address, self.0.opened.elapsed());
    }

    /// Forgets the wrong credentials of an address that has shown the right ones.
    pub(crate) fn forgive_guesses(&self, address: IpAddr) {
        self.state().failures.succeeded(address);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        state.connections = state.connections.saturating_sub(usize::from(self.counts));
        let Some(address) = self.address else { return };
        match state.of_address.get_mut(&address) {
            Some(connections) if *connections > 1 => *connections -= 1,
            _ => drop(state.of_address.remove(&address)),
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
    use crate::Rate;

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
    fn pressure_begins_when_nine_tenths_are_taken() {
        for (connections_max, pressed_from) in [(1, 1), (5, 5), (10, 10), (100, 91)] {
            let (now, gate) = (Instant::now(), gate(connections_max, 100, None));
            let mut passes = Vec::new();
            for connections in 1..=connections_max {
                passes.push(gate.enter(None, now).unwrap());
                assert_eq!(
                    gate.is_pressed(),
                    connections >= pressed_from,
                    "{connections} of {connections_max}"
                );
            }
        }
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
