//! How much goes to each site at once: little at first, more while it goes well, less when the site says so.
//!
//! A site is the set of hosts that take the mail, so domains that share their hosts share a gate. Its limit starts low,
//! grows by one for each full round of successes, and is halved by a 421, a time-out or a lost connection; then nothing
//! new goes there for a while that doubles each time. A site that is down is left alone in the same way, though never for
//! longer than half of the first retry interval: what goes on arriving for a dead host costs an attempt now and then, and not
//! one each. Where the operator set a rate, messages are counted in windows of its time.
//!
//! Dead hosts must leave room for the living, be there a thousand of them. So a host that DNS names is asked with one
//! delivery until it has taken mail; only so many deliveries may be under way to sites that have not, half of them to sites
//! that were down when they were last asked; and one that has heard nothing for a moment waits on beside the others, for
//! it costs little more than its socket. Time is an argument.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use smtpkit_queue::Timestamp;
use smtpkit_server::Rate;

use crate::options::Limits;
use crate::outcome::SiteState;

const PAUSE_LEAST: Duration = Duration::from_secs(1);
const PAUSE_MOST: Duration = Duration::from_secs(300);
/// Whoever takes longer than that waits for a host that may be dead.
const PROMPT: Duration = Duration::from_millis(100);
/// Deliveries that wait like that, beside all others.
const STALLED_MAX: usize = 1_024;
/// Gates that are remembered; idle ones are forgotten beyond that.
const GATES_MAX: usize = 20_000;

/// The gates of all sites.
#[derive(Debug)]
pub(crate) struct Gates {
    limits: Limits,
    /// The longest that a site that is down is left alone.
    down_most: Duration,
    gates: HashMap<Box<str>, Gate>,
    /// The set of hosts that a site of the queue turned out to be.
    sets: HashMap<Box<str>, Box<str>>,
    local: usize,
    /// Deliveries to other systems, without those that stall.
    remote: usize,
    /// When those began that may be to dead hosts, in their order.
    unproven: BTreeMap<u64, Timestamp>,
    /// Those of them that heard nothing for a moment.
    stalled: usize,
    /// The number of the next delivery.
    number: u64,
}

#[derive(Clone, Debug)]
struct Gate {
    limit: usize,
    /// As far as the limit may grow.
    limit_max: usize,
    turns: Turns,
    in_flight: usize,
    /// Successes since the limit was changed.
    streak: usize,
    is_proven: bool,
    pause: Duration,
    paused_until: Timestamp,
}

/// Messages in the present window of a rate.
#[derive(Clone, Debug)]
struct Turns {
    rate: Option<Rate>,
    since: Timestamp,
    taken: u32,
}

/// The right to deliver to a site. It has to be given back with [`Gates::leave`].
#[derive(Debug)]
pub(crate) struct Pass {
    key: Box<str>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Local,
    Proven,
    Unproven(u64),
}

/// Where a site lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// On this system.
    Local,
    /// Where the operator said.
    Named,
    /// Wherever DNS says.
    Found,
}

impl Gates {
    /// `retry` is how long mail waits for its second attempt.
    pub(crate) fn new(limits: Limits, retry: Duration) -> Self {
        Self {
            limits,
            down_most: (retry / 2).min(PAUSE_MOST),
            gates: HashMap::new(),
            sets: HashMap::new(),
            local: 0,
            remote: 0,
            unproven: BTreeMap::new(),
            stalled: 0,
            number: 0,
        }
    }

    fn key<'a>(&'a self, site: &'a str) -> &'a str {
        self.sets.get(site).map_or(site, |set| set)
    }

    /// Whether one more delivery to `site` may begin.
    pub(crate) fn may_enter(&self, site: &str, reach: Reach, now: Timestamp) -> bool {
        let gate = self.gates.get(self.key(site));
        let is_proven = gate.is_some_and(|gate| gate.is_proven);
        let has_room = match reach {
            Reach::Local => self.local < self.limits.local_max,
            Reach::Named | Reach::Found => {
                let was_down = gate.is_some_and(|gate| !gate.pause.is_zero());
                self.remote < self.limits.deliveries_max
                    && (is_proven || self.has_room_for_unproven(was_down))
            }
        };
        has_room
            && gate.is_none_or(|gate| {
                let limit = if reach == Reach::Found && !is_proven { 1 } else { gate.limit };
                gate.in_flight < limit && gate.paused_until <= now && gate.turns.next(now) <= now
            })
    }

    fn has_room_for_unproven(&self, was_down: bool) -> bool {
        let share = if was_down { 2 } else { 1 };
        self.unproven.len() < self.limits.unproven_max.div_ceil(share) && self.stalled < STALLED_MAX / share
    }

    /// Whether the site has taken mail of late.
    pub(crate) fn is_proven(&self, site: &str) -> bool {
        self.gates.get(self.key(site)).is_some_and(|gate| gate.is_proven)
    }

    /// Sets those apart that have waited for a while.
    pub(crate) fn look(&mut self, now: Timestamp) {
        while let Some(first) = self.unproven.first_entry()
            && first.get().after(PROMPT) <= now
            && self.stalled < STALLED_MAX
        {
            first.remove();
            self.stalled += 1;
            self.remote = self.remote.saturating_sub(1);
        }
    }

    /// Begins a delivery.
    pub(crate) fn enter(&mut self, site: &str, reach: Reach, now: Timestamp) -> Pass {
        let key: Box<str> = self.key(site).into();
        let fresh = self.fresh(site, reach);
        let gate = self.gates.entry(key.clone()).or_insert(fresh);
        gate.in_flight += 1;
        let kind = match reach {
            Reach::Local => Kind::Local,
            Reach::Named | Reach::Found if gate.is_proven => Kind::Proven,
            Reach::Named | Reach::Found => Kind::Unproven(self.number),
        };
        match kind {
            Kind::Local => self.local += 1,
            Kind::Proven => self.remote += 1,
            Kind::Unproven(number) => {
                self.remote += 1;
                self.unproven.insert(number, now);
                self.number += 1;
            }
        }
        Pass { key, kind }
    }

    /// A gate with the bounds that the operator gave the site.
    fn fresh(&self, site: &str, reach: Reach) -> Gate {
        let Limits { site_first, site_max, site_rate, sites, .. } = &self.limits;
        if reach == Reach::Local {
            return Gate::new(*site_first, *site_max, None);
        }
        let domain = site.split_once(':').map_or(site, |(_, domain)| domain);
        match sites.get(domain) {
            Some(own) => {
                Gate::new(*site_first, own.deliveries_max.unwrap_or(*site_max), own.rate.or(*site_rate))
            }
            None => Gate::new(*site_first, *site_max, *site_rate),
        }
    }

    /// Whether one more message may go through the gate now; it is counted.
    pub(crate) fn take_turn(&mut self, pass: &Pass, now: Timestamp) -> bool {
        self.gates.get_mut(&pass.key).is_none_or(|gate| gate.turns.take(now))
    }

    /// Says which set of hosts `site` is. The delivery in progress counts for the set from now on.
    pub(crate) fn learn(&mut self, pass: &mut Pass, site: &str, set: &str) {
        if *pass.key == *set {
            return;
        }
        if self.sets.len() >= GATES_MAX {
            self.sets.clear();
        }
        self.sets.insert(site.into(), set.into());
        if let Some(gate) = self.gates.get_mut(&pass.key) {
            gate.in_flight = gate.in_flight.saturating_sub(1);
        }
        let fresh = self.fresh(site, Reach::Found);
        let gate = self.gates.entry(set.into()).or_insert_with(|| fresh.clone());
        gate.in_flight += 1;
        // of several domains that share their hosts, the one with the least says how much
        gate.limit_max = gate.limit_max.min(fresh.limit_max);
        gate.turns.rate = gate.turns.rate.or(fresh.turns.rate);
        pass.key = set.into();
    }

    /// The site answers, though it did not take the message. Tells whether more deliveries may go there than before.
    pub(crate) fn answer(&mut self, pass: &mut Pass) -> bool {
        if let Kind::Unproven(number) = pass.kind {
            if self.unproven.remove(&number).is_none() {
                self.stalled = self.stalled.saturating_sub(1);
                self.remote += 1;
            }
            pass.kind = Kind::Proven;
        }
        let Some(gate) = self.gates.get_mut(&pass.key) else { return false };
        gate.pause = Duration::ZERO;
        !std::mem::replace(&mut gate.is_proven, true)
    }

    /// It took the message. Tells the same.
    pub(crate) fn succeed(&mut self, pass: &mut Pass) -> bool {
        let is_first = self.answer(pass);
        self.gates.get_mut(&pass.key).is_some_and(Gate::succeed) || is_first
    }

    /// Ends a delivery, after which the site was in `state`.
    pub(crate) fn leave(&mut self, pass: Pass, state: SiteState, now: Timestamp) {
        match pass.kind {
            Kind::Local => self.local = self.local.saturating_sub(1),
            Kind::Proven => self.remote = self.remote.saturating_sub(1),
            Kind::Unproven(number) => match self.unproven.remove(&number) {
                Some(_) => self.remote = self.remote.saturating_sub(1),
                None => self.stalled = self.stalled.saturating_sub(1),
            },
        }
        if let Some(gate) = self.gates.get_mut(&pass.key) {
            gate.in_flight = gate.in_flight.saturating_sub(1);
            gate.adapt(state, now, self.down_most);
        }
        if self.gates.len() > GATES_MAX {
            let limit = self.limits.site_first;
            self.gates.retain(|_, gate| {
                gate.in_flight > 0
                    || gate.paused_until > now
                    || gate.limit > limit
                    || gate.turns.next(now) > now
            });
        }
    }

    /// When the first gate opens that is shut for a while now.
    pub(crate) fn next_opening(&self, now: Timestamp) -> Option<Timestamp> {
        let openings = self.gates.values().map(|gate| gate.paused_until.max(gate.turns.next(now)));
        // when the longest of those that may be to dead hosts makes room
        let room = self.unproven.first_key_value().map(|(_, began)| began.after(PROMPT));
        let room = room.filter(|_| self.unproven.len() >= self.limits.unproven_max);
        openings.chain(room).filter(|until| *until > now).min()
    }

    /// Opens every gate: the operator wants things tried now.
    pub(crate) fn open_all(&mut self) {
        for gate in self.gates.values_mut() {
            gate.paused_until = Timestamp::new(0);
        }
    }

    /// Deliveries in progress.
    pub(crate) const fn in_flight(&self) -> usize {
        self.local + self.remote + self.stalled
    }
}

impl Gate {
    fn new(limit: usize, limit_max: usize, rate: Option<Rate>) -> Self {
        Self {
            limit: limit.min(limit_max),
            limit_max,
            turns: Turns { rate, since: Timestamp::new(0), taken: 0 },
            in_flight: 0,
            streak: 0,
            is_proven: false,
            pause: Duration::ZERO,
            paused_until: Timestamp::new(0),
        }
    }

    /// Whether its limit grows.
    fn succeed(&mut self) -> bool {
        self.streak += 1;
        let grows = self.streak >= self.limit && self.limit < self.limit_max;
        if grows {
            self.streak = 0;
            self.limit += 1;
        }
        grows
    }

    fn adapt(&mut self, state: SiteState, now: Timestamp, down_most: Duration) {
        match state {
            SiteState::Fine => {}
            SiteState::Slower => {
                self.streak = 0;
                self.limit = 1.max(self.limit / 2);
                self.pause = (self.pause * 2).clamp(PAUSE_LEAST, PAUSE_MOST);
                self.paused_until = now.after(self.pause);
            }
            // what waited for it has been put off by its schedule; this is for what comes after
            SiteState::Down => {
                self.streak = 0;
                self.limit = 1;
                self.is_proven = false;
                self.pause = (self.pause * 2).max(PAUSE_LEAST).min(down_most);
                self.paused_until = now.after(self.pause);
            }
        }
    }
}

impl Turns {
    /// When the next message may go.
    fn next(&self, now: Timestamp) -> Timestamp {
        match self.rate {
            Some(rate) if self.taken >= rate.count => self.since.after(rate.per),
            _ => now,
        }
    }

    fn take(&mut self, now: Timestamp) -> bool {
        let Some(rate) = self.rate else { return true };
        if now.since(self.since) >= rate.per {
            (self.since, self.taken) = (now, 0);
        }
        let may_go = self.taken < rate.count;
        self.taken += u32::from(may_go);
        may_go
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::SiteLimits;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);
    /// Half of the first retry interval.
    const RETRY: Duration = Duration::from_secs(5);

    fn gates() -> Gates {
        let limits =
            Limits { deliveries_max: 6, unproven_max: 4, site_max: 4, site_first: 2, ..Limits::default() };
        Gates::new(limits, 2 * RETRY)
    }

    /// How many deliveries to `site` can begin.
    fn room(gates: &mut Gates, site: &str) -> Vec<Pass> {
        let mut passes = Vec::new();
        while gates.may_enter(site, Reach::Found, NOW) {
            passes.push(gates.enter(site, Reach::Found, NOW));
        }
        passes
    }

    fn leave_all(gates: &mut Gates, passes: Vec<Pass>, state: SiteState) -> usize {
        let count = passes.len();
        for mut pass in passes {
            if state == SiteState::Fine {
                gates.succeed(&mut pass);
            }
            gates.leave(pass, state, NOW);
        }
        count
    }

    #[test]
    fn a_site_that_takes_mail_gets_more_and_one_that_falters_less() {
        let mut gates = gates();
        let mut rounds = Vec::new();
        for _ in 0..5 {
            let passes = room(&mut gates, "a");
            rounds.push(leave_all(&mut gates, passes, SiteState::Fine));
        }
        assert_eq!(rounds, [1, 2, 3, 4, 4], "grows to the limit of a site");
        let pass = gates.enter("a", Reach::Found, NOW);
        gates.leave(pass, SiteState::Slower, NOW);
        assert!(!gates.may_enter("a", Reach::Found, NOW), "it pauses");
        assert_eq!(gates.next_opening(NOW), Some(NOW.after(PAUSE_LEAST)));
        assert!(gates.may_enter("a", Reach::Found, NOW.after(PAUSE_LEAST)));
        gates.open_all();
        assert_eq!(room(&mut gates, "a").len(), 2, "half of four");
    }

    #[test]
    fn a_site_gets_more_while_a_delivery_goes_on() {
        let mut gates = gates();
        let mut pass = gates.enter("a", Reach::Found, NOW);
        assert!(!gates.may_enter("a", Reach::Found, NOW), "one, until it is known to answer");
        assert!(gates.answer(&mut pass));
        assert!(!gates.answer(&mut pass), "nothing new");
        assert_eq!(room(&mut gates, "a").len(), 1, "two with the first");
        assert!(!gates.succeed(&mut pass));
        assert!(gates.succeed(&mut pass));
        assert_eq!((room(&mut gates, "a").len(), gates.in_flight()), (1, 3));
        assert_eq!((gates.unproven.len(), gates.stalled, gates.remote), (0, 0, 3));
    }

    #[test]
    fn a_site_that_the_operator_named_begins_with_its_share() {
        let mut gates = gates();
        gates.enter("via:hub", Reach::Named, NOW);
        assert!(gates.may_enter("via:hub", Reach::Named, NOW));
    }

    #[test]
    fn a_site_that_is_down_is_left_alone_but_not_for_long() {
        let mut gates = gates();
        let mut pauses = Vec::new();
        let mut now = NOW;
        for _ in 0..5 {
            let pass = gates.enter("dead", Reach::Found, now);
            gates.leave(pass, SiteState::Down, now);
            assert!(!gates.may_enter("dead", Reach::Found, now));
            let opening = gates.next_opening(now).unwrap();
            pauses.push(opening.since(now).as_secs());
            now = opening;
        }
        assert_eq!(pauses, [1, 2, 4, 5, 5], "what is due for its second attempt never waits");
        let mut pass = gates.enter("dead", Reach::Found, now);
        gates.succeed(&mut pass);
        gates.leave(pass, SiteState::Down, now);
        assert_eq!(gates.next_opening(now), Some(now.after(PAUSE_LEAST)), "it was alive in between");
    }

    #[test]
    fn dead_sites_leave_room_for_the_living() {
        let mut gates = gates();
        let alive = room(&mut gates, "alive");
        leave_all(&mut gates, alive, SiteState::Fine);
        let dead: Vec<Pass> =
            ["d1", "d2", "d3", "d4", "d5"].iter().flat_map(|site| room(&mut gates, site)).collect();
        assert_eq!(dead.len(), 4);
        assert_eq!(room(&mut gates, "alive").len(), 2);
        assert!(gates.may_enter("mailbox:a@b", Reach::Local, NOW), "local mail has a bound of its own");
        assert_eq!(gates.in_flight(), 6);

        leave_all(&mut gates, dead, SiteState::Down);
        gates.open_all();
        let again: usize = ["d1", "d2", "d3"].iter().map(|site| room(&mut gates, site).len()).sum();
        assert_eq!(again, 2, "those that were down get half of it");
        assert_eq!(room(&mut gates, "new").len(), 1);
    }

    #[test]
    fn who_waits_for_a_silent_host_waits_beside_the_others() {
        let mut gates = gates();
        let silent: Vec<Pass> =
            ["s1", "s2", "s3", "s4"].iter().flat_map(|site| room(&mut gates, site)).collect();
        assert_eq!(silent.len(), 4);
        assert_eq!(gates.next_opening(NOW), Some(NOW.after(PROMPT)));
        gates.look(NOW);
        assert!(!gates.may_enter("new", Reach::Found, NOW));
        gates.look(NOW.after(PROMPT));
        assert_eq!((room(&mut gates, "new").len(), gates.in_flight()), (1, 5));
        assert!(!gates.may_enter("s1", Reach::Found, NOW), "no site gets more than its share");
        leave_all(&mut gates, silent, SiteState::Down);
        assert_eq!((gates.in_flight(), gates.stalled, gates.remote), (1, 0, 1));
    }

    #[test]
    fn a_rate_counts_messages_in_windows() {
        let rate = Some(Rate { count: 2, per: Duration::from_secs(60) });
        let slow = SiteLimits { deliveries_max: Some(1), rate };
        let sites = [("slow.test".into(), slow)].into();
        let mut gates = Gates::new(Limits { sites, site_first: 2, ..Limits::default() }, RETRY);
        let pass = gates.enter("mx:slow.test", Reach::Found, NOW);
        assert!(!gates.may_enter("mx:slow.test", Reach::Found, NOW), "one at once");
        assert!(gates.take_turn(&pass, NOW) && gates.take_turn(&pass, NOW));
        assert!(!gates.take_turn(&pass, NOW));
        gates.leave(pass, SiteState::Fine, NOW);
        assert!(!gates.may_enter("mx:slow.test", Reach::Found, NOW));
        let end = NOW.after(Duration::from_secs(60));
        assert_eq!(gates.next_opening(NOW), Some(end));
        assert!(gates.may_enter("mx:slow.test", Reach::Found, end));
        let pass = gates.enter("mx:slow.test", Reach::Found, NOW);
        assert!(gates.take_turn(&pass, end));
        let other = gates.enter("mx:other.test", Reach::Found, NOW);
        assert!((0..100).all(|_| gates.take_turn(&other, NOW)), "nobody else is slowed down");
    }

    #[test]
    fn domains_with_the_same_hosts_share_a_gate() {
        let mut gates = gates();
        let mut first = gates.enter("mx:a.test", Reach::Found, NOW);
        gates.learn(&mut first, "mx:a.test", "hosts");
        let mut second = gates.enter("mx:b.test", Reach::Found, NOW);
        gates.learn(&mut second, "mx:b.test", "hosts");
        gates.succeed(&mut first);
        assert!(!gates.may_enter("mx:a.test", Reach::Found, NOW));
        assert!(!gates.may_enter("mx:b.test", Reach::Found, NOW));
        gates.leave(first, SiteState::Fine, NOW);
        assert!(gates.may_enter("mx:b.test", Reach::Found, NOW));
        gates.leave(second, SiteState::Fine, NOW);
        assert_eq!(gates.in_flight(), 0);
    }
}
