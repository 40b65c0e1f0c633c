//! The Return-Path field, which final delivery puts on top (RFC 5321 §4.4).

use core::fmt;

use bytes::BufMut;

use super::field::{Field, WriteField, field_len, put_field};
use crate::{Encode, ReversePathRef};

/// The Return-Path field (RFC 5321 §4.4).
///
/// ```abnf
/// Return-path-line = "Return-Path:" FWS Reverse-path <CRLF>
/// ```
///
/// ```
/// use smtpkit_codec::{Encode, ReversePathRef, trace::ReturnPath};
///
/// let field = ReturnPath::new(ReversePathRef::parse("jane@example.com")?);
/// assert_eq!(field.to_vec(), b"Return-Path: <jane@example.com>\r\n");
/// assert_eq!(ReturnPath::new(ReversePathRef::null()).to_vec(), b"Return-Path: <>\r\n");
/// # Ok::<(), smtpkit_codec::AddressError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReturnPath<'a>(ReversePathRef<'a>);

impl<'a> ReturnPath<'a> {
    /// The field for the reverse-path of the envelope.
    #[must_use]
    pub const fn new(reverse_path: ReversePathRef<'a>) -> Self {
        Self(reverse_path)
    }
}

impl WriteField for ReturnPath<'_> {
    fn write_field(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let mut field = Field::start(out, "Return-Path:")?;
        field.clause(format_args!("{}", self.0))?;
        field.finish()
    }
}

impl Encode for ReturnPath<'_> {
    fn encoded_len(&self) -> usize {
        field_len(self)
    }

    fn encode(&self, out: &mut impl BufMut) {
        put_field(self, out);
    }
}
