//! The reply that a server says and that people store: valid from the moment it exists.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};

use bytes::BufMut;
use memchr::memchr;
use thiserror::Error;

use super::enhanced::ENHANCED_OCTETS_MAX;
use super::{EnhancedStatusCode, ReplyCode, ReplyRef, Severity, StatusClass};
use crate::{Encode, limits};

/// A reply (RFC 5321 §4.2): code, perhaps an enhanced status code, and lines of text.
///
/// It holds no CR, LF or NUL inside a line and no line over 512 octets on the wire, so
/// encoding it cannot fail. A fixed text costs no allocation, any other text exactly one.
///
/// ```
/// use smtpkit_codec::{Encode, EnhancedStatusCode, Reply, ReplyCode};
///
/// const FULL: Reply =
///     Reply::fixed(ReplyCode::INSUFFICIENT_STORAGE, Some(EnhancedStatusCode::SYSTEM_FULL), "disk full");
/// assert_eq!(FULL.to_vec(), b"452 4.3.1 disk full\r\n");
///
/// let queued = Reply::new(ReplyCode::OK, Some(EnhancedStatusCode::CONTENT_OK), "queued\nas 4711")?;
/// assert_eq!(queued.to_vec(), b"250-2.6.0 queued\r\n250 2.6.0 as 4711\r\n");
/// assert_eq!(queued.to_string(), "250 2.6.0 queued as 4711");
/// # Ok::<(), smtpkit_codec::ReplyError>(())
/// ```
#[derive(Clone)]
pub struct Reply {
    code: ReplyCode,
    enhanced: Option<EnhancedStatusCode>,
    text: Text,
}

/// Where the lines are.
#[derive(Clone)]
enum Text {
    /// Lines separated by LF, without codes.
    Fixed(&'static str),
    /// The wire form: every line has the same prefix of code and enhanced code, and CRLF.
    Wire(Box<[u8]>),
}

/// Why a text cannot be a [`Reply`]. The fault is the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// A line holds CR, LF or NUL.
    #[error("reply line {line} holds a control octet at {at}")]
    BadOctet {
        /// The line, counted from 0.
        line: usize,
        /// The offset in the line.
        at: usize,
    },
    /// The class of the enhanced status code does not go with the reply code (RFC 2034 §4).
    #[error("the class of the enhanced status code does not go with the reply code")]
    Class,
    /// More lines or octets than a reply may have.
    #[error("reply has more than 512 lines or 65,536 octets")]
    TooLong,
}

/// Longest prefix of a line: code, separator, enhanced code, space.
const PREFIX_OCTETS_MAX: usize = 4 + ENHANCED_OCTETS_MAX + 1;

impl Reply {
    /// A reply of a text that is known at compile time; LF separates its lines.
    ///
    /// # Panics
    /// When the text or the class breaks a rule of [`new`](Self::new), or a line needs
    /// folding. In a `const` that is a compile error, which is how this is meant to be used:
    ///
    /// ```compile_fail
    /// use smtpkit_codec::{Reply, ReplyCode};
    /// const SMUGGLED: Reply = Reply::fixed(ReplyCode::OK, None, "fine\r\n250 and more");
    /// ```
    #[must_use]
    pub const fn fixed(code: ReplyCode, enhanced: Option<EnhancedStatusCode>, text: &'static str) -> Self {
        assert!(fits_class(code, enhanced), "the class does not go with the reply code");
        check_fixed(text.as_bytes(), enhanced.is_some());
        Self { code, enhanced, text: Text::Fixed(text) }
    }

    /// A reply of any text; LF separates its lines, and lines over the limit are folded
    /// after a space where there is one. Without `enhanced`, an enhanced status code at the
    /// front of the text is taken as such.
    ///
    /// # Errors
    /// [`ReplyError::BadOctet`] for CR and NUL, [`ReplyError::Class`] when `enhanced` does
    /// not go with `code`, [`ReplyError::TooLong`] when no client would read it all.
    pub fn new(
        code: ReplyCode,
        enhanced: Option<EnhancedStatusCode>,
        text: &str,
    ) -> Result<Self, ReplyError> {
        Self::from_lines(code, enhanced, text.split('\n').map(str::as_bytes))
    }

    /// A reply of lines of octets, UTF-8 or not; no lines at all make one empty line.
    ///
    /// ```
    /// use smtpkit_codec::{Encode, Reply, ReplyCode};
    ///
    /// let reply = Reply::from_lines(ReplyCode::OK, None, ["mx.example.test", "PIPELINING"])?;
    /// assert_eq!(reply.to_vec(), b"250-mx.example.test\r\n250 PIPELINING\r\n");
    /// # Ok::<(), smtpkit_codec::ReplyError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new); LF inside a line is refused too.
    pub fn from_lines<L: AsRef<[u8]>>(
        code: ReplyCode,
        enhanced: Option<EnhancedStatusCode>,
        lines: impl IntoIterator<Item = L>,
    ) -> Result<Self, ReplyError> {
        if !fits_class(code, enhanced) {
            return Err(ReplyError::Class);
        }
        let mut wire = Wire::new(code, enhanced);
        for (number, line) in lines.into_iter().enumerate() {
            let line = line.as_ref();
            if let Some(at) = line.iter().position(|octet| matches!(octet, b'\r' | b'\n' | 0)) {
                return Err(ReplyError::BadOctet { line: number, at });
            }
            wire.push(line)?;
        }
        Ok(wire.finish())
    }

    /// The copy of a view, whose octets the decoder has checked.
    pub(super) fn of_view(view: ReplyRef<'_>) -> Self {
        let (code, enhanced, octets) = (view.code(), view.enhanced(), view.as_bytes());
        // Most replies are one line, written as it would be written here.
        let is_one_line = memchr(b'\r', octets).is_some_and(|end| end + 2 == octets.len());
        let fits = is_one_line && octets.len() <= limits::REPLY_LINE_OCTETS;
        if fits && octets.starts_with(Prefix::new(code, enhanced).of(b' ')) {
            return Self { code, enhanced, text: Text::Wire(octets.into()) };
        }
        let mut wire = Wire::new(code, enhanced);
        for line in view.text_lines() {
            // The enhanced code that each line gains here can take a reply of hundreds of
            // lines over the bound; its last lines are then left out.
            if wire.push(line).is_err() {
                break;
            }
        }
        wire.finish()
    }

    /// The reply code.
    #[must_use]
    pub const fn code(&self) -> ReplyCode {
        self.code
    }

    /// What the first digit says.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// Whether the code is 2yz or 3yz.
    #[must_use]
    pub const fn is_positive(&self) -> bool {
        self.severity().is_positive()
    }

    /// The enhanced status code.
    #[must_use]
    pub const fn enhanced(&self) -> Option<EnhancedStatusCode> {
        self.enhanced
    }

    /// The text of each line, without codes. At least one line.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let (octets, prefix, newline) = match &self.text {
            Text::Fixed(text) => (text.as_bytes(), 0, 1),
            Text::Wire(wire) => (&**wire, prefix_len(self.enhanced), 2),
        };
        Lines { rest: Some(octets), prefix, newline }
    }

    /// The text for people: lines joined by LF, what is not UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        join(self.lines())
    }
}

impl Encode for Reply {
    fn encoded_len(&self) -> usize {
        match &self.text {
            Text::Wire(wire) => wire.len(),
            Text::Fixed(text) => {
                let newlines = memchr::memchr_iter(b'\n', text.as_bytes()).count();
                // Each LF of the text becomes CRLF, and the last line gets one.
                text.len() + newlines + 2 + (newlines + 1) * prefix_len(self.enhanced)
            }
        }
    }

    #[inline]
    fn encode(&self, out: &mut impl BufMut) {
        match &self.text {
            Text::Wire(wire) => out.put_slice(wire),
            Text::Fixed(text) => {
                let mut prefix = Prefix::new(self.code, self.enhanced);
                let mut rest = text.as_bytes();
                while let Some((line, after)) = memchr(b'\n', rest).and_then(|end| rest.split_at_checked(end))
                {
                    out.put_slice(prefix.of(b'-'));
                    out.put_slice(line);
                    out.put_slice(b"\r\n");
                    rest = after.get(1..).unwrap_or_default();
                }
                out.put_slice(prefix.of(b' '));
                out.put_slice(rest);
                out.put_slice(b"\r\n");
            }
        }
    }
}

/// What stands before the text of each line.
struct Prefix {
    octets: [u8; PREFIX_OCTETS_MAX],
    len: usize,
}

impl Prefix {
    #[inline]
    fn new(code: ReplyCode, enhanced: Option<EnhancedStatusCode>) -> Self {
        let mut octets = [b' '; PREFIX_OCTETS_MAX];
        let ([a, b, c, _, rest @ ..], digits) = (&mut octets, code.digits());
        [*a, *b, *c] = digits;
        let Some(enhanced) = enhanced else { return Self { octets, len: 4 } };
        let (text, used) = enhanced.digits();
        for (to, from) in rest.iter_mut().zip(text.iter().take(used)) {
            *to = *from;
        }
        Self { octets, len: 4 + used + 1 }
    }

    #[inline]
    fn of(&mut self, separator: u8) -> &[u8] {
        let [_, _, _, at, ..] = &mut self.octets;
        *at = separator;
        self.octets.get(..self.len).unwrap_or(&self.octets)
    }
}

/// How long the prefix of each line is.
fn prefix_len(enhanced: Option<EnhancedStatusCode>) -> usize {
    4 + enhanced.map_or(0, |enhanced| enhanced.digits().1 + 1)
}

/// The wire form while it grows, line by line.
struct Wire {
    code: ReplyCode,
    enhanced: Option<EnhancedStatusCode>,
    prefix: Prefix,
    octets: Vec<u8>,
    lines: usize,
    /// Where the last line starts: its separator is `-` until it turns out to be the last.
    last: usize,
}

impl Wire {
    fn new(code: ReplyCode, enhanced: Option<EnhancedStatusCode>) -> Self {
        Self { code, enhanced, prefix: Prefix::new(code, enhanced), octets: Vec::new(), lines: 0, last: 0 }
    }

    /// Adds a line, folded.
    fn push(&mut self, line: &[u8]) -> Result<(), ReplyError> {
        let mut line = line;
        match (self.lines, EnhancedStatusCode::split(self.code, line)) {
            // Written into the text, where a decoder would see it as an enhanced code too.
            (0, Some((enhanced, text))) if self.enhanced.is_none() => {
                self.enhanced = Some(enhanced);
                self.prefix = Prefix::new(self.code, self.enhanced);
                line = text;
            }
            _ => {}
        }
        loop {
            let room = limits::REPLY_LINE_OCTETS - 2 - self.prefix.len;
            let (front, rest) = line.split_at_checked(fold(line, room)).unwrap_or((line, &[]));
            let octets = self.octets.len() + self.prefix.len + front.len() + 2;
            if self.lines == limits::REPLY_LINES_MAX || octets > limits::REPLY_OCTETS_ACCEPTED {
                return Err(ReplyError::TooLong);
            }
            self.last = self.octets.len();
            self.octets.reserve(self.prefix.len + line.len() + 2);
            self.octets.put_slice(self.prefix.of(b'-'));
            self.octets.put_slice(front);
            self.octets.put_slice(b"\r\n");
            self.lines += 1;
            line = rest;
            if line.is_empty() {
                return Ok(());
            }
        }
    }

    fn finish(mut self) -> Reply {
        if self.lines == 0 {
            // One empty line is always within the bounds.
            self.octets.put_slice(self.prefix.of(b'-'));
            self.octets.put_slice(b"\r\n");
        }
        if let Some(separator) = self.octets.get_mut(self.last + 3) {
            *separator = b' ';
        }
        Reply { code: self.code, enhanced: self.enhanced, text: Text::Wire(self.octets.into_boxed_slice()) }
    }
}

/// Where to cut `line` so that at most `room` octets stand before the cut: after a space if
/// there is one, else between characters.
fn fold(line: &[u8], room: usize) -> usize {
    let Some(front) = line.get(..room).filter(|_| line.len() > room) else { return line.len() };
    if let Some(space) = front.iter().rposition(|&octet| octet == b' ') {
        return space + 1;
    }
    let continues = |at: &usize| line.get(*at).is_some_and(|octet| octet & 0xC0 == 0x80);
    // A character has at most three continuation octets; more of them are no UTF-8 at all.
    (room - 3..=room).rev().find(|at| !continues(at)).unwrap_or(room)
}

/// Whether the class of the enhanced code goes with the reply code (RFC 2034 §4).
const fn fits_class(code: ReplyCode, enhanced: Option<EnhancedStatusCode>) -> bool {
    match (enhanced, StatusClass::of(code.severity())) {
        (None, _) => true,
        (Some(enhanced), Some(class)) => enhanced.class() as u8 == class as u8,
        (Some(_), None) => false,
    }
}

/// The checks of [`Reply::new`], for a compile-time text.
#[expect(
    clippy::indexing_slicing,
    reason = "`at` is below the length in the loop condition; no iterators in const"
)]
const fn check_fixed(text: &[u8], has_enhanced: bool) {
    let looks_enhanced = text.len() > 1 && text[0].is_ascii_digit() && text[1] == b'.';
    assert!(has_enhanced || !looks_enhanced, "pass the enhanced status code as such");
    let (mut at, mut line, mut lines) = (0, 0, 1);
    while at < text.len() {
        assert!(text[at] != b'\r' && text[at] != 0, "CR or NUL in a reply");
        if text[at] == b'\n' {
            (line, lines) = (0, lines + 1);
        } else {
            line += 1;
        }
        assert!(line + PREFIX_OCTETS_MAX + 2 <= limits::REPLY_LINE_OCTETS, "a line that needs folding");
        assert!(lines <= limits::REPLY_LINES_MAX / 8, "more lines than a fixed text needs");
        at += 1;
    }
}

/// The text of each line: octets cut after LF, without `prefix` octets at the front and
/// `newline` at the end.
#[derive(Clone)]
struct Lines<'a> {
    rest: Option<&'a [u8]>,
    prefix: usize,
    newline: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let line = match memchr(b'\n', rest) {
            Some(end) => {
                let after = rest.get(end + 1..).unwrap_or_default();
                // The wire form ends with its last newline, a fixed text without one.
                self.rest = (self.newline == 1 || !after.is_empty()).then_some(after);
                rest.get(..(end + 1).saturating_sub(self.newline))
            }
            None => self.rest.take(),
        };
        Some(line.and_then(|line| line.get(self.prefix..)).unwrap_or_default())
    }
}

/// Lines joined by LF, what is not UTF-8 replaced.
pub(super) fn join<'a>(lines: impl Iterator<Item = &'a [u8]>) -> String {
    let mut text = String::new();
    for (number, line) in lines.enumerate() {
        if number > 0 {
            text.push('\n');
        }
        text.push_str(&String::from_utf8_lossy(line));
    }
    text
}

/// One line for people: codes, then the lines separated by a space, control characters escaped.
pub(super) fn show<'a>(
    f: &mut fmt::Formatter<'_>,
    code: ReplyCode,
    enhanced: Option<EnhancedStatusCode>,
    lines: impl Iterator<Item = &'a [u8]>,
) -> fmt::Result {
    write!(f, "{code}")?;
    if let Some(enhanced) = enhanced {
        write!(f, " {enhanced}")?;
    }
    for line in lines.map(String::from_utf8_lossy).filter(|line: &Cow<'_, str>| !line.is_empty()) {
        f.write_str(" ")?;
        for piece in line.split_inclusive(char::is_control) {
            let mut text = piece.chars();
            match text.next_back() {
                Some(last) if last.is_control() => write!(f, "{}{}", text.as_str(), last.escape_default())?,
                _ => f.write_str(piece)?,
            }
        }
    }
    Ok(())
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reply").field(&format_args!("{self}")).finish()
    }
}

/// One line for people and logs, control characters escaped.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.code, self.enhanced, self.lines())
    }
}

/// Two replies are equal when they say the same, fixed or not.
impl PartialEq for Reply {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code && self.enhanced == other.enhanced && self.lines().eq(other.lines())
    }
}

impl Eq for Reply {}

impl Hash for Reply {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.code.hash(state);
        self.enhanced.hash(state);
        for line in self.lines() {
            line.hash(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn wire(code: u16, enhanced: &str, text: &str) -> Result<String, ReplyError> {
        let enhanced = enhanced.parse().ok();
        let reply = Reply::new(ReplyCode::new(code).unwrap(), enhanced, text)?;
        let wire = reply.to_vec();
        assert_eq!(wire.len(), reply.encoded_len());
        Ok(String::from_utf8(wire).unwrap())
    }

    #[test]
    fn wire_forms() {
        for (code, enhanced, text, expected) in [
            (250, "", "", "250 \r\n"),
            (250, "", "ok", "250 ok\r\n"),
            (250, "2.0.0", "", "250 2.0.0 \r\n"),
            (250, "2.0.0", "a\nb", "250-2.0.0 a\r\n250 2.0.0 b\r\n"),
            (250, "", "2.0.0 a\nb", "250-2.0.0 a\r\n250 2.0.0 b\r\n"),
            (250, "", "\n\n", "250-\r\n250-\r\n250 \r\n"),
            (334, "", "", "334 \r\n"),
            (354, "", "2.0.0 is text", "354 2.0.0 is text\r\n"),
            (550, "5.999.999", "ü", "550 5.999.999 ü\r\n"),
        ] {
            assert_eq!(wire(code, enhanced, text).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn nothing_splits_a_line() {
        assert_eq!(wire(250, "", "a\rb"), Err(ReplyError::BadOctet { line: 0, at: 1 }));
        assert_eq!(wire(250, "", "a\r\nb"), Err(ReplyError::BadOctet { line: 0, at: 1 }));
        assert_eq!(wire(250, "", "a\nbc\0"), Err(ReplyError::BadOctet { line: 1, at: 2 }));
        let lines = Reply::from_lines(ReplyCode::OK, None, ["a\nb"]);
        assert_eq!(lines, Err(ReplyError::BadOctet { line: 0, at: 1 }));
    }

    #[test]
    fn the_class_goes_with_the_code() {
        for (code, enhanced) in [(250, "5.0.0"), (450, "5.0.0"), (550, "4.0.0"), (334, "2.0.0")] {
            assert_eq!(wire(code, enhanced, "x"), Err(ReplyError::Class), "{code} {enhanced}");
        }
    }

    #[test]
    fn long_lines_are_folded_to_the_limit_and_lose_nothing() {
        for text in ["word ".repeat(400), "x".repeat(2000), "ü".repeat(999), " ".repeat(1200)] {
            let reply = Reply::new(ReplyCode::OK, Some(EnhancedStatusCode::OK), &text).unwrap();
            let joined: Vec<u8> = reply.lines().flatten().copied().collect();
            assert_eq!(String::from_utf8(joined).unwrap(), text);
            for line in reply.to_vec().split_inclusive(|&octet| octet == b'\n') {
                assert!(line.len() <= limits::REPLY_LINE_OCTETS, "{} octets", line.len());
                assert!(str::from_utf8(line).is_ok(), "a character was cut");
            }
        }
    }

    #[test]
    fn the_bounds_of_the_decoder_bind_the_encoder_too() {
        assert!(wire(250, "", &"\n".repeat(limits::REPLY_LINES_MAX - 1)).is_ok());
        assert_eq!(wire(250, "", &"\n".repeat(limits::REPLY_LINES_MAX)), Err(ReplyError::TooLong));
        assert_eq!(wire(250, "", &"x".repeat(limits::REPLY_OCTETS_ACCEPTED)), Err(ReplyError::TooLong));
    }

    #[test]
    fn fixed_and_owned_say_the_same() {
        const FIXED: Reply = Reply::fixed(ReplyCode::OK, Some(EnhancedStatusCode::OK), "one\n\nthree");
        let owned = Reply::new(ReplyCode::OK, Some(EnhancedStatusCode::OK), "one\n\nthree").unwrap();
        assert_eq!(FIXED, owned);
        assert_eq!(FIXED.to_vec(), owned.to_vec());
        assert_eq!(FIXED.encoded_len(), owned.encoded_len());
        assert_eq!(FIXED.text(), owned.text());
        assert_eq!(FIXED.lines().count(), 3);
    }

    #[test]
    fn a_person_sees_no_control_characters() {
        let reply = Reply::new(ReplyCode::OK, None, "a\u{1b}[31mb\tc\n\nd").unwrap();
        assert_eq!(reply.to_string(), "250 a\\u{1b}[31mb\\tc d");
    }
}
