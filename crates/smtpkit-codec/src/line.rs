//! Framing of command lines (RFC 5321 §2.3.8): octets in, [`Line`]s out.
//!
//! Only CRLF ends a line. A bare CR or LF is a fault of the peer, because a line that two
//! programs cut at different places is how commands are smuggled; an option turns it into
//! a line end for peers that cannot do better, and nothing lets it through. The decoder
//! gives the same lines and faults for every fragmentation of the input, remembers how far
//! it looked so that no octet is looked at twice, and holds no octets itself: the buffer is
//! the caller's, and never needs to grow beyond the limit.

use core::fmt;
use core::str;

use ascii::AsciiStr;
use memchr::{memchr2, memmem};
use thiserror::Error;

use crate::reply::{EnhancedStatusCode, Reply, ReplyCode};
use crate::sweep::{above_cr, all_above_cr};

/// One line of the dialogue without its CRLF (RFC 5321 §2.3.8): UTF-8 without CR, LF or NUL.
///
/// ```
/// use smtpkit_codec::{BadLine, Line};
///
/// assert_eq!(Line::new("NOOP")?.as_str(), "NOOP");
/// assert_eq!(Line::new("NOOP\r\nQUIT"), Err(BadLine::BareCr));
/// # Ok::<(), BadLine>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line<'a>(&'a str);

impl<'a> Line<'a> {
    /// Takes `text` as one line. Length is the business of [`LineDecoder`], not of the type.
    ///
    /// # Errors
    /// [`BadLine::BareCr`], [`BadLine::BareLf`] or [`BadLine::Nul`], whichever comes first.
    pub fn new(text: &'a str) -> Result<Self, BadLine> {
        let octets = text.as_bytes();
        let mut at = 0;
        loop {
            at += above_cr(octets.get(at..).unwrap_or_default());
            match octets.get(at) {
                None => return Ok(Self(text)),
                Some(&octet) => match BadLine::of(octet) {
                    Some(why) => return Err(why),
                    None => at += 1,
                },
            }
        }
    }

    /// The text.
    #[inline]
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// The text as octets.
    #[inline]
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What a bare LF or a bare CR of the peer does (RFC 5321 §2.3.8 forbids both).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "to pass it through would be the third way, and is the hole")]
pub enum BareNewline {
    /// It is a fault, and the line or the content is refused.
    #[default]
    Refuse,
    /// It becomes CRLF. In content it never ends the data.
    Normalise,
}

/// Why octets are not a [`Line`]. The fault is the peer's; the session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum BadLine {
    /// The line is longer than the limit (RFC 5321 §4.5.3.1.4).
    #[error("line too long")]
    TooLong,
    /// A CR without LF after it.
    #[error("bare CR in line")]
    BareCr,
    /// A LF without CR before it.
    #[error("bare LF in line")]
    BareLf,
    /// A NUL octet.
    #[error("NUL in line")]
    Nul,
    /// The octets are not UTF-8 (RFC 6531 §3.1 item 6).
    #[error("line is not UTF-8")]
    NotUtf8,
}

impl BadLine {
    const fn of(octet: u8) -> Option<Self> {
        match octet {
            b'\r' => Some(Self::BareCr),
            b'\n' => Some(Self::BareLf),
            0 => Some(Self::Nul),
            _ => None,
        }
    }

    /// The reply that a server owes for such a line.
    ///
    /// ```
    /// # use smtpkit_codec::BadLine;
    /// assert_eq!(BadLine::TooLong.reply().to_string(), "500 5.5.2 line too long");
    /// ```
    #[must_use]
    pub const fn reply(self) -> Reply {
        const SYNTAX: Option<EnhancedStatusCode> = Some(EnhancedStatusCode::SYNTAX_ERROR);
        let text = match self {
            Self::TooLong => "line too long",
            Self::BareCr => "bare CR in line, lines end with CRLF",
            Self::BareLf => "bare LF in line, lines end with CRLF",
            Self::Nul => "NUL in line",
            Self::NotUtf8 => "line is not UTF-8",
        };
        Reply::fixed(ReplyCode::SYNTAX_ERROR, SYNTAX, text)
    }
}

/// What [`LineDecoder::decode`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle each step, there is no sensible default")]
pub enum LineStep<'a> {
    /// A line; drop `consumed` octets (its CRLF included).
    Line {
        /// The line without its CRLF.
        line: Line<'a>,
        /// Octets to drop from the front of the buffer.
        consumed: usize,
    },
    /// The end of a bad line; drop `consumed` octets and go on with the next line.
    Bad {
        /// Its first fault.
        why: BadLine,
        /// Where in the line the fault is.
        at: usize,
        /// Octets to drop from the front of the buffer.
        consumed: usize,
    },
    /// A part of a bad line: drop `consumed` octets and go on; `Bad` comes at its end.
    Skip {
        /// Octets to drop from the front of the buffer.
        consumed: usize,
    },
    /// No line end yet: append to the buffer and call again.
    NeedMore,
}

/// Cuts octets into lines.
///
/// The caller keeps one buffer of everything received and not yet consumed. After
/// [`NeedMore`](LineStep::NeedMore) it calls again with octets appended; after any other
/// step it drops the consumed octets from the front first. The buffer never needs more
/// room than the limit: a longer line is handed back in pieces to [`Skip`](LineStep::Skip).
///
/// ```
/// use smtpkit_codec::{BadLine, LineDecoder, LineStep, limits};
///
/// let mut decoder = LineDecoder::new(limits::COMMAND_LINE_OCTETS);
/// let mut input: &[u8] = b"NOOP\r\nbad\nline\r\nQU";
/// let mut lines = vec![];
/// loop {
///     match decoder.decode(input) {
///         LineStep::Line { line, consumed } => {
///             lines.push(Ok(line.as_str()));
///             input = &input[consumed..];
///         }
///         LineStep::Bad { why, at, consumed } => {
///             lines.push(Err((why, at)));
///             input = &input[consumed..];
///         }
///         LineStep::Skip { consumed } => input = &input[consumed..],
///         LineStep::NeedMore => break,
///     }
/// }
/// assert_eq!(lines, [Ok("NOOP"), Err((BadLine::BareLf, 3))]);
/// assert_eq!(input, b"QU");
/// ```
#[derive(Clone, Debug)]
pub struct LineDecoder {
    limit_octets: usize,
    bare_newline: BareNewline,
    /// Octets at the front of the buffer that were looked at and are no line end; 0 when
    /// nothing is known of the line, also no fault.
    scanned: usize,
    /// The first fault of the current line, once it has one.
    fault: Option<(BadLine, usize)>,
}

impl LineDecoder {
    /// A decoder that refuses lines of more than `limit_octets`, CRLF included, and refuses
    /// bare newlines. A limit below 2 leaves room for no line at all.
    #[must_use]
    pub const fn new(limit_octets: usize) -> Self {
        Self { limit_octets, bare_newline: BareNewline::Refuse, scanned: 0, fault: None }
    }

    /// The same decoder with another policy for bare newlines.
    #[must_use]
    pub const fn with_bare_newline(mut self, bare_newline: BareNewline) -> Self {
        self.bare_newline = bare_newline;
        self
    }

    /// Changes the limit from the current line on: lines of an AUTH exchange may be longer.
    pub const fn set_limit(&mut self, octets: usize) {
        self.limit_octets = octets;
    }

    /// The next step for `buf`, everything received and not yet consumed.
    #[inline]
    pub fn decode<'a>(&mut self, buf: &'a [u8]) -> LineStep<'a> {
        if let (0, Some([verb @ .., b'\r', b'\n'])) = (self.scanned, buf.first_chunk::<6>())
            && self.limit_octets >= 6
            && let Some(line) = four_letters(verb)
        {
            return LineStep::Line { line, consumed: 6 };
        }
        self.decode_any(buf)
    }

    /// The same for lines of any length.
    fn decode_any<'a>(&mut self, buf: &'a [u8]) -> LineStep<'a> {
        if let Some((why, at)) = self.fault {
            return self.skip(buf, 0, why, at);
        }
        let mut at = self.scanned;
        loop {
            at += above_cr(buf.get(at..).unwrap_or_default());
            match (buf.get(at..), self.bare_newline) {
                (Some([b'\r', b'\n', ..]), _) => return self.end(buf, at, 2),
                (Some([b'\n', ..]) | Some([b'\r', _, ..]), BareNewline::Normalise) => {
                    return self.end(buf, at, 1);
                }
                (Some([] | [b'\r']) | None, _) => return self.wait(buf, at),
                (Some([octet, ..]), _) => match BadLine::of(*octet) {
                    Some(why) => return self.fail(buf, at, why),
                    None => at += 1,
                },
            }
        }
    }

    /// Most octets a line may have before its CRLF.
    const fn text_octets_max(&self) -> usize {
        self.limit_octets.saturating_sub(2)
    }

    /// The line ends at `at`, with a newline of `newline` octets.
    #[inline]
    fn end<'a>(&mut self, buf: &'a [u8], at: usize, newline: usize) -> LineStep<'a> {
        self.scanned = 0;
        let consumed = at + newline;
        if at > self.text_octets_max() {
            return LineStep::Bad { why: BadLine::TooLong, at: self.text_octets_max(), consumed };
        }
        match text(buf.get(..at).unwrap_or_default()) {
            Ok(text) => LineStep::Line { line: Line(text), consumed },
            Err(error) => LineStep::Bad { why: BadLine::NotUtf8, at: error.valid_up_to(), consumed },
        }
    }

    /// No octet before `at` ends the line, and what follows does not decide it either.
    #[inline]
    fn wait<'a>(&mut self, buf: &'a [u8], at: usize) -> LineStep<'a> {
        if at > self.text_octets_max() {
            return self.fail(buf, at, BadLine::TooLong);
        }
        self.scanned = at;
        LineStep::NeedMore
    }

    /// The octet at `at` spoils the line. One beyond the limit is too long before it is anything else.
    #[cold]
    fn fail<'a>(&mut self, buf: &'a [u8], at: usize, why: BadLine) -> LineStep<'a> {
        let max = self.text_octets_max();
        let (why, fault_at) = if at >= max { (BadLine::TooLong, max) } else { (why, at) };
        // Whatever is not 0 says that a line is under way.
        self.scanned = usize::MAX;
        self.fault = Some((why, fault_at));
        // A TAB beyond the limit stops here too, so the octet at `at` may itself be the CR of a CRLF.
        let from = if why == BadLine::TooLong { at } else { at + 1 };
        self.skip(buf, from, why, fault_at)
    }

    /// Looks for the end of a bad line from `from` on.
    #[cold]
    fn skip<'a>(&mut self, buf: &'a [u8], from: usize, why: BadLine, at: usize) -> LineStep<'a> {
        let rest = buf.get(from..).unwrap_or_default();
        let end = match self.bare_newline {
            BareNewline::Refuse => memmem::find(rest, b"\r\n").map(|end| end + 2),
            BareNewline::Normalise => memchr2(b'\r', b'\n', rest).and_then(|end| match rest.get(end..) {
                Some([b'\r', b'\n', ..]) => Some(end + 2),
                Some([b'\r']) | None => None,
                Some(_) => Some(end + 1),
            }),
        };
        if let Some(end) = end {
            self.scanned = 0;
            self.fault = None;
            return LineStep::Bad { why, at, consumed: from + end };
        }
        // A CR at the very end may be half of a CRLF.
        match buf.len() - usize::from(rest.last() == Some(&b'\r')) {
            0 => LineStep::NeedMore,
            consumed => LineStep::Skip { consumed },
        }
    }
}

/// A line of four ASCII characters, which most commands without argument are: the short way.
#[inline]
fn four_letters(octets: &[u8; 4]) -> Option<Line<'_>> {
    let text = AsciiStr::from_ascii(octets).ok().filter(|_| all_above_cr(*octets))?;
    Some(Line(text.as_str()))
}

/// The text that `octets` are. Nearly all lines are ASCII, which is told in a few
/// instructions; the full decision takes some per octet.
#[inline]
fn text(octets: &[u8]) -> Result<&str, str::Utf8Error> {
    match AsciiStr::from_ascii(octets) {
        Ok(text) => Ok(text.as_str()),
        Err(_) => str::from_utf8(octets),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;

    /// A line or its fault.
    type Event = Result<String, (BadLine, usize)>;

    /// All events of `wire`, given to the decoder in pieces that end at `cuts`.
    fn events(mut decoder: LineDecoder, wire: &[u8], cuts: &[usize]) -> Vec<Event> {
        let (mut events, mut start) = (Vec::new(), 0);
        for end in cuts.iter().copied().chain([wire.len()]) {
            loop {
                match decoder.decode(&wire[start..end]) {
                    LineStep::Line { line, consumed } => {
                        events.push(Ok(line.as_str().into()));
                        start += consumed;
                    }
                    LineStep::Bad { why, at, consumed } => {
                        events.push(Err((why, at)));
                        start += consumed;
                    }
                    LineStep::Skip { consumed } => {
                        assert!(consumed > 0);
                        start += consumed;
                    }
                    LineStep::NeedMore => break,
                }
            }
            assert!(end - start <= 10, "more is held than the limit");
        }
        events
    }

    /// Limit 10; the events must be the same for every cut in two and for single octets.
    #[track_caller]
    fn check(policy: BareNewline, wire: &[u8], expected: &[Result<&str, (BadLine, usize)>]) {
        let decoder = LineDecoder::new(10).with_bare_newline(policy);
        let expected: Vec<Event> = expected.iter().map(|event| event.map(String::from)).collect();
        for cut in 0..=wire.len() {
            assert_eq!(
                events(decoder.clone(), wire, &[cut]),
                expected,
                "{} cut at {cut}",
                wire.escape_ascii()
            );
        }
        let singles: Vec<usize> = (0..wire.len()).collect();
        assert_eq!(events(decoder, wire, &singles), expected, "{} in octets", wire.escape_ascii());
    }

    #[test]
    fn only_crlf_ends_a_line() {
        use BadLine::{BareCr, BareLf, NotUtf8, Nul};
        let refuse = |wire: &[u8], expected: &[_]| check(BareNewline::Refuse, wire, expected);
        refuse(b"", &[]);
        refuse(b"a\r\n\r\nb\tc\r\n", &[Ok("a"), Ok(""), Ok("b\tc")]);
        refuse(b"a\nb\r\nc\r\n", &[Err((BareLf, 1)), Ok("c")]);
        refuse(b"\n\r\n", &[Err((BareLf, 0))]);
        refuse(b"a\rb\r\nc\r\n", &[Err((BareCr, 1)), Ok("c")]);
        refuse(b"a\r\r\nc\r\n", &[Err((BareCr, 1)), Ok("c")]);
        refuse(b"a\0b\nc\r\nd\r\n", &[Err((Nul, 1)), Ok("d")]);
        refuse(b"\xC3\xBC\r\n\xFF\r\na\xC3\r\n", &[Ok("ü"), Err((NotUtf8, 0)), Err((NotUtf8, 1))]);
    }

    #[test]
    fn bare_newlines_can_end_a_line_by_option() {
        let normalise = |wire: &[u8], expected: &[_]| check(BareNewline::Normalise, wire, expected);
        normalise(b"a\nb\rc\r\n\n\r\r\n", &[Ok("a"), Ok("b"), Ok("c"), Ok(""), Ok(""), Ok("")]);
        normalise(b"a\0b\nc\n", &[Err((BadLine::Nul, 1)), Ok("c")]);
        normalise(b"a\0b\rc\r\n", &[Err((BadLine::Nul, 1)), Ok("c")]);
        normalise(b"12345678\n123456789\nc\n", &[Ok("12345678"), Err((BadLine::TooLong, 8)), Ok("c")]);
    }

    #[test]
    fn an_over_long_line_is_skipped_to_its_end() {
        let too_long = Err((BadLine::TooLong, 8));
        for policy in [BareNewline::Refuse, BareNewline::Normalise] {
            check(policy, b"12345678\r\nb\r\n", &[Ok("12345678"), Ok("b")]);
            check(policy, b"123456789\r\nb\r\n", &[too_long, Ok("b")]);
            check(policy, b"123456789012345678901234567890\r\nb\r\n", &[too_long, Ok("b")]);
            check(policy, b"12345678\0\r\nb\r\n", &[too_long, Ok("b")]);
            check(policy, b"1234567\0\xFFxxxxxxxxxxxxxxx\r\nb\r\n", &[Err((BadLine::Nul, 7)), Ok("b")]);
            check(policy, b"1234567\t\t\t\t\r\nb\r\n", &[too_long, Ok("b")]);
        }
        check(BareNewline::Refuse, b"12345678\r9\n\r\r\nb\r\n", &[too_long, Ok("b")]);
        check(BareNewline::Refuse, b"123456789\n\r\nb\r\n", &[too_long, Ok("b")]);
    }

    #[test]
    fn a_limit_too_small_for_any_line_refuses_all_but_the_empty_one() {
        for limit in 0..=2 {
            let found = events(LineDecoder::new(limit), b"\r\na\r\n", &[]);
            assert_eq!(found, [Ok(String::new()), Err((BadLine::TooLong, 0))]);
        }
    }

    #[test]
    fn no_line_is_made_of_text_with_a_newline() {
        for (text, expected) in [
            ("", Ok(())),
            ("tab\tand ü", Ok(())),
            ("0123456789\n", Err(BadLine::BareLf)),
            ("\r", Err(BadLine::BareCr)),
            ("a\tb\0", Err(BadLine::Nul)),
        ] {
            assert_eq!(Line::new(text).map(|_| ()), expected, "{text:?}");
        }
    }
}
