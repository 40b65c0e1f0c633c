//! The one trait of everything that can be put on the wire.
//!
//! A value that exists can be encoded: types check themselves when they are made, so
//! encoding has no error. This trait does no I/O and never flushes.

use alloc::vec::Vec;

use bytes::BufMut;

/// A value with a wire form. Commands and replies include their final CRLF.
///
/// ```
/// use smtpkit_codec::{Encode, Reply, ReplyCode};
///
/// let reply = Reply::fixed(ReplyCode::CLOSING, None, "bye");
/// assert_eq!(reply.to_vec(), b"221 bye\r\n");
/// assert_eq!(reply.encoded_len(), 9);
/// ```
pub trait Encode {
    /// How many octets [`encode`](Self::encode) writes, exactly.
    fn encoded_len(&self) -> usize;

    /// Appends the wire form to `out`, which must have room for
    /// [`encoded_len`](Self::encoded_len) octets (growable buffers always have).
    fn encode(&self, out: &mut impl BufMut);

    /// The wire form in one allocation of its own.
    fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_len());
        self.encode(&mut out);
        out
    }
}
