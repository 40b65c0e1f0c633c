//! The dialogue as `-v` shows it, with the marks that swaks made familiar.
//!
//! `->` and `<-` are commands and replies, `~>` and `<~` the same under TLS, `<**` and `<~*` replies that refuse, `===`
//! is what happens and `***` what failed. Content is summarised. Secrets never reach this file: the client's own types leave them out.

use std::io::Write as _;

use smtpkit_client::Entry;
use smtpkit_codec::reply::Severity;

/// Writes one entry to standard error.
pub(crate) fn show(entry: &Entry<'_>) {
    let lines = match entry {
        Entry::Connecting { address } => vec![format!("=== connecting to {address}")],
        Entry::Connected { peer } => vec![format!("=== connected to {peer}")],
        Entry::Command { line, encrypted } => vec![format!("{} {line}", outward(*encrypted))],
        Entry::Reply { reply, encrypted } => {
            let mark = inward(*encrypted, reply.reply().severity());
            reply.lines().map(|line| format!("{mark} {line}")).collect()
        }
        Entry::Challenge { code, encrypted } => {
            vec![format!("{} {code} <hidden>", inward(*encrypted, code.severity()))]
        }
        Entry::Content { octets, encrypted } => {
            vec![format!("{} [{octets} octets of content]", outward(*encrypted))]
        }
        Entry::Tls(session) => vec![format!("=== TLS: {session}")],
        Entry::Failed(error) => vec![format!("*** {error}")],
        Entry::Closed => vec!["=== connection closed".to_owned()],
        _ => Vec::new(),
    };
    let mut output = std::io::stderr().lock();
    for line in lines {
        // nobody reading it is no reason to stop sending
        let _ = writeln!(output, "{line}");
    }
}

const fn outward(encrypted: bool) -> &'static str {
    if encrypted { " ~>" } else { " ->" }
}

const fn inward(encrypted: bool, severity: Severity) -> &'static str {
    let is_refusal = matches!(severity, Severity::TransientNegative | Severity::PermanentNegative);
    match (encrypted, is_refusal) {
        (true, true) => "<~*",
        (true, false) => "<~ ",
        (false, true) => "<**",
        (false, false) => "<- ",
    }
}
