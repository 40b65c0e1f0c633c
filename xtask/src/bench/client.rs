//! The rows of the area "client": ours and others over one connection to smtp-sink, and to a sink of ours with TLS
//! and with a delay before each reply.
//!
//! Instructions and system calls are slopes between two numbers of messages, so that connecting does not count.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::probe::program;
use super::process::{Process, counted, system_calls};
use super::rivals::{Load, smtp_sink};
use super::row::{Rival, Row, Target};
use crate::shell::{Failed, failed, output};

/// Messages of the first run of a slope; the second has three times as many.
const FEW: u32 = 50;
const MIB: u32 = 1 << 20;
/// Runs for times; the least counts.
const RUNS: usize = 5;
/// Messages of a run for times.
const TIMED_MESSAGES: u32 = 6_000;

/// The clients in Rust, by what the program `send` calls them.
const RUST: [&str; 3] = ["lettre", "mail-send", "async-smtp"];
const OURS: &str = "smtpkit";

/// Measures and compares.
pub(super) fn rows() -> Result<Vec<Row>, Failed> {
    let clients = Clients { send: program("send")?, sink: program("sink")? };
    let Some(sink) = smtp_sink(|command| command)? else { return failed("smtp-sink is missing") };
    let mut rows = clients.instructions(sink.address())?;
    rows.extend(clients.system_calls(sink.address())?);
    rows.extend(clients.times(sink.address())?);
    rows.extend(clients.round_trips()?);
    rows.push(clients.tls()?);
    rows.push(clients.streamed(sink.address())?);
    Ok(rows)
}

/// The programs of ours that are needed.
struct Clients {
    send: PathBuf,
    sink: PathBuf,
}

/// What is sent.
#[derive(Clone, Copy)]
struct Mail {
    messages: u32,
    recipients: u32,
    octets: u32,
}

const MAIL: Mail = Mail { messages: FEW, recipients: 1, octets: 4096 };

impl Clients {
    fn command(&self, side: &str, address: &str, mail: Mail) -> Result<Command, Failed> {
        let Mail { messages, recipients, octets } = mail;
        if side == "smtp-source" {
            return Load { octets, recipients, ..Load::new(messages, 1) }.command(address);
        }
        let mut command = Command::new(&self.send);
        command.args([side, address]);
        for (flag, value) in [("--messages", messages), ("--recipients", recipients), ("--octets", octets)] {
            command.args([flag, &value.to_string()]);
        }
        Ok(command)
    }

    /// What a message costs by the slope of `cost` between two numbers of messages.
    fn per_message(
        &self,
        side: &str,
        address: &str,
        mail: Mail,
        cost: impl Fn(Command) -> Result<f64, Failed>,
    ) -> Result<f64, Failed> {
        let few = cost(self.command(side, address, mail)?)?;
        let many = cost(self.command(side, address, Mail { messages: mail.messages * 3, ..mail })?)?;
        Ok((many - few) / f64::from(mail.messages * 2))
    }

    /// The cheapest of the clients in Rust.
    fn best(&self, cost: impl Fn(&str) -> Result<f64, Failed>) -> Result<(&'static str, f64), Failed> {
        let costs = RUST.iter().map(|side| Ok((*side, cost(side)?))).collect::<Result<Vec<_>, Failed>>()?;
        match costs.into_iter().min_by(|one, other| one.1.total_cmp(&other.1)) {
            Some(best) => Ok(best),
            None => failed("no rival"),
        }
    }

    fn instructions(&self, address: &str) -> Result<Vec<Row>, Failed> {
        let mut rows = Vec::new();
        let unit = "instructions";
        for (recipients, most) in [(1, 16_000.0), (10, 24_000.0)] {
            let mail = Mail { recipients, ..MAIL };
            let cost = |side: &str| self.per_message(side, address, mail, counted);
            let ours = cost(OURS)?;
            let item = format!("4 KiB message, recipients: {recipients}");
            rows.push(Row::new(&item, unit, ours, Some(self.best(cost)?), Target::Most(most)));
            rows.push(Row::new(
                item,
                unit,
                ours,
                Some(("smtp-source", cost("smtp-source")?)),
                Target::Most(most),
            ));
        }
        let cost = |side: &str| {
            let long = Mail { messages: 2, octets: MIB, ..MAIL };
            let short = Mail { octets: 4096, ..long };
            let of = |mail| self.per_message(side, address, mail, counted);
            Ok((of(long)? - of(short)?) / f64::from(MIB - 4096))
        };
        rows.push(Row::new(
            "content",
            "instructions/octet",
            cost(OURS)?,
            Some(self.best(cost)?),
            Target::Most(1.5),
        ));
        Ok(rows)
    }

    fn system_calls(&self, address: &str) -> Result<Vec<Row>, Failed> {
        let mut rows = Vec::new();
        for recipients in [1, 10] {
            let mail = Mail { recipients, ..MAIL };
            let cost = |side: &str| self.per_message(side, address, mail, |command| system_calls(&command));
            let (item, ours) = (format!("system calls, recipients: {recipients}"), cost(OURS)?);
            for rival in [self.best(cost)?, ("smtp-source", cost("smtp-source")?)] {
                rows.push(Row::new(&item, "calls", ours, Some(rival), Target::Most(6.0)));
            }
        }
        Ok(rows)
    }

    /// Processor time, time and allocations, from the program's own report.
    fn times(&self, address: &str) -> Result<Vec<Row>, Failed> {
        let mut sides = vec![(OURS, Report::WORST)];
        sides.extend(RUST.map(|side| (side, Report::WORST)));
        for _ in 0..RUNS {
            for (side, least) in &mut sides {
                let mail = Mail { messages: TIMED_MESSAGES, ..MAIL };
                *least = least.least(Report::of(&mut self.command(side, address, mail)?)?);
            }
        }
        let Some(((_, ours), rivals)) = sides.split_first() else { return failed("no sides") };
        let best = |cost: fn(&Report) -> f64| {
            let costs = rivals.iter().map(|(side, report)| (*side, cost(report)));
            costs.min_by(|one, other| one.1.total_cmp(&other.1))
        };
        let processor = |report: &Report| report.processor * 1000.0;
        let async_smtp = rivals.iter().find(|(side, _)| *side == "async-smtp");
        let async_smtp = async_smtp.map(|(side, report)| (*side, report.seconds * 1000.0));
        Ok(vec![
            Row::new(
                "4 KiB message, 1 connection",
                "CPU ms",
                processor(ours),
                best(processor),
                Target::Ratio(0.70),
            ),
            // at least 1.1 times as many a second
            Row::new(
                "4 KiB message, 1 connection",
                "ms",
                ours.seconds * 1000.0,
                async_smtp,
                Target::Ratio(1.0 / 1.1),
            ),
            Row::new(
                "4 KiB message",
                "allocations",
                ours.allocations,
                best(|report| report.allocations),
                Target::Most(6.0),
            ),
        ])
    }

    /// Writes of a server that waits 20 ms before each.
    fn round_trips(&self) -> Result<Vec<Row>, Failed> {
        let writes = |side: &str, mail: Mail| {
            let mut command = Command::new(&self.sink);
            command.args(["--delay-ms", "20"]);
            let mut sink = Process::start(command)?;
            output(&mut self.command(side, sink.address(), mail)?)?;
            let line = sink.line()?;
            match line.split_once('\t') {
                Some((writes, _)) => Ok(writes.parse::<f64>()?),
                None => failed("the sink told nothing"),
            }
        };
        let per_message = |side: &str, recipients: u32| {
            let mail = Mail { messages: 4, recipients, ..MAIL };
            Ok((writes(side, Mail { messages: 12, ..mail })? - writes(side, mail)?) / 8.0)
        };
        let mut rows = Vec::new();
        for recipients in [1, 10] {
            let item = format!("round trips, recipients: {recipients}");
            let rival = self.best(|side| per_message(side, recipients))?;
            let unit = "round trips";
            rows.push(Row::new(&item, unit, per_message(OURS, recipients)?, Some(rival), Target::Most(2.0)));
            let batch = per_message("smtpkit-batch", recipients)?;
            rows.push(Row::new(format!("{item}, in a batch"), unit, batch, Some(rival), Target::Most(1.0)));
        }
        Ok(rows)
    }

    fn tls(&self) -> Result<Row, Failed> {
        let folder = tempfile::tempdir()?;
        let authority = folder.path().join("authority.pem");
        let mut command = Command::new(&self.sink);
        command.arg("--authority").arg(&authority);
        let sink = Process::start(command)?;
        // how much a handshake gathers of randomness is left to chance: among more messages that weighs little
        let mail = Mail { messages: FEW * 8, ..MAIL };
        let cost = |side: &str| {
            self.per_message(side, sink.address(), mail, |command| {
                counted(with_authority(command, &authority))
            })
        };
        let item = "4 KiB message, TLS 1.3";
        Ok(Row::new(item, "instructions", cost(OURS)?, Some(self.best(cost)?), Target::Most(40_000.0)))
    }

    /// By how much a process grows that sends what it never holds.
    fn streamed(&self, address: &str) -> Result<Row, Failed> {
        let mail = Mail { messages: 2, octets: 100 * MIB, ..MAIL };
        let report = Report::of(&mut self.command("smtpkit-stream", address, mail)?)?;
        let item = "100 MiB message from a reader, memory";
        Ok(Row::new(item, "MiB", report.growth / 1024.0, Rival::None, Target::Most(8.0)))
    }
}

fn with_authority(mut command: Command, authority: &Path) -> Command {
    command.arg("--authority").arg(authority);
    command
}

/// What the program `send` says about itself, per message; growth in KiB.
#[derive(Clone, Copy)]
struct Report {
    seconds: f64,
    processor: f64,
    allocations: f64,
    growth: f64,
}

impl Report {
    const WORST: Self = Self {
        seconds: f64::INFINITY,
        processor: f64::INFINITY,
        allocations: f64::INFINITY,
        growth: f64::INFINITY,
    };

    fn of(command: &mut Command) -> Result<Self, Failed> {
        let line = output(command)?;
        let figures = line.trim().split('\t').map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        match figures.as_slice() {
            &[seconds, processor, allocations, growth] => {
                Ok(Self { seconds, processor, allocations, growth })
            }
            _ => failed(format!("not a report: {line}")),
        }
    }

    fn least(self, other: Self) -> Self {
        Self {
            seconds: self.seconds.min(other.seconds),
            processor: self.processor.min(other.processor),
            allocations: self.allocations.min(other.allocations),
            growth: self.growth.min(other.growth),
        }
    }
}
