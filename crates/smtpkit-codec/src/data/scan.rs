//! The search through content for what breaks the flow: a bare CR, a bare LF, a NUL, and
//! a dot at the start of a line. And whether all of it is ASCII.
//!
//! Decoder, encoder and check all need exactly this, so it is one loop over neighbouring
//! octets, written so that the compiler turns it into vector instructions of the width
//! that the processor has: the whole of a block is tested without a branch, and only a
//! block that holds something is looked at octet by octet.

/// What breaks the flow of content, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// A CR that is not followed by LF. One at the very end is not reported: LF may follow.
    BareCr(usize),
    /// A LF that does not follow a CR.
    BareLf(usize),
    /// A NUL.
    Nul(usize),
    /// A dot directly after a LF.
    Dot(usize),
}

/// The first mark in `octets`. What came before them is known to be no CR and, for the
/// purpose of dots, no LF; the caller deals with a dot at the front.
#[inline]
pub(super) fn first_mark(octets: &[u8]) -> Option<Mark> {
    match octets {
        [] => return None,
        [b'\n', ..] => return Some(Mark::BareLf(0)),
        [0, ..] => return Some(Mark::Nul(0)),
        _ => {}
    }
    let from = first_piece(octets, AnyMark);
    let rest = octets.get(from..)?;
    rest.iter().zip(rest.get(1..)?).zip(from..).find_map(|((&before, &after), at)| match (before, after) {
        (b'\r', b'\n') => None,
        (b'\r', _) => Some(Mark::BareCr(at)),
        (_, b'\n') => Some(Mark::BareLf(at + 1)),
        (_, 0) => Some(Mark::Nul(at + 1)),
        (b'\n', b'.') => Some(Mark::Dot(at + 1)),
        _ => None,
    })
}

/// The first dot directly after a LF.
#[inline]
pub(super) fn first_dot(octets: &[u8]) -> Option<usize> {
    let from = first_piece(octets, AnyDot);
    let rest = octets.get(from..)?;
    rest.array_windows().zip(from..).find_map(|(pair, at)| (pair == b"\n.").then_some(at + 1))
}

/// Whether no octet of `octets` is over 127: content that needs no 8BITMIME.
///
/// As [`slice::is_ascii`], with the vector instructions that the processor has, and for octets of which that is mostly
/// so: all of them are looked at, without a branch for each word.
///
/// ```
/// assert!(smtpkit_codec::is_ascii(b"Subject: coffee\r\n"));
/// assert!(!smtpkit_codec::is_ascii("Subject: café\r\n".as_bytes()));
/// ```
#[must_use]
pub fn is_ascii(octets: &[u8]) -> bool {
    if octets.len() < BLOCK {
        return octets.is_ascii();
    }
    // Asking the processor needs std; without it the loop has the vectors of the target.
    #[cfg(feature = "std")]
    return fearless_simd::dispatch!(fearless_simd::Level::new(), _simd => holds_ascii(octets));
    #[cfg(not(feature = "std"))]
    holds_ascii(octets)
}

/// The look itself, always inlined, so that it has the vector instructions of its caller.
#[inline(always)]
fn holds_ascii(octets: &[u8]) -> bool {
    let (blocks, rest) = octets.as_chunks::<BLOCK>();
    let mut all = [0; BLOCK];
    for block in blocks {
        for (all, octet) in all.iter_mut().zip(block) {
            *all |= octet;
        }
    }
    all.is_ascii() && rest.is_ascii()
}

/// Octets that are tested between two branches.
const BLOCK: usize = 128;
/// Octets that are looked at one by one, once a block holds something.
const PIECE: usize = 32;
/// How far a test looks beyond the octets that it is for.
const AHEAD: usize = 2;

/// What is looked for among three neighbours.
trait Test: Copy {
    /// 0 if `first`, `second` and `third` make no mark.
    fn of(self, first: u8, second: u8, third: u8) -> u8;
}

/// A bare newline at `first` or `second`, a NUL at `second`, a dot at `third`. With three
/// neighbours each octet is compared once per load, which saves vector registers.
#[derive(Clone, Copy)]
struct AnyMark;

impl Test for AnyMark {
    #[inline(always)]
    fn of(self, first: u8, second: u8, third: u8) -> u8 {
        let newline = second == b'\n';
        let bare = (first == b'\r') ^ newline;
        let dot = newline & (third == b'.');
        u8::from(bare) | u8::from(dot) | u8::from(second == 0)
    }
}

/// A dot at `second` after a LF.
#[derive(Clone, Copy)]
struct AnyDot;

impl Test for AnyDot {
    #[inline(always)]
    fn of(self, first: u8, second: u8, _: u8) -> u8 {
        u8::from(first == b'\n') & u8::from(second == b'.')
    }
}

/// Where the first piece starts that holds a mark or is too near the end to be tested.
/// Nothing is marked before it.
#[inline]
fn first_piece(octets: &[u8], test: impl Test) -> usize {
    if octets.len() < PIECE + AHEAD {
        return 0;
    }
    // Asking the processor needs std; without it the loop has the vectors of the target.
    #[cfg(feature = "std")]
    return fearless_simd::dispatch!(fearless_simd::Level::new(), _simd => search(octets, test));
    #[cfg(not(feature = "std"))]
    search(octets, test)
}

/// The search itself, always inlined, so that it has the vector instructions of its caller.
#[inline(always)]
fn search(octets: &[u8], test: impl Test) -> usize {
    let mut from = 0;
    while let Some(block) = octets.get(from..).and_then(<[u8]>::first_chunk::<{ BLOCK + AHEAD }>) {
        if holds::<BLOCK>(block, test) {
            break;
        }
        from += BLOCK;
    }
    while let Some(piece) = octets.get(from..).and_then(<[u8]>::first_chunk::<{ PIECE + AHEAD }>) {
        if holds::<PIECE>(piece, test) {
            return from;
        }
        from += PIECE;
    }
    // What is left is shorter than a piece; one that ends where the octets end holds all of it.
    match octets.last_chunk::<{ PIECE + AHEAD }>() {
        Some(last) if !holds::<PIECE>(last, test) => octets.len() - AHEAD,
        _ => from,
    }
}

/// Whether a mark stands in the first `N + 1` octets, or a dot in one more. No branch and
/// no index in the loop, so that it becomes vector instructions.
#[inline(always)]
fn holds<const N: usize>(octets: &[u8], test: impl Test) -> bool {
    let [first, second, third] = [0, 1, 2].map(|at| octets.get(at..at + N).unwrap_or_default());
    let mut found = 0;
    for ((&first, &second), &third) in first.iter().zip(second).zip(third) {
        found |= test.of(first, second, third);
    }
    found != 0
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn one_octet_over_127_is_found_at_every_place_of_every_length() {
        for length in 0..=300 {
            let mut octets = vec![0x7f; length];
            assert!(is_ascii(&octets));
            for at in 0..length {
                for octet in [0x80, 0xff] {
                    octets[at] = octet;
                    assert!(!is_ascii(&octets), "{at} of {length}");
                }
                octets[at] = 0x7f;
            }
        }
    }

    #[test]
    fn a_mark_is_found_at_every_place_of_every_length() {
        for length in 1..=300 {
            let clean = vec![b'x'; length];
            assert_eq!(first_mark(&clean), None);
            for at in 0..length {
                let with = |patch: &[u8]| {
                    let mut octets = clean.clone();
                    octets.splice(at..(at + patch.len()).min(length), patch.iter().copied());
                    octets.truncate(length);
                    octets
                };
                let mark = |patch: &[u8]| first_mark(&with(patch));
                let last = at + 1 == length;
                assert_eq!(mark(b"\n"), Some(Mark::BareLf(at)));
                assert_eq!(mark(b"\0"), Some(Mark::Nul(at)));
                assert_eq!(mark(b"\r"), (!last).then_some(Mark::BareCr(at)));
                assert_eq!(mark(b"\r\n"), None);
                assert_eq!(mark(b"\r\n."), (at + 2 < length).then_some(Mark::Dot(at + 2)));
                assert_eq!(mark(b"\r\0"), (!last).then_some(Mark::BareCr(at)));
                assert_eq!(first_dot(&with(b"\n.")), (!last).then_some(at + 1));
                assert_eq!(first_dot(&with(b"\n,.")), None);
            }
        }
    }
}
