//! Other people's programs to measure against: where they are, and how they are started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::Process;
use crate::shell::{Failed, output, root, target};
use crate::tools;

/// Servers that take everything and throw it away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sink {
    /// smtp-sink, in C.
    Postfix,
    /// go-smtp, in Go.
    GoSmtp,
    /// aiosmtpd, in Python.
    Aiosmtpd,
}

impl Sink {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Postfix => "smtp-sink",
            Self::GoSmtp => "go-smtp",
            Self::Aiosmtpd => "aiosmtpd",
        }
    }

    /// Starts it; none if it is missing.
    pub(super) fn start(self) -> Result<Option<Process>, Failed> {
        match self {
            Self::Postfix => smtp_sink(|command| command),
            Self::GoSmtp => match go_smtp()? {
                Some(program) => Process::start(Command::new(program)).map(Some),
                None => Ok(None),
            },
            Self::Aiosmtpd => match tools::find("aiosmtpd") {
                Some(program) => Process::start_on_port(|port| aiosmtpd(&program, port)).map(Some),
                None => Ok(None),
            },
        }
    }
}

/// Postfix's sink, for as many sessions as may be asked for, perhaps under another program; none if it is missing.
pub(super) fn smtp_sink(under: impl FnOnce(Command) -> Command) -> Result<Option<Process>, Failed> {
    let Some(program) = tools::find("smtp-sink") else { return Ok(None) };
    let command = |port: u16| {
        let mut command = Command::new(program);
        command.args(["-u", "root", "-m", "1000", &format!("127.0.0.1:{port}"), "1000"]);
        under(command)
    };
    Process::start_on_port(command).map(Some)
}

fn aiosmtpd(program: &Path, port: u16) -> Command {
    let mut command = Command::new(program);
    command.args(["-n", "-c", "aiosmtpd.handlers.Sink", "-l", &format!("127.0.0.1:{port}")]);
    command
}

/// The program on go-smtp, built; none without Go or the package.
fn go_smtp() -> Result<Option<PathBuf>, Failed> {
    const PACKAGES: &str = "/usr/share/gocode";
    let package = Path::new(PACKAGES).join("src/github.com/emersion/go-smtp");
    let Some(go) = tools::find("go").filter(|_| package.is_dir()) else { return Ok(None) };
    let folder = target().join("bench");
    fs::create_dir_all(&folder)?;
    let program = folder.join("go-smtp");
    output(
        Command::new(go)
            .args(["build", "-o"])
            .arg(&program)
            .arg(root().join("benches/rivals/go-smtp.go"))
            .env("GO111MODULE", "off")
            .env("GOPATH", PACKAGES)
            .env("GOCACHE", folder.join("go-cache")),
    )?;
    Ok(Some(program))
}

/// What smtp-source sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) messages: u32,
    pub(super) sessions: u32,
    pub(super) octets: u32,
    pub(super) recipients: u32,
    pub(super) connections: Connections,
}

/// Whether a connection takes more than one message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Connections {
    Kept,
    New,
}

impl Load {
    /// Messages of 4 KiB to one recipient over kept connections.
    pub(super) const fn new(messages: u32, sessions: u32) -> Self {
        Self { messages, sessions, octets: 4096, recipients: 1, connections: Connections::Kept }
    }

    /// The command that sends it.
    pub(super) fn command(self, address: &str) -> Result<Command, Failed> {
        let Some(program) = tools::find("smtp-source") else {
            return Err(Failed("smtp-source is missing".into()));
        };
        let mut command = Command::new(program);
        if self.connections == Connections::Kept {
            command.arg("-d");
        }
        for (flag, value) in
            [("-m", self.messages), ("-s", self.sessions), ("-l", self.octets), ("-r", self.recipients)]
        {
            command.args([flag, &value.to_string()]);
        }
        command.args(["-f", "jane@example.com", "-t", "bob@example.org", address]);
        Ok(command)
    }

    /// Sends it, and waits for the end.
    pub(super) fn send(self, address: &str) -> Result<(), Failed> {
        output(&mut self.command(address)?)?;
        Ok(())
    }
}
