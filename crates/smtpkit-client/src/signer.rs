//! Signing on the way out: a hook for DKIM (RFC 6376), called once a message has the shape in which it leaves.

use crate::content::{Feed, Newlines, Prepared};
use crate::error::{ErrorKind, SendError, Stage};
use bytes::Bytes;
use smtpkit_codec::Clean;
use std::sync::Arc;

/// What makes header fields of content; its error is a line for people.
pub(crate) type Signer = Arc<dyn Fn(&[u8]) -> Result<String, String> + Send + Sync>;

impl Prepared {
    /// Puts the fields of a signer in front of content that is at hand, once.
    pub(crate) fn sign(&mut self, signer: &Signer) -> Result<(), SendError> {
        if self.is_signed {
            return Ok(());
        }
        let failed = |what: String| SendError::new(ErrorKind::Signing, Stage::Content, what);
        let Feed::Octets(clean) = &self.feed else {
            return Err(failed("content that is read piece by piece cannot be signed".to_owned()));
        };
        let fields =
            signer(clean.as_bytes()).map_err(|why| failed(format!("it could not be signed: {why}")))?;
        if !are_fields(fields.as_bytes()) {
            return Err(failed("the signer made something else than whole header fields".to_owned()));
        }
        let signed = Bytes::from([fields.as_bytes(), clean.as_bytes()].concat());
        let seven_bit_alone = self.seven_bit_alone;
        *self = Self { is_signed: true, seven_bit_alone, ..Self::octets(signed, Newlines::Exact)? };
        Ok(())
    }
}

/// Whether the octets can stand in front of a header: whole lines with CRLF, none of them empty, the first no
/// continuation.
fn are_fields(octets: &[u8]) -> bool {
    octets.first().is_some_and(u8::is_ascii_graphic)
        && octets.ends_with(b"\r\n")
        && !octets.windows(4).any(|window| window == b"\r\n\r\n")
        && Clean::check(octets).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Content;

    fn signed(fields: &'static str, times: usize) -> Result<Bytes, ErrorKind> {
        let signer: Signer = Arc::new(|_| Ok(fields.to_owned()));
        let mut content = Content::from("Subject: x\r\n\r\ny\r\n").prepare().expect("clean");
        for _ in 0..times {
            content.sign(&signer).map_err(|error| error.kind())?;
        }
        match content.feed {
            Feed::Octets(clean) if content.size == Some(clean.as_bytes().len() as u64) => {
                Ok(clean.into_inner())
            }
            _ => Err(ErrorKind::Protocol),
        }
    }

    #[test]
    fn a_signature_stands_in_front_once() {
        let expected = &b"DKIM-Signature: v=1;\r\n b=x\r\nSubject: x\r\n\r\ny\r\n"[..];
        assert_eq!(signed("DKIM-Signature: v=1;\r\n b=x\r\n", 2).as_deref(), Ok(expected));
    }

    #[test]
    fn what_is_no_header_field_is_refused() {
        for fields in ["", " a: b\r\n", "a: b", "a: b\n", "a: b\r\n\r\n", "\r\n"] {
            assert_eq!(signed(fields, 1), Err(ErrorKind::Signing), "{fields:?}");
        }
    }

    #[test]
    fn a_stream_cannot_be_signed() {
        let signer: Signer = Arc::new(|_| Ok("a: b\r\n".to_owned()));
        let mut content = Content::blocking_reader(&b"x"[..]).prepare().expect("nothing is read yet");
        assert_eq!(content.sign(&signer).expect_err("a stream").kind(), ErrorKind::Signing);
    }
}
