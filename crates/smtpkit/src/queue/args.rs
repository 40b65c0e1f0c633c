//! The flags of `smtpkit queue`, and the requests that they mean.

use std::path::PathBuf;

use smtpkit_relay::control::{Request, Selection};

use super::now;
use crate::exit::{Exit, Failure};
use crate::serve::duration;

const DATA: &str = "./smtpkit-data";

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
    pub(super) data: PathBuf,

    /// One JSON object a line
    #[arg(long)]
    pub(super) json: bool,
}

/// Which messages.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// Queue ids, or single recipients of them as ID/0
    #[arg(value_name = "ID")]
    ids: Vec<String>,

    /// Recipients at this domain
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,

    /// Messages with this reverse-path; "" for the null one
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
    #[arg(long, conflicts_with_all = ["ids", "domain", "sender", "state", "older_than"])]
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
  smtpkit queue hold 01K2Z7QW8R3TA 01K2Z7QX4B7N2/1

Exit codes:
  0 done, 64 usage, 66 no such message or queue, 74 I/O, 75 the queue is busy";

/// What is asked for, one request for each id that is named, and of whom.
pub(super) fn requests(command: QueueCommand) -> Result<(Vec<Request>, Place), Failure> {
    let (make, args): (fn(Selection) -> Request, ManageArgs) = match command {
        QueueCommand::List(args) => {
            let limited = |selection| Request::List(Selection { limit: args.limit, ..selection });
            return Ok((selections(args.which)?.into_iter().map(limited).collect(), args.place));
        }
        QueueCommand::Show(args) => {
            let selection = checked(Selection { id: Some(args.id), ..Selection::default() })?;
            let request = if args.content { Request::Content(selection) } else { Request::Show(selection) };
            return Ok((vec![request], args.place));
        }
        QueueCommand::Flush(place) => return Ok((vec![Request::Flush], place)),
        QueueCommand::Hold(args) => (Request::Hold, args),
        QueueCommand::Release(args) => (Request::Release, args),
        // to try everything again does no harm
        QueueCommand::Retry(args) => (Request::Retry, ManageArgs { all: true, ..args }),
        QueueCommand::Remove(args) => (Request::Remove, args),
    };
    let selections = selections(args.which)?;
    if selections == [Selection::default()] && !args.all {
        return Err(Failure::new(
            Exit::Usage,
            "say which: an ID, --domain, --sender, --state, --older-than, or --all",
        ));
    }
    Ok((selections.into_iter().map(make).collect(), args.place))
}

/// One selection for each id; one for all if none is named.
fn selections(which: Which) -> Result<Vec<Selection>, Failure> {
    let older_than_seconds = match &which.older_than {
        Some(text) => Some(duration(text).map(|age| age.as_secs()).ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                format!("`{text}` is not a length of time; write it as 90s, 5m, 4h or 5d"),
            )
        })?),
        None => None,
    };
    let Which { ids, domain, sender, state, .. } = which;
    let all = Selection { id: None, domain, sender, state, older_than_seconds, limit: None };
    if ids.is_empty() {
        return Ok(vec![checked(all)?]);
    }
    ids.into_iter().map(|id| checked(Selection { id: Some(id), ..all.clone() })).collect()
}

fn checked(selection: Selection) -> Result<Selection, Failure> {
    match selection.filter(now()) {
        Ok(_) => Ok(selection),
        Err(bad) => Err(Failure::new(Exit::Usage, bad)),
    }
}
