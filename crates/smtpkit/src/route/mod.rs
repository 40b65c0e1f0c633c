//! `smtpkit route`: forwarding addresses, one command each: listed, added, switched off and on, removed.
//!
//! The rows of the configuration file are all that there is: they are changed there, with comments and order kept, and the
//! running server is told to read them. What would not work is not written.

mod rows;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;
use smtpkit_relay::control::{Answer, Request, ask};

use crate::exit::{Exit, Failure};
use crate::serve::{ServeArgs, data_folder};
use rows::{Row, Rows};

/// What to do with the rows.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = AFTER_HELP)]
pub(crate) enum RouteCommand {
    /// Show the rows in their order: the first one that matches an address wins
    List(Place),
    /// Pass mail for an address on to others
    ///
    /// The row goes before the first one that matches the address already, such as `*@example.com`, else to the end.
    Add(AddArgs),
    /// Let a row count again
    Enable(NamedArgs),
    /// Let a row stand, and not count
    Disable(NamedArgs),
    /// Take a row out
    Remove(NamedArgs),
}

/// Whose rows, and how to answer.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The configuration file of the server
    #[arg(long, value_name = "FILE", env = "SMTPKIT_CONFIG")]
    config: PathBuf,

    /// The data folder of the server, if not the one that the file names
    #[arg(long, value_name = "DIR", env = "SMTPKIT_DATA")]
    data: Option<PathBuf>,

    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// A new row.
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// What it is for: an address, *@domain, user+*@domain or /expression/
    #[arg(value_name = "MATCH")]
    pattern: String,

    /// Where the mail goes: one or more addresses
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<String>,

    #[command(flatten)]
    place: Place,
}

/// A row that is there.
#[derive(Debug, clap::Args)]
pub(crate) struct NamedArgs {
    /// What it is for, as `smtpkit route list` shows it
    #[arg(value_name = "MATCH")]
    pattern: String,

    #[command(flatten)]
    place: Place,
}

const AFTER_HELP: &str = "\
Examples:
  smtpkit route add hi@example.com me@elsewhere.example --config smtpkit.toml
  smtpkit route list --config smtpkit.toml
  smtpkit route disable hi@example.com --config smtpkit.toml
  SMTPKIT_CONFIG=smtpkit.toml smtpkit route remove hi@example.com

Rows that lead elsewhere than to addresses (maildir, lmtp, smarthost, reject, discard) are written
into the file by hand; all others of these commands are for them, too.

Exit codes:
  0 done, 64 usage, 66 no such row or file, 74 I/O, 78 the file cannot be used as it is or would be";

/// Runs `smtpkit route`.
pub(crate) fn run(command: RouteCommand) -> Result<(), Failure> {
    match command {
        RouteCommand::List(place) => list(&place),
        RouteCommand::Add(args) => change(&args.place, |rows| rows.add(&args.pattern, &args.targets)),
        RouteCommand::Enable(args) => change(&args.place, |rows| rows.enable(&args.pattern)),
        RouteCommand::Disable(args) => change(&args.place, |rows| rows.disable(&args.pattern)),
        RouteCommand::Remove(args) => change(&args.place, |rows| rows.remove(&args.pattern)),
    }
}

/// Changes the rows, in the file and for the running server, and says so.
fn change(place: &Place, change: impl FnOnce(&mut Rows) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut rows = Rows::read(&place.config)?;
    change(&mut rows)?;
    let data = replace(place, &rows.to_string())?;
    let is_live = tell(&data)?;
    if place.json {
        return written(writeln!(io::stdout(), "{}", json!({ "live": is_live })));
    }
    let said = if is_live { "live" } else { "written; no server runs now, the next start takes it" };
    written(writeln!(io::stdout(), "{said}"))
}

fn list(place: &Place) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    let rows = Rows::read(&place.config)?;
    for row in rows.iter() {
        let Row { pattern, leads_to, is_enabled } = row;
        let said = if place.json {
            writeln!(output, "{}", json!({ "match": pattern, "leads_to": leads_to, "enabled": is_enabled }))
        } else {
            let state = if is_enabled { "" } else { "  (disabled)" };
            writeln!(output, "{pattern} -> {}{state}", leads_to.join(", "))
        };
        written(said)?;
    }
    if rows.is_empty() && !place.json {
        written(writeln!(output, "{} has no rows", place.config.display()))?;
    }
    Ok(())
}

/// Who stops reading has seen enough.
fn written(said: io::Result<()>) -> Result<(), Failure> {
    match said {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Io, format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Puts `text` in place of the file, all at once, if a server could use it; gives the data folder that it names.
fn replace(place: &Place, text: &str) -> Result<PathBuf, Failure> {
    let io = |error: io::Error| Failure::new(Exit::Io, format!("{}: {error}", place.config.display()));
    let beside = |file: &Path| -> io::Result<tempfile::NamedTempFile> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut beside = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        beside.write_all(text.as_bytes())?;
        beside.as_file().sync_all()?;
        Ok(beside)
    };
    // paths in it count from where it is
    let candidate = beside(&place.config).map_err(io)?;
    let args = ServeArgs {
        config: Some(candidate.path().to_owned()),
        data: place.data.clone(),
        ..ServeArgs::default()
    };
    let data = data_folder(&args).map_err(|error| {
        let named = error.to_string();
        let named =
            named.replace(&candidate.path().display().to_string(), &place.config.display().to_string());
        Failure::new(Exit::Config, format!("nothing is changed: {named}"))
    })?;
    // a link stays one
    let file = fs::canonicalize(&place.config).map_err(io)?;
    let anew = beside(&file).map_err(io)?;
    anew.as_file().set_permissions(fs::metadata(&file).map_err(io)?.permissions()).map_err(io)?;
    anew.persist(&file).map_err(|error| io(error.error))?;
    Ok(data)
}

/// Has the server of a data folder read its configuration anew; `false` if none runs.
fn tell(data: &Path) -> Result<bool, Failure> {
    let mut refused = None;
    let is_running = ask(data, &Request::Reload, |answer| {
        if let Answer::Error(why) = answer {
            refused = Some(why);
        }
        true
    });
    let is_running =
        is_running.map_err(|error| Failure::new(Exit::Io, format!("{}: {error}", data.display())))?;
    match refused {
        Some(why) => Err(Failure::new(
            Exit::Config,
            format!("the file is written, and the running server does not take it: {why}"),
        )),
        None => Ok(is_running),
    }
}
