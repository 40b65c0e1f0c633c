//! `smtpkit`: send, receive and look at mail.
//!
//! This file reads the command line and hands over; what each subcommand does stands in the module of its name.
#![expect(clippy::print_stderr, reason = "a program talks to its user on standard error")]

mod account;
mod check;
mod completions;
mod exit;
mod inspect;
mod log;
mod outbound;
mod queue;
mod route;
mod send;
mod sendmail;
mod serve;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use exit::{Exit, Failure};

/// Send, receive and look at mail: SMTP, whole.
#[derive(Debug, clap::Parser)]
#[command(name = "smtpkit", version, propagate_version = true, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Receive mail, deliver it to local mailboxes, relay the rest
    Serve(Box<serve::ServeArgs>),
    /// Send a message, from a file, standard input or flags; or one for each row of a table
    Send(Box<send::SendArgs>),
    /// See what a server offers, and whether it relays for strangers
    Check(Box<check::CheckArgs>),
    /// Stand in for /usr/sbin/sendmail, also when called by that name or with --sendmail
    #[command(disable_help_flag = true)]
    Sendmail {
        /// The flags and recipients of sendmail
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Look at the mail that waits, and decide about it
    #[command(subcommand)]
    Queue(queue::QueueCommand),
    /// Show and change where mail goes: forwarding addresses, live at once
    #[command(subcommand)]
    Route(route::RouteCommand),
    /// Show what a message is made of
    Inspect(inspect::InspectArgs),
    /// Make hashes for accounts
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Write shell completions or the manual to standard output
    Generate(completions::GenerateArgs),
}

const AFTER_HELP: &str = "\
Try it:
  smtpkit serve                  start a server here; it shows a line that sends a first message
  smtpkit send --help            every way to send a message
  smtpkit inspect message.eml    look at one
  smtpkit check mx.example.test  what does this server offer, and does it relay for strangers?

Exit codes follow sysexits:
  0 done, 64 usage, 65 bad message, 66 unreadable file, 67 recipients refused, 68 host unknown,
  69 refused for good, 74 I/O, 75 try again, 76 protocol, 77 AUTH or TLS verification,
  78 configuration, 79 some recipients refused";

fn main() -> ExitCode {
    if let Some(arguments) = sendmail::arguments(std::env::args_os()) {
        return sendmail::run(arguments);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let done = match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Send(args) => return send::run(*args),
        Command::Check(args) => return check::run(&args),
        Command::Sendmail { arguments } => return sendmail::run(arguments),
        Command::Queue(command) => queue::run(command),
        Command::Route(command) => route::run(command),
        Command::Inspect(args) => return inspect::run(&args),
        Command::Account(command) => account::run(&command),
        Command::Generate(args) => completions::run(&args, <Cli as clap::CommandFactory>::command()),
    };
    match done {
        Ok(()) => Exit::Ok.into(),
        Err(failure) => report(&failure),
    }
}

/// Help and version are no mistakes; all else of clap is 64.
fn usage(error: &clap::Error) -> ExitCode {
    // a closed terminal is no reason for another exit code
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Ok.into() }
}

/// Says why, in one line, and gives the code.
pub(crate) fn report(failure: &Failure) -> ExitCode {
    eprintln!("smtpkit: {failure}");
    failure.exit().into()
}
