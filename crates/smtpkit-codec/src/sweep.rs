//! The search for the octets that matter to framing: CR, LF and NUL.
//!
//! All three lie below 0x0E, and hardly any other octet of a command or reply does. One
//! comparison of sixteen octets at a time passes over what has none; one subtraction on eight
//! finds the first octet that low. The caller looks at it and goes on if it was a TAB. Command
//! lines are too short for a vector search with a start-up of its own to pay.

/// How many octets at the front of `octets` are above CR (0x0D).
#[inline]
pub(crate) fn above_cr(octets: &[u8]) -> usize {
    let (blocks, _) = octets.as_chunks::<16>();
    let clean = 16 * blocks.iter().take_while(|block| !has_low(block)).count();
    clean + above_cr_in_words(octets.get(clean..).unwrap_or_default())
}

/// Whether one of sixteen octets is not above CR. Written so that it becomes one vector comparison, which every 64-bit
/// processor has.
#[inline]
fn has_low(block: &[u8; 16]) -> bool {
    block.iter().fold(false, |low, &octet| low | (octet <= b'\r'))
}

/// The same for a few octets, in words.
#[inline]
fn above_cr_in_words(octets: &[u8]) -> usize {
    let (words, tail) = octets.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        if let Some(low) = first_low(*word) {
            return index * 8 + low;
        }
    }
    // The last words overlap octets that were seen already: none of those is low.
    if let (Some(word), false) = (octets.last_chunk::<8>(), tail.is_empty()) {
        return octets.len() - 8 + first_low(*word).unwrap_or(8);
    }
    let low = tail.iter().position(|&octet| octet <= b'\r');
    words.len() * 8 + low.unwrap_or(tail.len())
}

/// Whether all four octets are above CR: the sweep of the shortest lines that there are.
#[inline]
pub(crate) const fn all_above_cr(octets: [u8; 4]) -> bool {
    let word = u32::from_le_bytes(octets);
    word.wrapping_sub(0x0E0E_0E0E) & !word & 0x8080_8080 == 0
}

/// The place of the first octet in `word` that is not above CR.
#[inline]
const fn first_low(word: [u8; 8]) -> Option<usize> {
    /// 0x0E in every octet: the first value above CR.
    const ABOVE_CR: u64 = 0x0E0E_0E0E_0E0E_0E0E;
    /// The top bit of every octet.
    const TOP: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(word);
    // A borrow can only spoil octets after the first low one, so the lowest set bit is right.
    let low = word.wrapping_sub(ABOVE_CR) & !word & TOP;
    if low == 0 { None } else { Some((low.trailing_zeros() / 8) as usize) }
}

#[cfg(test)]
mod tests {
    use super::{above_cr, all_above_cr};

    #[test]
    fn the_first_low_octet_is_found_at_every_place() {
        for length in 0..40 {
            assert_eq!(above_cr(&[b'x'; 40][..length]), length);
            assert_eq!(above_cr(&[0xFF; 40][..length]), length);
            assert_eq!(above_cr(&[0x0E; 40][..length]), length);
            for at in 0..length {
                for low in 0..=b'\r' {
                    let mut octets = [0x80; 40];
                    octets[at] = low;
                    octets[at + 1..length].fill(0x0F);
                    assert_eq!(above_cr(&octets[..length]), at, "{low:#x} at {at} of {length}");
                    let front = octets.first_chunk().copied().unwrap();
                    assert_eq!(all_above_cr(front), at >= 4, "{low:#x} at {at}");
                }
            }
        }
    }
}
