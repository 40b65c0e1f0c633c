//! What has come of a run of many messages so far: counted, shown, written down.

use std::collections::HashMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::time::Instant;

use serde_json::{Value, json};
use smtpkit_client::{Delivered, RecipientOutcome, Report, Retry, SendError};
use smtpkit_codec::envelope::Envelope;

use super::args::SendArgs;
use super::merge::{Resume, RowDigest, RowError};
use super::outcome;
use super::progress::Progress;
use crate::exit::{Exit, Failure};
use crate::outbound::exit_of;

/// So many messages in a row may find no server before the run ends.
const UNREACHED_MAX: u32 = 10;

/// A message on its way.
pub(crate) struct Label {
    pub(crate) envelope: Envelope,
    /// The line and the digest of its row.
    pub(crate) row: Option<(u64, RowDigest)>,
}

/// The books of a run.
pub(crate) struct Ledger {
    under_way: HashMap<usize, Label>,
    counts: Counts,
    /// The exit code that each failure would have had alone, all of them in one.
    exit: Option<Exit>,
    unreached: u32,
    /// Why no further message is begun.
    stopped: Option<Failure>,
    started: Instant,
    json: bool,
    /// What the table is called in messages.
    table: Option<String>,
    errors: Option<BufWriter<File>>,
    resume: Option<Resume>,
    progress: Progress,
}

#[derive(Default)]
struct Counts {
    accepted: u64,
    /// Taken for some of their recipients.
    partial: u64,
    failed: u64,
    /// Of the failed, those that may have arrived.
    unknown: u64,
    /// Rows that came to no message.
    unusable: u64,
    /// Rows that an earlier run got accepted.
    earlier: u64,
}

impl Ledger {
    /// Opens the files that a run writes; `total` is how many messages there are, if that is known.
    pub(crate) fn open(args: &SendArgs, total: Option<u64>) -> Result<Self, Failure> {
        let errors = args.merge.errors.as_ref().map(|path| {
            let file = File::create(path);
            file.map(BufWriter::new)
                .map_err(|error| Failure::new(Exit::Io, format!("{}: {error}", path.display())))
        });
        Ok(Self {
            under_way: HashMap::new(),
            counts: Counts::default(),
            exit: None,
            unreached: 0,
            stopped: None,
            started: Instant::now(),
            json: args.json,
            table: args.merge.csv.as_ref().map(|path| path.display().to_string()),
            errors: errors.transpose()?,
            resume: args.merge.resume.as_deref().map(Resume::open).transpose()?,
            // a transcript and a bar that is drawn over it help nobody
            progress: if args.server.verbose { Progress::hidden() } else { Progress::new(total) },
        })
    }

    /// Whether no further message is begun.
    pub(crate) const fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// Begins no further message, and says why.
    pub(crate) fn stop(&mut self, why: &str) {
        self.fail(Failure::new(Exit::Temporary, why));
    }

    /// Begins no further message, because this keeps every one from being sent.
    pub(crate) fn fail(&mut self, failure: Failure) {
        if self.stopped.is_none() {
            self.progress.say(&format!("smtpkit: {failure}"));
            self.stopped = Some(failure);
        }
    }

    /// A message is handed to the client, which knows it by `index`.
    pub(crate) fn begin(&mut self, index: usize, label: Label) {
        self.under_way.insert(index, label);
    }

    /// Whether an earlier run got the row accepted, so that it is left out.
    pub(crate) fn was_accepted(&mut self, digest: RowDigest) -> bool {
        let was = self.resume.as_mut().is_some_and(|resume| resume.take(digest));
        self.counts.earlier += u64::from(was);
        if was {
            self.progress.advance(self.counts.refused());
        }
        was
    }

    /// A row that came to no message.
    pub(crate) fn refuse_row(&mut self, error: &RowError) {
        self.counts.unusable += 1;
        self.count_failure(Exit::Data);
        self.tell_refusal(Some(error.line), error);
        self.progress.advance(self.counts.refused());
        if self.json {
            self.print(json!({
                "ok": false,
                "exit": Exit::Data as u8,
                "line": error.line,
                "column": error.column,
                "error": error.problem,
                "remedy": error.remedy,
            }));
        }
    }

    /// What came of a message.
    pub(crate) fn finish(&mut self, index: usize, outcome: &Result<Report, SendError>) {
        let Some(Label { envelope, row }) = self.under_way.remove(&index) else { return };
        let line = row.map(|(line, _)| line);
        match outcome {
            Ok(report) => {
                self.unreached = 0;
                if let (Some((line, digest)), Some(resume)) = (row, &mut self.resume) {
                    let accepted = accepted(&envelope, report);
                    if let Err(failure) = resume.record(digest, line, accepted) {
                        self.fail(failure);
                    }
                }
                if report.all_accepted() {
                    self.counts.accepted += 1;
                } else {
                    self.counts.partial += 1;
                    self.count_failure(Exit::NoUser);
                    self.tell_recipients(line, &envelope, report.recipients());
                }
            }
            Err(error) => {
                self.counts.failed += 1;
                self.counts.unknown += u64::from(error.delivered() == Delivered::Unknown);
                self.count_failure(exit_of(error));
                self.tell_refusal(line, &format!("{}: {error}", listed(&envelope)));
                self.tell_recipients(line, &envelope, error.recipients());
                self.consider_ending(error);
            }
        }
        if self.json {
            let mut object = outcome::json(&envelope, outcome);
            if let Some(object) = object.as_object_mut() {
                object.insert("message".to_owned(), json!(index as u64 + 1));
                object.insert("line".to_owned(), json!(line));
            }
            self.print(object);
        }
        self.progress.advance(self.counts.refused());
    }

    /// A server that takes nobody's mail, or that cannot be found, is not asked for every message again.
    fn consider_ending(&mut self, error: &SendError) {
        if !error.stage().is_opening() {
            self.unreached = 0;
            return;
        }
        self.unreached += 1;
        if error.retry() == Retry::Never || self.unreached >= UNREACHED_MAX {
            self.fail(Failure::new(exit_of(error), "the server takes no message; the rest is not tried"));
        }
    }

    fn count_failure(&mut self, exit: Exit) {
        self.exit = Some(match self.exit {
            None => exit,
            Some(before) if before == exit => exit,
            // of several reasons the one counts for which another try can help
            Some(before) if before == Exit::Temporary || exit == Exit::Temporary => Exit::Temporary,
            Some(before) => before,
        });
    }

    fn tell_recipients(&mut self, line: Option<u64>, envelope: &Envelope, outcomes: &[RecipientOutcome]) {
        for (recipient, outcome) in envelope.recipients.iter().zip(outcomes) {
            if let RecipientOutcome::Refused(reply) = outcome {
                self.tell_refusal(line, &format!("{} refused: {reply}", recipient.path));
            }
        }
    }

    /// One line about a message that was not sent, where the user wants it.
    fn tell_refusal(&mut self, line: Option<u64>, what: &dyn Display) {
        let text = match (&self.table, line) {
            (Some(table), Some(line)) => format!("{table}:{line}: {what}"),
            _ => what.to_string(),
        };
        match &mut self.errors {
            None => self.progress.say(&text),
            Some(file) => {
                if let Err(error) = writeln!(file, "{text}") {
                    self.fail(Failure::new(Exit::Io, format!("--errors: {error}")));
                }
            }
        }
    }

    /// One object on standard output. Nobody reading it is a reason to stop: it is the only account of the run.
    fn print(&mut self, object: Value) {
        if let Err(error) = writeln!(io::stdout().lock(), "{object}") {
            self.fail(Failure::new(Exit::Io, format!("standard output: {error}")));
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self) {
        if let Some(Err(failure)) = self.resume.as_mut().map(Resume::sync) {
            self.fail(failure);
        }
        self.progress.tick();
    }

    /// The run is over: the summary, and the exit code by outcome.
    pub(crate) fn close(&mut self, connections: u64) -> Result<Exit, Failure> {
        self.tick();
        let given_up = self.under_way.len() as u64;
        if given_up > 0 {
            self.counts.failed += given_up;
            self.counts.unknown += given_up;
            self.count_failure(Exit::Temporary);
        }
        if let Some(Err(error)) = self.errors.as_mut().map(BufWriter::flush) {
            self.fail(Failure::new(Exit::Io, format!("--errors: {error}")));
        }
        self.progress.finish();
        let exit = self.exit();
        let seconds = self.started.elapsed().as_secs_f64();
        let counts = &self.counts;
        let text = counts.summary(seconds, connections);
        if self.json {
            let summary = json!({
                "summary": {
                    "ok": exit == Exit::Ok,
                    "exit": exit as u8,
                    "accepted": counts.accepted,
                    "partial": counts.partial,
                    "failed": counts.failed,
                    "unknown": counts.unknown,
                    "unusable": counts.unusable,
                    "accepted_earlier": counts.earlier,
                    "connections": connections,
                    "seconds": seconds,
                    "stopped": self.stopped.as_ref().map(ToString::to_string),
                },
            });
            self.print(summary);
        }
        self.progress.say(&text);
        Ok(exit)
    }

    fn exit(&self) -> Exit {
        let counts = &self.counts;
        let was_stopped = self.stopped.as_ref().map(Failure::exit);
        match self.exit.or(was_stopped) {
            None => Exit::Ok,
            Some(_) if counts.accepted + counts.partial > 0 => Exit::Partial,
            Some(exit) => exit,
        }
    }
}

impl Counts {
    const fn refused(&self) -> u64 {
        self.partial + self.failed + self.unusable
    }

    fn summary(&self, seconds: f64, connections: u64) -> String {
        let sent = self.accepted + self.partial;
        let total = sent + self.failed + self.unusable;
        let noun = |count: u64| if count == 1 { "" } else { "s" };
        let mut text = format!(
            "sent {sent} of {total} message{} over {connections} connection{} in {seconds:.1} s ({:.0}/s)",
            noun(total),
            noun(connections),
            sent as f64 / seconds.max(1e-3),
        );
        for (count, what) in [
            (self.partial, "accepted for some recipients only"),
            (self.failed, "not accepted"),
            (self.unknown, "of these with an unknown outcome"),
            (self.unusable, "unusable"),
            (self.earlier, "accepted by an earlier run"),
        ] {
            if count > 0 {
                text.push_str(&format!("; {count} {what}"));
            }
        }
        text
    }
}

/// The recipients that were accepted.
fn accepted(envelope: &Envelope, report: &Report) -> impl Iterator<Item = String> {
    let outcomes = envelope.recipients.iter().zip(report.recipients());
    outcomes.filter(|(_, outcome)| outcome.is_accepted()).map(|(recipient, _)| recipient.path.to_string())
}

fn listed(envelope: &Envelope) -> String {
    let paths: Vec<String> = envelope.recipients.iter().map(|recipient| recipient.path.to_string()).collect();
    paths.join(" ")
}
