//! Every size at which reading stops to believe a message.
//!
//! A limit that is reached is a defect, never an error: what lies within it is reported, what lies beyond is
//! skipped or left as plain octets. The defaults hold the worst input at a cost linear in its length.

/// Longest boundary, in octets, that separates parts; RFC 2046 §5.1.1 allows 70.
pub(crate) const BOUNDARY_OCTETS_MAX: usize = 256;
/// Longest line that is looked at as a possible delimiter: dashes, boundary, dashes and transport padding.
pub(crate) const DELIMITER_LINE_OCTETS_MAX: usize = 1024;
/// Longest field name, in octets: one line of RFC 5322 §2.1.1.
pub(crate) const FIELD_NAME_OCTETS_MAX: usize = 998;
/// Longest run of blanks that is still seen as padding before a line end in quoted-printable.
pub(crate) const PADDING_OCTETS_MAX: usize = 998;

/// How many words of one mailbox are read: a name has a few of them, and each is longer in memory than in the field.
pub(crate) const MAILBOX_WORDS_MAX: usize = 1_024;
/// How many octets that a uuencoded body has lost are made good, beyond as many as it has itself.
pub(crate) const UU_PADDING_OCTETS_MAX: u64 = 4_096;

/// How much of a message is read before the rest is left alone.
///
/// ```
/// use smtpkit_mime::{Limits, Message};
///
/// let limits = Limits { parts_max: 1, ..Limits::default() };
/// let message = Message::parse_with(b"Subject: hi\r\n\r\nbody", limits);
/// assert_eq!(message.parts().count(), 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How deep multiparts and messages may nest; deeper ones are leaves.
    pub depth_max: u16,
    /// How many parts a message may have, the message itself counted.
    pub parts_max: u32,
    /// How many fields of one header are read.
    pub fields_max: u32,
    /// How many octets of one header are read.
    pub header_octets_max: u32,
    /// How many octets of one field are read; the push parser keeps no more than this in memory.
    pub field_octets_max: u32,
    /// How many parameters of one field are read.
    pub parameters_max: u16,
    /// How many mailboxes of one field are read.
    pub addresses_max: u16,
    /// How many defects are kept for one message or one value; more are only counted.
    pub defects_max: u16,
}

impl Limits {
    /// The defaults, usable in constants.
    ///
    /// ```
    /// assert_eq!(smtpkit_mime::Limits::DEFAULT, smtpkit_mime::Limits::default());
    /// ```
    pub const DEFAULT: Self = Self {
        depth_max: 32,
        parts_max: 1_000,
        fields_max: 5_000,
        header_octets_max: 1 << 20,
        field_octets_max: 128 << 10,
        parameters_max: 64,
        addresses_max: 1_000,
        defects_max: 100,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
