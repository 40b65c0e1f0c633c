//! `smtpkit queue`: look at the mail that waits, and decide about it.
//!
//! A running server is asked over the socket in its data folder; the queue of a stopped one is opened for the request. Both
//! answer alike, so a script need not know which it is.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use smtpkit_queue::{OpenError, RedbSpool, Timestamp};
use smtpkit_relay::control::{Answer, EntryView, Request, Selection, Target, ask, perform};

use crate::exit::{Exit, Failure};
use crate::serve::duration;

const DATA: &str = "./smtpkit-data";

/// Where the queue of a data folder lies.
pub(crate) fn folder(data: &Path) -> PathBuf {
    data.join("queue")
}

/// What to do with the queue.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = AFTER_HELP)]
pub(crate) enum QueueCommand {
    /// Show what waits: one line a recipient
    List(ListArgs),
    /// Show one message: recipients, attempts, header; its whole content with --content
    Show(ShowArgs),
    /// Keep messages from being delivered
    Hold(ManageArgs),
    /// End a hold
    Release(ManageArgs),
    /// Deliver at once, whatever the schedule says; everything when nothing else is said
    Retry(ManageArgs),
    /// Forget messages; nobody is told
    Remove(ManageArgs),
    /// Deliver everything at once
    Flush(Place),
}

/// Whose queue, and how to answer.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The data folder of the server
    #[arg(long, value_name = "DIR", default_value = DATA, env = "SMTPKIT_DATA")]
    data: PathBuf,

    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Which messages.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// A queue id, or one recipient of it as ID/0
    #[arg(value_name = "ID")]
    id: Option<String>,

    /// Recipients at this domain
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,

    /// Messages with this reverse-path; \"\" for the null one
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<String>,

    /// Recipients in this state: queued, leased, held, done, failed
    #[arg(long, value_name = "STATE")]
    state: Option<String>,

    /// Messages that have waited longer: 90s, 5m, 4h, 5d
    #[arg(long, value_name = "TIME")]
    older_than: Option<String>,
}

/// A list.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    which: Which,

    /// At most so many recipients
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    #[command(flatten)]
    place: Place,
}

/// A decision.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ManageArgs {
    #[command(flatten)]
    which: Which,

    /// Every message: hold, release and remove ask for it when nothing else is said
    #[arg(long, conflicts_with_all = ["id", "domain", "sender", "state", "older_than"])]
    all: bool,

    #[command(flatten)]
    place: Place,
}

/// One message, or its content.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ShowArgs {
    /// A queue id
    #[arg(value_name = "ID")]
    id: String,

    /// Write the content to standard output as it was taken, octet by octet, and nothing else
    #[arg(long, conflicts_with = "json")]
    content: bool,

    #[command(flatten)]
    place: Place,
}

const AFTER_HELP: &str = "\
Examples:
  smtpkit queue list --domain dead.example
  smtpkit queue show 01K2Z7QW8R3TA
  smtpkit queue show 01K2Z7QW8R3TA --content > message.eml
  smtpkit queue retry --domain back.example
  smtpkit queue remove --sender spammer@example.test --older-than 1d

Exit codes:
  0 done, 64 usage, 66 no such message or queue, 74 I/O, 75 the queue is busy";

/// Runs `smtpkit queue`.
pub(crate) fn run(command: QueueCommand) -> Result<(), Failure> {
    let (request, place) = request(command)?;
    let mut shown = Shown { json: place.json, output: BufWriter::new(io::stdout().lock()), end: None };
    let is_running = ask(&place.data, &request, |answer| shown.take(answer));
    let is_running =
        is_running.map_err(|error| Failure::new(Exit::Io, format!("{}: {error}", place.data.display())))?;
    if !is_running {
        stopped(&place.data, &request, &mut shown)?;
    }
    shown.finish(&request)
}

fn request(command: QueueCommand) -> Result<(Request, Place), Failure> {
    let (make, args): (fn(Selection) -> Request, ManageArgs) = match command {
        QueueCommand::List(args) => {
            let selection = Selection { limit: args.limit, ..selection(args.which)? };
            return Ok((Request::List(selection), args.place));
        }
        QueueCommand::Show(args) => {
            let selection = checked(Selection { id: Some(args.id), ..Selection::default() })?;
            let request = if args.content { Request::Content(selection) } else { Request::Show(selection) };
            return Ok((request, args.place));
        }
        QueueCommand::Flush(place) => return Ok((Request::Flush, place)),
        QueueCommand::Hold(args) => (Request::Hold, args),
        QueueCommand::Release(args) => (Request::Release, args),
        // to try everything again does no harm
        QueueCommand::Retry(args) => (Request::Retry, ManageArgs { all: true, ..args }),
        QueueCommand::Remove(args) => (Request::Remove, args),
    };
    let selection = selection(args.which)?;
    if selection == Selection::default() && !args.all {
        return Err(Failure::new(
            Exit::Usage,
            "say which: an ID, --domain, --sender, --state, --older-than, or --all",
        ));
    }
    Ok((make(selection), args.place))
}

fn selection(which: Which) -> Result<Selection, Failure> {
    let older_than_seconds = match &which.older_than {
        Some(text) => Some(duration(text).map(|age| age.as_secs()).ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                format!("`{text}` is not a length of time; write it as 90s, 5m, 4h or 5d"),
            )
        })?),
        None => None,
    };
    let Which { id, domain, sender, state, .. } = which;
    checked(Selection { id, domain, sender, state, older_than_seconds, limit: None })
}

fn checked(selection: Selection) -> Result<Selection, Failure> {
    match selection.filter(now()) {
        Ok(_) => Ok(selection),
        Err(bad) => Err(Failure::new(Exit::Usage, bad)),
    }
}

fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

/// The queue of a server that does not run.
fn stopped(data: &Path, request: &Request, shown: &mut Shown<'_>) -> Result<(), Failure> {
    let folder = folder(data);
    if !folder.is_dir() {
        let what = format!("{} holds no queue; name the data folder of a server with --data", data.display());
        return Err(Failure::new(Exit::NoInput, what));
    }
    let spool = RedbSpool::open(&folder, smtpkit_queue::Options::default()).map_err(|error| match error {
        OpenError::InUse { .. } => {
            Failure::new(Exit::Temporary, format!("{error}, which does not answer yet; try again"))
        }
        OpenError::NewerFormat { .. } => Failure::new(Exit::Config, error),
        _ => Failure::new(Exit::Io, error),
    })?;
    perform(Target::Spool(&spool), request, now(), |answer| shown.take(answer));
    Ok(())
}

/// Writes answers as they come.
struct Shown<'a> {
    json: bool,
    output: BufWriter<io::StdoutLock<'a>>,
    end: Option<End>,
}

/// How it ended.
enum End {
    Done(u64),
    /// What is shown cannot be written.
    Unwritten(io::Error),
    Failed(String),
}

impl Shown<'_> {
    /// Whether to go on.
    fn take(&mut self, answer: Answer) -> bool {
        let written = match answer {
            Answer::Done { changed } => {
                self.end = Some(End::Done(changed));
                Ok(())
            }
            Answer::Error(why) => {
                self.end = Some(End::Failed(why));
                Ok(())
            }
            Answer::Entry(entry) if self.json => self.json_line(&entry),
            Answer::Entry(entry) => self.output.write_all(text(&entry).as_bytes()),
            Answer::Piece(piece) => match BASE64.decode(piece) {
                Ok(octets) => self.output.write_all(&octets),
                Err(error) => {
                    self.end = Some(End::Failed(error.to_string()));
                    return false;
                }
            },
            Answer::Header(header) if self.json => self.json_line(&serde_json::json!({ "header": header })),
            Answer::Header(header) => {
                writeln!(self.output, "\n{}", header.replace("\r\n", "\n").trim_end())
            }
            _ => Ok(()),
        };
        match written {
            Ok(()) => true,
            Err(error) => {
                self.end = Some(End::Unwritten(error));
                false
            }
        }
    }

    fn json_line(&mut self, value: &impl serde::Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.output.write_all(&line)
    }

    fn finish(mut self, request: &Request) -> Result<(), Failure> {
        let changed = match self.end {
            Some(End::Done(changed)) => changed,
            Some(End::Unwritten(error)) => return unwritten(error),
            Some(End::Failed(why)) => {
                let exit = if why.contains("not in the queue") { Exit::NoInput } else { Exit::Io };
                return Err(Failure::new(exit, why));
            }
            None => return Err(Failure::new(Exit::Temporary, "the server ended before it had answered")),
        };
        let said = match request {
            Request::Show(_) | Request::Content(_) => Ok(()),
            Request::List(_) if self.json || changed > 0 => Ok(()),
            Request::List(_) => writeln!(self.output, "the queue is empty, or nothing matches"),
            _ if self.json => self.json_line(&serde_json::json!({ "recipients": changed })),
            _ => writeln!(self.output, "{changed} recipient{}", if changed == 1 { "" } else { "s" }),
        };
        let said = said.and_then(|()| self.output.flush());
        match request {
            Request::List(_) | Request::Show(_) | Request::Content(_) => said.or_else(unwritten),
            // what was asked for is done, whether or not somebody reads that it is
            _ => Ok(()),
        }
    }
}

/// Who stops reading has seen enough; any other fault leaves him with less than he believes to have.
fn unwritten(error: io::Error) -> Result<(), Failure> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Failure::new(Exit::Io, format!("standard output: {error}"))),
    }
}

/// One line a recipient, and its last reply below it.
fn text(entry: &EntryView) -> String {
    use std::fmt::Write as _;
    let age = now().get() / 1_000;
    let waited = age.saturating_sub(entry.created);
    let sender = if entry.sender.is_empty() { "<>" } else { &entry.sender };
    let mut text = String::new();
    for recipient in &entry.recipients {
        let due = recipient.due.saturating_sub(age);
        // writing to a String cannot fail
        let _ = writeln!(
            text,
            "{}/{}  {:<7} {:>7}s old  {:>3} attempts  next in {due}s  {sender} -> {}  ({})",
            entry.id,
            recipient.index,
            recipient.state,
            waited,
            recipient.attempts,
            recipient.address,
            recipient.next_hop
        );
        if let Some(reply) = &recipient.last_reply {
            let host = recipient.last_host.as_deref().map_or_else(String::new, |host| format!("{host}: "));
            let _ = writeln!(text, "    {host}{}", reply.replace(['\r', '\n'], " "));
        }
    }
    text
}
