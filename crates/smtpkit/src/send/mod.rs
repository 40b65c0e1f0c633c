//! `smtpkit send`: one message from a file, standard input or flags to one server.
//!
//! | file | what it decides |
//! |---|---|
//! | `args` | the flags |
//! | `target` | URL, user and TLS policy |
//! | `password` | where secrets come from |
//! | `addresses` | who it is from and for |
//! | `compose` | a message from flags |
//! | `raw` | a message from a file |
//! | `transcript` | what `-v` shows |
//! | `outcome` | exit code, text and JSON |

mod addresses;
mod args;
mod compose;
mod outcome;
mod password;
mod raw;
mod target;
mod transcript;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use smtpkit_auth::Mechanism;
use smtpkit_client::{Builder, Client, Content, Delivery, PasswordInClear, Pipelining, Transfer};
use smtpkit_codec::envelope::Envelope;
use smtpkit_tls as tls;

pub(crate) use args::SendArgs;

use crate::exit::{Exit, Failure};
use crate::report;
use target::Target;

/// How long a server may take to answer QUIT.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// What is sent: the content, and what its envelope needs for it.
pub(crate) struct Mail {
    envelope: Envelope,
    content: Content,
}

/// Runs `smtpkit send`.
pub(crate) fn run(args: SendArgs) -> ExitCode {
    match prepare(&args).and_then(|(client, mail)| send(&args, &client, mail)) {
        Ok(exit) => exit.into(),
        Err(failure) => report(&failure),
    }
}

/// Everything that can fail without the server.
fn prepare(args: &SendArgs) -> Result<(Client, Mail), Failure> {
    let target = Target::read(args)?;
    let credentials = password::credentials(args, target.user.as_deref())?;
    let mut builder = Client::builder(target.url.clone()).tls(connector(args)?);
    if let Some(credentials) = credentials {
        builder = builder.credentials(credentials);
    }
    let client = options(args, builder)?.build().map_err(|error| Failure::new(Exit::Config, error))?;
    let mail = if args.composes() {
        if target.file.is_some() {
            return Err(Failure::new(
                Exit::Usage,
                "a file and composing flags exclude each other; leave out the file, or --subject, --text, --html, --attach and --header",
            ));
        }
        compose::mail(args)?
    } else {
        raw::mail(args, target.file.as_deref())?
    };
    Ok((client, mail))
}

fn connector(args: &SendArgs) -> Result<tls::Connector, Failure> {
    let mut builder = tls::Connector::builder();
    if let Some(path) = &args.ca {
        let anchors = tls::Anchors::from_pem_file(path).map_err(|error| Failure::new(Exit::Config, error))?;
        builder = builder.roots(tls::Roots::PlatformAnd(anchors));
    }
    if args.insecure {
        builder = builder.dangerously_accept_any_certificate();
    }
    builder.build().map_err(|error| Failure::new(Exit::Config, error))
}

fn options(args: &SendArgs, mut builder: Builder) -> Result<Builder, Failure> {
    if !args.auth.is_empty() {
        let mechanisms: Vec<Mechanism> = args
            .auth
            .iter()
            .map(|name| {
                Mechanism::parse(name)
                    .map_err(|error| Failure::new(Exit::Usage, format!("--auth {name}: {error}")))
            })
            .collect::<Result<_, _>>()?;
        builder = builder.mechanisms(mechanisms);
    }
    if args.allow_cleartext_password {
        builder = builder.password_in_clear(PasswordInClear::Allowed);
    }
    if let Some(name) = &args.helo {
        builder = builder.hello_name(name);
    }
    if args.all_or_nothing {
        builder = builder.delivery(Delivery::AllOrNothing);
    }
    if args.bdat {
        builder = builder.transfer(Transfer::Chunks);
    }
    if args.no_pipeline {
        builder = builder.pipelining(Pipelining::Never);
    }
    if let Some(limit) = args.timeout {
        builder = builder.send_timeout(limit);
    }
    if args.verbose {
        builder = builder.observer(transcript::show);
    }
    Ok(builder)
}

fn send(args: &SendArgs, client: &Client, mail: Mail) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Io, error))?;
    let Mail { envelope, content } = mail;
    let outcome = runtime.block_on(async {
        let outcome = client.send(&envelope, content).await;
        client.close(CLOSE_GRACE).await;
        outcome
    });
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
            outcome::exit_of(error)
        }
    })
}
