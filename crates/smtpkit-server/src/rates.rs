//! How fast things may come: in all, and from one address.
//!
//! Pure: time is an argument. The table of addresses is bounded, and when it is full it forgets the address that was
//! heard of longest ago.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use tokio::time::Instant;

use crate::{Limits, Rate};

/// Addresses that are remembered.
const ADDRESSES_MAX: usize = 16_384;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    Connection,
    Message,
    Recipient,
    UnknownRecipient,
}

impl Counted {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; KINDS] =
        [Self::Connection, Self::Message, Self::Recipient, Self::UnknownRecipient];
}

/// How many kinds there are.
pub(crate) const KINDS: usize = 4;

/// Something came too fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooFast {
    /// Whether it is the first one of this time.
    pub(crate) is_first: bool,
}

/// The counts of all addresses.
#[derive(Debug)]
pub(crate) struct Rates {
    per_address: [Option<Rate>; KINDS],
    total: [Option<Rate>; KINDS],
    addresses: BTreeMap<IpAddr, Counts>,
    /// The same addresses by when they were last heard of.
    by_age: BTreeSet<(Instant, IpAddr)>,
    all: [Window; KINDS],
}

#[derive(Debug)]
struct Counts {
    heard: Instant,
    windows: [Window; KINDS],
}

/// How many came since when.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    since: Option<Instant>,
    count: u32,
}

impl Window {
    fn count(&mut self, rate: Option<Rate>, now: Instant) -> Result<(), TooFast> {
        let Some(rate) = rate else { return Ok(()) };
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= rate.per) {
            *self = Self { since: Some(now), count: 0 };
        }
        self.count = self.count.saturating_add(1);
        if self.count <= rate.count {
            Ok(())
        } else {
            Err(TooFast { is_first: self.count - 1 == rate.count })
        }
    }
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            per_address: [
                limits.connection_rate,
                limits.message_rate,
                limits.recipient_rate,
                limits.unknown_recipient_rate,
            ],
            total: [
                limits.connection_rate_total,
                limits.message_rate_total,
                limits.recipient_rate_total,
                None,
            ],
            addresses: BTreeMap::new(),
            by_age: BTreeSet::new(),
            all: [Window::default(); KINDS],
        }
    }

    /// Whether there is any rate for `what`.
    pub(crate) fn has_rate(&self, what: Counted) -> bool {
        [self.per_address, self.total]
            .iter()
            .any(|rates| rates.get(what as usize).is_some_and(Option::is_some))
    }

    /// Counts one more. `address` is `None` for one that is exempt from the rates per address.
    pub(crate) fn count(
        &mut self,
        what: Counted,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Result<(), TooFast> {
        let kind = what as usize;
        let of = |rates: &[Option<Rate>; KINDS]| rates.get(kind).copied().flatten();
        let (per_address, total) = (of(&self.per_address), of(&self.total));
        if let Some(address) = address.filter(|_| per_address.is_some())
            && let Some(window) = self.heard_of(address, now).windows.get_mut(kind)
        {
            window.count(per_address, now)?;
        }
        self.all.get_mut(kind).map_or(Ok(()), |window| window.count(total, now))
    }

    /// The counts of `address`, which is the one that was heard of last from now on.
    fn heard_of(&mut self, address: IpAddr, now: Instant) -> &mut Counts {
        if let Some(known) = self.addresses.get(&address) {
            self.by_age.remove(&(known.heard, address));
        } else if self.addresses.len() >= ADDRESSES_MAX
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.addresses.remove(&oldest);
        }
        self.by_age.insert((now, address));
        let fresh = || Counts { heard: now, windows: [Window::default(); KINDS] };
        let counts = self.addresses.entry(address).or_insert_with(fresh);
        counts.heard = now;
        counts
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn ip(number: u32) -> Option<IpAddr> {
        Some(IpAddr::V4(Ipv4Addr::from_bits(number)))
    }

    #[test]
    fn each_kind_has_its_own_rate() {
        let rate = Some(Rate { count: 1, per: MINUTE });
        let mut rates = Rates::new(&Limits { message_rate: rate, ..Limits::default() });
        let now = Instant::now();
        assert_eq!(rates.count(Counted::Message, ip(1), now), Ok(()));
        assert_eq!(rates.count(Counted::Message, ip(1), now), Err(TooFast { is_first: true }));
        assert_eq!(rates.count(Counted::Message, ip(1), now), Err(TooFast { is_first: false }));
        assert_eq!(rates.count(Counted::Message, ip(2), now), Ok(()));
        assert_eq!(rates.count(Counted::Message, None, now), Ok(()));
        assert_eq!(rates.count(Counted::Recipient, ip(1), now), Ok(()));
        assert_eq!(rates.count(Counted::Message, ip(1), now + MINUTE), Ok(()));
    }

    #[test]
    fn the_total_counts_everybody() {
        let rate = Some(Rate { count: 2, per: MINUTE });
        let mut rates = Rates::new(&Limits { recipient_rate_total: rate, ..Limits::default() });
        let now = Instant::now();
        for address in [ip(1), None] {
            assert_eq!(rates.count(Counted::Recipient, address, now), Ok(()));
        }
        assert_eq!(rates.count(Counted::Recipient, ip(3), now), Err(TooFast { is_first: true }));
        assert_eq!(rates.count(Counted::Recipient, ip(3), now + MINUTE), Ok(()));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let rate = Some(Rate { count: 1, per: MINUTE });
        let mut rates = Rates::new(&Limits { connection_rate: rate, ..Limits::default() });
        let now = Instant::now();
        for number in 0..=ADDRESSES_MAX as u32 {
            let later = now + Duration::from_nanos(u64::from(number));
            assert_eq!(rates.count(Counted::Connection, ip(number), later), Ok(()));
        }
        assert_eq!((rates.addresses.len(), rates.by_age.len()), (ADDRESSES_MAX, ADDRESSES_MAX));
        assert_eq!(rates.count(Counted::Connection, ip(0), now + MINUTE / 2), Ok(()), "it was forgotten");
        assert!(rates.count(Counted::Connection, ip(9), now + MINUTE / 2).is_err(), "it was not");
    }
}
