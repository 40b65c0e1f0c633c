//! Text that looks like mail: words in lines, the same in each run.

/// Lines of words up to 76 octets; every 50th starts with a dot.
pub fn text(octets: usize) -> Vec<u8> {
    let words = ["the", "octet", "of", "a", "message.", "and", "transport", "line", "is", "sent,", "again"];
    let mut text = Vec::with_capacity(octets + 80);
    let (mut seed, mut line) = (12_345_u32, 0);
    while text.len() < octets {
        let start = text.len();
        if line % 50 == 49 {
            text.push(b'.');
        }
        while text.len() - start < 66 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text.extend_from_slice(words[(seed >> 16) as usize % words.len()].as_bytes());
            text.push(b' ');
        }
        text.extend_from_slice(b"\r\n");
        line += 1;
    }
    text
}

/// Keeps octets for the whole run, so that every side of an item can share them.
pub fn keep(octets: impl Into<Vec<u8>>) -> &'static [u8] {
    octets.into().leak()
}
