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

use smtpkit_auth::{Credentials, Mechanism};
use smtpkit_client::{
    Builder, Client, Content, Delivery, ErrorKind, PasswordInClear, Pipelining, Retry, Transfer,
};
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
    let done = Target::read(&args).and_then(|target| {
        prepare(&args, &target).and_then(|(client, mail)| send(&args, &target, &client, mail))
    });
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => report(&failure),
    }
}

/// Everything that can fail without the server.
fn prepare(args: &SendArgs, target: &Target) -> Result<(Client, Mail), Failure> {
    let client = client(args, target, password::credentials(args, target.user.as_deref())?)?;
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

fn client(args: &SendArgs, target: &Target, credentials: Option<Credentials>) -> Result<Client, Failure> {
    let mut builder = Client::builder(target.url.clone()).tls(connector(args)?);
    if let Some(credentials) = credentials {
        builder = builder.credentials(credentials);
    }
    options(args, builder)?.build().map_err(|error| Failure::new(Exit::Config, error))
}

fn connector(args: &SendArgs) -> Result<tls::Connector, Failure> {
    let mut builder = tls::Connector::builder();
    if let Some(path) = &args.ca {
        let anchors = tls::Anchors::from_pem_file(path).map_err(|error| Failure::new(Exit::Config, error))?;
        builder = builder.roots(tls::Roots::PlatformAnd(anchors));
    }
    if let (Some(certificate), Some(key)) = (&args.certificate, &args.key) {
        let identity = tls::Identity::from_pem_files(certificate, key)
            .map_err(|error| Failure::new(Exit::Config, error))?;
        builder = builder.client_identity(identity);
    }
    builder = args.pin.iter().fold(builder, |builder, pin| builder.pin(*pin));
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

/// Whether the server takes no mail with these credentials. Whoever keeps tokens may hand out one that has expired or was
/// revoked, and only the server can tell (RFC 6750 §3.1); it is asked before the content is touched, which may not be
/// there twice.
async fn is_refused(client: &Client) -> bool {
    let checked = client.check().await;
    checked.is_err_and(|error| error.kind() == ErrorKind::Authentication && error.retry() == Retry::Never)
}

fn send(args: &SendArgs, target: &Target, first: &Client, mail: Mail) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Io, error))?;
    let Mail { envelope, content } = mail;
    let outcome = runtime.block_on(async {
        let renewed = match args.token_cmd {
            Some(_) if is_refused(first).await => {
                Some(client(args, target, password::renewed_token(args, target.user.as_deref())?)?)
            }
            _ => None,
        };
        let client = renewed.as_ref().unwrap_or(first);
        let outcome = client.send(&envelope, content).await;
        client.close(CLOSE_GRACE).await;
        Ok::<_, Failure>(outcome)
    })?;
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
