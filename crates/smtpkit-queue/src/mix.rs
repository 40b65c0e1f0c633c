//! Spreads a number over 64 bits, so that seeds that differ by one give jitter that has nothing in
//! common. Deterministic; no secret may rest on it.

/// The finaliser of the splitmix64 generator (Steele, Lea and Flood 2014).
pub(crate) const fn mix(number: u64) -> u64 {
    let step = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let step = (step ^ (step >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let step = (step ^ (step >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    step ^ (step >> 31)
}
