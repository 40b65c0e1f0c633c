//! What an observer sees of a connection. Its types cannot hold a secret: AUTH text is left out where the machine
//! shows its commands, challenges are named, not shown, and content is counted.

use crate::error::SendError;
use crate::opening::Machine;
use smtpkit_codec::{ReplyCode, ReplyRef};
use smtpkit_session::client::Note;
use smtpkit_tls::SessionInfo;
use std::borrow::Cow;

/// Sees what is said on every connection of a client, for transcripts and debugging.
///
/// ```
/// use smtpkit_client::{Entry, Observer};
///
/// struct Print;
/// impl Observer for Print {
///     fn record(&self, entry: &Entry<'_>) {
///         if let Entry::Command { line, .. } = entry {
///             println!("-> {line}");
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// One thing happened. Called on the path of the mail, so it should be quick.
    fn record(&self, entry: &Entry<'_>);
}

impl<F: Fn(&Entry<'_>) + Send + Sync + 'static> Observer for F {
    fn record(&self, entry: &Entry<'_>) {
        self(entry);
    }
}

/// One line of a transcript.
#[derive(Debug)]
#[non_exhaustive]
pub enum Entry<'a> {
    /// A connection is tried.
    Connecting {
        /// `address:port`, or the path of a socket.
        address: &'a str,
    },
    /// It was made.
    Connected {
        /// `address:port`, or the path of a socket.
        peer: &'a str,
    },
    /// TLS is on.
    Tls(&'a SessionInfo),
    /// A command goes out.
    Command {
        /// The line without its CRLF; what is secret reads `<hidden>`.
        line: &'a str,
        /// Whether TLS protects it.
        encrypted: bool,
    },
    /// A reply came.
    Reply {
        /// Its lines.
        reply: ReplyText<'a>,
        /// Whether TLS protects it.
        encrypted: bool,
    },
    /// The server wants the next answer of an AUTH exchange (RFC 4954 §4). Its text is left out: with what SCRAM says in
    /// it a password can be guessed at leisure (RFC 5802 §9).
    Challenge {
        /// The code.
        code: ReplyCode,
        /// Whether TLS protects it.
        encrypted: bool,
    },
    /// The content is out.
    Content {
        /// Its octets on the wire, end mark included.
        octets: u64,
        /// Whether TLS protects it.
        encrypted: bool,
    },
    /// What was asked for failed.
    Failed(&'a SendError),
    /// The connection was closed.
    Closed,
}

/// A reply as it came.
#[derive(Clone, Copy, Debug)]
pub struct ReplyText<'a>(pub(crate) ReplyRef<'a>);

impl<'a> ReplyText<'a> {
    /// Its lines with their codes and without CRLFs; what is not UTF-8 is replaced.
    pub fn lines(self) -> impl Iterator<Item = Cow<'a, str>> {
        let octets = self.0.as_bytes();
        let octets = octets.strip_suffix(b"\r\n").unwrap_or(octets);
        octets
            .split(|&octet| octet == b'\n')
            .map(|line| String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)))
    }

    /// The reply itself.
    pub const fn reply(self) -> ReplyRef<'a> {
        self.0
    }
}

/// Shows an observer the commands that are about to go out.
pub(crate) fn note_commands(machine: &mut Machine, observer: &dyn Observer) {
    let encrypted = machine.is_encrypted();
    machine.note(|note| match note {
        Note::Command(line) => observer.record(&Entry::Command { line, encrypted }),
        Note::AuthCommand(mechanism) => {
            let line = format!("AUTH {mechanism} <hidden>");
            observer.record(&Entry::Command { line: &line, encrypted });
        }
        _ => observer.record(&Entry::Command { line: "<hidden>", encrypted }),
    });
}
