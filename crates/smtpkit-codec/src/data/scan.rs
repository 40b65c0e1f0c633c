//! The search through content for what breaks the flow: a bare CR, a bare LF, a NUL, and
//! a dot at the start of a line.
//!
//! Decoder, encoder and check all need exactly this, so it is one loop over pairs of
//! neighbours, written so that the compiler vectorises it: the whole of a block is tested
//! without a branch, and only a block that holds something is looked at octet by octet.

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

/// Octets that are tested without a branch.
const BLOCK: usize = 128;

/// The first mark in `octets`. What came before them is known to be no CR and, for the
/// purpose of dots, no LF; the caller deals with a dot at the front.
#[inline]
pub(super) fn first_mark(octets: &[u8]) -> Option<Mark> {
    match octets.first() {
        Some(b'\n') => return Some(Mark::BareLf(0)),
        Some(0) => return Some(Mark::Nul(0)),
        Some(_) => {}
        None => return None,
    }
    let after = octets.get(1..)?;
    let (before_blocks, before_tail) = octets.as_chunks::<BLOCK>();
    let (after_blocks, after_tail) = after.as_chunks::<BLOCK>();
    let mut at = 0;
    for (before, after) in before_blocks.iter().zip(after_blocks) {
        if holds_mark(before, after) {
            return locate(before, after, at);
        }
        at += BLOCK;
    }
    // A length that is a multiple of BLOCK leaves `before` with one block more than `after`.
    let before = before_blocks.get(after_blocks.len()).map_or(before_tail, |block| block);
    locate(before, after_tail, at)
}

/// Whether any pair of neighbours makes a mark. No branch and no index, so that it becomes
/// a handful of vector instructions per 16 octets.
#[inline]
fn holds_mark(before: &[u8; BLOCK], after: &[u8; BLOCK]) -> bool {
    let mut found = 0;
    for (&before, &after) in before.iter().zip(after) {
        let bare = (before == b'\r') ^ (after == b'\n');
        let dot = (before == b'\n') & (after == b'.');
        found |= u8::from(bare) | u8::from(dot) | u8::from(after == 0);
    }
    found != 0
}

/// The first mark among pairs of neighbours; `at` is the place of the first `before`.
fn locate(before: &[u8], after: &[u8], at: usize) -> Option<Mark> {
    before.iter().zip(after).zip(at..).find_map(|((&before, &after), at)| match (before, after) {
        (b'\r', b'\n') => None,
        (b'\r', _) => Some(Mark::BareCr(at)),
        (_, b'\n') => Some(Mark::BareLf(at + 1)),
        (_, 0) => Some(Mark::Nul(at + 1)),
        (b'\n', b'.') => Some(Mark::Dot(at + 1)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

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
                    first_mark(&octets)
                };
                let last = at + 1 == length;
                assert_eq!(with(b"\n"), Some(Mark::BareLf(at)));
                assert_eq!(with(b"\0"), Some(Mark::Nul(at)));
                assert_eq!(with(b"\r"), (!last).then_some(Mark::BareCr(at)));
                assert_eq!(with(b"\r\n"), None);
                assert_eq!(with(b"\r\n."), (at + 2 < length).then_some(Mark::Dot(at + 2)));
                assert_eq!(with(b"\r\0"), (!last).then_some(Mark::BareCr(at)));
            }
        }
    }
}
