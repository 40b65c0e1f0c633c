//! Commands that are kept.

use alloc::vec::Vec;
use bytes::BufMut;
use core::fmt;

use zeroize::Zeroizing;

use crate::encode::Encode;
use crate::line::Line;

use super::Command;

/// The owned form of [`Command`]: its line as it is sent, in one allocation, which is wiped when it
/// is dropped, since the line of AUTH holds a secret.
///
/// ```
/// use smtpkit_codec::{Command, Encode, Line};
///
/// let kept = Command::parse(Line::new("RCPT TO:<jane@example.com>").unwrap())?.to_owned();
/// assert!(matches!(kept.as_ref(), Command::Rcpt(_)));
/// assert_eq!(kept.to_vec(), b"RCPT TO:<jane@example.com>\r\n");
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CommandBuf(Zeroizing<Vec<u8>>);

impl CommandBuf {
    pub(super) fn new(command: &Command<'_>) -> Self {
        Self(Zeroizing::new(command.to_vec()))
    }

    /// The view of it. The line is read again: keep the view if it is asked often.
    #[must_use]
    pub fn as_ref(&self) -> Command<'_> {
        let text = self.0.strip_suffix(b"\r\n").and_then(|line| core::str::from_utf8(line).ok());
        text.and_then(|text| Command::parse(Line::new(text).ok()?).ok())
            .expect("invariant: the line was written from a command, and what is written reads as the same")
    }
}

impl Encode for CommandBuf {
    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn encode(&self, out: &mut impl BufMut) {
        out.put_slice(&self.0);
    }
}

impl fmt::Debug for CommandBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CommandBuf").field(&self.as_ref()).finish()
    }
}
