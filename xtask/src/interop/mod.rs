//! Mail to and from other people's software, over loopback, compared octet by octet.
//!
//! | file | what it does |
//! |---|---|
//! | `server` | starts `smtpkit serve` and reads its Maildirs |
//! | `samples` | the messages |
//! | `clients` | other people's clients, a file each |
//! | `receive` | each of them delivers to `serve` |
//! | `mime` | Python's email package reads the same messages |
//! | `auth` | every mechanism that they speak, against `serve` |
//! | `sync` | strace sees a sync before each `250` |
//! | `storage` | a disk that is full |
//! | `servers` | other people's servers, a file each |
//! | `maildir` | what arrived |
//! | `send` | `smtpkit send` delivers to each of them |
//! | `faults` | … and to one that fails |
//! | `refusals` | … and to those that refuse |
//! | `relay` | `serve` between other people's relays, and the reports that come back |

mod auth;
mod clients;
mod faults;
mod maildir;
mod mime;
mod receive;
mod refusals;
mod relay;
mod samples;
mod send;
mod server;
mod servers;
mod storage;
mod sync;

use std::path::PathBuf;
use std::time::Instant;

use clap::ValueEnum as _;

use crate::shell::{self, Failed, cargo, target};

/// What there is to check, in the order in which it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Receive,
    Auth,
    Send,
    Faults,
    Refusals,
    Relay,
    Storage,
    Sync,
    Mime,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InteropArgs {
    /// Only these parts
    #[arg(value_enum)]
    parts: Vec<Part>,
}

impl InteropArgs {
    /// What the gate runs.
    pub(crate) const fn all() -> Self {
        Self { parts: Vec::new() }
    }
}

/// Runs the matrix, or parts of it.
pub(crate) fn run(args: &InteropArgs) -> Result<(), Failed> {
    crate::tools::install()?;
    let parts = if args.parts.is_empty() {
        // built the way the tests build it, so that neither builds it again
        shell::run(cargo().args(["test", "--workspace", "--no-run"]))?;
        Part::value_variants()
    } else {
        shell::run(cargo().args(["build", "-p", "smtpkit"]))?;
        args.parts.as_slice()
    };
    for part in parts {
        let start = Instant::now();
        let done = match part {
            Part::Receive => format!("{} deliveries to serve, octet by octet", receive::run()?),
            Part::Auth => format!("{} logins to serve", auth::run()?),
            Part::Send => format!("{} deliveries by send, octet by octet", send::run()?),
            Part::Faults => format!("{} faults", faults::run()?),
            Part::Refusals => format!("{} refusals", refusals::run()?),
            Part::Relay => format!("{} messages through relays, octet by octet", relay::run()?),
            Part::Storage => storage::run().map(|()| "a full disk".to_owned())?,
            Part::Sync => format!("{} times 250, each behind a sync of its message", sync::run()?),
            Part::Mime => format!("{} messages read", mime::run()?),
        };
        println!("interoperability: {done} ({:.0} s)", start.elapsed().as_secs_f64());
    }
    Ok(())
}

/// The program under test, as `cargo build` left it.
fn program() -> PathBuf {
    target().join("debug").join("smtpkit")
}
