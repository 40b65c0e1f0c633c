//! Numbers that look random and can be replayed: every choice of this crate is made from a seed.

/// The finaliser of splitmix64: each bit of the input moves about half the bits of the output.
pub(crate) const fn mix(seed: u64) -> u64 {
    let seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ (seed >> 31)
}

/// Sixteen octets from two seeds.
pub(crate) fn octets(first: u64, second: u64) -> [u8; 16] {
    let high = mix(first ^ mix(second));
    let low = mix(high ^ second);
    ((u128::from(high) << 64) | u128::from(low)).to_be_bytes()
}

/// Puts `items` into an order that the seed decides (Fisher and Yates).
pub(crate) fn shuffle<T>(items: &mut [T], mut seed: u64) {
    for end in (1..items.len()).rev() {
        seed = mix(seed);
        let bound = u64::try_from(end).unwrap_or(u64::MAX).saturating_add(1);
        items.swap(end, usize::try_from(seed % bound).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_comes_up_and_a_seed_repeats_it() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let mut items = [1, 2, 3];
            shuffle(&mut items, seed);
            let mut again = [1, 2, 3];
            shuffle(&mut again, seed);
            assert_eq!(items, again);
            seen.insert(items);
        }
        assert_eq!(seen.len(), 6);
    }
}
