//! What the end of a connection means for whoever was using it.

use crate::error::{Delivered, ErrorKind, Retry, SendError, Stage};
use smtpkit_codec::{Reply, ReplyCode};
use smtpkit_session::client::{Awaited, Closed, Ending};
use smtpkit_tls as tls;
use std::io;

/// The error for work that a connection did not finish; `reply` is the last one that came.
pub(crate) fn closed_error(closed: &Closed, reply: Option<Reply>) -> SendError {
    let stage = closed.awaited.map_or(Stage::Command, stage_of);
    let detail = closed.why.to_string();
    match closed.why {
        Ending::ServiceUnavailable | Ending::Refused => match reply {
            Some(reply) => SendError::refused(ErrorKind::Refused, stage, reply),
            None => SendError::new(ErrorKind::Closed, stage, detail),
        },
        Ending::TimedOut => SendError::new(ErrorKind::Timeout, stage, detail),
        Ending::EndOfStream | Ending::Quit => SendError::new(ErrorKind::Closed, stage, detail),
        Ending::Unclean(_) => {
            SendError::new(ErrorKind::Content, Stage::Content, detail).with_retry(Retry::Never)
        }
        _ => SendError::new(ErrorKind::Protocol, stage, detail),
    }
}

/// The same for one message, which the connection may have been lost for before or after its end.
pub(crate) fn lost_message(error: SendError, is_unknown: bool) -> SendError {
    error.with_delivered(if is_unknown { Delivered::Unknown } else { Delivered::No })
}

/// The stage that a command belongs to.
pub(crate) const fn stage_of(awaited: Awaited) -> Stage {
    match awaited {
        Awaited::Greeting => Stage::Greeting,
        Awaited::Hello => Stage::Hello,
        Awaited::StartTls => Stage::StartTls,
        Awaited::Auth => Stage::Auth,
        Awaited::Mail => Stage::Mail,
        Awaited::Rcpt => Stage::Rcpt,
        Awaited::Data => Stage::Data,
        Awaited::Chunk => Stage::Content,
        Awaited::EndOfContent => Stage::EndOfContent,
        Awaited::Quit => Stage::Quit,
        _ => Stage::Command,
    }
}

/// The same error when it is known what broke the stream. Under TLS 1.3 a server that refuses the client's certificate
/// says so only after the handshake, so that it shows at the first read (RFC 8446 §4.4.2.4).
pub(crate) fn broken_stream(error: SendError, cause: io::Error) -> SendError {
    if error.kind() != ErrorKind::Closed {
        return error;
    }
    let fault = tls::Error::from_io(cause);
    let is_verdict = matches!(
        fault.kind(),
        tls::ErrorKind::Refused | tls::ErrorKind::Certificate | tls::ErrorKind::Version
    );
    match fault {
        fault if is_verdict => error.with_tls_fault(&fault),
        tls::Error::Io(cause) => error.with_detail(format!("the connection was lost: {cause}")),
        fault => error.with_detail(format!("the connection was lost: {fault}")),
    }
}

/// Whether the error is what a connection looks like that the server closed while it was kept.
pub(crate) fn is_stale(error: &SendError) -> bool {
    matches!(error.kind(), ErrorKind::Closed)
        || error.reply().is_some_and(|reply| reply.code() == ReplyCode::SERVICE_UNAVAILABLE)
}
