//! What came of a message: one outcome for each recipient, and what the session was like.

use crate::Session;
use smtpkit_codec::Reply;
use std::time::Duration;

/// What the server said about one recipient.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RecipientOutcome {
    /// The server took the message for this recipient. The reply is there if it says more than the one to the whole
    /// message: LMTP's own reply (RFC 2033 §4.2), or a 251 (RFC 5321 §3.4).
    Accepted(Option<Reply>),
    /// The server refused this recipient, or the message for it.
    Refused(Reply),
    /// Nothing final is known: the message was given up before, or the connection was lost.
    Untried,
}

impl RecipientOutcome {
    /// Whether the message was taken.
    pub const fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted(_))
    }

    /// What the server said about this recipient alone.
    pub const fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Accepted(reply) => reply.as_ref(),
            Self::Refused(reply) => Some(reply),
            Self::Untried => None,
        }
    }
}

/// How long the parts of a session or of one message took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timings {
    /// Looking up the host and connecting.
    pub connect: Duration,
    /// From there to the greeting.
    pub greeting: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// EHLO, all of them.
    pub hello: Duration,
    /// AUTH.
    pub auth: Duration,
    /// From MAIL to the last reply; zero for a session.
    pub transaction: Duration,
}

/// A message that at least one recipient's server took (all of them with
/// [`Delivery::AllOrNothing`](crate::Delivery::AllOrNothing)).
#[derive(Clone, Debug)]
pub struct Report {
    pub(crate) recipients: Vec<RecipientOutcome>,
    pub(crate) reply: Option<Reply>,
    pub(crate) session: Session,
    pub(crate) transaction: Duration,
    pub(crate) content_octets: u64,
}

impl Report {
    /// One outcome for each recipient of the envelope, in its order.
    pub fn recipients(&self) -> &[RecipientOutcome] {
        &self.recipients
    }

    /// Whether nobody was refused.
    pub fn all_accepted(&self) -> bool {
        self.recipients.iter().all(RecipientOutcome::is_accepted)
    }

    /// How many recipients the message was taken for.
    pub fn accepted_count(&self) -> usize {
        self.recipients.iter().filter(|outcome| outcome.is_accepted()).count()
    }

    /// The reply to the content; LMTP has one for each recipient instead.
    pub const fn reply(&self) -> Option<&Reply> {
        self.reply.as_ref()
    }

    /// The name under which the server keeps the message, if its reply has one in a known form.
    pub fn queue_id(&self) -> Option<String> {
        queue_id(&self.reply.as_ref()?.text())
    }

    /// The connection that it went over.
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// How long the session's opening and this message took.
    pub fn timings(&self) -> Timings {
        Timings { transaction: self.transaction, ..self.session.timings() }
    }

    /// Octets of content on the wire, dot-stuffing and end mark included.
    pub const fn content_octets(&self) -> u64 {
        self.content_octets
    }
}

/// Finds `queued as ID`, `id=ID` or `<ID>` in the text of a reply. No RFC gives a form; these are those of Postfix,
/// Exim, qmail, Sendmail and the large providers.
fn queue_id(text: &str) -> Option<String> {
    const MARKS: [&str; 4] = ["queued as ", "id=", "with id ", "queue id "];
    let lower = text.to_ascii_lowercase();
    let after_mark = MARKS.iter().find_map(|mark| Some(lower.find(mark)? + mark.len()));
    let rest = match after_mark {
        Some(at) => text.get(at..)?,
        None => {
            text.split_once(" Message accepted").map(|(id, _)| id.rsplit(' ').next().unwrap_or_default())?
        }
    };
    let id: String = rest.trim_start_matches('<').chars().take_while(|&c| is_of_id(c)).collect();
    let id = id.trim_end_matches('.');
    (!id.is_empty()).then(|| id.to_owned())
}

const fn is_of_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '+' | '/' | '=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queue_ids_are_found() {
        for (text, id) in [
            ("Ok: queued as 4D5F01234", Some("4D5F01234")),
            ("OK id=1rABcd-000xyz-2F", Some("1rABcd-000xyz-2F")),
            ("ok queued as <17000000.abc@mx.test>.", Some("17000000.abc@mx.test")),
            ("3 0abc123 Message accepted for delivery", Some("0abc123")),
            ("fine", None),
            ("queued as ", None),
        ] {
            assert_eq!(queue_id(text).as_deref(), id, "{text}");
        }
    }
}
