//! What is wrong with a message, and where.
//!
//! Reading mail never fails, because mail is what was sent and not what should have been. What had to be
//! repaired, skipped or guessed is told as a [`Defect`]: a kind and the octet at which it begins.

use core::fmt;

/// One deviation from the standards, with the octet of the message at which it begins.
///
/// ```
/// use smtpkit_mime::{DefectKind, Message};
///
/// let message = Message::parse(b"Content-Type: multipart/mixed\r\n\r\nno boundary");
/// let defect = message.defects().iter().next().unwrap();
/// assert_eq!((defect.kind, defect.at), (DefectKind::MissingBoundary, 0));
/// assert_eq!(defect.to_string(), "multipart without a boundary, at octet 0");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Defect {
    /// The octet, counted from 0 at the start of the content that was parsed.
    pub at: u64,
    /// What is wrong there.
    pub kind: DefectKind,
}

impl Defect {
    pub(crate) const fn new(kind: DefectKind, at: u64) -> Self {
        Self { at, kind }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, at octet {}", self.kind.text(), self.at)
    }
}

macro_rules! defect_kinds {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)+) => {
        /// What kind of deviation a [`Defect`] is.
        ///
        /// ```
        /// assert_eq!(smtpkit_mime::DefectKind::BadDate.text(), "unreadable date");
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum DefectKind { $($(#[$doc])* $name,)+ }

        impl DefectKind {
            /// A short description, lower case, without a full stop.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

defect_kinds! {
    // structure
    /// A line that is no field and no blank line ended a header (RFC 5322 §2.1).
    MissingSeparator => "header ends without an empty line",
    /// A header began with a folded line.
    LeadingContinuation => "header begins with a continuation line",
    /// A field with an empty name.
    EmptyFieldName => "field without a name",
    /// A field longer than [`Limits::field_octets_max`](crate::Limits); only its beginning is read.
    FieldTooLong => "field is too long",
    /// A header beyond [`Limits::header_octets_max`](crate::Limits) or `fields_max`; later fields are skipped.
    HeaderTooLong => "header is too long",
    /// A second field of a kind that decides on the structure; the first one counts.
    DuplicateField => "field appears twice",
    /// A multipart whose type names no boundary (RFC 2046 §5.1.1); it is a leaf.
    MissingBoundary => "multipart without a boundary",
    /// A multipart in whose body no delimiter was found.
    NoDelimiter => "boundary never appears",
    /// A multipart that ended without its close delimiter.
    MissingCloseDelimiter => "multipart is not closed",
    /// Multiparts or messages nested deeper than [`Limits::depth_max`](crate::Limits).
    TooDeep => "parts are nested too deeply",
    /// More parts than [`Limits::parts_max`](crate::Limits).
    TooManyParts => "too many parts",
    /// A multipart with a transfer encoding (RFC 2045 §6.4); it is read as if it had none.
    EncodedMultipart => "multipart with a transfer encoding",
    /// Content beyond 4 GiB, which the view does not index.
    ContentTooLong => "content is longer than the view can index",
    // values of fields
    /// A media type without a slash or with an empty half (RFC 2045 §5.1).
    BadMediaType => "unreadable media type",
    /// A parameter that had to be repaired or skipped (RFC 2045 §5.1, RFC 2231).
    BadParameter => "malformed parameter",
    /// More parameters than [`Limits::parameters_max`](crate::Limits).
    TooManyParameters => "too many parameters",
    /// A date that cannot be read (RFC 5322 §3.3).
    BadDate => "unreadable date",
    /// A mailbox that is no address (RFC 5322 §3.4).
    BadAddress => "malformed address",
    /// A comment, quoted string or angle bracket that is not closed.
    Unclosed => "comment, quoted string or address is not closed",
    /// More mailboxes than [`Limits::addresses_max`](crate::Limits).
    TooManyAddresses => "too many addresses",
    /// Text that looks like an encoded word and is none (RFC 2047 §2).
    BadEncodedWord => "malformed encoded word",
    // bodies
    /// A transfer encoding that nobody registered (RFC 2045 §6); the body is taken as it stands.
    UnknownEncoding => "unknown transfer encoding",
    /// An octet that base64 does not know (RFC 4648 §3.3).
    BadBase64 => "octet outside of the base64 alphabet",
    /// Base64 that ends within a group of four.
    TruncatedBase64 => "base64 ends early",
    /// Base64 that goes on after its padding.
    DataAfterPadding => "base64 goes on after its padding",
    /// An equals sign followed by neither two hexadecimal digits nor a line end (RFC 2045 §6.7).
    BadQuotedPrintable => "malformed quoted-printable escape",
    /// A line that uuencode cannot contain, or no end line.
    BadUuencode => "malformed uuencode line",
    /// A charset that nobody knows; the text is taken as UTF-8 or else as windows-1252.
    UnknownCharset => "unknown charset",
    /// Octets that the charset cannot contain, shown as U+FFFD.
    BadCharacter => "octets that the charset does not have",
}

/// A bounded list of defects.
///
/// ```
/// use smtpkit_mime::Message;
///
/// let message = Message::parse(b"Subject: fine\r\n\r\n");
/// assert!(message.defects().is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Defects {
    kept: Vec<Defect>,
    uncounted: u64,
}

impl Defects {
    pub(crate) const NONE: Self = Self { kept: Vec::new(), uncounted: 0 };

    pub(crate) fn push(&mut self, defect: Defect, limit: u16) {
        if self.kept.len() < usize::from(limit) {
            self.kept.push(defect);
        } else {
            self.uncounted += 1;
        }
    }

    /// Moves every offset by `octets`: from within a value to within the message.
    pub(crate) fn shift(&mut self, octets: u64) {
        for defect in &mut self.kept {
            defect.at += octets;
        }
    }

    /// The defects in the order in which they were found.
    pub fn iter(&self) -> core::slice::Iter<'_, Defect> {
        self.kept.iter()
    }

    /// How many there are, those beyond [`Limits::defects_max`](crate::Limits) included.
    pub fn count(&self) -> u64 {
        self.kept.len() as u64 + self.uncounted
    }

    /// Whether nothing was wrong.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.uncounted == 0
    }

    /// Whether a kind of defect is among those kept.
    pub fn contains(&self, kind: DefectKind) -> bool {
        self.kept.iter().any(|defect| defect.kind == kind)
    }
}

impl<'a> IntoIterator for &'a Defects {
    type Item = &'a Defect;
    type IntoIter = core::slice::Iter<'a, Defect>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
