//! `smtpkit send`: a message from a file, standard input, flags or a table to one server.
//!
//! | file | what it decides |
//! |---|---|
//! | `args` | the flags |
//! | `addresses` | who it is from and for |
//! | `compose` | a message from flags |
//! | `raw` | a message from a file |
//! | `outcome` | what came of one: exit code, text and JSON |
//! | `rehearsal` | a dialogue that ends before anything is sent |
//! | `bulk`, `ledger`, `progress` | many messages: where they come from, what came of them, how far it is |
//! | `merge` | a message for each row of a table |
//!
//! How the server is reached is decided in [`outbound`].

mod addresses;
mod args;
mod bulk;
pub(crate) mod compose;
mod ledger;
mod merge;
pub(crate) mod outcome;
mod progress;
mod raw;
mod rehearsal;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use smtpkit_client::{Builder, Client, Content, Delivery, Pipelining, PoolLimits, SendError, Transfer};
use smtpkit_codec::envelope::Envelope;

pub(crate) use args::{EnvelopeArgs, SendArgs};
pub(crate) use raw::{RawMessage, Stored};

use crate::exit::{Exit, Failure};
use crate::outbound::{self, Login, Target, exit_of};
use crate::report;
use bulk::Source;
use ledger::Ledger;
use merge::Merge;

/// How long a server may take to answer QUIT.
pub(crate) const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// What is sent: the content, and what its envelope needs for it.
pub(crate) struct Mail {
    pub(crate) envelope: Envelope,
    pub(crate) content: Content,
}

/// Runs `smtpkit send`.
pub(crate) fn run(args: SendArgs) -> ExitCode {
    let done = Target::read(&args.server, &args.positional).and_then(|target| {
        let login = outbound::login(&args.server, target.user.as_deref())?;
        send(args, &target, login)
    });
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => report(&failure),
    }
}

fn send(args: SendArgs, target: &Target, login: Login) -> Result<Exit, Failure> {
    let file = content_file(&args, target)?;
    if let Some(step) = args.dialogue.quit_after {
        let mail = if step.needs_mail() { Some(one(&args, file)?) } else { None };
        return connected(&args, target, login, async |client: &Client| {
            rehearsal::run(&args, target, client, step, mail.as_ref().map(|mail| &mail.envelope)).await
        });
    }
    if let Some(merge) = Merge::open(&args)? {
        let total = match &args.merge.csv {
            Some(path) if args.progress_is_seen() => merge::count_rows(path, args.merge.delimiter),
            _ => None,
        };
        return many(args, target, login, Source::Merged(Box::new(merge)), total);
    }
    if let Some(count) = args.bulk.count {
        let left = count.get();
        let source = if args.content.composes() {
            Source::Composed { left }
        } else {
            Source::Raw { message: RawMessage::read(file)?, left }
        };
        return many(args, target, login, source, Some(left));
    }
    let mail = one(&args, file)?;
    let logs_in = !matches!(login, Login::Nobody);
    connected(&args, target, login, async |client: &Client| {
        let Mail { envelope, content } = mail;
        let outcome = client.send(&envelope, content).await;
        if args.json {
            writeln!(std::io::stdout(), "{}", outcome::json(&envelope, &outcome))
                .map_err(|error| Failure::new(Exit::Io, error))?;
        }
        Ok(match &outcome {
            Ok(report) => {
                if !args.json {
                    outcome::say_report(&envelope, report);
                }
                outcome::exit_of_report(report)
            }
            Err(error) => {
                outcome::say_error(&envelope, error);
                say_remedy(error, target, logs_in);
                exit_of(error)
            }
        })
    })
}

/// The file that the arguments name, if the content comes from one.
fn content_file<'t>(args: &SendArgs, target: &'t Target) -> Result<Option<&'t str>, Failure> {
    let (file, extra) = match target.rest.as_slice() {
        [] => return Ok(None),
        [file, extra @ ..] => (file, extra.first()),
    };
    if let Some(extra) = extra {
        let why = format!("`{extra}` is one argument too many; send takes one file");
        return Err(Failure::new(Exit::Usage, why));
    }
    if args.content.composes() {
        return Err(Failure::new(
            Exit::Usage,
            "a file and composing flags exclude each other; leave out the file, or --subject, --text, --html, --attach and --header",
        ));
    }
    if args.merge.csv.is_some() {
        return Err(Failure::new(
            Exit::Usage,
            format!("with --csv the message is a template; write --template {file}"),
        ));
    }
    Ok(Some(file))
}

fn one(args: &SendArgs, file: Option<&str>) -> Result<Mail, Failure> {
    if args.content.composes() {
        compose::mail(&args.envelope, &args.content)
    } else {
        RawMessage::read(file)?.mail(&args.envelope)
    }
}

fn many(
    args: SendArgs,
    target: &Target,
    login: Login,
    source: Source,
    total: Option<u64>,
) -> Result<Exit, Failure> {
    let mut ledger = Ledger::open(&args, total)?;
    let args = Arc::new(args);
    let logs_in = !matches!(login, Login::Nobody);
    connected(&args, target, login, async |client: &Client| {
        // a login that fails is tried once, not on every connection: servers lock out who insists
        if logs_in && let Err(error) = client.connect().await {
            say_remedy(&error, target, logs_in);
            ledger.fail(Failure::new(exit_of(&error), error));
            return ledger.close(0);
        }
        bulk::run(Arc::clone(&args), client, source, ledger).await
    })
}

/// Says to a person which flag to change, if that may help.
fn say_remedy(error: &SendError, target: &Target, logs_in: bool) {
    if let Some(remedy) = outbound::remedy(error, &target.url, logs_in) {
        outcome::say(&format!("  {remedy}"));
    }
}

/// Does the work with a client, and closes it.
fn connected(
    args: &SendArgs,
    target: &Target,
    login: Login,
    work: impl AsyncFnOnce(&Client) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Io, error))?;
    runtime.block_on(async {
        let client = outbound::reach(&args.server, target, login, |builder| options(args, builder)).await?;
        let done = work(&client).await;
        client.close(CLOSE_GRACE).await;
        done
    })
}

/// What sending wants of a client besides a connection.
fn options(args: &SendArgs, mut builder: Builder) -> Builder {
    if args.dialogue.all_or_nothing {
        builder = builder.delivery(Delivery::AllOrNothing);
    }
    if args.dialogue.bdat {
        builder = builder.transfer(Transfer::Chunks);
    }
    if args.dialogue.no_pipeline {
        builder = builder.pipelining(Pipelining::Never);
    }
    let defaults = PoolLimits::default();
    builder.pool(PoolLimits {
        connections_max: args.bulk.connections.map_or(defaults.connections_max, |max| max.get()),
        // each connection carries its share of the messages; whoever wants fewer on one says so with 421
        messages_max: u32::MAX,
        message_interval: args.bulk.rate,
        ..defaults
    })
}
