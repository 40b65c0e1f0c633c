//! What a message is made of, one piece after the other.

use crate::decode::TransferEncoding;
use crate::header::Field;

/// What a part holds (RFC 2046 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a body has parts, is a message, or is itself (RFC 2046 §3)")]
pub enum PartKind {
    /// A body without parts.
    Leaf,
    /// A multipart with any number of parts.
    Multipart,
    /// A message (`message/rfc822` or `message/global`), which is the only part inside.
    Message,
    /// A message under a transfer encoding: its body has to be decoded and parsed on its own.
    EncodedMessage,
}

/// What the header of a part says about its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartHead {
    /// What the part holds.
    pub kind: PartKind,
    /// How its body is encoded (RFC 2045 §6).
    pub encoding: TransferEncoding,
    /// The octet of the message at which the body begins.
    pub body_at: u64,
}

/// A step through a message: the same from a [`Message`](crate::Message) and from a
/// [`PushParser`](crate::PushParser), however its input was cut.
///
/// Only the cuts within a run of body octets follow the input.
///
/// ```text
/// part = PartStart *Field HeaderEnd ( *Body / *Preamble *part *Epilogue / part ) PartEnd
/// ```
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_enums, reason = "the grammar above is complete")]
pub enum Event<'e> {
    /// A part begins; the message itself is the first one, at depth 0.
    PartStart {
        /// How many parts it is inside of.
        depth: u16,
        /// The octet of the message at which its header begins.
        at: u64,
    },
    /// A field of its header.
    Field(Field<'e>),
    /// Its header is over.
    HeaderEnd(PartHead),
    /// Octets of its body, still encoded.
    Body(&'e [u8]),
    /// Octets before the first part of a multipart.
    Preamble(&'e [u8]),
    /// Octets behind the last part of a multipart.
    Epilogue(&'e [u8]),
    /// The innermost open part is over.
    PartEnd {
        /// The octet of the message behind its body.
        at: u64,
    },
}
