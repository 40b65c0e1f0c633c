//! Whether a server for local deliveries takes a recipient: it is asked as long as the peer is still there to hear the
//! answer, not when the mail is delivered and a report is the only way to say no (RFC 5321 §3.6.2, RFC 2033 §4.2).
//!
//! Answers are kept for a while. A server that does not answer, or wants it later, keeps no mail out: it waits in the queue
//! as ever.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use smtpkit_client::{Connection, SendError};
use smtpkit_codec::{ForwardPath, Reply, Severity};
use smtpkit_queue::Timestamp;
use smtpkit_server::Refusal;
use tokio::sync::Semaphore;

use crate::NextHop;
use crate::relay::Shared;
use crate::routes::Leg;

/// Questions that are asked at a time, and how long the peer waits for an answer.
const QUESTIONS_MAX: usize = 8;
const PATIENCE: Duration = Duration::from_secs(5);
/// Answers that are kept; beyond that everybody is asked about.
const ANSWERS_MAX: usize = 10_000;
const TAKEN_FOR: Duration = Duration::from_secs(3_600);
/// A mailbox that is made now shall not be refused for long.
const REFUSED_FOR: Duration = Duration::from_secs(300);
/// Before a server that said nothing is asked again.
const SILENT_FOR: Duration = Duration::from_secs(30);

/// What servers for local deliveries have said of recipients.
#[derive(Debug)]
pub(crate) struct CallAhead {
    /// By the URL of the server and the recipient; the URL alone for a server that said nothing.
    answers: Mutex<BTreeMap<(String, String), Answer>>,
    asking: Semaphore,
}

#[derive(Clone, Debug)]
struct Answer {
    until: Timestamp,
    refusal: Option<Reply>,
}

impl Default for CallAhead {
    fn default() -> Self {
        Self { answers: Mutex::default(), asking: Semaphore::new(QUESTIONS_MAX) }
    }
}

impl CallAhead {
    fn recall(&self, key: &(String, String), now: Timestamp) -> Option<Answer> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(key).filter(|answer| now < answer.until).cloned()
    }

    fn remember(&self, key: (String, String), answer: Answer, now: Timestamp) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= ANSWERS_MAX {
            answers.retain(|_, answer| now < answer.until);
        }
        if answers.len() < ANSWERS_MAX {
            answers.insert(key, answer);
        }
    }

    /// Everything is asked anew: another table may lead elsewhere.
    pub(crate) fn forget(&self) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The legs of a recipient that are not refused by the server that they lead to; the refusal if none is left.
pub(super) async fn taken(shared: &Shared, legs: Vec<Leg>) -> Result<Vec<Leg>, Refusal> {
    let mut taken = Vec::with_capacity(legs.len());
    let mut refused = None;
    for leg in legs {
        let refusal = match &leg.hop {
            NextHop::Lmtp(url) => refusal(shared, url, &leg.path).await,
            _ => None,
        };
        match refusal {
            Some(reply) => {
                tracing::debug!(target: "smtpkit::relay", recipient = %leg.path, %reply, "its server takes no mail for it");
                refused.get_or_insert(reply);
            }
            None => taken.push(leg),
        }
    }
    match refused {
        Some(reply) if taken.is_empty() => Err(told(reply)),
        _ => Ok(taken),
    }
}

/// What the peer hears: an address that nobody has is the same here and there (RFC 3463 §3.2).
fn told(reply: Reply) -> Refusal {
    let enhanced = reply.enhanced().map(|enhanced| (enhanced.subject(), enhanced.detail()));
    match (reply.code().get(), enhanced) {
        (550, None | Some((1, 1))) => Refusal::no_such_user(),
        _ => Refusal::from(reply),
    }
}

/// How the server at `url` refuses the recipient, if it does.
async fn refusal(shared: &Shared, url: &str, path: &ForwardPath) -> Option<Reply> {
    let (memory, now) = (&shared.call_ahead, shared.now());
    let (key, silent) = ((url.to_owned(), path.to_string()), (url.to_owned(), String::new()));
    if let Some(answer) = memory.recall(&key, now) {
        return answer.refusal;
    }
    if memory.recall(&silent, now).is_some() {
        return None;
    }
    let question = async {
        let _turn = memory.asking.acquire().await.ok()?;
        let mut connection = shared.remote.exclusive(url.parse().ok()?).await.ok()?;
        let reply = asked(&mut connection, path).await.ok()?;
        connection.quit().await;
        reply
    };
    let reply = tokio::time::timeout(PATIENCE, question).await.ok().flatten();
    let now = shared.now();
    let kept = |lasts, refusal| Answer { until: now.after(lasts), refusal };
    match reply.as_ref().map(Reply::severity) {
        Some(Severity::PositiveCompletion) => memory.remember(key, kept(TAKEN_FOR, None), now),
        Some(Severity::PermanentNegative) => {
            memory.remember(key, kept(REFUSED_FOR, reply.clone()), now);
            return reply;
        }
        // to be asked for this recipient at the next occasion
        Some(_) => {}
        None => memory.remember(silent, kept(SILENT_FOR, None), now),
    }
    None
}

/// The reply to RCPT; none if not even MAIL is taken, which says nothing of the recipient.
async fn asked(connection: &mut Connection, path: &ForwardPath) -> Result<Option<Reply>, SendError> {
    let mail = if path.as_ref().is_ascii() { "MAIL FROM:<>" } else { "MAIL FROM:<> SMTPUTF8" };
    if connection.line(mail).await?.severity() != Severity::PositiveCompletion {
        return Ok(None);
    }
    connection.line(&format!("RCPT TO:{path}")).await.map(Some)
}
