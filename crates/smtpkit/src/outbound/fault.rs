//! Which exit code an error of the client deserves.

use smtpkit_client::{ErrorKind, Retry, SendError};
use smtpkit_codec::reply::{Reply, ReplyCode};
use smtpkit_tls::ErrorKind as TlsKind;

use crate::exit::Exit;

/// The exit code by the kind of the error, and by whether another try can help.
pub(crate) fn exit_of(error: &SendError) -> Exit {
    let later = |otherwise| if error.retry() == Retry::Later { Exit::Temporary } else { otherwise };
    match error.kind() {
        ErrorKind::HostUnknown => Exit::NoHost,
        ErrorKind::Tls(kind) => match kind {
            TlsKind::Certificate | TlsKind::Version | TlsKind::Plaintext | TlsKind::Refused => {
                Exit::NoPermission
            }
            TlsKind::Corrupt | TlsKind::Protocol => Exit::Protocol,
            _ => Exit::Temporary,
        },
        ErrorKind::TlsRequired | ErrorKind::InjectedPlaintext | ErrorKind::NoMechanism => Exit::NoPermission,
        ErrorKind::Authentication => later(Exit::NoPermission),
        // 530: a login or TLS is missing, whatever command said so (RFC 4954 section 6)
        ErrorKind::Refused if error.reply().map(Reply::code) == Some(ReplyCode::AUTH_REQUIRED) => {
            Exit::NoPermission
        }
        ErrorKind::Refused => later(Exit::Unavailable),
        ErrorKind::Recipients => later(Exit::NoUser),
        ErrorKind::Unsupported => Exit::Unavailable,
        ErrorKind::Content | ErrorKind::Signing => Exit::Data,
        ErrorKind::ContentUnreadable => Exit::Io,
        ErrorKind::Protocol => Exit::Protocol,
        // connecting, time-outs, lost connections, and whatever else another try may mend
        _ => Exit::Temporary,
    }
}
