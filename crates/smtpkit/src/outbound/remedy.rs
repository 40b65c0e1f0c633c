//! Which flag to change when a server was reached in the wrong way: TLS where there is none yet, none where it comes first,
//! a login where nobody logs in.

use smtpkit_client::{ErrorKind, SendError, ServerUrl, Stage};
use smtpkit_codec::Keyword;
use smtpkit_codec::reply::{Reply, ReplyCode};
use smtpkit_tls::{ErrorKind as TlsKind, Policy};

/// What to do about the error, if host, port, TLS and login do not fit each other.
pub(crate) fn remedy(error: &SendError, url: &ServerUrl, logs_in: bool) -> Option<&'static str> {
    let offers = |keyword| {
        let ehlo = error.session().and_then(|session| session.ehlo());
        ehlo.is_some_and(|ehlo| ehlo.as_ref().has(keyword))
    };
    let is_in_clear = url.tls() == Policy::Off && offers(Keyword::StartTls);
    let wants_login = error.reply().map(Reply::code) == Some(ReplyCode::AUTH_REQUIRED);
    match error.kind() {
        ErrorKind::Tls(TlsKind::Plaintext) if url.tls() == Policy::Implicit => {
            Some("this port starts without TLS: take smtp:// or --tls require, and TLS comes with STARTTLS")
        }
        ErrorKind::Closed | ErrorKind::Timeout
            if error.stage() == Stage::Greeting && url.tls() != Policy::Implicit =>
        {
            Some(
                "a port for TLS from the first octet, such as 465, greets nobody without it: take smtps:// or --tls implicit",
            )
        }
        ErrorKind::NoMechanism if is_in_clear => {
            Some("the server takes logins behind STARTTLS, if at all: take --tls require")
        }
        ErrorKind::NoMechanism if !offers(Keyword::Auth) => Some(
            "this port takes no logins: leave --user out, or take one that does: 587, or 465 with --tls implicit",
        ),
        ErrorKind::Refused if wants_login && !logs_in && is_in_clear => {
            Some("this port wants TLS and a login: take --tls require and --user")
        }
        ErrorKind::Refused if wants_login && !logs_in => Some("this port wants a login: take --user"),
        _ => None,
    }
}
