//! A sync precedes each `250`: the system calls of a server under load, as strace sees them.
//!
//! ```text
//! recvfrom "… Message-Id: <x> …"  ─►  pwrite64 "… <x> …"  ─►  fdatasync begins  ─►  fdatasync = 0  ─►  sendto "250 …"
//! ```
//!
//! For each message the five have to stand in this order; one sync may serve many messages.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::shell::{Failed, failed, output};
use crate::tools::find;

use super::server::{RECIPIENT, Server};

/// Messages of each kind, and sessions that send them.
const MESSAGES: usize = 60;
const SESSIONS: usize = 8;
/// Small ones lie in the database; large ones in files of their own.
const OCTETS: [usize; 2] = [2_000, 100_000];
const CALLS: &str = "trace=read,recvfrom,write,writev,sendto,pwrite64,fdatasync,fsync";

/// Runs both kinds; gives the number of replies that were checked.
pub(super) fn run() -> Result<usize, Failed> {
    let mut checked = 0;
    for octets in OCTETS {
        checked += load(octets)?;
    }
    Ok(checked)
}

fn load(octets: usize) -> Result<usize, Failed> {
    let mut server = Server::start()?;
    let log = server.scratch().join("strace");
    let (mut tracer, _errors) = attach(server.id(), &log)?;
    let Some(source) = find("smtp-source") else { return failed("smtp-source is missing") };
    let mut load = Command::new(source);
    load.args(["-s", &SESSIONS.to_string(), "-m", &MESSAGES.to_string(), "-l", &octets.to_string()]);
    load.args(["-f", "alice@example.test", "-t", RECIPIENT, "-M", "source.test"]);
    output(load.arg(format!("127.0.0.1:{}", server.port("mx")?)))?;
    server.stop()?;
    tracer.wait()?;
    let calls = fs::read(&log)?;
    let checked = check(&Trace::read(&String::from_utf8_lossy(&calls)))?;
    if checked == MESSAGES {
        return Ok(checked);
    }
    failed(format!("strace saw {checked} replies to {MESSAGES} messages"))
}

/// Follows the process from now on. What strace says has to stay open: it names each new thread.
fn attach(id: u32, log: &Path) -> Result<(Child, BufReader<ChildStderr>), Failed> {
    let mut tracer = Command::new("strace")
        .args(["-f", "-s", "300000", "-e", CALLS, "-p", &id.to_string(), "-o"])
        .arg(log)
        .stderr(Stdio::piped())
        .spawn()?;
    let Some(errors) = tracer.stderr.take() else { return failed("strace says nothing") };
    let (mut errors, mut said) = (BufReader::new(errors), String::new());
    errors.read_line(&mut said)?;
    if said.contains("attached") { Ok((tracer, errors)) } else { failed(format!("strace: {said}")) }
}

/// A system call: the lines of the log where it began and where it ended.
struct Call {
    began: usize,
    ended: usize,
    name: String,
    /// What stands between the brackets, and behind them.
    rest: String,
}

struct Trace(Vec<Call>);

impl Trace {
    /// Calls in the order in which they ended. One that others overtook stands in two lines of the log.
    fn read(log: &str) -> Self {
        let mut calls = Vec::new();
        let mut open: BTreeMap<&str, (usize, String)> = BTreeMap::new();
        for (number, line) in log.lines().enumerate() {
            let Some((thread, text)) = line.split_once(' ') else { continue };
            let text = text.trim_start();
            let (began, text) = match text.strip_prefix("<... ").and_then(|rest| rest.split_once("resumed>"))
            {
                Some((_, rest)) => match open.remove(thread) {
                    Some((began, first)) => (began, first + rest),
                    None => continue,
                },
                None => (number, text.to_owned()),
            };
            if let Some(first) = text.strip_suffix(" <unfinished ...>") {
                open.insert(thread, (began, first.to_owned()));
            } else if let Some((name, rest)) = text.split_once('(') {
                calls.push(Call { began, ended: number, name: name.to_owned(), rest: rest.to_owned() });
            }
        }
        Self(calls)
    }

    /// The syncs that succeeded.
    fn syncs(&self) -> impl Iterator<Item = &Call> {
        self.0
            .iter()
            .filter(|call| matches!(&*call.name, "fdatasync" | "fsync") && call.rest.ends_with("= 0"))
    }
}

/// Checks each reply to a message; gives their number.
fn check(trace: &Trace) -> Result<usize, Failed> {
    // the message whose content came in last over each descriptor, and where in the log
    let mut taken: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    let mut stored: BTreeMap<&str, usize> = BTreeMap::new();
    let mut checked = 0;
    for call in &trace.0 {
        let descriptor = call.rest.split([',', ')']).next().unwrap_or_default();
        let is_reply = call.rest.contains("\"250 2.0.0");
        match &*call.name {
            "read" | "recvfrom" => {
                if let Some(id) = message_id(&call.rest) {
                    taken.insert(descriptor, (id, call.ended));
                }
            }
            "write" | "writev" | "sendto" if is_reply && taken.contains_key(descriptor) => {
                let Some((id, read)) = taken.remove(descriptor) else { continue };
                let written = stored.get(id).copied().filter(|written| *written > read);
                let is_synced = written.is_some_and(|written| {
                    trace.syncs().any(|sync| sync.began > written && sync.ended < call.began)
                });
                if !is_synced {
                    return failed(format!("line {}: 250 for {id} without a sync before it", call.began + 1));
                }
                checked += 1;
            }
            "pwrite64" | "write" => {
                if let Some(id) = message_id(&call.rest) {
                    stored.entry(id).or_insert(call.ended);
                }
            }
            _ => {}
        }
    }
    Ok(checked)
}

/// What stands in the Message-Id field, if it is there.
fn message_id(data: &str) -> Option<&str> {
    let (_, rest) = data.split_once("Message-Id: <")?;
    Some(rest.split_once('>')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_needs_a_sync_between_the_write_and_itself() {
        let read = "1 recvfrom(7, \"Message-Id: <x>\\r\\n.\\r\\n\", 99) = 9\n";
        let write = "2 pwrite64(5, \"Message-Id: <x>\", 9, 0) = 9\n";
        let reply = "1 sendto(7, \"250 2.0.0 ok\", 9) = 9\n";
        let verdict = |lines: &[&str]| check(&Trace::read(&lines.concat())).ok();
        assert_eq!(verdict(&[read, write, "2 fdatasync(5) = 0\n", reply]), Some(1));
        assert_eq!(verdict(&[read, write, "2 fdatasync(5) = -1 EIO (Input/output error)\n", reply]), None);
        assert_eq!(verdict(&[read, "2 fdatasync(5) = 0\n", write, reply]), None);
        let (begun, ended) = ("2 fdatasync(5 <unfinished ...>\n", "2 <... fdatasync resumed>) = 0\n");
        assert_eq!(verdict(&[read, write, begun, reply, ended]), None);
        assert_eq!(verdict(&[read, write, begun, ended, reply]), Some(1));
        assert_eq!(verdict(&[read, begun, write, ended, reply]), None);
    }
}
