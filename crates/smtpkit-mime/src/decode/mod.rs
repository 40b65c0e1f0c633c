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

/// What stands in [`DIGITS`] for an octet that is no digit.
const NO_DIGIT: u8 = 0xff;

/// The value of every hexadecimal digit.
static DIGITS: [u8; 256] = digits();

#[expect(clippy::indexing_slicing, reason = "a constant: an index out of range would not compile")]
const fn digits() -> [u8; 256] {
    let mut table = [NO_DIGIT; 256];
    let mut octet = 0_u8;
    loop {
        table[octet as usize] = match octet {
            b'0'..=b'9' => octet - b'0',
            b'A'..=b'F' => octet - b'A' + 10,
            b'a'..=b'f' => octet - b'a' + 10,
            _ => NO_DIGIT,
        };
        if octet == u8::MAX {
            return table;
        }
        octet += 1;
    }
}

/// The value of a hexadecimal digit.
#[inline]
pub(crate) fn hex_value(digit: u8) -> Option<u8> {
    DIGITS.get(usize::from(digit)).copied().filter(|value| *value != NO_DIGIT)
}

/// The octet that two hexadecimal digits name.
#[inline]
pub(crate) fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let value = |digit| DIGITS.get(usize::from(digit)).copied().unwrap_or(NO_DIGIT);
    let (high, low) = (value(high), value(low));
    if high | low < 16 { Some(high << 4 | low) } else { None }
}
