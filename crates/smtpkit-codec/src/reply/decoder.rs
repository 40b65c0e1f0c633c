//! Replies off the wire (RFC 5321 §4.2): a client's half of framing.
//!
//! ```abnf
//! Reply-line = *( Reply-code "-" [ textstring ] CRLF )
//!              Reply-code [ SP textstring ] CRLF
//! Reply-code = %x32-35 %x30-39 %x30-39
//! ```
//!
//! Every line must repeat the code of the first (§4.2.1), only CRLF ends a line, and lines
//! and their number are bounded, so that a hostile server cannot hold a client for ever.
//! Text may be any octets: old servers answer in Latin-1. A reply that breaks a rule is
//! not skipped, because nobody knows where the next one starts: the connection is useless.

use thiserror::Error;

use super::{ReplyCode, ReplyRef};
use crate::limits;
use crate::sweep::above_cr;

/// Why octets are not a reply. The fault is the server's, and it ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum BadReply {
    /// A line does not start with a code from 200 to 599.
    #[error("reply line does not start with a code from 200 to 599")]
    Code,
    /// The code is not followed by a space, a hyphen or the end of the line.
    #[error("reply code is followed by neither space nor hyphen")]
    Separator,
    /// A line has another code than the first (RFC 5321 §4.2.1).
    #[error("lines of one reply have different codes")]
    CodeChanged,
    /// A line is over the limit.
    #[error("reply line is longer than 4,096 octets")]
    LineTooLong,
    /// The reply has too many lines.
    #[error("reply has more than 512 lines")]
    TooManyLines,
    /// The reply is over the limit.
    #[error("reply is longer than 65,536 octets")]
    TooLong,
    /// A CR without LF after it.
    #[error("bare CR in reply")]
    BareCr,
    /// A LF without CR before it.
    #[error("bare LF in reply")]
    BareLf,
    /// A NUL octet.
    #[error("NUL in reply")]
    Nul,
}

/// What [`ReplyDecoder::decode`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle each step, there is no sensible default")]
pub enum ReplyStep<'a> {
    /// A whole reply; drop `consumed` octets.
    Reply {
        /// The reply, where it lies in the buffer.
        reply: ReplyRef<'a>,
        /// Octets to drop from the front of the buffer.
        consumed: usize,
    },
    /// Not a reply. Nothing after it can be trusted.
    Bad {
        /// The fault.
        why: BadReply,
        /// Its offset in the buffer.
        at: usize,
    },
    /// The reply is not complete: append to the buffer and call again.
    NeedMore,
}

/// Cuts octets into replies.
///
/// The caller keeps one buffer of everything received and not yet consumed, as with
/// [`LineDecoder`](crate::LineDecoder); it needs room for
/// [`REPLY_OCTETS_ACCEPTED`](limits::REPLY_OCTETS_ACCEPTED) at most.
///
/// ```
/// use smtpkit_codec::{BadReply, ReplyDecoder, ReplyStep};
///
/// let mut decoder = ReplyDecoder::new();
/// assert_eq!(decoder.decode(b"250-first\r\n25"), ReplyStep::NeedMore);
/// let ReplyStep::Reply { reply, consumed } = decoder.decode(b"250-first\r\n250 last\r\n220") else {
///     panic!("a whole reply");
/// };
/// assert_eq!((reply.to_string(), consumed), ("250 first last".into(), 21));
/// assert_eq!(decoder.decode(b"220-a\r\n250 b\r\n"), ReplyStep::Bad { why: BadReply::CodeChanged, at: 7 });
/// ```
#[derive(Clone, Debug, Default)]
pub struct ReplyDecoder {
    /// Octets at the front of the buffer that were looked at.
    scanned: usize,
    /// Where the line under way starts.
    line: usize,
    /// Complete lines so far.
    lines: usize,
    /// The code of the first line.
    code: Option<ReplyCode>,
}

impl ReplyDecoder {
    /// A decoder at the start of a reply.
    #[must_use]
    pub const fn new() -> Self {
        Self { scanned: 0, line: 0, lines: 0, code: None }
    }

    /// The next step for `buf`, everything received and not yet consumed.
    pub fn decode<'a>(&mut self, buf: &'a [u8]) -> ReplyStep<'a> {
        match self.step(buf) {
            Ok(None) => ReplyStep::NeedMore,
            Err((why, at)) => ReplyStep::Bad { why, at },
            Ok(Some((code, consumed))) => {
                *self = Self::new();
                let wire = buf.get(..consumed).unwrap_or_default();
                ReplyStep::Reply { reply: ReplyRef { code, wire }, consumed }
            }
        }
    }

    /// The code and length of the reply at the front of `buf`, if it is complete.
    fn step(&mut self, buf: &[u8]) -> Result<Option<(ReplyCode, usize)>, (BadReply, usize)> {
        loop {
            let Some(end) = self.line_end(buf)? else { return Ok(None) };
            let line = buf.get(self.line..end).unwrap_or_default();
            let (digits, after) = line.split_first_chunk().ok_or((BadReply::Code, self.line))?;
            let code = ReplyCode::from_digits(*digits).ok_or((BadReply::Code, self.line))?;
            if *self.code.get_or_insert(code) != code {
                return Err((BadReply::CodeChanged, self.line));
            }
            match after {
                [] | [b' ', ..] => return Ok(Some((code, end + 2))),
                [b'-', ..] => {}
                _ => return Err((BadReply::Separator, self.line + 3)),
            }
            if self.lines + 1 == limits::REPLY_LINES_MAX {
                return Err((BadReply::TooManyLines, end + 2));
            }
            self.lines += 1;
            self.line = end + 2;
            self.scanned = end + 2;
        }
    }

    /// Where the CRLF of the line under way is, if it came already.
    #[inline]
    fn line_end(&mut self, buf: &[u8]) -> Result<Option<usize>, (BadReply, usize)> {
        let mut at = self.scanned;
        loop {
            at += above_cr(buf.get(at..).unwrap_or_default());
            let (why, max) = self.bound();
            if at > max {
                return Err((why, max));
            }
            match buf.get(at..) {
                Some([b'\r', b'\n', ..]) => return Ok(Some(at)),
                Some([] | [b'\r']) | None => {
                    self.scanned = at;
                    return Ok(None);
                }
                Some([b'\r', ..]) => return Err((BadReply::BareCr, at)),
                Some([b'\n', ..]) => return Err((BadReply::BareLf, at)),
                Some([0, ..]) => return Err((BadReply::Nul, at)),
                Some(_) => at += 1,
            }
        }
    }

    /// Where the CRLF of the line under way must be at the latest, and what it is if not.
    #[inline]
    fn bound(&self) -> (BadReply, usize) {
        const REPLY: usize = limits::REPLY_OCTETS_ACCEPTED - 2;
        let line = self.line + limits::REPLY_LINE_OCTETS_ACCEPTED - 2;
        if line < REPLY { (BadReply::LineTooLong, line) } else { (BadReply::TooLong, REPLY) }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use super::*;

    /// The outcome for `wire`, which must be the same however it comes.
    #[track_caller]
    fn check(wire: &[u8], expected: Result<(&str, usize), (BadReply, usize)>) {
        let expected = expected.map(|(text, consumed)| (String::from(text), consumed));
        for cut in 0..=wire.len() {
            let mut decoder = ReplyDecoder::new();
            let mut step = decoder.decode(&wire[..cut]);
            if step == ReplyStep::NeedMore {
                step = decoder.decode(wire);
            }
            let outcome = match step {
                ReplyStep::Reply { reply, consumed } => Ok((reply.to_string(), consumed)),
                ReplyStep::Bad { why, at } => Err((why, at)),
                ReplyStep::NeedMore => panic!("incomplete: {:?}", String::from_utf8_lossy(wire)),
            };
            assert_eq!(outcome, expected, "{:?} cut at {cut}", String::from_utf8_lossy(wire));
        }
    }

    #[test]
    fn replies_of_rfc_5321() {
        check(b"250\r\n", Ok(("250", 5)));
        check(b"250 \r\n", Ok(("250", 6)));
        check(b"250 ok\r\n250 next", Ok(("250 ok", 8)));
        check(b"250-a\r\n250-\r\n250 b\r\n", Ok(("250 a b", 20)));
        check(b"250-a\r\n250\r\n", Ok(("250 a", 12)));
        check(b"299 2.1.5 x\r\n", Ok(("299 2.1.5 x", 13)));
        check(b"599 4.1.5 x\r\n", Ok(("599 4.1.5 x", 13)));
        check(b"250 caf\xE9\r\n", Ok(("250 caf\u{FFFD}", 10)));
        check(b"250 a\tb\r\n", Ok(("250 a\\tb", 9)));
    }

    #[test]
    fn what_is_no_reply() {
        check(b"\r\n", Err((BadReply::Code, 0)));
        check(b"25\r\n", Err((BadReply::Code, 0)));
        check(b"199 x\r\n", Err((BadReply::Code, 0)));
        check(b"600 x\r\n", Err((BadReply::Code, 0)));
        check(b"HTTP/1.1 400\r\n", Err((BadReply::Code, 0)));
        check(b"2500 x\r\n", Err((BadReply::Separator, 3)));
        check(b"250-a\r\n251 b\r\n", Err((BadReply::CodeChanged, 7)));
        check(b"250 a\n", Err((BadReply::BareLf, 5)));
        check(b"250 a\rb\r\n", Err((BadReply::BareCr, 5)));
        check(b"250-a\r\n250 \0\r\n", Err((BadReply::Nul, 11)));
    }

    #[test]
    fn the_enhanced_code_is_stripped_from_the_lines_that_repeat_it() {
        let lines = |wire: &'static [u8]| {
            let ReplyStep::Reply { reply, .. } = ReplyDecoder::new().decode(wire) else { panic!("a reply") };
            (reply.enhanced().map(|code| code.to_string()), reply.text_lines().collect::<Vec<_>>())
        };
        let code = |text: &str| Some(String::from(text));
        assert_eq!(lines(b"250-2.0.0 a\r\n250 2.0.0 b\r\n"), (code("2.0.0"), [&b"a"[..], b"b"].into()));
        assert_eq!(lines(b"250-2.0.0 a\r\n250 b\r\n"), (code("2.0.0"), [&b"a"[..], b"b"].into()));
        assert_eq!(lines(b"250-2.0.0\r\n250 2.1.0 b\r\n"), (code("2.0.0"), [&b""[..], b"2.1.0 b"].into()));
        assert_eq!(lines(b"250-a\r\n250 2.0.0 b\r\n"), (None, [&b"a"[..], b"2.0.0 b"].into()));
        assert_eq!(lines(b"250\r\n"), (None, [&b""[..]].into()));
        assert_eq!(lines(b"334 2.0.0 x\r\n"), (None, [&b"2.0.0 x"[..]].into()));
    }

    #[test]
    fn an_endless_reply_is_bounded() {
        let limit = limits::REPLY_LINE_OCTETS_ACCEPTED;
        let line = |octets: usize| [b"250 ".as_slice(), &b"x".repeat(octets - 6), b"\r\n"].concat();
        let step = |wire: &[u8]| match ReplyDecoder::new().decode(wire) {
            ReplyStep::Reply { consumed, .. } => Ok(consumed),
            ReplyStep::Bad { why, at } => Err((why, at)),
            ReplyStep::NeedMore => panic!("not bounded"),
        };
        assert_eq!(step(&line(limit)), Ok(limit));
        assert_eq!(step(&line(limit + 1)), Err((BadReply::LineTooLong, limit - 2)));
        assert_eq!(step(&b"x".repeat(limit)), Err((BadReply::LineTooLong, limit - 2)));
        let most = limits::REPLY_LINES_MAX * 6;
        assert_eq!(step(&b"250-\r\n".repeat(600)), Err((BadReply::TooManyLines, most)));
        let last = [b"250-\r\n".repeat(limits::REPLY_LINES_MAX - 1), b"250 \r\n".to_vec()].concat();
        assert_eq!(step(&last), Ok(most));
        let long = line(limit)
            .repeat(20)
            .into_iter()
            .enumerate()
            .map(|(at, octet)| if at % limit == 3 { b'-' } else { octet });
        let total = limits::REPLY_OCTETS_ACCEPTED;
        assert_eq!(step(&long.collect::<Vec<_>>()), Err((BadReply::TooLong, total - 2)));
    }
}
