//! What a client machine tells its driver.

use super::Awaited;
use smtpkit_codec::{BadReply, ReplyRef, Unclean};

/// One mail transaction of one machine; tickets grow and are never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub(super) u64);

/// What a reply answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answered {
    /// The opening of the connection.
    Greeting,
    /// EHLO, HELO or LHLO. After a 5yz to EHLO the machine says HELO by itself.
    Hello,
    /// STARTTLS; a positive one is followed by [`ClientEvent::Upgrade`].
    StartTls,
    /// AUTH, not finished: the caller owes [`respond`](super::Client::respond) or
    /// [`cancel`](super::Client::cancel).
    Challenge,
    /// AUTH, finished: a positive reply means authenticated.
    Auth,
    /// MAIL.
    Mail(Ticket),
    /// RCPT of the recipient with this index.
    Rcpt(Ticket, usize),
    /// DATA; a positive one is followed by [`ClientEvent::Content`].
    Data(Ticket),
    /// The content as a whole, for every accepted recipient (RFC 5321 §4.1.1.4).
    Content(Ticket),
    /// The content for the recipient with this index (LMTP, RFC 2033 §4.2).
    ContentFor(Ticket, usize),
    /// A command given by [`command`](super::Client::command).
    Command,
    /// QUIT.
    Quit,
    /// Nothing that the caller has to know about: a chunk taken, or the answer to the lone dot. A reply that answers
    /// no command at all is shown as this, too, and [`ClientEvent::Closed`] follows.
    Nothing,
}

/// What happened, one event for each call of [`poll`](super::Client::poll).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ClientEvent<'a> {
    /// Nothing more for now: move octets, then poll again.
    Idle,
    /// The peer replied.
    Reply {
        /// To what.
        to: Answered,
        /// The reply as it came.
        reply: ReplyRef<'a>,
    },
    /// The peer is ready for TLS: call [`into_upgrade`](super::Client::into_upgrade).
    Upgrade,
    /// The peer takes the content of this transaction: lend it by [`body`](super::Client::body) or
    /// [`last_body`](super::Client::last_body). Comes again each time a piece has been written and not been the last.
    Content(Ticket),
    /// All replies of this transaction have been told; the last event about it.
    Finished(Ticket),
    /// The connection is over; every later poll says the same.
    Closed(Closed),
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Why.
    pub why: Ending,
    /// What the reply that ended it answered, or else what had not been answered.
    pub awaited: Option<Awaited>,
    /// The transaction whose content had been written to its very end without an answer: the peer may have taken it,
    /// for those recipients that it has not answered for. For every other unfinished transaction it has not.
    pub unknown: Option<Ticket>,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// After QUIT, as planned.
    Quit,
    /// By a 421, which the preceding reply event showed (RFC 5321 §3.8).
    ServiceUnavailable,
    /// By a refusal after which nothing can be said: of the greeting, of the hello, or of content half sent. The
    /// preceding reply event showed it.
    Refused,
    /// The peer closed the stream.
    EndOfStream,
    /// No progress in time (RFC 5321 §4.5.3.2).
    TimedOut,
    /// A reply that no command had asked for: client and peer are out of step.
    Unsolicited,
    /// A reply of a class that the command cannot be answered with.
    WrongClass,
    /// Octets that are no reply (RFC 5321 §4.2).
    Garbled(BadReply),
    /// The caller's content had a bare CR, a bare LF or a NUL; nothing of it counts as sent.
    Unclean(Unclean),
}

impl core::fmt::Display for Ending {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Quit => "closed after QUIT",
            Self::ServiceUnavailable => "the peer ended the session (421)",
            Self::Refused => "the peer refused to go on",
            Self::EndOfStream => "the peer closed the connection",
            Self::TimedOut => "the peer did not answer in time",
            Self::Unsolicited => "a reply came that no command had asked for",
            Self::WrongClass => "the reply does not fit the command",
            Self::Garbled(why) => return write!(f, "the peer sent no valid reply: {why}"),
            Self::Unclean(why) => return write!(f, "content: {why}"),
        })
    }
}
