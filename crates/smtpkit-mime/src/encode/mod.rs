//! Content encoders: octets or text in, lines that every hop takes out (RFC 2045 §6, RFC 2047, RFC 2231).
//!
//! Each encoder is fed piece by piece and writes the same octets for every split of its input. None of them
//! knows fields or parts; [`build`](crate::build) puts them together.

mod base64;
mod encoded_word;
mod line_break;
mod parameter;
mod quoted_printable;

pub use self::base64::Base64Encoder;
pub use self::encoded_word::encoded_words;
pub use self::line_break::CrlfEncoder;
pub use self::quoted_printable::QuotedPrintableEncoder;

pub(crate) use self::base64::BLOCK_INPUT;
pub(crate) use self::encoded_word::{Scheme, WORD_OCTETS_MAX};
pub(crate) use self::parameter::{extended_octet, is_token_octet};
