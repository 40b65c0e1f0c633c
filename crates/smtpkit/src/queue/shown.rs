//! Answers about the queue, as a person or a script reads them.

use std::io::{self, BufWriter, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use smtpkit_relay::control::{Answer, EntryView, Request};

use super::now;
use crate::exit::{Exit, Failure};

/// Writes answers as they come.
pub(super) struct Shown<'a> {
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
    /// On standard output.
    pub(super) fn new(json: bool) -> Self {
        Self { json, output: BufWriter::new(io::stdout().lock()), end: None }
    }

    /// Whether to go on.
    pub(super) fn take(&mut self, answer: Answer) -> bool {
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

    /// Makes of the end of one request how many recipients it was about.
    pub(super) fn settled(&mut self) -> Result<u64, Failure> {
        match self.end.take() {
            Some(End::Done(changed)) => Ok(changed),
            Some(End::Unwritten(error)) => unwritten(error).map(|()| 0),
            Some(End::Failed(why)) => {
                let exit = if why.contains("not in the queue") { Exit::NoInput } else { Exit::Io };
                Err(Failure::new(exit, why))
            }
            None => Err(Failure::new(Exit::Temporary, "the server ended before it had answered")),
        }
    }

    /// Says how many it was about in all.
    pub(super) fn finish(mut self, request: &Request, changed: u64) -> Result<(), Failure> {
        let said = match request {
            Request::Show(_) | Request::Content(_) => Ok(()),
            Request::List(_) if self.json || changed > 0 => Ok(()),
            Request::List(_) => writeln!(self.output, "the queue is empty, or nothing matches"),
            _ if self.json => self.json_line(&serde_json::json!({ "recipients": changed })),
            Request::Retry(_) | Request::Flush if changed == 0 => {
                writeln!(self.output, "0 recipients; held ones have to be released first")
            }
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
    let now = now().get() / 1_000;
    let waited = span(now.saturating_sub(entry.created));
    let sender = if entry.sender.is_empty() { "<>" } else { &entry.sender };
    let mut text = String::new();
    for recipient in &entry.recipients {
        let next = match recipient.state.as_str() {
            "queued" if recipient.due <= now => "next now".to_owned(),
            "queued" => format!("next in {}", span(recipient.due - now)),
            _ => "-".to_owned(),
        };
        // writing to a String cannot fail
        let _ = writeln!(
            text,
            "{}/{}  {:<6}  {waited:>7} old  {:>3} attempts  {next:<16}  {sender} -> {}  ({})",
            entry.id,
            recipient.index,
            recipient.state,
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

/// A length of time in its two largest units.
fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, ..) => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_two_units_at_most() {
        let check = |seconds: u64, expected: &str| assert_eq!(span(seconds), expected);
        check(0, "0s");
        check(59, "59s");
        check(60, "1m 0s");
        check(3_599, "59m 59s");
        check(3_600, "1h 0m");
        check(86_399, "23h 59m");
        check(432_000 + 7_200, "5d 2h");
    }
}
