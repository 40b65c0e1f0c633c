//! The rows of the area "server": the example `discard` under smtp-source, beside servers that do as little.
//!
//! Processor time is that of the server's process, the least of several runs that alternate with the rivals'.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::probe::program;
use super::process::{Memory, Process, Trace, callgrind, instructions};
use super::rivals::{Connections, Load, Sink, smtp_sink};
use super::row::{Rival, Row, Target};
use crate::shell::{Failed, output};

/// Runs of each side; the least counts.
const RUNS: usize = 3;
const KIB: f64 = 1024.0;
const MIB: u32 = 1 << 20;

/// Sessions that wait: without and with TLS.
const IDLE_SESSIONS: usize = 10_000;
const IDLE_TLS_SESSIONS: usize = 5_000;
/// Octets without a line end.
const FLOOD_OCTETS: usize = 96 << 20;
/// A long message into a handler that is slow. All of 1 GiB would take 17 minutes; what is held back shows in seconds.
const SLOW_OCTETS: usize = 24 << 20;
const SLOW_OCTETS_PER_SECOND: usize = 1 << 20;

/// Where a line without an end may come, with the flag that makes the server expect it there.
const PLACES: [(&str, Option<&str>); 5] =
    [("command", None), ("auth", Some("--auth")), ("data", None), ("bdat", None), ("proxy", Some("--proxy"))];

/// What we may take of each rival's processor time.
type Most = [(Sink, f64)];

/// What is measured, the load, and what we may take.
const LOADS: &[(&str, Load, &Most)] = &[
    (
        "4 KiB message, 20 connections",
        Load::new(10_000, 20),
        &[(Sink::Postfix, 0.80), (Sink::GoSmtp, 0.55), (Sink::Aiosmtpd, 0.55)],
    ),
    ("4 KiB message, 1 connection", Load::new(10_000, 1), &[(Sink::Postfix, 0.80), (Sink::GoSmtp, 0.55)]),
    (
        "10 MiB message",
        Load { octets: 10 * MIB, ..Load::new(50, 1) },
        // at least 7 times as fast
        &[(Sink::Postfix, 1.0 / 7.0), (Sink::GoSmtp, 1.0)],
    ),
    (
        "4 KiB message, a new connection each",
        Load { connections: Connections::New, ..Load::new(5_000, 20) },
        &[(Sink::Postfix, 1.0), (Sink::GoSmtp, 1.0)],
    ),
];

/// Measures and compares.
pub(super) fn rows() -> Result<Vec<Row>, Failed> {
    let servers = Servers {
        discard: program("discard")?,
        receive: program("receive")?,
        send: program("send")?,
        press: program("press")?,
    };
    let mut rows = Vec::new();
    for (item, load, rivals) in LOADS {
        rows.extend(servers.processor(item, *load, rivals)?);
    }
    rows.extend(servers.instructions()?);
    rows.extend(servers.pipelined()?);
    rows.extend(servers.idle()?);
    for (place, flag) in PLACES {
        rows.push(servers.flood(place, flag)?);
    }
    rows.push(servers.slow_handler()?);
    Ok(rows)
}

/// The programs of ours that are needed.
struct Servers {
    discard: PathBuf,
    receive: PathBuf,
    send: PathBuf,
    press: PathBuf,
}

impl Servers {
    fn discard(&self) -> Result<Process, Failed> {
        Process::start(Command::new(&self.discard))
    }

    fn receive(&self, flags: &[&str]) -> Result<Process, Failed> {
        let mut command = with_many_files(&self.receive);
        command.args(flags);
        Process::start(command)
    }

    /// Milliseconds of processor time per message, against each rival.
    fn processor(&self, item: &str, load: Load, rivals: &Most) -> Result<Vec<Row>, Failed> {
        let mut ours = f64::INFINITY;
        let mut theirs = vec![None; rivals.len()];
        for _ in 0..RUNS {
            ours = ours.min(cost(&self.discard()?, load)?);
            for (least, (sink, _)) in theirs.iter_mut().zip(rivals) {
                if let Some(process) = sink.start()? {
                    let cost = cost(&process, load)?;
                    *least = Some(least.unwrap_or(f64::INFINITY).min(cost));
                }
            }
        }
        let rows = rivals.iter().zip(theirs).map(|((sink, most), least)| {
            let rival = Rival::of(sink.name(), least);
            Row::new(format!("{item}, against {}", sink.name()), "CPU ms", ours, rival, Target::Ratio(*most))
        });
        Ok(rows.collect())
    }

    /// Instructions, as slopes over messages and over octets.
    fn instructions(&self) -> Result<Vec<Row>, Failed> {
        let few = Load::new(100, 1);
        let many = Load { messages: 600, ..few };
        let long = Load { octets: MIB, ..Load::new(10, 1) };
        let short = Load { octets: 4096, ..long };
        let per_message = |count: &dyn Fn(Load) -> Result<Option<f64>, Failed>| {
            Ok::<_, Failed>(slope(count(few)?, count(many)?, 500.0))
        };
        let per_octet = |count: &dyn Fn(Load) -> Result<Option<f64>, Failed>| {
            Ok::<_, Failed>(slope(count(short)?, count(long)?, 10.0 * f64::from(MIB - 4096)))
        };
        let ours = |load: Load| self.counted(|address| load.send(address)).map(Some);
        let theirs = |load: Load| smtp_sink_counted(load);
        let chunked = |flags: &[&str]| -> Result<Option<f64>, Failed> {
            let chunks = |octets: u32| self.counted(|address| self.send_chunks(address, octets, flags));
            Ok(slope(Some(chunks(4096)?), Some(chunks(MIB)?), 10.0 * f64::from(MIB - 4096)))
        };
        let row = |item: &str, unit, ours: Option<f64>, rival, most| {
            Row::new(item, unit, ours.unwrap_or(f64::NAN), rival, Target::Most(most))
        };
        let rival = |figure| Rival::of(Sink::Postfix.name(), figure);
        Ok(vec![
            row("4 KiB message", "instructions", per_message(&ours)?, rival(per_message(&theirs)?), 25_000.0),
            row("content, DATA", "instructions/octet", per_octet(&ours)?, rival(per_octet(&theirs)?), 1.8),
            // content that may hold anything is handed on; text is looked at for bare CR and LF first
            row("content, BDAT, BINARYMIME", "instructions/octet", chunked(&["--binary"])?, Rival::None, 0.1),
            row("content, BDAT, text", "instructions/octet", chunked(&[])?, Rival::None, 0.1),
        ])
    }

    /// The instructions of `discard` for what `load` sends to it.
    fn counted(&self, load: impl FnOnce(&str) -> Result<(), Failed>) -> Result<f64, Failed> {
        let folder = tempfile::tempdir()?;
        let counts = folder.path().join("counts");
        let server = Process::start(callgrind(Command::new(&self.discard), &counts))?;
        load(server.address())?;
        server.stop()?;
        instructions(&counts)
    }

    /// Sends by the client of ours.
    fn send(&self, address: &str, arguments: &[&str]) -> Result<(), Failed> {
        let [side, rest @ ..] = arguments else { return Err(Failed("no side".into())) };
        output(Command::new(&self.send).args([side, address]).args(rest))?;
        Ok(())
    }

    /// Sends ten messages of so many octets, each in one chunk.
    fn send_chunks(&self, address: &str, octets: u32, flags: &[&str]) -> Result<(), Failed> {
        output(Command::new(&self.press).args(["chunks", address, "10", &octets.to_string()]).args(flags))?;
        Ok(())
    }

    /// One message to 20 recipients, all commands at once.
    fn pipelined(&self) -> Result<Vec<Row>, Failed> {
        const MESSAGES: u32 = 4_000;
        let messages = MESSAGES.to_string();
        let load = ["smtpkit", "--recipients", "20", "--messages", &messages];
        let cost = |server: &Process| -> Result<f64, Failed> {
            let before = server.processor()?;
            self.send(server.address(), &load)?;
            Ok((server.processor()? - before) * 1000.0 / f64::from(MESSAGES))
        };
        let (mut ours, mut theirs) = (f64::INFINITY, None);
        for _ in 0..RUNS {
            ours = ours.min(cost(&self.discard()?)?);
            if let Some(sink) = Sink::Postfix.start()? {
                theirs = Some(theirs.unwrap_or(f64::INFINITY).min(cost(&sink)?));
            }
        }
        let rival = Rival::of(Sink::Postfix.name(), theirs);
        let item = "20 recipients pipelined";
        Ok(vec![
            Row::new(item, "CPU ms", ours, rival, Target::Ratio(0.7)),
            Row::new(
                format!("{item}, writes"),
                "writes/segment",
                self.writes()?,
                Rival::None,
                Target::Most(1.0),
            ),
        ])
    }

    /// Writes per read that brought something, over whole sessions.
    fn writes(&self) -> Result<f64, Failed> {
        let folder = tempfile::tempdir()?;
        let server = self.discard()?;
        let calls = "trace=read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg";
        let trace = Trace::attach(&[server.id()], calls, &folder.path().join("calls"))?;
        self.send(server.address(), &["smtpkit", "--recipients", "20", "--messages", "200"])?;
        let (mut reads, mut writes) = (0.0, 0.0);
        for line in trace.finish()?.lines() {
            // PID call(arguments…) = octets
            let moved = line.rsplit_once("= ").and_then(|(_, octets)| octets.parse::<i64>().ok());
            let Some(name) = line.split_once('(').and_then(|(head, _)| head.split_whitespace().next_back())
            else {
                continue;
            };
            if moved.is_none_or(|octets| octets <= 0) {
                continue;
            }
            match name {
                "read" | "readv" | "recvfrom" | "recvmsg" => reads += 1.0,
                _ => writes += 1.0,
            }
        }
        Ok(writes / reads)
    }

    /// What a session costs that says nothing.
    fn idle(&self) -> Result<Vec<Row>, Failed> {
        let folder = tempfile::tempdir()?;
        let authority = folder.path().join("authority.pem");
        let authority = authority.to_str().unwrap_or_default();
        let plain = self.held(&self.receive(&[])?, IDLE_SESSIONS, &[])?;
        let tls = self.receive(&["--authority", authority])?;
        let tls = self.held(&tls, IDLE_TLS_SESSIONS, &["--authority", authority])?;
        let rival = match Sink::GoSmtp.start()? {
            Some(server) => Some(self.held(&server, IDLE_TLS_SESSIONS, &[])?),
            None => None,
        };
        let rival = || Rival::of(Sink::GoSmtp.name(), rival.map(|held| held.each));
        Ok(vec![
            Row::new("idle session", "KiB", plain.each, rival(), Target::Most(2.5)),
            Row::new("idle session, TLS", "KiB", tls.each, Rival::None, Target::Most(12.0)),
            Row::new(
                "10,000 idle sessions, whole process",
                "MiB",
                plain.whole / KIB,
                Rival::None,
                Target::Most(30.0),
            ),
        ])
    }

    /// Memory of a server that holds so many sessions, in KiB.
    fn held(&self, server: &Process, sessions: usize, flags: &[&str]) -> Result<Held, Failed> {
        let hold = |sessions: usize| -> Result<Process, Failed> {
            let mut command = with_many_files(&self.press);
            command.args(["hold", server.address(), &sessions.to_string()]).args(flags);
            Process::start(command)
        };
        // what the first session brings with it is not the price of one
        drop(hold(1)?);
        let before = server.memory(Memory::Now)?;
        let _sessions = hold(sessions)?;
        let whole = server.memory(Memory::Now)?;
        Ok(Held { each: (whole - before) / sessions as f64, whole })
    }

    /// By how much the server grows when a line does not end.
    fn flood(&self, place: &str, flag: Option<&str>) -> Result<Row, Failed> {
        let server = self.receive(flag.as_slice())?;
        let grown = self.growth(&server, place, 0, FLOOD_OCTETS)?;
        let item = format!("96 MiB without a line end, {place}");
        Ok(Row::new(item, "KiB", grown, Rival::None, Target::Most(KIB)))
    }

    /// By how much the server grows when content comes faster than it is taken.
    fn slow_handler(&self) -> Result<Row, Failed> {
        let server = self.receive(&["--octets-per-second", &SLOW_OCTETS_PER_SECOND.to_string()])?;
        let grown = self.growth(&server, "lines", MIB as usize, SLOW_OCTETS)?;
        let item = "24 MiB of 1 GiB into a handler that takes 1 MiB/s";
        Ok(Row::new(item, "KiB", grown, Rival::None, Target::Most(256.0)))
    }

    /// How much more memory a flood took than a small one before it, in KiB.
    fn growth(&self, server: &Process, place: &str, first: usize, octets: usize) -> Result<f64, Failed> {
        let flood = |octets: usize| {
            output(Command::new(&self.press).args(["flood", server.address(), place, &octets.to_string()]))
        };
        flood(first)?;
        let before = server.memory(Memory::Most)?;
        flood(octets)?;
        Ok(server.memory(Memory::Most)? - before)
    }
}

/// A program that may open as many files as this machine lets it: each session is one.
fn with_many_files(program: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n \"$(ulimit -Hn)\"; exec \"$0\" \"$@\""]).arg(program);
    command
}

/// Memory in KiB: of each session, and of all of the process.
#[derive(Clone, Copy)]
struct Held {
    each: f64,
    whole: f64,
}

/// Milliseconds of processor time that a server takes for each message of a load.
fn cost(server: &Process, load: Load) -> Result<f64, Failed> {
    let before = server.processor()?;
    load.send(server.address())?;
    Ok((server.processor()? - before) * 1000.0 / f64::from(load.messages))
}

/// The instructions of smtp-sink for a load; none if it is missing.
fn smtp_sink_counted(load: Load) -> Result<Option<f64>, Failed> {
    let folder = tempfile::tempdir()?;
    let counts = folder.path().join("counts");
    let Some(server) = smtp_sink(|command| callgrind(command, &counts))? else { return Ok(None) };
    load.send(server.address())?;
    server.stop()?;
    instructions(&counts).map(Some)
}

fn slope(few: Option<f64>, many: Option<f64>, units: f64) -> Option<f64> {
    few.zip(many).map(|(few, many)| (many - few) / units)
}
