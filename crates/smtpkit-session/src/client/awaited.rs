//! What the client waits for, and what each class of reply means there: the state table of the sending side.
//!
//! ```text
//!                    ┌──────────── STARTTLS 220: into_upgrade, all forgotten ───────────┐
//!                    ▼                                                                  │
//! Greeting ─220─► Hello ─250─► ready ──┬─► StartTls ────────────────────────────────────┘
//!     │             │ 5yz: HELO        ├─► Auth ◄─334─► (the caller answers) ─235 or refusal─► ready
//!     │             │                  ├─► Other (NOOP RSET VRFY …) ─any─► ready
//!     ▼             ▼                  ├─► Quit ─any─► over
//!   over          over                 └─► Mail ─► Rcpt … ─► Data ─354─► content ─► EndOfContent ─► ready
//!                                            │       │         │ refused                 ▲
//!                                            └───────┴─────────┴── all statuses read ────┘
//! ```
//!
//! | awaited      | 2yz           | 3yz            | 4yz, 5yz                                   |
//! |--------------|---------------|----------------|--------------------------------------------|
//! | Greeting     | EHLO          | wrong          | over                                       |
//! | Hello        | ready         | wrong          | EHLO 5yz: HELO; else over                  |
//! | StartTls     | upgrade       | wrong          | ready                                      |
//! | Auth         | ready         | challenge      | ready                                      |
//! | Mail         | go on         | wrong          | the transaction ends, its replies are read |
//! | Rcpt         | counted       | wrong          | counted                                    |
//! | Data         | wrong         | content, or the lone dot when nobody was accepted | the transaction ends |
//! | EndOfContent | accepted      | wrong          | refused                                    |
//! | Quit, Other  | ready or over | wrong          | ready or over                              |
//!
//! *Wrong* poisons the connection: whoever answers with another class than the command can have is out of step.
//! Only the first digit decides (RFC 5321 §4.3.2). 421 ends the connection wherever it comes (§3.8, §4.2.3).

use smtpkit_codec::{ReplyCode, Severity};

/// What the next reply of the peer answers (RFC 5321 §4.3.2).
///
/// ```
/// use smtpkit_session::client::Awaited;
///
/// assert_eq!(Awaited::EndOfContent.to_string(), "end of content");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Awaited {
    /// The 220 that opens a session (RFC 5321 §3.1).
    Greeting,
    /// EHLO, HELO or LHLO (RFC 5321 §4.1.1.1, RFC 2033 §4.1).
    Hello,
    /// STARTTLS (RFC 3207 §4).
    StartTls,
    /// AUTH or an answer inside its exchange (RFC 4954 §4).
    Auth,
    /// MAIL (RFC 5321 §4.1.1.2).
    Mail,
    /// RCPT (RFC 5321 §4.1.1.3).
    Rcpt,
    /// DATA (RFC 5321 §4.1.1.4).
    Data,
    /// A chunk of content that is not the last (RFC 3030 §2).
    Chunk,
    /// The final dot (RFC 5321 §4.1.1.4) or the last chunk (RFC 3030 §2).
    EndOfContent,
    /// QUIT (RFC 5321 §4.1.1.10).
    Quit,
    /// Any other command: NOOP, RSET, VRFY, EXPN, HELP.
    Other,
}

impl core::fmt::Display for Awaited {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Greeting => "greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Chunk => "BDAT",
            Self::EndOfContent => "end of content",
            Self::Quit => "QUIT",
            Self::Other => "command",
        })
    }
}

/// What the class of a reply means for the command that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// 2yz where a command can be completed.
    Yes,
    /// 3yz where the exchange goes on: a challenge, or the peer wants content.
    GoOn,
    /// 4yz or 5yz.
    No,
    /// A class that this command cannot be answered with.
    Wrong,
}

impl Awaited {
    /// The row of the table above.
    pub(super) fn verdict(self, code: ReplyCode) -> Verdict {
        match (code.severity(), self) {
            (Severity::TransientNegative | Severity::PermanentNegative, _) => Verdict::No,
            (Severity::PositiveIntermediate, Self::Auth | Self::Data) => Verdict::GoOn,
            (Severity::PositiveCompletion, Self::Data) | (Severity::PositiveIntermediate, _) => {
                Verdict::Wrong
            }
            (Severity::PositiveCompletion, _) => Verdict::Yes,
        }
    }

    /// Whether a command has to be the last one of its group, because its outcome decides what may be said next
    /// (RFC 2920 §3.1). Content may open a group: MAIL RCPT DATA of the next message can follow the final dot at once.
    pub(super) const fn ends_group(self) -> bool {
        !matches!(self, Self::Mail | Self::Rcpt | Self::Chunk | Self::EndOfContent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_digit_decides() {
        for (awaited, code, verdict) in [
            (Awaited::Greeting, 220, Verdict::Yes),
            (Awaited::Greeting, 354, Verdict::Wrong),
            (Awaited::Greeting, 554, Verdict::No),
            (Awaited::Hello, 250, Verdict::Yes),
            (Awaited::StartTls, 454, Verdict::No),
            (Awaited::Auth, 334, Verdict::GoOn),
            (Awaited::Auth, 235, Verdict::Yes),
            (Awaited::Mail, 250, Verdict::Yes),
            (Awaited::Mail, 354, Verdict::Wrong),
            (Awaited::Rcpt, 251, Verdict::Yes),
            (Awaited::Rcpt, 550, Verdict::No),
            (Awaited::Data, 354, Verdict::GoOn),
            (Awaited::Data, 250, Verdict::Wrong),
            (Awaited::EndOfContent, 250, Verdict::Yes),
            (Awaited::EndOfContent, 354, Verdict::Wrong),
            (Awaited::Quit, 221, Verdict::Yes),
        ] {
            let code = ReplyCode::new(code).expect("a code of the table");
            assert_eq!(awaited.verdict(code), verdict, "{code:?} to {awaited}");
        }
    }
}
