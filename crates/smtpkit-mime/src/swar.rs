//! Eight octets at a time, in the lanes of one word: for runs too short for a vectorised search.
//!
//! A word is read little-endian, so its first octet has the lowest bits. Every test sets the top bit of the lanes
//! where it holds. Borrows can set a top bit wrongly, but only above one that is set rightly, so the lowest one
//! always tells the truth; positions are taken from that one alone.

const ONES: u64 = u64::MAX / 255;
const TOPS: u64 = ONES << 7;

/// Top bits of the lanes that hold `octet`.
#[inline]
const fn equal(word: u64, octet: u8) -> u64 {
    let difference = word ^ (ONES * octet as u64);
    difference.wrapping_sub(ONES) & !difference
}

/// Where the lowest top bit is; 8 if there is none.
#[inline]
const fn position(tops: u64) -> usize {
    ((tops & TOPS).trailing_zeros() / 8) as usize
}

/// Where `octet` stands first; 8 if it does not.
#[inline]
pub(crate) const fn first(word: u64, octet: u8) -> usize {
    position(equal(word, octet))
}

/// Where one of two octets stands first; 8 if none does.
#[inline]
pub(crate) const fn first_of(word: u64, one: u8, other: u8) -> usize {
    position(equal(word, one) | equal(word, other))
}

/// Where an octet stands first that no field name has: anything but 33 to 126, and the colon (RFC 5322 §3.6.8).
#[inline]
pub(crate) const fn first_outside_name(word: u64) -> usize {
    let below = word.wrapping_sub(ONES * 33) & !word;
    let above = word.wrapping_add(ONES) | word;
    position(below | above | equal(word, b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_agree_with_octets() {
        let mut seed = 1_u64;
        for _ in 0..100_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // few different octets, so that all of them meet
            let octets = (seed ^ seed >> 29)
                .to_le_bytes()
                .map(|octet| b"=\n:;<\x00\x20\x21\x7e\x7f\x80\xff abc"[usize::from(octet % 16)]);
            let word = u64::from_le_bytes(octets);
            let expect =
                |test: &dyn Fn(u8) -> bool| octets.iter().position(|octet| test(*octet)).unwrap_or(8);
            assert_eq!(first(word, b'\n'), expect(&|octet| octet == b'\n'), "{octets:?}");
            assert_eq!(
                first_of(word, b'=', b'\n'),
                expect(&|octet| matches!(octet, b'=' | b'\n')),
                "{octets:?}"
            );
            assert_eq!(
                first_outside_name(word),
                expect(&|octet| !matches!(octet, 33..=57 | 59..=126)),
                "{octets:?}"
            );
        }
    }
}
