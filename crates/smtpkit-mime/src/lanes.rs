//! Sixteen octets at a time: for runs too short for a vectorised search.
//!
//! A block is compared octet by octet in a form that the compiler turns into one comparison of a vector register;
//! where the first match stands is read off the result.

/// Octets of a block.
pub(crate) const LANES: usize = 16;

/// Where the first octet of `block` stands that `is` one of those looked for.
#[inline]
pub(crate) fn first(block: &[u8; LANES], is: impl Fn(u8) -> bool) -> Option<usize> {
    let matches = u128::from_le_bytes(block.map(|octet| if is(octet) { u8::MAX } else { 0 }));
    (matches != 0).then(|| (matches.trailing_zeros() / u8::BITS) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_match_is_found_wherever_it_stands() {
        for at in 0..=LANES {
            let mut block = [b'a'; LANES];
            for octet in block.iter_mut().skip(at) {
                *octet = b'=';
            }
            assert_eq!(first(&block, |octet| octet == b'='), (at < LANES).then_some(at));
        }
    }
}
