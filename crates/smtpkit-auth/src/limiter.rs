//! How many failed attempts an address may make (RFC 4954 §9).
//!
//! Pure: time is an argument. The table is bounded, and when it is full it forgets the address that was heard of longest ago.
//! IPv6 counts by /64, because whoever has one address of it has all.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// The bounds of a [`FailureLimiter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the three numbers are the policy, and a caller sets them")]
pub struct FailurePolicy {
    /// This many failures within the window block an address.
    pub failures_max: u32,
    /// How long failures count; it starts again with every failure, so whoever goes on stays out.
    pub window: Duration,
    /// How many addresses are remembered.
    pub addresses_max: usize,
}

impl Default for FailurePolicy {
    /// 10 failures in 10 minutes, 65,536 addresses.
    fn default() -> Self {
        Self { failures_max: 10, window: Duration::from_secs(600), addresses_max: 65_536 }
    }
}

/// Counts failed authentications by address. `now` is the time since any fixed point, as long as it is always the same.
///
/// ```
/// use std::time::Duration;
/// use smtpkit_auth::{FailureLimiter, FailurePolicy};
///
/// let mut limiter = FailureLimiter::new(FailurePolicy { failures_max: 2, ..FailurePolicy::default() });
/// let (guesser, start) = ("192.0.2.1".parse()?, Duration::ZERO);
/// limiter.failed(guesser, start);
/// assert_eq!(limiter.blocked(guesser, start), None);
/// limiter.failed(guesser, start);
/// assert_eq!(limiter.blocked(guesser, start), Some(Duration::from_secs(600)));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FailureLimiter {
    policy: FailurePolicy,
    by_address: BTreeMap<IpAddr, Failures>,
    /// The same entries by time of the last failure.
    by_age: BTreeSet<(Duration, IpAddr)>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Duration,
}

impl FailureLimiter {
    /// An empty table.
    pub fn new(policy: FailurePolicy) -> Self {
        Self { policy, by_address: BTreeMap::new(), by_age: BTreeSet::new() }
    }

    /// Counts a failed attempt.
    pub fn failed(&mut self, address: IpAddr, now: Duration) {
        let address = network(address);
        let earlier = self
            .forget(address)
            .filter(|failures| !self.is_over(*failures, now))
            .map_or(0, |failures| failures.count);
        while self.by_address.len() >= self.policy.addresses_max.max(1) {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            self.by_address.remove(&oldest);
        }
        self.by_address.insert(address, Failures { count: earlier.saturating_add(1), last: now });
        self.by_age.insert((now, address));
    }

    /// Forgets the failures of an address that has authenticated.
    pub fn succeeded(&mut self, address: IpAddr) {
        self.forget(network(address));
    }

    /// How long the address must still wait; `None` if it may try.
    pub fn blocked(&self, address: IpAddr, now: Duration) -> Option<Duration> {
        let failures = self
            .by_address
            .get(&network(address))
            .filter(|failures| failures.count >= self.policy.failures_max)?;
        let left = failures.last.saturating_add(self.policy.window).saturating_sub(now);
        (!left.is_zero()).then_some(left)
    }

    fn is_over(&self, failures: Failures, now: Duration) -> bool {
        failures.last.saturating_add(self.policy.window) <= now
    }

    fn forget(&mut self, address: IpAddr) -> Option<Failures> {
        let failures = self.by_address.remove(&address)?;
        self.by_age.remove(&(failures.last, address));
        Some(failures)
    }
}

/// The address that failures are counted under.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(failures_max: u32, addresses_max: usize) -> FailureLimiter {
        FailureLimiter::new(FailurePolicy { failures_max, window: Duration::from_secs(60), addresses_max })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn failures_count_within_the_window() {
        let mut limiter = limiter(2, 8);
        let peer = ip("192.0.2.1");
        limiter.failed(peer, at(0));
        limiter.failed(peer, at(60));
        assert_eq!(limiter.blocked(peer, at(60)), None, "the first one is over");
        limiter.failed(peer, at(100));
        assert_eq!(limiter.blocked(peer, at(101)), Some(at(59)));
        limiter.failed(peer, at(120));
        assert_eq!(limiter.blocked(peer, at(179)), Some(at(1)), "whoever goes on stays out");
        assert_eq!(limiter.blocked(peer, at(180)), None);
    }

    #[test]
    fn success_forgives() {
        let mut limiter = limiter(1, 8);
        limiter.failed(ip("192.0.2.1"), at(0));
        assert!(limiter.blocked(ip("192.0.2.1"), at(0)).is_some());
        limiter.succeeded(ip("192.0.2.1"));
        assert!(limiter.blocked(ip("192.0.2.1"), at(0)).is_none());
    }

    #[test]
    fn one_network_is_one_peer() {
        let mut limiter = limiter(1, 8);
        limiter.failed(ip("2001:db8:0:1::1"), at(0));
        assert!(limiter.blocked(ip("2001:db8:0:1:ffff::2"), at(0)).is_some());
        assert!(limiter.blocked(ip("2001:db8:0:2::1"), at(0)).is_none());
        limiter.failed(ip("::ffff:192.0.2.1"), at(0));
        assert!(limiter.blocked(ip("192.0.2.1"), at(0)).is_some());
    }

    #[test]
    fn table_is_bounded_and_forgets_the_oldest() {
        let mut limiter = limiter(1, 2);
        for (second, last) in [(0, 1), (1, 2), (2, 3)] {
            limiter.failed(ip(&format!("192.0.2.{last}")), at(second));
        }
        assert_eq!((limiter.by_address.len(), limiter.by_age.len()), (2, 2));
        assert!(limiter.blocked(ip("192.0.2.1"), at(2)).is_none());
        assert!(limiter.blocked(ip("192.0.2.2"), at(2)).is_some());
    }
}
