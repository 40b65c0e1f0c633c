//! What became of a message, recipient by recipient.

use smtpkit_codec::Reply;

use crate::Refusal;

/// The outcome of an LMTP delivery (RFC 2033 §4.2).
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "one verdict or many: there is no third")]
pub enum Delivery {
    /// One verdict for every recipient.
    All(Result<Reply, Refusal>),
    /// One verdict per recipient, in the order of [`Transaction::recipients`](crate::Transaction::recipients). A
    /// recipient without one is told 451 4.3.0.
    Each(Vec<Result<Reply, Refusal>>),
}

impl Delivery {
    /// Whether a verdict is that the client is to go without a word.
    pub(crate) fn hangs_up(&self) -> bool {
        let hangs_up = |verdict: &Result<Reply, Refusal>| verdict.as_ref().is_err_and(Refusal::hangs_up);
        match self {
            Self::All(verdict) => hangs_up(verdict),
            Self::Each(verdicts) => verdicts.iter().any(hangs_up),
        }
    }
}
