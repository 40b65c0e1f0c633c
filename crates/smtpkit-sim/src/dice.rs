//! Every choice of a world: numbers that look random and that a seed repeats.

use std::time::Duration;

/// A source of choices. Each part of a world has one of its own, so that one part can change without the others.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice for the part with this name; how often others were rolled makes no difference to it.
    pub(crate) fn fork(&self, name: &str) -> Self {
        let mut seed = 0xcbf2_9ce4_8422_2325_u64 ^ mix(self.0);
        for octet in name.bytes() {
            seed = (seed ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3);
        }
        Self(mix(seed))
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// From 0 up to, and without, `bound`; 0 if there is nothing below it.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.roll().checked_rem(bound).unwrap_or(0)
    }

    /// From `least` to `most`, both of them included.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// Whether something happens that happens so many times out of a thousand.
    pub(crate) fn per_mille(&mut self, chance: u64) -> bool {
        self.below(1_000) < chance
    }

    /// One of them; `None` if there are none.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let place = self.below(items.len() as u64);
        items.get(usize::try_from(place).ok()?)
    }

    pub(crate) fn milliseconds(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.between(least, most))
    }
}

/// The finaliser of splitmix64.
pub(crate) const fn mix(seed: u64) -> u64 {
    let seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ (seed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_parts_are_independent() {
        let world = Dice::new(7);
        let mut wire = world.fork("wire");
        let first: Vec<u64> = (0..10).map(|_| wire.below(100)).collect();
        let mut again = world.fork("wire");
        assert_eq!(first, (0..10).map(|_| again.below(100)).collect::<Vec<_>>());
        let mut other = world.fork("disk");
        assert_ne!(first, (0..10).map(|_| other.below(100)).collect::<Vec<_>>());
    }

    #[test]
    fn bounds_are_kept() {
        let mut dice = Dice::new(1);
        for _ in 0..1_000 {
            assert!((3..=5).contains(&dice.between(3, 5)));
        }
        assert_eq!(dice.below(0), 0);
        assert_eq!(dice.pick::<u8>(&[]), None);
        assert!(!dice.per_mille(0) && dice.per_mille(1_000));
    }
}
