//! Why checked values still do not make a message.

use crate::downgrade::DowngradeError;

/// What keeps a message from being built; the caller's fault, and nothing was written.
///
/// ```
/// use smtpkit_mime::{DateTime, HopCapabilities};
/// use smtpkit_mime::build::{BuildError, MessageBuilder, Stamp};
///
/// let stamp = Stamp::new(DateTime::from_unix_seconds(0, 0)?, [0; 16]);
/// let error = MessageBuilder::new().build(HopCapabilities::SEVEN_BIT, &stamp).unwrap_err();
/// assert_eq!(error, BuildError::NoAuthor);
/// # Ok::<(), smtpkit_mime::DateTimeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No `From` (RFC 5322 §3.6.2).
    #[error("the message has no author (From)")]
    NoAuthor,
    /// Several authors, and no one of them said to have sent it (RFC 5322 §3.6.2).
    #[error("the message has several authors and no Sender")]
    NoSender,
    /// A field that may stand once was given twice (RFC 5322 §3.6).
    #[error("{0} is given twice")]
    Twice(&'static str),
    /// An extra field whose name the builder writes itself, or never.
    #[error("{0} is not an extra field: the builder has its own way to set it, or never writes it")]
    ReservedField(String),
    /// An inline part without a Content-ID, which nothing could refer to (RFC 2392).
    #[error("an inline part has no content id")]
    InlineWithoutId,
    /// UTF-8 that only a hop with `SMTPUTF8` takes (RFC 6531).
    #[error("{0} has an address or raw value outside ASCII, and the next hop does not take SMTPUTF8")]
    NeedsSmtputf8(String),
    /// An embedded message that cannot be written for this hop.
    #[error("an embedded message cannot be written for the next hop: {0}")]
    Embedded(DowngradeError),
    /// Embedded messages hold every boundary that the nonce gives: it is not random.
    #[error("the boundaries that the nonce gives are all in use by embedded messages")]
    Boundary,
    /// More multiparts than there are boundaries.
    #[error("the message has more than 65,535 multiparts")]
    TooManyMultiparts,
}
