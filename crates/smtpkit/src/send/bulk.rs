//! Many messages in one run: over a few connections at once, results as they come.
//!
//! At most two messages for each connection are in memory. Nothing that goes wrong with one message stops the others; a
//! server that takes no message at all does, because asking it thousands of times more helps nobody.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smtpkit_client::{Client, Content};
use smtpkit_codec::envelope::Envelope;
use tokio::signal::unix::{SignalKind, signal};

use super::args::SendArgs;
use super::ledger::{Label, Ledger};
use super::merge::Merge;
use super::raw::RawMessage;
use super::{Mail, compose};
use crate::exit::{Exit, Failure};

/// How often the progress is shown and accepted rows are synced.
const TICK: Duration = Duration::from_millis(100);

/// Where the messages come from.
pub(crate) enum Source {
    /// The same file, so many times.
    Raw { message: RawMessage, left: u64 },
    /// Composed anew, so many times.
    Composed { left: u64 },
    /// One for each row.
    Merged(Box<Merge>),
}

/// Sends all of them and says what came of it.
pub(crate) async fn run(
    args: Arc<SendArgs>,
    client: &Client,
    source: Source,
    ledger: Ledger,
) -> Result<Exit, Failure> {
    let ledger = Arc::new(Mutex::new(ledger));
    let mut batch = client.send_all(Feed { args, source, ledger: Arc::clone(&ledger), index: 0 });
    let mut tick = tokio::time::interval(TICK);
    let mut interrupts = signal(SignalKind::interrupt()).map_err(|error| Failure::new(Exit::Io, error))?;
    loop {
        tokio::select! {
            next = batch.next() => match next {
                Some((index, outcome)) => lock(&ledger).finish(index, &outcome),
                None => break,
            },
            _ = tick.tick() => lock(&ledger).tick(),
            _ = interrupts.recv() => {
                let mut ledger = lock(&ledger);
                if ledger.is_stopped() {
                    break;
                }
                ledger.stop("interrupted; what is on its way is finished, interrupt again to give it up");
            }
        }
    }
    lock(&ledger).close(client.stats().connections_opened)
}

/// Nothing that holds the lock can panic half-way.
fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The messages as the client asks for them.
struct Feed {
    args: Arc<SendArgs>,
    source: Source,
    ledger: Arc<Mutex<Ledger>>,
    /// How many were given so far, which is the number that the client knows the next one by.
    index: usize,
}

/// What a source comes to when it is asked.
enum Next {
    Message(Label, Content),
    /// No message this time; the ledger knows why.
    Nothing,
    End,
}

impl Iterator for Feed {
    type Item = (Envelope, Content);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if lock(&self.ledger).is_stopped() {
                return None;
            }
            match self.source.next(&self.args, &self.ledger) {
                Next::Message(label, content) => {
                    let envelope = label.envelope.clone();
                    lock(&self.ledger).begin(self.index, label);
                    self.index += 1;
                    return Some((envelope, content));
                }
                Next::Nothing => {}
                Next::End => return None,
            }
        }
    }
}

impl Source {
    fn next(&mut self, args: &SendArgs, ledger: &Mutex<Ledger>) -> Next {
        let left = match self {
            Self::Merged(merge) => return next_row(merge, ledger),
            Self::Raw { left, .. } | Self::Composed { left } => left,
        };
        match left.checked_sub(1) {
            Some(after) => *left = after,
            None => return Next::End,
        }
        let mail = match self {
            Self::Raw { message, .. } => message.mail(&args.envelope),
            _ => compose::mail(&args.envelope, &args.content),
        };
        match mail {
            Ok(Mail { envelope, content }) => Next::Message(Label { envelope, row: None }, content),
            Err(failure) => {
                // what cannot be made once cannot be made again
                lock(ledger).fail(failure);
                Next::End
            }
        }
    }
}

fn next_row(merge: &mut Merge, ledger: &Mutex<Ledger>) -> Next {
    let row = match merge.next_row() {
        Some(Ok(row)) => row,
        Some(Err(error)) => {
            lock(ledger).refuse_row(&error);
            return Next::Nothing;
        }
        None => return Next::End,
    };
    if lock(ledger).was_accepted(row.digest) {
        return Next::Nothing;
    }
    match merge.mail(&row) {
        Ok(Mail { envelope, content }) => {
            Next::Message(Label { envelope, row: Some((row.line, row.digest)) }, content)
        }
        Err(error) => {
            lock(ledger).refuse_row(&error);
            Next::Nothing
        }
    }
}
