//! `smtpkit queue`: look at the mail that waits, and decide about it.
//!
//! A running server is asked over the socket in its data folder; the queue of a stopped one is opened for the request. Both
//! answer alike, so a script need not know which it is.
//!
//! | file | what it decides |
//! |---|---|
//! | `args` | the flags |
//! | `shown` | what is seen of the answers |

mod args;
mod shown;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use smtpkit_queue::{OpenError, RedbSpool, Timestamp};
use smtpkit_relay::control::{Answer, Request, Selection, Target, ask, perform};

pub(crate) use args::QueueCommand;

use crate::exit::{Exit, Failure};
use shown::Shown;

/// Where the queue of a data folder lies.
pub(crate) fn folder(data: &Path) -> PathBuf {
    data.join("queue")
}

/// Runs `smtpkit queue`.
pub(crate) fn run(command: QueueCommand) -> Result<(), Failure> {
    let (requests, place) = args::requests(command)?;
    let mut shown = Shown::new(place.json);
    let (mut changed, mut missing) = (0, Vec::new());
    for request in &requests {
        carry_out(&place.data, request, |answer| shown.take(answer))?;
        let about = shown.settled()?;
        changed += about;
        if about == 0
            && let Some(id) = named(request)
            && !is_there(&place.data, id)?
        {
            missing.push(id);
        }
    }
    if let Some(request) = requests.first() {
        shown.finish(request, changed)?;
    }
    match missing.as_slice() {
        [] => Ok(()),
        [id] => Err(Failure::new(Exit::NoInput, format!("{id} is not in the queue"))),
        ids => Err(Failure::new(Exit::NoInput, format!("{} are not in the queue", ids.join(", ")))),
    }
}

/// The id that something is to be done about.
fn named(request: &Request) -> Option<&str> {
    match request {
        Request::Hold(selection)
        | Request::Release(selection)
        | Request::Retry(selection)
        | Request::Remove(selection) => selection.id.as_deref(),
        _ => None,
    }
}

/// Whether an entry, or a recipient, is in the queue at all.
fn is_there(data: &Path, id: &str) -> Result<bool, Failure> {
    let request = Request::List(Selection { id: Some(id.to_owned()), ..Selection::default() });
    let mut found = false;
    carry_out(data, &request, |answer| {
        found |= matches!(answer, Answer::Entry(_));
        true
    })?;
    Ok(found)
}

fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

/// Asks the running server, else opens the queue.
fn carry_out(data: &Path, request: &Request, mut each: impl FnMut(Answer) -> bool) -> Result<(), Failure> {
    let is_running = ask(data, request, &mut each);
    match is_running.map_err(|error| Failure::new(Exit::Io, format!("{}: {error}", data.display())))? {
        true => Ok(()),
        false => stopped(data, request, each),
    }
}

/// The queue of a server that does not run.
fn stopped(data: &Path, request: &Request, each: impl FnMut(Answer) -> bool) -> Result<(), Failure> {
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
    perform(Target::Spool(&spool), request, now(), each);
    Ok(())
}
