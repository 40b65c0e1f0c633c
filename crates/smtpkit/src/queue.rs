//! `smtpkit queue`: look at the mail that waits, and decide about it.
//!
//! A running server is asked over the socket in its data folder; the queue of a stopped one is opened for the request. Both
//! answer alike, so a script need not know which it is.

use std::io::{self, Write};
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
pub(crate) enum QueueCommand {
    /// Show what waits: one line a recipient
    List(QueueArgs),
    /// Show one message: recipients, attempts, header; its whole content with --content
    Show(ShowArgs),
    /// Keep messages from being delivered
    Hold(QueueArgs),
    /// End a hold
    Release(QueueArgs),
    /// Deliver at once, whatever the schedule says
    Retry(QueueArgs),
    /// Forget messages; nobody is told
    Remove(QueueArgs),
    /// Deliver everything at once
    Flush(QueueArgs),
}

/// Which messages, and of which server.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct QueueArgs {
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

    /// At most so many recipients in a list
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// Every message: hold, release, retry and remove ask for it when nothing else is said
    #[arg(long)]
    all: bool,

    /// The data folder of the server
    #[arg(long, value_name = "DIR", default_value = DATA)]
    data: PathBuf,

    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// One message, or its content.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Write the content to standard output as it was taken, octet by octet, and nothing else
    #[arg(long, conflicts_with = "json")]
    content: bool,

    #[command(flatten)]
    which: QueueArgs,
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
    let (request, args) = request(command)?;
    let mut shown = Shown { json: args.json, output: io::stdout().lock(), last: None, failed: None };
    let is_running = ask(&args.data, &request, |answer| shown.take(answer));
    let is_running =
        is_running.map_err(|error| Failure::new(Exit::Io, format!("{}: {error}", args.data.display())))?;
    if !is_running {
        stopped(&args.data, &request, &mut shown)?;
    }
    shown.finish(&request)
}

fn request(command: QueueCommand) -> Result<(Request, QueueArgs), Failure> {
    let (make, args): (fn(Selection) -> Request, QueueArgs) = match command {
        QueueCommand::List(args) => return Ok((Request::List(selection(&args)?), args)),
        QueueCommand::Flush(args) => return Ok((Request::Flush, args)),
        QueueCommand::Show(args) if args.content => (Request::Content, args.which),
        QueueCommand::Show(args) => (Request::Show, args.which),
        QueueCommand::Hold(args) => (Request::Hold, args),
        QueueCommand::Release(args) => (Request::Release, args),
        QueueCommand::Retry(args) => (Request::Retry, args),
        QueueCommand::Remove(args) => (Request::Remove, args),
    };
    let selection = selection(&args)?;
    if selection == Selection::default() && !args.all {
        return Err(Failure::new(
            Exit::Usage,
            "say which: an ID, --domain, --sender, --older-than, or --all",
        ));
    }
    Ok((make(selection), args))
}

fn selection(args: &QueueArgs) -> Result<Selection, Failure> {
    let older_than_seconds = match &args.older_than {
        Some(text) => Some(duration(text).map(|age| age.as_secs()).ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                format!("`{text}` is not a length of time; write it as 90s, 5m, 4h or 5d"),
            )
        })?),
        None => None,
    };
    let selection = Selection {
        id: args.id.clone(),
        domain: args.domain.clone(),
        sender: args.sender.clone(),
        state: args.state.clone(),
        older_than_seconds,
        limit: args.limit,
    };
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
    perform(Target::Spool(&spool), request, now(), |answer| {
        shown.take(answer);
        true
    });
    Ok(())
}

/// Writes answers as they come.
struct Shown<'a> {
    json: bool,
    output: io::StdoutLock<'a>,
    last: Option<u64>,
    failed: Option<String>,
}

impl Shown<'_> {
    fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Done { changed } => self.last = Some(changed),
            Answer::Error(why) => self.failed = Some(why),
            Answer::Entry(entry) if self.json => {
                if let Ok(line) = serde_json::to_string(&entry) {
                    self.line(&line);
                }
            }
            Answer::Entry(entry) => self.line(text(&entry).trim_end()),
            Answer::Piece(piece) => {
                if let Ok(octets) = BASE64.decode(piece) {
                    // a closed standard output ends the show, not the work
                    let _ = self.output.write_all(&octets);
                }
            }
            Answer::Header(header) if self.json => {
                let line = serde_json::json!({ "header": header }).to_string();
                self.line(&line);
            }
            Answer::Header(header) => self.line(&format!("\n{}", header.replace("\r\n", "\n").trim_end())),
            _ => {}
        }
    }

    /// A closed standard output ends the show, not the work.
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.output, "{text}");
    }

    fn finish(mut self, request: &Request) -> Result<(), Failure> {
        if let Some(why) = self.failed {
            let exit = if why.contains("not in the queue") { Exit::NoInput } else { Exit::Io };
            return Err(Failure::new(exit, why));
        }
        let Some(changed) = self.last else {
            return Err(Failure::new(Exit::Temporary, "the server ended before it had answered"));
        };
        match request {
            Request::Show(_) | Request::Content(_) => {}
            Request::List(_) if self.json => {}
            Request::List(_) if changed == 0 => self.line("the queue is empty, or nothing matches"),
            Request::List(_) => {}
            _ if self.json => {
                let line = serde_json::json!({ "recipients": changed }).to_string();
                self.line(&line);
            }
            _ => self.line(&format!("{changed} recipients")),
        }
        Ok(())
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
