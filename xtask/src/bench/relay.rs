//! The rows of the area "relay": smtp-source → relay → smtp-sink, `smtpkit serve` and Postfix in turns, both durable.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use super::postfix::Postfix;
use super::process::{Process, Trace, until};
use super::rivals::Load;
use super::row::{Rival, Row, Target};
use crate::shell::{Failed, cargo, failed, output, target};
use crate::tools;

/// Pairs of runs; the median counts.
const PAIRS: usize = 5;
const LOAD: Load = Load::new(1_000, 20);
/// Mail that comes fast enough for commits to be shared.
const MANY_SESSIONS: Load = Load::new(2_000, 64);

/// Measures and compares.
pub(super) fn rows() -> Result<Vec<Row>, Failed> {
    let (our_sink, their_sink) = (Counter::start()?, Counter::start()?);
    let ours = Smtpkit::start(our_sink.process.address())?;
    let theirs = Postfix::start(their_sink.process.address())?;
    let (mut costs, mut rival_costs) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        costs.push(cost(&ours.address, &our_sink, || ours.process.processor())?);
        if let Some(postfix) = &theirs {
            rival_costs.push(cost(&postfix.address(), &their_sink, || postfix.processor())?);
        }
    }
    let syncs = our_syncs(&ours, &our_sink)?;
    let rival_syncs = match &theirs {
        Some(postfix) => Some(syncs_of(postfix, &their_sink)?),
        None => None,
    };
    let name = "Postfix";
    let rival = |figure: fn(&Cost) -> f64| Rival::of(name, median(rival_costs.iter().map(figure)));
    let processor = |cost: &Cost| cost.processor * 1000.0;
    let seconds = |cost: &Cost| cost.seconds * 1000.0;
    let our = |figure: fn(&Cost) -> f64| median(costs.iter().map(figure)).unwrap_or(f64::NAN);
    let item = "relayed message of 4 KiB";
    Ok(vec![
        Row::new(item, "CPU ms", our(processor), rival(processor), Target::Most(0.40)),
        Row::new(
            format!("{item}, against Postfix"),
            "CPU ms",
            our(processor),
            rival(processor),
            Target::Ratio(0.17),
        ),
        // at least 5 times as many a second
        Row::new(format!("{item}, end to end"), "ms", our(seconds), rival(seconds), Target::Ratio(0.2)),
        Row::new(
            "syncs, 64 sessions",
            "calls/message",
            syncs,
            Rival::of(name, rival_syncs),
            Target::Most(0.1),
        ),
    ])
}

/// A release build of ours that relays everything to one host.
struct Smtpkit {
    process: Process,
    address: String,
    /// Where it tells its figures.
    metrics: String,
    /// Removed with it.
    _folder: tempfile::TempDir,
}

impl Smtpkit {
    fn start(next_hop: &str) -> Result<Self, Failed> {
        output(
            cargo().args(["build", "--release", "--quiet", "--package", "smtpkit"]).stderr(Stdio::inherit()),
        )?;
        let folder = tempfile::tempdir()?;
        let users = folder.path().join("users");
        fs::write(&users, "alice@relay.bench.test:correct horse battery\n")?;
        let mut command = Command::new(target().join("release/smtpkit"));
        command
            .args(["serve", "--json", "--hostname", "relay.bench.test", "--listen", "mx://127.0.0.1:0"])
            .args(["--trusted", "127.0.0.0/8", "--smarthost", &format!("smtp://{next_hop}?tls=off")])
            .args(["--metrics", "127.0.0.1:0"])
            .arg("--data")
            .arg(folder.path().join("data"))
            .arg("--user-file")
            .arg(&users);
        let process = Process::start_logging(command, File::create(folder.path().join("log"))?)?;
        let ready: serde_json::Value = serde_json::from_str(process.address())?;
        let port = ready.pointer("/listeners/0/port").and_then(serde_json::Value::as_u64);
        let (Some(port), Some(metrics)) = (port, ready.get("metrics").and_then(serde_json::Value::as_str))
        else {
            return failed(format!("serve names no port: {ready}"));
        };
        let metrics = metrics.to_owned();
        Ok(Self { process, address: format!("127.0.0.1:{port}"), metrics, _folder: folder })
    }

    /// Commits of its queue since it began.
    fn commits(&self) -> Result<f64, Failed> {
        let mut stream = TcpStream::connect(&self.metrics)?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let mut lines = text.lines();
        let count = lines.find_map(|line| line.strip_prefix("smtpkit_queue_commits_total "));
        count.and_then(|count| count.parse().ok()).ok_or_else(|| Failed("serve counts no commits".into()))
    }
}

/// A sink that counts messages.
struct Counter {
    process: Process,
    messages: Arc<AtomicU32>,
}

impl Counter {
    fn start() -> Result<Self, Failed> {
        let Some(program) = tools::find("smtp-sink") else { return failed("smtp-sink is missing") };
        let mut process = Process::start_on_port(|port| {
            let mut command = Command::new(program);
            command.args(["-c", "-u", "root", "-m", "1000", &format!("127.0.0.1:{port}"), "1000"]);
            command
        })?;
        let messages = Arc::new(AtomicU32::new(0));
        let (count, stdout) = (Arc::clone(&messages), process.take_stdout());
        std::thread::spawn(move || stdout.map(|stdout| follow(stdout, &count)));
        Ok(Self { process, messages })
    }

    fn messages(&self) -> u32 {
        self.messages.load(Ordering::Relaxed)
    }
}

/// Reads `sess=1 quit=0 mesg=12`, written over itself again and again.
fn follow(mut stdout: impl std::io::Read, count: &AtomicU32) {
    let (mut buffer, mut text) = ([0; 4096], String::new());
    while let Ok(octets @ 1..) = stdout.read(&mut buffer) {
        text.push_str(&String::from_utf8_lossy(buffer.get(..octets).unwrap_or_default()));
        let Some((whole, rest)) = text.rsplit_once('\r') else { continue };
        let latest =
            whole.rsplit_once("mesg=").and_then(|(_, count)| count.split('\r').next()?.trim().parse().ok());
        if let Some(latest) = latest {
            count.store(latest, Ordering::Relaxed);
        }
        text = rest.to_owned();
    }
}

/// What a relayed message costs, in seconds.
#[derive(Clone, Copy)]
struct Cost {
    processor: f64,
    seconds: f64,
}

fn cost(address: &str, sink: &Counter, processor: impl Fn() -> Result<f64, Failed>) -> Result<Cost, Failed> {
    let before = processor()?;
    let seconds = relayed(LOAD, address, sink)?;
    let messages = f64::from(LOAD.messages);
    Ok(Cost { processor: (processor()? - before) / messages, seconds: seconds / messages })
}

/// Sends a load, and waits until all of it has arrived; the seconds that took.
fn relayed(load: Load, address: &str, sink: &Counter) -> Result<f64, Failed> {
    let (start, before) = (Instant::now(), sink.messages());
    load.send(address)?;
    until(|| Ok(sink.messages() >= before + load.messages))?;
    Ok(start.elapsed().as_secs_f64())
}

fn syncs_of(postfix: &Postfix, sink: &Counter) -> Result<f64, Failed> {
    syncs(&postfix.address(), &postfix.processes()?, sink)
}

/// The same for ours. A trace slows the program down, so that fewer messages share a commit: it shows how often a commit
/// waits for the disk, and how many commits there are is counted without it.
fn our_syncs(ours: &Smtpkit, sink: &Counter) -> Result<f64, Failed> {
    let commits_of = |work: &dyn Fn() -> Result<f64, Failed>| -> Result<(f64, f64), Failed> {
        let before = ours.commits()?;
        let done = work()?;
        Ok((done, (ours.commits()? - before) / f64::from(MANY_SESSIONS.messages)))
    };
    let (traced, traced_commits) = commits_of(&|| syncs(&ours.address, &[ours.process.id()], sink))?;
    let (_, commits) = commits_of(&|| relayed(MANY_SESSIONS, &ours.address, sink))?;
    Ok(traced / traced_commits * commits)
}

/// Calls that wait for the disk, per message.
fn syncs(address: &str, processes: &[u32], sink: &Counter) -> Result<f64, Failed> {
    let folder = tempfile::tempdir()?;
    let calls = "trace=fsync,fdatasync,sync_file_range,msync,syncfs,sync";
    let trace = Trace::attach(processes, calls, &folder.path().join("calls"))?;
    relayed(MANY_SESSIONS, address, sink)?;
    let calls =
        trace.finish()?.lines().filter(|line| line.contains("sync") && !line.contains("resumed")).count();
    Ok(calls as f64 / f64::from(MANY_SESSIONS.messages))
}

fn median(figures: impl Iterator<Item = f64>) -> Option<f64> {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}
