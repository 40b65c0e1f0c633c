//! `--quit-after STEP`: the dialogue up to a step, and nothing sent.
//!
//! Up to `auth` that is what any session begins with. `mail` and `rcpt` open a transaction and give it up; `data` leaves
//! without a word once the server waits for content, which RFC 5321 §4.1.1.4 makes no message of.

use std::io::Write as _;

use serde_json::{Value, json};
use smtpkit_client::{CheckStep, Client, Connection, Reply, SendError, Session};
use smtpkit_codec::envelope::Envelope;
use smtpkit_codec::reply::Severity;
use smtpkit_codec::{Command, Encode as _, Mail, Rcpt};
use smtpkit_tls::Policy;

use super::args::SendArgs;
use super::outcome;
use crate::exit::{Exit, Failure};
use crate::outbound::{Target, exit_of};

/// The last step of a rehearsal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Step {
    /// A connection is there
    Connect,
    /// The server has greeted
    #[value(alias = "greeting")]
    Banner,
    /// The server has answered EHLO
    #[value(aliases = ["helo", "hello", "lhlo"])]
    Ehlo,
    /// TLS is on
    #[value(alias = "starttls")]
    Tls,
    /// Logged in, where there is a user
    Auth,
    /// The sender was named
    #[value(alias = "from")]
    Mail,
    /// The recipients were named
    #[value(alias = "to")]
    Rcpt,
    /// The server waits for the content
    Data,
}

impl Step {
    /// Whether the step is about a message, so that one has to be there.
    pub(crate) fn needs_mail(self) -> bool {
        self >= Self::Mail
    }

    const fn check(self) -> CheckStep {
        match self {
            Self::Connect => CheckStep::Connect,
            Self::Banner => CheckStep::Greeting,
            Self::Ehlo => CheckStep::Hello,
            Self::Tls => CheckStep::Tls,
            Self::Auth | Self::Mail | Self::Rcpt | Self::Data => CheckStep::Session,
        }
    }
}

/// What was said about a message, one reply for each command.
#[derive(Default)]
struct Rehearsed {
    replies: Vec<(String, Reply)>,
}

/// Goes up to the step and says what the server said.
pub(crate) async fn run(
    args: &SendArgs,
    target: &Target,
    client: &Client,
    step: Step,
    envelope: Option<&Envelope>,
) -> Result<Exit, Failure> {
    if step == Step::Tls && target.url.tls() == Policy::Off {
        return Err(Failure::new(
            Exit::Usage,
            "--quit-after tls needs TLS, which the URL turns off; leave out ?tls=off, or name another step",
        ));
    }
    let mut rehearsed = Rehearsed::default();
    let outcome = match envelope.filter(|_| step.needs_mail()) {
        None => client.check_until(step.check()).await,
        Some(envelope) => rehearse(client, step, envelope, &mut rehearsed).await,
    };
    let exit = match &outcome {
        Ok(_) => rehearsed.exit(),
        Err(error) => exit_of(error),
    };
    if args.json {
        writeln!(std::io::stdout(), "{}", rehearsed.json(&outcome, exit))
            .map_err(|error| Failure::new(Exit::Io, error))?;
    }
    match &outcome {
        Err(error) => outcome::say(&format!("smtpkit: {error}")),
        Ok(session) if !args.json => rehearsed.say(session),
        Ok(_) => {}
    }
    Ok(exit)
}

async fn rehearse(
    client: &Client,
    step: Step,
    envelope: &Envelope,
    rehearsed: &mut Rehearsed,
) -> Result<Session, SendError> {
    let mut connection = client.exclusive().await?;
    let session = connection.session().clone();
    let mail = Command::Mail(Mail {
        reverse_path: envelope.reverse_path.as_ref(),
        parameters: envelope.parameters.as_ref(),
    });
    let mut goes_on = rehearsed.say_line(&mut connection, &line_of(&mail)).await?;
    if step >= Step::Rcpt && goes_on {
        goes_on = false;
        for recipient in &envelope.recipients {
            let rcpt = Command::Rcpt(Rcpt {
                forward_path: recipient.path.as_ref(),
                parameters: recipient.parameters.as_ref(),
            });
            goes_on |= rehearsed.say_line(&mut connection, &line_of(&rcpt)).await?;
        }
    }
    if step == Step::Data && goes_on && rehearsed.say_line(&mut connection, "DATA").await? {
        // whoever says QUIT now says it in the content
        drop(connection);
        return Ok(session);
    }
    connection.quit().await;
    Ok(session)
}

/// The line of a command, as `codec` writes it.
fn line_of(command: &Command<'_>) -> String {
    let octets = command.to_vec();
    String::from_utf8_lossy(&octets).trim_end().to_owned()
}

impl Rehearsed {
    /// Whether the server agreed.
    async fn say_line(&mut self, connection: &mut Connection, line: &str) -> Result<bool, SendError> {
        let reply = connection.line(line).await?;
        let agreed = !is_refusal(&reply);
        self.replies.push((line.to_owned(), reply));
        Ok(agreed)
    }

    /// As if the message had been sent: refused recipients are no failure of the others.
    fn exit(&self) -> Exit {
        let of = |verb: &str| {
            let replies: Vec<&Reply> = self
                .replies
                .iter()
                .filter(|(line, _)| line.starts_with(verb))
                .map(|(_, reply)| reply)
                .collect();
            let refused = replies.iter().filter(|reply| is_refusal(reply)).count();
            let is_for_now = replies.iter().any(|reply| reply.severity() == Severity::TransientNegative);
            (replies.len(), refused, is_for_now)
        };
        for (verb, exit) in [("MAIL", Exit::Unavailable), ("RCPT", Exit::NoUser), ("DATA", Exit::Unavailable)]
        {
            match of(verb) {
                (_, 0, _) => {}
                (all, refused, _) if refused < all => return Exit::Partial,
                (_, _, true) => return Exit::Temporary,
                _ => return exit,
            }
        }
        Exit::Ok
    }

    fn say(&self, session: &Session) {
        for (line, reply) in &self.replies {
            outcome::say(&format!("{line}: {reply}"));
        }
        let reply = session.hello().or_else(|| session.greeting());
        if let (true, Some(reply)) = (self.replies.is_empty(), reply) {
            outcome::say(&reply.to_string());
        }
        let tls = session.tls().map_or_else(|| "no TLS".to_owned(), ToString::to_string);
        outcome::say(&format!("reached {} ({tls}); nothing was sent", session.peer()));
    }

    fn json(&self, outcome: &Result<Session, SendError>, exit: Exit) -> Value {
        let session = match outcome {
            Ok(session) => Some(session),
            Err(error) => error.session(),
        };
        let replies: Vec<Value> = self
            .replies
            .iter()
            .map(|(line, reply)| json!({ "command": line, "reply": outcome::reply(reply) }))
            .collect();
        json!({
            "ok": exit == Exit::Ok,
            "exit": exit as u8,
            "peer": session.map(Session::peer),
            "greeting": session.and_then(Session::greeting).map(outcome::reply),
            "hello": session.and_then(Session::hello).map(outcome::reply),
            "tls": session.and_then(Session::tls).map(ToString::to_string),
            "mechanism": session.and_then(Session::mechanism).map(ToString::to_string),
            "replies": replies,
            "error": outcome.as_ref().err().map(ToString::to_string),
        })
    }
}

fn is_refusal(reply: &Reply) -> bool {
    matches!(reply.severity(), Severity::TransientNegative | Severity::PermanentNegative)
}
