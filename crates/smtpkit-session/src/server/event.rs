//! What a server session tells its caller.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use bytes::Bytes;
use smtpkit_codec::{ForwardPath, MailParameters, RcptParameters, ReversePath, Unclean};

use super::auth_text::AuthText;
use super::owed::{Owed, owed_for};

/// What happened, in the order of the wire. An event with an [`Owed`] token waits for the caller's answer.
#[non_exhaustive]
#[must_use = "an event may carry a reply that the peer waits for"]
pub enum ServerEvent {
    /// Nothing more can be done now: write what [`transmit`](crate::Wire::transmit) lends, read, or wait for the
    /// [`deadline`](crate::Wire::deadline).
    Idle,
    /// The connection is new. Octets that arrive before the answer are noted in [`Notes`](super::Notes).
    Greeting(Owed<owed_for::Greeting>),
    /// EHLO, HELO or LHLO (RFC 5321 §4.1.1.1, RFC 2033 §4.1). A transaction in progress was dropped.
    Hello {
        /// Which of the three.
        hello: Hello,
        /// The name or address literal that the client gave.
        name: Box<str>,
        /// The reply that is owed.
        owed: Owed<owed_for::Hello>,
    },
    /// STARTTLS (RFC 3207 §4).
    StartTls(Owed<owed_for::StartTls>),
    /// The 220 to STARTTLS is written: take the machine apart with [`Server::into_upgrade`](super::Server::into_upgrade).
    Upgrade,
    /// AUTH (RFC 4954 §4).
    Auth {
        /// The mechanism in upper case.
        mechanism: Box<str>,
        /// The initial response, if the client sent one.
        initial_response: InitialResponse,
        /// The reply that is owed: a challenge or the outcome.
        owed: Owed<owed_for::Auth>,
    },
    /// The client's response to a challenge.
    AuthResponse {
        /// The line, base64.
        response: AuthText,
        /// The reply that is owed: a further challenge or the outcome.
        owed: Owed<owed_for::Auth>,
    },
    /// The client gave up the exchange with `*`; it was answered 501.
    AuthCancelled,
    /// MAIL (RFC 5321 §4.1.1.2); its parameters are known and allowed.
    Mail {
        /// Where notifications go.
        reverse_path: ReversePath,
        /// The parameters of the extensions.
        parameters: MailParameters,
        /// The reply that is owed.
        owed: Owed<owed_for::Mail>,
    },
    /// RCPT (RFC 5321 §4.1.1.3); its parameters are known and allowed.
    Rcpt {
        /// Where the mail is to go.
        forward_path: ForwardPath,
        /// The parameters of the extensions.
        parameters: RcptParameters,
        /// The reply that is owed.
        owed: Owed<owed_for::Rcpt>,
    },
    /// DATA, or the first BDAT of a transaction: may the content come (RFC 5321 §4.1.1.4, RFC 3030 §2)?
    Data(Owed<owed_for::Data>),
    /// A piece of content without dot-stuffing, cut from the receive buffer without copying.
    ///
    /// It keeps the whole buffer alive (at most [`ServerLimits::receive_octets_max`](super::ServerLimits)): copy what
    /// is to be kept for long.
    Content(Bytes),
    /// The content will be refused, and the machine sees to the reply: drop what came so far. The peer may go on
    /// sending for a while.
    ContentRefused(ContentFault),
    /// The content is complete.
    ContentEnd(Owed<owed_for::Message>),
    /// The transaction was dropped by RSET (RFC 5321 §4.1.1.5); already answered.
    Reset,
    /// XCLIENT from a peer, if the extension is offered: attributes as they were written.
    Xclient {
        /// The attributes, `NAME=VALUE` separated by spaces, values in xtext.
        attributes: String,
        /// The reply that is owed.
        owed: Owed<owed_for::Proxy>,
    },
    /// XFORWARD from a peer, if the extension is offered: attributes as they were written.
    Xforward {
        /// The attributes, `NAME=VALUE` separated by spaces, values in xtext.
        attributes: String,
        /// The reply that is owed.
        owed: Owed<owed_for::Proxy>,
    },
    /// The session is over and all that could be written is written. This event repeats.
    Closed(Closed),
}

impl fmt::Debug for ServerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "Idle",
            Self::Greeting(_) => "Greeting",
            Self::Hello { hello, name, .. } => return write!(f, "{hello:?}({name})"),
            Self::StartTls(_) => "StartTls",
            Self::Upgrade => "Upgrade",
            Self::Auth { mechanism, .. } => return write!(f, "Auth({mechanism})"),
            Self::AuthResponse { .. } => "AuthResponse",
            Self::AuthCancelled => "AuthCancelled",
            Self::Mail { reverse_path, .. } => return write!(f, "Mail({reverse_path})"),
            Self::Rcpt { forward_path, .. } => return write!(f, "Rcpt({forward_path})"),
            Self::Data(_) => "Data",
            Self::Content(octets) => return write!(f, "Content({} octets)", octets.len()),
            Self::ContentRefused(fault) => return write!(f, "ContentRefused({fault:?})"),
            Self::ContentEnd(_) => "ContentEnd",
            Self::Reset => "Reset",
            Self::Xclient { attributes, .. } => return write!(f, "Xclient({attributes})"),
            Self::Xforward { attributes, .. } => return write!(f, "Xforward({attributes})"),
            Self::Closed(why) => return write!(f, "Closed({why:?})"),
        })
    }
}

/// How a client introduced itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5321 and RFC 2033 close the set")]
pub enum Hello {
    /// HELO: no extensions (RFC 5321 §4.1.1.1).
    Helo,
    /// EHLO.
    Ehlo,
    /// LHLO (RFC 2033 §4.1).
    Lhlo,
}

/// The initial response of AUTH (RFC 4954 §4).
#[expect(clippy::exhaustive_enums, reason = "RFC 4954 closes the set")]
pub enum InitialResponse {
    /// The command had none.
    Absent,
    /// It was `=`, which is an empty response.
    Empty,
    /// Base64.
    Base64(AuthText),
}

/// Why content is refused though it was asked for. The fault is the peer's; the scope is the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentFault {
    /// It is larger than the server takes (RFC 1870 §6.3): 552 5.3.4.
    TooBig,
    /// It has a bare CR, bare LF or NUL (RFC 5321 §2.3.8): 550 5.6.0.
    Unclean(Unclean),
}

impl fmt::Display for ContentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooBig => f.write_str("content is larger than the server takes"),
            Self::Unclean(unclean) => write!(f, "{unclean}"),
        }
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Closed {
    /// The client said QUIT.
    Quit,
    /// The client closed the connection.
    ByPeer,
    /// The client was too slow; it was told 421.
    TimedOut,
    /// Content came in below the minimum rate; the client was told 421.
    TooSlow,
    /// The client made too many errors; it was told 421.
    TooManyErrors,
    /// Too many wrong credentials; the client was told 421.
    TooManyAuthFailures,
    /// The client sent far more content than the server takes.
    TooMuchContent,
    /// The client spoke before its turn, and the server does not tolerate that.
    SpokeEarly,
    /// The client began with a TLS handshake where plaintext is spoken; it was told nothing, as it would not
    /// understand.
    SpokeTls,
    /// The greeting was a refusal.
    Refused,
    /// Plaintext followed STARTTLS.
    PlaintextAfterStartTls,
    /// The caller closed it ([`Server::close`](super::Server::close), [`Server::drain`](super::Server::drain)).
    ByServer,
}
