//! Bodies: from octets on the wire to content, and from content to text (RFC 2045 §6, RFC 2046 §4.1).

pub mod charset;
pub mod flowed;

mod base64;
mod quoted_printable;
mod transfer;
mod utf7;
mod uuencode;

pub use base64::Base64Decoder;
pub use quoted_printable::QuotedPrintableDecoder;
pub use transfer::{TransferDecoder, TransferEncoding};
pub use uuencode::UuDecoder;

/// The value of a hexadecimal digit.
pub(crate) const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}
