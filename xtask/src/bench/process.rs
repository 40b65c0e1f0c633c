//! Programs that run while they are measured: started, asked what they cost, ended with their owner.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::shell::{Failed, failed};

/// How long a program may take until it listens; under valgrind that is long.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at something that has to become true.
const PAUSE: Duration = Duration::from_millis(5);
/// The unit of times in /proc, which Linux fixes for programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// A program that runs, and ends with its owner.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// The first line that it prints, where a server says where it listens.
    address: String,
    /// What it prints.
    stdout: Option<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts a program, and waits for its first line: the address that it listens on.
    pub(super) fn start(command: Command) -> Result<Self, Failed> {
        Self::start_logging(command, Stdio::null())
    }

    /// The same, with a place for what it says on standard error.
    pub(super) fn start_logging(mut command: Command, log: impl Into<Stdio>) -> Result<Self, Failed> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let mut stdout = child.stdout.take().map(BufReader::new);
        let mut process = Self { child, address: String::new(), stdout: None };
        if let Some(stdout) = &mut stdout {
            stdout.read_line(&mut process.address)?;
        }
        process.stdout = stdout;
        process.address = process.address.trim().to_owned();
        if process.address.is_empty() {
            return failed(format!("{:?} ended before it listened", command.get_program()));
        }
        Ok(process)
    }

    /// Starts a program that is told a port, and waits until it listens there.
    pub(super) fn start_on_port(command: impl FnOnce(u16) -> Command) -> Result<Self, Failed> {
        let port = free_port()?;
        let mut command = command(port);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let stdout = child.stdout.take().map(BufReader::new);
        let process = Self { child, address: format!("127.0.0.1:{port}"), stdout };
        wait_for(port)?;
        Ok(process)
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it prints from now on.
    pub(super) fn take_stdout(&mut self) -> Option<BufReader<ChildStdout>> {
        self.stdout.take()
    }

    /// The next line that it prints; empty at the end.
    pub(super) fn line(&mut self) -> Result<String, Failed> {
        let mut line = String::new();
        if let Some(stdout) = &mut self.stdout {
            stdout.read_line(&mut line)?;
        }
        Ok(line.trim_end().to_owned())
    }

    /// User and system time so far, in seconds, of all its threads.
    pub(super) fn processor(&self) -> Result<f64, Failed> {
        processor(self.id(), Of::Itself)
    }

    /// A line of its status, in KiB.
    pub(super) fn memory(&self, key: Memory) -> Result<f64, Failed> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let key = match key {
            Memory::Now => "VmRSS:",
            Memory::Most => "VmHWM:",
        };
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let Some(line) = line else { return failed("the process has ended") };
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// Ends it as a service is ended, and waits until it has.
    pub(super) fn stop(mut self) -> Result<(), Failed> {
        terminate(self.id())?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Which memory of a process.
#[derive(Clone, Copy, Debug)]
pub(super) enum Memory {
    Now,
    Most,
}

/// Whose processor time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Of {
    Itself,
    /// Also of the children that it has waited for.
    ItselfAndEndedChildren,
}

/// User and system time of a process so far, in seconds.
pub(super) fn processor(id: u32, of: Of) -> Result<f64, Failed> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // the name of the program, which may hold anything, ends with the last parenthesis
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let times = fields.split_whitespace().skip(11).take(if of == Of::Itself { 2 } else { 4 });
    Ok(times.filter_map(|time| time.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SECOND)
}

/// A process and all below it.
pub(super) fn descendants(root: u32) -> Result<Vec<u32>, Failed> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // it may have ended meanwhile
        let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
        let parent =
            stat.rsplit_once(')').and_then(|(_, fields)| fields.split_whitespace().nth(1)?.parse().ok());
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(id);
        }
    }
    let mut all = vec![root];
    let mut next = 0;
    while let Some(id) = all.get(next) {
        all.extend(children.remove(id).unwrap_or_default());
        next += 1;
    }
    Ok(all)
}

/// The number of system calls that a command makes, its threads included.
pub(super) fn system_calls(command: &Command) -> Result<f64, Failed> {
    let folder = tempfile::tempdir()?;
    let summary = folder.path().join("summary");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-c", "-o"]).arg(&summary).arg(command.get_program()).args(command.get_args());
    crate::shell::output(&mut strace)?;
    let text = fs::read_to_string(&summary)?;
    let calls =
        text.lines().find(|line| line.ends_with(" total")).and_then(|line| line.split_whitespace().nth(3));
    match calls {
        Some(calls) => Ok(calls.parse()?),
        None => failed("strace wrote no total"),
    }
}

/// The number of instructions that a command takes.
pub(super) fn counted(command: Command) -> Result<f64, Failed> {
    let folder = tempfile::tempdir()?;
    let counts = folder.path().join("counts");
    crate::shell::output(&mut callgrind(command, &counts))?;
    instructions(&counts)
}

/// A command under callgrind, whose counts go to a file.
pub(super) fn callgrind(command: Command, counts: &Path) -> Command {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", counts.display()))
        .arg(command.get_program())
        .args(command.get_args())
        // without it a copy by `rep movsb` counts as one instruction
        .env("GLIBC_TUNABLES", "glibc.cpu.x86_rep_movsb_threshold=999999999");
    valgrind
}

/// The instructions that callgrind wrote down.
pub(super) fn instructions(counts: &Path) -> Result<f64, Failed> {
    let text = fs::read_to_string(counts)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals:").or(line.strip_prefix("summary:")));
    match total {
        Some(total) => Ok(total.trim().parse()?),
        None => failed("callgrind wrote no total"),
    }
}

/// A tracer of system calls that looks at processes while it lives.
#[derive(Debug)]
pub(super) struct Trace {
    strace: Child,
    file: PathBuf,
}

impl Trace {
    /// Attaches to processes and all that they start, and writes the calls of the given classes to `file`.
    pub(super) fn attach(ids: &[u32], calls: &str, file: &Path) -> Result<Self, Failed> {
        let mut command = Command::new("strace");
        command.args(["-f", "-e", "signal=none", "-e", calls, "-o"]).arg(file);
        for id in ids {
            command.args(["-p", &id.to_string()]);
        }
        // it says on standard error when it has attached
        let mut strace = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut said = strace.stderr.take().map(BufReader::new);
        let mut attached = 0;
        while let (true, Some(said)) = (attached < ids.len(), &mut said) {
            let mut line = String::new();
            if said.read_line(&mut line)? == 0 {
                return failed("strace could not attach");
            }
            attached += usize::from(line.contains("attached"));
        }
        // what it says about processes that come and go is read away
        std::thread::spawn(move || said.map(|said| said.lines().count()));
        Ok(Self { strace, file: file.to_owned() })
    }

    /// Detaches, and gives the calls, one a line.
    pub(super) fn finish(mut self) -> Result<String, Failed> {
        terminate(self.strace.id())?;
        self.strace.wait()?;
        Ok(fs::read_to_string(&self.file)?)
    }
}

/// Asks a process to end.
fn terminate(id: u32) -> Result<(), Failed> {
    crate::shell::output(Command::new("kill").arg(id.to_string()))?;
    Ok(())
}

/// A port that nobody listens on, for programs that cannot choose one.
pub(super) fn free_port() -> Result<u16, Failed> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Waits until somebody listens.
pub(super) fn wait_for(port: u16) -> Result<(), Failed> {
    until(|| Ok(TcpStream::connect(("127.0.0.1", port)).is_ok()))
}

/// Waits until something is true.
pub(super) fn until(mut is_true: impl FnMut() -> Result<bool, Failed>) -> Result<(), Failed> {
    let start = Instant::now();
    while !is_true()? {
        if start.elapsed() > PATIENCE {
            return failed("waited in vain");
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}
