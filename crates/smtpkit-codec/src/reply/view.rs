//! A reply where it lies in the received octets: no copy, no allocation.

use alloc::string::String;
use core::fmt;

use memchr::memchr;

use super::{EnhancedStatusCode, Reply, ReplyCode, Severity};

/// A whole reply as received (RFC 5321 §4.2), made by [`ReplyDecoder`](super::ReplyDecoder).
///
/// ```
/// use smtpkit_codec::{EnhancedStatusCode, ReplyCode, ReplyDecoder, ReplyStep};
///
/// let octets = b"550-5.1.1 no such user\r\n550 5.1.1 here\r\n";
/// let ReplyStep::Reply { reply, consumed } = ReplyDecoder::new().decode(octets) else {
///     panic!("a whole reply");
/// };
/// assert_eq!(reply.code(), ReplyCode::MAILBOX_UNAVAILABLE);
/// assert_eq!(reply.enhanced(), Some(EnhancedStatusCode::NO_SUCH_MAILBOX));
/// assert!(reply.text_lines().eq([&b"no such user"[..], b"here"]));
/// assert_eq!(consumed, octets.len());
/// ```
#[derive(Clone, Copy)]
pub struct ReplyRef<'a> {
    pub(super) code: ReplyCode,
    /// The lines with their codes and CRLFs, checked by the decoder; at least one.
    pub(super) wire: &'a [u8],
}

impl<'a> ReplyRef<'a> {
    /// The reply code, the same on every line.
    #[inline]
    #[must_use]
    pub const fn code(self) -> ReplyCode {
        self.code
    }

    /// What the first digit says.
    #[inline]
    #[must_use]
    pub const fn severity(self) -> Severity {
        self.code.severity()
    }

    /// Whether the code is 2yz or 3yz.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.severity().is_positive()
    }

    /// The enhanced status code at the front of the text, if its class goes with the code
    /// (RFC 2034 §4). Replies to EHLO and HELO and the greeting carry none by rule; what
    /// looks like one there is text.
    #[must_use]
    pub fn enhanced(self) -> Option<EnhancedStatusCode> {
        // The text starts after "250 " and ends before a CR.
        match EnhancedStatusCode::front(self.code, self.wire.get(4..)?)? {
            (enhanced, [b' ' | b'\r', ..]) => Some(enhanced),
            _ => None,
        }
    }

    /// The text of each line, after the code and its separator.
    pub fn lines(self) -> impl Iterator<Item = &'a [u8]> + Clone {
        Lines { rest: self.wire }
    }

    /// The text of each line, without the enhanced status code when the line repeats the
    /// one that the reply has.
    pub fn text_lines(self) -> impl Iterator<Item = &'a [u8]> + Clone {
        let enhanced = self.enhanced();
        self.lines().map(move |line| match (enhanced, EnhancedStatusCode::split(self.code, line)) {
            (Some(enhanced), Some((this, text))) if this == enhanced => text,
            _ => line,
        })
    }

    /// The text for people: lines joined by LF, what is not UTF-8 replaced.
    #[must_use]
    pub fn text(self) -> String {
        super::owned::join(self.text_lines())
    }

    /// The lines as they came, CRLFs included.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.wire
    }

    /// The reply with an allocation of its own. Lines over 512 octets are folded, and each
    /// line carries the enhanced status code.
    #[must_use]
    pub fn to_owned(self) -> Reply {
        Reply::of_view(self)
    }
}

/// The text of each line of a checked reply.
#[derive(Clone)]
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        // Every CR of a checked reply is the one of a CRLF.
        let end = memchr(b'\r', self.rest)?;
        let (line, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.get(2..)?;
        Some(line.get(4..).unwrap_or_default())
    }
}

impl fmt::Debug for ReplyRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReplyRef").field(&format_args!("{self}")).finish()
    }
}

/// One line for people and logs, control characters escaped.
impl fmt::Display for ReplyRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::owned::show(f, self.code, self.enhanced(), self.text_lines())
    }
}

/// Two replies are equal when they say the same, however it is laid out on the wire.
impl PartialEq for ReplyRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
            && self.enhanced() == other.enhanced()
            && self.text_lines().eq(other.text_lines())
    }
}

impl Eq for ReplyRef<'_> {}
