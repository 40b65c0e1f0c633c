//! How a handler says no, and how a failure of its own becomes a reply that tells the peer nothing about it.

use std::fmt;
use std::io;

use smtpkit_codec::{EnhancedStatusCode, Reply, ReplyCode, StatusClass};

use crate::BodyError;

/// Why a command is refused: the reply that goes to the peer, and a cause that does not.
///
/// It is made of a [`Reply`], of an [`io::Error`], or of a [`BodyError`], so `?` works in a handler. An I/O error is
/// answered 451 4.3.0, or 452 4.3.1 if the storage is full; its text goes into the record of the transaction only.
///
/// ```
/// use smtpkit_server::Refusal;
///
/// let refusal = Refusal::from(std::io::Error::other("/srv/mail/bob: stale file handle"));
/// assert_eq!(refusal.reply().to_string(), "451 4.3.0 local error, try again");
/// assert_eq!(Refusal::no_such_user().reply().code().get(), 550);
/// ```
#[derive(Debug)]
pub struct Refusal {
    reply: Reply,
    cause: Option<Cause>,
}

/// What went wrong on our side.
#[derive(Debug)]
pub(crate) enum Cause {
    Io(io::Error),
    Body(BodyError),
    /// Nothing did: the handler wants the client gone.
    HungUp,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Body(error) => error.fmt(f),
            Self::HungUp => f.write_str("the handler hung up"),
        }
    }
}

impl Refusal {
    /// 550 5.1.1: the mailbox does not exist (RFC 3463 §3.2).
    pub const fn no_such_user() -> Self {
        Self::of(reply(550, 1, 1, "no such user here"))
    }

    /// 550 5.7.1: the client may not relay (RFC 5321 §7.9).
    pub const fn relaying_denied() -> Self {
        Self::of(reply(550, 7, 1, "relaying denied"))
    }

    /// 553 5.7.1: the reverse-path does not belong to the client (RFC 6409 §6.1).
    pub const fn not_your_address() -> Self {
        Self::of(reply(553, 7, 1, "this sender address is not yours"))
    }

    /// 554 5.4.6: the message has passed too many servers (RFC 5321 §6.3).
    pub const fn mail_loop() -> Self {
        Self::of(reply(554, 4, 6, "too many hops, this is a mail loop"))
    }

    /// 451 4.3.0: something is wrong on our side for now.
    pub const fn try_later() -> Self {
        Self::of(reply(451, 3, 0, "local error, try again"))
    }

    /// 452 4.3.1: there is no room for the message now.
    pub const fn storage_full() -> Self {
        Self::of(reply(452, 3, 1, "not enough storage, try again"))
    }

    /// The connection is cut without a word, as if this server had died. For tests of clients, and for clients that
    /// deserve no answer; RFC 5321 §3.8 wants a 421 in all other cases.
    pub const fn hang_up() -> Self {
        Self { reply: reply(421, 3, 2, "connection cut"), cause: Some(Cause::HungUp) }
    }

    const fn of(reply: Reply) -> Self {
        Self { reply, cause: None }
    }

    pub(crate) const fn hangs_up(&self) -> bool {
        matches!(self.cause, Some(Cause::HungUp))
    }

    /// What the peer is told.
    pub const fn reply(&self) -> &Reply {
        &self.reply
    }

    pub(crate) fn into_parts(self) -> (Reply, Option<Cause>) {
        (self.reply, self.cause)
    }
}

/// A reply with an enhanced code, whose class is that of the reply code (RFC 2034 §4).
pub(crate) const fn reply(code: u16, subject: u16, detail: u16, text: &'static str) -> Reply {
    let code = ReplyCode::new(code).expect("invariant: every code in this file is a reply code");
    let enhanced = match StatusClass::of(code.severity()) {
        Some(class) => EnhancedStatusCode::new(class, subject, detail),
        None => None,
    };
    Reply::fixed(code, enhanced, text)
}

impl From<Reply> for Refusal {
    fn from(reply: Reply) -> Self {
        Self { reply, cause: None }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        let refusal = if full { Self::storage_full() } else { Self::try_later() };
        Self { cause: Some(Cause::Io(error)), ..refusal }
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        Self { cause: Some(Cause::Body(error)), ..Self::try_later() }
    }
}

/// The reply to a message that was taken: `250 2.0.0 ok`.
pub const fn accepted() -> Reply {
    reply(250, 0, 0, "ok")
}

/// The reply to a message that was taken and is known by a name: `250 2.0.0 ok, queued as ID`. An `id` that no reply
/// can hold is left out.
///
/// ```
/// assert_eq!(smtpkit_server::accepted_as("4711").to_string(), "250 2.0.0 ok, queued as 4711");
/// ```
pub fn accepted_as(id: &str) -> Reply {
    let plain = accepted();
    if id.contains('\n') {
        return plain;
    }
    Reply::new(plain.code(), plain.enhanced(), &format!("ok, queued as {id}")).unwrap_or(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_a_matter_of_storage() {
        let full = Refusal::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full.reply().to_string(), "452 4.3.1 not enough storage, try again");
        let quota = Refusal::from(io::Error::from(io::ErrorKind::QuotaExceeded));
        assert_eq!(quota.reply().code().get(), 452);
    }

    #[test]
    fn an_id_with_a_line_end_is_left_out() {
        assert_eq!(accepted_as("a\r\n250 b").to_string(), "250 2.0.0 ok");
        assert_eq!(accepted_as("a\nb").to_string(), "250 2.0.0 ok");
    }
}
