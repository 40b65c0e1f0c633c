//! What came of a send: the exit code, the lines for a person, the object for a script.

use std::io::Write as _;

use serde_json::{Value, json};
use smtpkit_client::{Delivered, RecipientOutcome, Report, Retry, SendError, Session};
use smtpkit_codec::envelope::Envelope;
use smtpkit_codec::reply::Reply;

use crate::exit::Exit;
use crate::outbound::exit_of;

/// The exit code of a message that somebody took.
pub(crate) fn exit_of_report(report: &Report) -> Exit {
    if report.all_accepted() { Exit::Ok } else { Exit::Partial }
}

/// Says to a person what came of a message that somebody took.
pub(crate) fn say_report(envelope: &Envelope, report: &Report) {
    let tls = report.session().tls().map_or_else(|| "no TLS".to_owned(), ToString::to_string);
    let id = report.queue_id().map_or_else(String::new, |id| format!(", queued as {id}"));
    let total = envelope.recipients.len();
    say(&format!(
        "sent {} octets to {} ({tls}): {} of {total} recipients accepted{id}",
        report.content_octets(),
        report.session().peer(),
        report.accepted_count(),
    ));
    say_refusals(envelope, report.recipients());
}

/// Says to a person why nobody took a message.
pub(crate) fn say_error(envelope: &Envelope, error: &SendError) {
    let unknown = if error.delivered() == Delivered::Unknown {
        " (outcome unknown: the server may have taken the message)"
    } else {
        ""
    };
    say(&format!("smtpkit: {error}{unknown}"));
    say_refusals(envelope, error.recipients());
}

fn say_refusals(envelope: &Envelope, outcomes: &[RecipientOutcome]) {
    for (recipient, outcome) in envelope.recipients.iter().zip(outcomes) {
        if let RecipientOutcome::Refused(reply) = outcome {
            say(&format!("  {} refused: {reply}", recipient.path));
        }
    }
}

/// A line on standard error; nobody reading it is no reason for another exit code.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// The object of `--json`.
pub(crate) fn json(envelope: &Envelope, outcome: &Result<Report, SendError>) -> Value {
    let (exit, recipients, session) = match outcome {
        Ok(report) => (exit_of_report(report), report.recipients(), Some(report.session())),
        Err(error) => (exit_of(error), error.recipients(), error.session()),
    };
    let recipients: Vec<Value> = envelope
        .recipients
        .iter()
        .enumerate()
        .map(|(at, recipient)| {
            let outcome = recipients.get(at);
            json!({
                "recipient": recipient.path.to_string(),
                "accepted": outcome.is_some_and(RecipientOutcome::is_accepted),
                "reply": outcome.and_then(RecipientOutcome::reply).map(reply),
            })
        })
        .collect();
    let mut object = json!({
        "ok": exit == Exit::Ok,
        "exit": exit as u8,
        "recipients": recipients,
        "peer": session.map(Session::peer),
        "tls": session.and_then(Session::tls).map(ToString::to_string),
        "mechanism": session.and_then(Session::mechanism).map(ToString::to_string),
    });
    let details = match outcome {
        Ok(report) => json!({
            "queue_id": report.queue_id(),
            "reply": report.reply().map(reply),
            "octets": report.content_octets(),
            "delivered": "yes",
        }),
        Err(error) => json!({
            "error": error.to_string(),
            "stage": error.stage().to_string(),
            "reply": error.reply().map(reply),
            "retry": error.retry() == Retry::Later,
            "delivered": if error.delivered() == Delivered::Unknown { "unknown" } else { "no" },
        }),
    };
    if let (Some(object), Value::Object(details)) = (object.as_object_mut(), details) {
        object.extend(details);
    }
    object
}

/// A reply as an object.
pub(crate) fn reply(reply: &Reply) -> Value {
    json!({
        "code": reply.code().get(),
        "enhanced": reply.enhanced().map(|code| code.to_string()),
        "text": reply.text(),
    })
}
