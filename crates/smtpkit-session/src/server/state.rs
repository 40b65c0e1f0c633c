//! What may be said when: the phases of a session and the table of orders (RFC 5321 §4.1.4).
//!
//! ```text
//!            greeting             EHLO                MAIL               RCPT
//!  Opening ───────────► Fresh ───────────► Ready ───────────► Mail ───────────► Recipients
//!                                          ▲ ▲ ▲                │                │      │
//!                                          │ │ └── RSET, EHLO ──┴────────────────┤      │ BDAT
//!                                          │ └──── DATA … end of content ────────┘      ▼
//!                                          └────── BDAT LAST … end of content ──────  Chunks
//!                                          └────── RSET, EHLO ────── Spoiled ◄── refused ┘
//! ```
//!
//! STARTTLS in `Ready` leads out of the machine (see `upgrade`) and AUTH in `Ready` into an exchange of lines that
//! are no commands. QUIT, a time-out or a limit ends the session in every phase.

use smtpkit_codec::Reply;

use super::refusals;

/// How far the session is. What it is doing at the moment is an [`Activity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The greeting has not been decided.
    Opening,
    /// Greeted; the client has not said who it is.
    Fresh,
    /// EHLO, HELO or LHLO was accepted; no mail transaction.
    Ready,
    /// MAIL was accepted, no recipient yet.
    Mail,
    /// At least one recipient was accepted.
    Recipients,
    /// Between two BDAT chunks.
    Chunks,
    /// A chunk was refused: only RSET, EHLO and QUIT lead on (RFC 3030 §2).
    Spoiled,
}

/// What the machine is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    /// It reads commands.
    Commands,
    /// It waits for the caller's answer.
    Owing(Debt),
    /// It reads a response line of an AUTH exchange.
    AuthLine,
    /// It reads the content after DATA.
    Data,
    /// It reads the octets of a BDAT chunk.
    Chunk,
    /// It reads and drops the octets of a BDAT chunk that was refused.
    Skipping,
    /// The 220 to STARTTLS is on its way; nothing more is read.
    Upgrading,
    /// The last reply is on its way; nothing more is read.
    Closing(super::Closed),
    /// Nothing happens any more.
    Closed(super::Closed),
}

/// Which answer the caller owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Debt {
    Greeting,
    Hello,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Message,
    Xclient,
    Xforward,
}

/// The commands that have their place. All others (EHLO HELO LHLO RSET NOOP VRFY EXPN HELP QUIT) may come at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Bdat,
    /// XCLIENT and XFORWARD: outside a transaction only.
    Xclient,
}

/// Whether a command may be given in a phase: `Err` is the reply to one that may not.
///
/// | | Fresh | Ready | Mail | Recipients | Chunks | Spoiled |
/// |---|---|---|---|---|---|---|
/// | STARTTLS, AUTH, XCLIENT | hello | ✓ | in mail | in mail | in mail | in mail |
/// | MAIL | hello | ✓ | nested | nested | nested | nested |
/// | RCPT | hello | no mail | ✓ | ✓ | in chunks | spoiled |
/// | DATA | hello | no mail | no rcpt | ✓ | in chunks | spoiled |
/// | BDAT | hello | no mail | no rcpt | ✓ | ✓ | spoiled |
pub(super) fn permit(phase: Phase, kind: Kind) -> Result<(), Reply> {
    use Phase::{Chunks, Fresh, Mail, Opening, Ready, Recipients, Spoiled};
    match (kind, phase) {
        (Kind::StartTls | Kind::Auth | Kind::Xclient | Kind::Mail, Ready)
        | (Kind::Rcpt, Mail | Recipients)
        | (Kind::Data, Recipients)
        | (Kind::Bdat, Recipients | Chunks) => Ok(()),
        (_, Opening | Fresh) => Err(refusals::HELLO_FIRST),
        (Kind::Mail, _) => Err(refusals::NESTED_MAIL),
        (Kind::StartTls | Kind::Auth | Kind::Xclient, _) => Err(refusals::IN_TRANSACTION),
        (_, Ready) => Err(refusals::NO_MAIL),
        (_, Mail) => Err(refusals::NO_RCPT),
        (_, Chunks) => Err(refusals::AMID_CHUNKS),
        (_, Spoiled) => Err(refusals::SPOILED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_table() {
        use Phase::{Chunks, Fresh, Mail, Ready, Recipients, Spoiled};
        let phases = [Fresh, Ready, Mail, Recipients, Chunks, Spoiled];
        let rows = [
            (Kind::StartTls, [503, 0, 503, 503, 503, 503]),
            (Kind::Auth, [503, 0, 503, 503, 503, 503]),
            (Kind::Xclient, [503, 0, 503, 503, 503, 503]),
            (Kind::Mail, [503, 0, 503, 503, 503, 503]),
            (Kind::Rcpt, [503, 503, 0, 0, 503, 503]),
            (Kind::Data, [503, 503, 503, 0, 503, 503]),
            (Kind::Bdat, [503, 503, 503, 0, 0, 503]),
        ];
        for (kind, expected) in rows {
            let got = phases.map(|phase| permit(phase, kind).map_or_else(|reply| reply.code().get(), |()| 0));
            assert_eq!(got, expected, "{kind:?}");
        }
    }
}
