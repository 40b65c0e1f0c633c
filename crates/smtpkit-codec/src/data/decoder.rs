//! Content off the wire: dots removed, the end found (RFC 5321 §4.5.2).
//!
//! ```text
//!                  "." then CRLF: End
//!                ┌──────────────────────┐
//!   ──► line start ── else, dot dropped ──► in a line ── bare octet, refused ──► spoiled
//!            ▲                                  │                                  │
//!            └──────────── CRLF ────────────────┘            CRLF.CRLF: End, fault ┘
//! ```
//!
//! A CR is held back until the octet after it is there, and a dot at the start of a line
//! until it is clear whether it ends the data; so the events do not depend on how the
//! input was cut. What a lax receiver would take for the end (LF.LF, LF.CRLF, CR.CR,
//! CRLF.LF …) is a fault or content here, by the chosen policy, and never an end.

use memchr::memmem;

use super::clean::{BareOctet, Unclean};
use super::scan::{Mark, first_mark};
use crate::BareNewline;

/// What [`DataDecoder::decode`] or [`BdatDecoder::decode`](crate::BdatDecoder::decode) found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle each step, there is no sensible default")]
pub enum BodyStep<'a> {
    /// A piece of the content; drop `consumed` octets.
    Chunk {
        /// The octets, perhaps fewer than were consumed: dots and what follows a fault go.
        octets: &'a [u8],
        /// Octets to drop from the front of the buffer.
        consumed: usize,
    },
    /// The end of the content; drop `consumed` octets and start a new decoder for the next.
    End {
        /// Octets to drop from the front of the buffer.
        consumed: usize,
        /// The first fault. The content after it was swallowed, so all of it must be refused.
        fault: Option<Unclean>,
    },
    /// Nothing is certain without more octets: append to the buffer and call again. At most
    /// four octets are left there for this reason.
    NeedMore,
}

/// Takes content off the wire after DATA (RFC 5321 §4.1.1.4, §4.5.2).
///
/// With [`BareNewline::Refuse`] a bare CR or LF is a fault; with
/// [`BareNewline::Normalise`] it becomes CRLF, of which a dot after it is no transparency
/// dot and no end of data. A NUL is a fault under both. A fault is told at the end, because
/// the reply is owed there, and what follows it is swallowed.
///
/// ```
/// use smtpkit_codec::{BareNewline, BodyStep, DataDecoder};
///
/// let mut decoder = DataDecoder::new(BareNewline::Refuse);
/// let mut input: &[u8] = b"Hello\r\n..dot\r\n.\r\nQUIT\r\n";
/// let mut content = vec![];
/// loop {
///     match decoder.decode(input) {
///         BodyStep::Chunk { octets, consumed } => {
///             content.extend_from_slice(octets);
///             input = &input[consumed..];
///         }
///         BodyStep::End { consumed, fault } => {
///             assert_eq!(fault, None);
///             input = &input[consumed..];
///             break;
///         }
///         BodyStep::NeedMore => unreachable!("the end is in the buffer"),
///     }
/// }
/// assert_eq!(content, b"Hello\r\n.dot\r\n");
/// assert_eq!(input, b"QUIT\r\n");
/// ```
#[derive(Clone, Debug)]
pub struct DataDecoder {
    policy: BareNewline,
    state: State,
    /// Octets consumed so far, dots included: where a fault is.
    consumed: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// After CRLF, and at the very start.
    LineStart,
    /// Anywhere else. The octet before is never a CR.
    InLine,
    /// After a fault: only the end counts.
    Spoiled(Unclean),
}

/// The end of data (RFC 5321 §4.1.1.4).
const END: &[u8] = b"\r\n.\r\n";

impl DataDecoder {
    /// A decoder at the first octet after the CRLF of DATA.
    #[must_use]
    pub const fn new(policy: BareNewline) -> Self {
        Self { policy, state: State::LineStart, consumed: 0 }
    }

    /// The next step for `buf`, everything received and not yet consumed.
    pub fn decode<'a>(&mut self, buf: &'a [u8]) -> BodyStep<'a> {
        match (self.state, buf) {
            (_, []) | (State::LineStart, [b'.'] | [b'.', b'\r']) => BodyStep::NeedMore,
            (State::LineStart, [b'.', b'\r', b'\n', ..]) => BodyStep::End { consumed: 3, fault: None },
            (State::LineStart, [b'.', rest @ ..]) => self.text(rest, 1),
            (State::LineStart | State::InLine, _) => self.text(buf, 0),
            (State::Spoiled(fault), _) => self.swallow(buf, fault),
        }
    }

    /// The content up to the first mark; `dot` octets in front of `text` are dropped.
    #[inline]
    fn text<'a>(&mut self, text: &'a [u8], dot: usize) -> BodyStep<'a> {
        match first_mark(text) {
            None => {
                let text = match text {
                    [front @ .., b'\r'] => front,
                    whole => whole,
                };
                if text.is_empty() && dot == 0 {
                    return BodyStep::NeedMore;
                }
                let state = if text.ends_with(b"\n") { State::LineStart } else { State::InLine };
                self.chunk(text, text.len() + dot, state)
            }
            Some(Mark::Dot(at)) => self.chunk(text.get(..at).unwrap_or_default(), at + dot, State::LineStart),
            Some(Mark::BareCr(at)) => self.bare(text, at, dot, BareOctet::Cr),
            Some(Mark::BareLf(at)) => self.bare(text, at, dot, BareOctet::Lf),
            Some(Mark::Nul(at)) => self.bare(text, at, dot, BareOctet::Nul),
        }
    }

    fn chunk<'a>(&mut self, octets: &'a [u8], consumed: usize, state: State) -> BodyStep<'a> {
        self.state = state;
        self.consumed += consumed as u64;
        BodyStep::Chunk { octets, consumed }
    }

    /// The text before an octet that must not be; then that octet: a CRLF of its own, or a fault.
    #[cold]
    fn bare<'a>(&mut self, text: &'a [u8], at: usize, dot: usize, what: BareOctet) -> BodyStep<'a> {
        if at > 0 {
            let text = text.get(..at).unwrap_or_default();
            let state = if text.ends_with(b"\n") { State::LineStart } else { State::InLine };
            return self.chunk(text, at + dot, state);
        }
        match (self.policy, what) {
            (BareNewline::Normalise, BareOctet::Cr | BareOctet::Lf) => {
                self.chunk(b"\r\n", 1 + dot, State::InLine)
            }
            (BareNewline::Refuse, _) | (_, BareOctet::Nul) => {
                let fault = Unclean { what, at: self.consumed + dot as u64 };
                self.chunk(&[], 1 + dot, State::Spoiled(fault))
            }
        }
    }

    /// Looks for nothing but the end. The first octet seen here is within a line.
    #[cold]
    fn swallow<'a>(&mut self, buf: &'a [u8], fault: Unclean) -> BodyStep<'a> {
        if let Some(at) = memmem::find(buf, END) {
            return BodyStep::End { consumed: at + END.len(), fault: Some(fault) };
        }
        let held =
            (1..END.len()).rev().find(|&held| END.get(..held).is_some_and(|front| buf.ends_with(front)));
        match buf.len() - held.unwrap_or(0) {
            0 => BodyStep::NeedMore,
            consumed => self.chunk(&[], consumed, self.state),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// What the content is, where it ends, and the fault.
    type Outcome = (Vec<u8>, usize, Option<(BareOctet, u64)>);

    /// Decodes `wire`, given in pieces that end at `cuts`; `None` when there is no end.
    fn decode(policy: BareNewline, wire: &[u8], cuts: &[usize]) -> Option<Outcome> {
        let mut decoder = DataDecoder::new(policy);
        let (mut content, mut start) = (Vec::new(), 0);
        for end in cuts.iter().copied().chain([wire.len()]) {
            loop {
                match decoder.decode(&wire[start..end]) {
                    BodyStep::Chunk { octets, consumed } => {
                        assert!(consumed > 0);
                        content.extend_from_slice(octets);
                        start += consumed;
                    }
                    BodyStep::End { consumed, fault } => {
                        return Some((content, start + consumed, fault.map(|fault| (fault.what, fault.at))));
                    }
                    BodyStep::NeedMore => break,
                }
            }
            assert!(end - start <= 4, "more than four octets are held back");
        }
        None
    }

    /// Decodes `wire` in every two pieces and in single octets; all must give the same.
    #[track_caller]
    fn every_cut(policy: BareNewline, wire: &[u8]) -> Option<Outcome> {
        let whole = decode(policy, wire, &[]);
        for cut in 0..=wire.len() {
            assert_eq!(decode(policy, wire, &[cut]), whole, "{} cut at {cut}", wire.escape_ascii());
        }
        let singles: Vec<usize> = (0..wire.len()).collect();
        assert_eq!(decode(policy, wire, &singles), whole, "{} in octets", wire.escape_ascii());
        whole
    }

    /// `wire` is followed by the true end; nothing before it may end the data.
    #[track_caller]
    fn check(wire: &[u8], refuse: Result<&[u8], (BareOctet, u64)>, normalise: &[u8]) {
        let wire = [wire, b"\r\n.\r\nQUIT\r\n"].concat();
        let end = wire.len() - 6;
        let (content, at, fault) = every_cut(BareNewline::Refuse, &wire).expect("the true end");
        assert_eq!((at, fault), (end, refuse.err()), "{} refused", wire.escape_ascii());
        if let Ok(expected) = refuse {
            assert_eq!(content, [expected, b"\r\n"].concat(), "{}", wire.escape_ascii());
        }
        let (content, at, fault) = every_cut(BareNewline::Normalise, &wire).expect("the true end");
        assert_eq!((at, fault), (end, None), "{} normalised", wire.escape_ascii());
        assert_eq!(content, [normalise, b"\r\n"].concat(), "{} normalised", wire.escape_ascii());
    }

    #[test]
    fn only_crlf_dot_crlf_ends_data() {
        use BareOctet::{Cr, Lf};
        check(b"a\n.\nb", Err((Lf, 1)), b"a\r\n.\r\nb");
        check(b"a\n.\r\nb", Err((Lf, 1)), b"a\r\n.\r\nb");
        check(b"a\r.\rb", Err((Cr, 1)), b"a\r\n.\r\nb");
        check(b"a\r.\r\nb", Err((Cr, 1)), b"a\r\n.\r\nb");
        check(b"a\r\n.\nb", Err((Lf, 4)), b"a\r\n\r\nb");
        check(b"a\r\n.\rb", Err((Cr, 4)), b"a\r\n\r\nb");
        check(b"a\r\n.\r\r\nb", Err((Cr, 4)), b"a\r\n\r\n\r\nb");
        check(b"a\n\r.\r\nb", Err((Lf, 1)), b"a\r\n\r\n.\r\nb");
        check(b"a\r\r\n.\x0b\r\nb", Err((Cr, 1)), b"a\r\n\r\n\x0b\r\nb");
        check(b"\n.\n", Err((Lf, 0)), b"\r\n.\r\n");
        check(b"\r\r.", Err((Cr, 0)), b"\r\n\r\n.");
        check(b".\n", Err((Lf, 1)), b"\r\n");
        check(b".\r", Err((Cr, 1)), b"\r\n");
    }

    #[test]
    fn dots_at_line_starts_are_transparent() {
        check(b"a", Ok(b"a"), b"a");
        check(b"..", Ok(b"."), b".");
        check(b"...", Ok(b".."), b"..");
        check(b".a", Ok(b"a"), b"a");
        check(b"a\r\n..\r\n.b", Ok(b"a\r\n.\r\nb"), b"a\r\n.\r\nb");
        check(b"a.\r\n.b.", Ok(b"a.\r\nb."), b"a.\r\nb.");
        check(b"", Ok(b""), b"");
        check(b"\r\n", Ok(b"\r\n"), b"\r\n");
        check(b"\xFF\x01\t\x0b", Ok(b"\xFF\x01\t\x0b"), b"\xFF\x01\t\x0b");
    }

    #[test]
    fn the_first_line_can_be_the_end() {
        for policy in [BareNewline::Refuse, BareNewline::Normalise] {
            assert_eq!(every_cut(policy, b".\r\n"), Some((Vec::new(), 3, None)));
            assert_eq!(every_cut(policy, b".\r\n.\r\n"), Some((Vec::new(), 3, None)));
        }
    }

    #[test]
    fn nul_is_a_fault_under_both_policies() {
        for policy in [BareNewline::Refuse, BareNewline::Normalise] {
            for (wire, at) in [(&b"a\0b"[..], 1), (b"\0", 0), (b".\0", 1), (b"a\r\n\0.", 3)] {
                let wire = [wire, b"\r\n.\r\n"].concat();
                let (_, end, fault) = every_cut(policy, &wire).expect("the true end");
                assert_eq!((end, fault), (wire.len(), Some((BareOctet::Nul, at))));
            }
        }
    }

    #[test]
    fn without_the_end_there_is_none() {
        for wire in
            [&b""[..], b".", b".\r", b"a\r\n.", b"a\r\n.\r", b"a\n.\n", b"a\r\n.\n", b"\0\r\n.\n", b"\0.\r\n"]
        {
            for policy in [BareNewline::Refuse, BareNewline::Normalise] {
                assert_eq!(every_cut(policy, wire), None, "{}", wire.escape_ascii());
            }
        }
    }
}
