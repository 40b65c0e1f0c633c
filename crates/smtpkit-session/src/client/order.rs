//! Why a machine does not take an order.

use super::offers::Unsupported;

/// Why an order was not taken. Nothing has been sent, the connection is as good as before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrderError {
    /// The machine awaits a reply, an answer or content; ask [`Client::is_ready`](crate::client::Client::is_ready).
    NotReady,
    /// The connection is over.
    Over,
    /// The configuration refuses to say this in plaintext.
    Plaintext,
    /// TLS is on already, or the peer does not offer STARTTLS.
    StartTls,
    /// The command has an order method of its own, or changes the state of the session.
    Command,
    /// An answer in an AUTH exchange holds another octet than those of base64.
    NotBase64,
    /// The envelope has no recipient.
    NoRecipients,
    /// The peer cannot do what the message needs.
    Unsupported(Unsupported),
}

impl core::fmt::Display for OrderError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NotReady => "the session is in the middle of something else",
            Self::Over => "the connection is over",
            Self::Plaintext => "refused in plaintext: STARTTLS has to come first",
            Self::StartTls => "STARTTLS is not offered, or TLS is on already",
            Self::Command => "this command cannot be given as a plain one",
            Self::NotBase64 => "the answer is not base64",
            Self::NoRecipients => "the envelope has no recipient",
            Self::Unsupported(what) => return what.fmt(f),
        })
    }
}

impl core::error::Error for OrderError {}
