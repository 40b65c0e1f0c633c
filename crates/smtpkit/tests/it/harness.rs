//! A `smtpkit serve` in a folder of its own on free ports, and `smtpkit send` against it.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

pub(crate) const ALICE: &str = "alice@example.test";
pub(crate) const BOB: &str = "bob@example.test";
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Another build of the program than the one that the tests come with.
const PROGRAM: &str = "SMTPKIT_TORTURE_PROGRAM";

/// The program.
pub(crate) fn smtpkit() -> Command {
    let program = std::env::var_os(PROGRAM).unwrap_or_else(|| env!("CARGO_BIN_EXE_smtpkit").into());
    let mut command = Command::new(program);
    command.env_remove(PROGRAM);
    for variable in ["PASSWORD", "LOG", "URL", "CONFIG", "DATA", "HOSTNAME", "PROXY"] {
        command.env_remove(format!("SMTPKIT_{variable}"));
    }
    command.stdin(Stdio::null());
    command
}

/// Runs a command to its end: exit code, standard output, standard error.
pub(crate) fn finish(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    folder: tempfile::TempDir,
    ready: serde_json::Value,
}

impl Server {
    /// Two accounts, the three listeners.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more flags.
    pub(crate) fn start_with(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let users = folder.path().join("users");
        fs::write(&users, format!("# two\n{ALICE}:{PASSWORD}\n\n{BOB}:another one\n")).unwrap();
        let mut command = smtpkit();
        command.args(["serve", "--hostname", "mx.example.test", "--user-file"]).arg(&users).args(flags);
        for scheme in ["mx", "submission", "submissions"] {
            command.args(["--listen", &format!("{scheme}://127.0.0.1:0")]);
        }
        Self::spawn(command, folder)
    }

    /// A server with this configuration file, which lies beside its data folder and a file `users`.
    pub(crate) fn configured(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let users = format!("{ALICE}:{PASSWORD}\n{BOB}:another one\n");
        fs::write(folder.path().join("users"), users).unwrap();
        let file = folder.path().join("smtpkit.toml");
        fs::write(&file, config).unwrap();
        let mut command = smtpkit();
        command.args(["serve", "--config"]).arg(file);
        Self::spawn(command, folder)
    }

    /// Any `serve` command line; `--data` and `--json` are added.
    pub(crate) fn spawn(command: Command, folder: tempfile::TempDir) -> Self {
        let (child, ready) = start(command, folder.path());
        Self { child, folder, ready }
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on its data, after its end.
    pub(crate) fn restart(&mut self, command: Command) {
        (self.child, self.ready) = start(command, self.folder.path());
    }

    pub(crate) fn port(&self, scheme: &str) -> u16 {
        let listeners = self.ready["listeners"].as_array().unwrap();
        let listener = listeners.iter().find(|listener| listener["scheme"] == scheme).unwrap();
        listener["port"].as_u64().unwrap().try_into().unwrap()
    }

    /// Where the page of numbers is.
    pub(crate) fn metrics(&self) -> &str {
        self.ready["metrics"].as_str().unwrap()
    }

    /// The id of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn scratch(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// A `send` command for this server's listener, with trust and user set.
    pub(crate) fn send(&self, scheme: &str) -> Command {
        self.send_as(ALICE, scheme)
    }

    /// The same for another user.
    pub(crate) fn send_as(&self, user: &str, scheme: &str) -> Command {
        let mut command = smtpkit();
        let url = match scheme {
            "mx" => format!("smtp://127.0.0.1:{}?tls=off", self.port("mx")),
            "submission" => format!("smtp://127.0.0.1:{}", self.port("submission")),
            _ => format!("smtps://127.0.0.1:{}", self.port("submissions")),
        };
        command.args(["send", &url]);
        if scheme != "mx" {
            command.args(["--user", user]).env("SMTPKIT_PASSWORD", PASSWORD);
            command.arg("--ca").arg(self.data().join("tls/ca.pem"));
        }
        command
    }

    /// The messages in the mailbox of a local part, sorted by name, when nothing waits in the queue any more.
    pub(crate) fn messages(&self, local_part: &str) -> Vec<Vec<u8>> {
        let mut listed = (0, String::new(), String::new());
        // a report is listed once its commit is done, a moment after what it is about has left the list
        let mut empty_in_a_row = 0;
        let drained = until(|| {
            listed = self.queue(&["list", "--json"]);
            empty_in_a_row = if listed.0 == 0 && listed.1.is_empty() { empty_in_a_row + 1 } else { 0 };
            empty_in_a_row == 3
        });
        assert!(drained, "the queue does not drain: {listed:?}\n{}", self.log());
        self.stored(local_part)
    }

    /// Runs `smtpkit queue` on the data folder.
    pub(crate) fn queue(&self, arguments: &[&str]) -> (i32, String, String) {
        finish(smtpkit().arg("queue").args(arguments).arg("--data").arg(self.data()))
    }

    /// The messages in the mailbox of a local part as they are now.
    pub(crate) fn stored(&self, local_part: &str) -> Vec<Vec<u8>> {
        self.mailbox("example.test", local_part)
    }

    /// The same in any domain.
    pub(crate) fn mailbox(&self, domain: &str, local_part: &str) -> Vec<Vec<u8>> {
        let new = self.data().join("mail").join(domain).join(local_part).join("new");
        let Ok(entries) = fs::read_dir(new) else { return Vec::new() };
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| fs::read(file).unwrap()).collect()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits for the end and gives the exit code.
    pub(crate) fn wait(&mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

fn start(mut command: Command, folder: &Path) -> (Child, serde_json::Value) {
    let mut child = command
        .arg("--data")
        .arg(folder.join("data"))
        .arg("--json")
        .stdout(Stdio::piped())
        .stderr(fs::File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let log = || fs::read_to_string(folder.join("log")).unwrap();
    let ready = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not ready: {line:?}\n{}", log()));
    (child, ready)
}

impl Drop for Server {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again, at most as often as a slow machine needs, whether something has come about.
pub(crate) fn until(mut is_so: impl FnMut() -> bool) -> bool {
    (0..1_000).any(|attempt| {
        if attempt > 0 {
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
        is_so()
    })
}

/// Gives a command standard input.
pub(crate) fn with_input(command: &mut Command, input: impl AsRef<[u8]>) -> (i32, String, String) {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // a command that fails early may not read it
    let _ = child.stdin.take().unwrap().write_all(input.as_ref());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.code().unwrap_or(-1), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Splits a stored message into its trace fields (Return-Path, Delivered-To, Received) and what was sent.
pub(crate) fn split_trace(message: &[u8]) -> (Vec<String>, &[u8]) {
    let mut fields = Vec::new();
    let mut rest = message;
    for name in ["Return-Path:", "Delivered-To:", "Received:"] {
        assert!(rest.starts_with(name.as_bytes()), "{name} is missing in {}", String::from_utf8_lossy(rest));
        let mut end = 0;
        loop {
            end += rest[end..].iter().position(|octet| *octet == b'\n').unwrap() + 1;
            if !matches!(rest[end], b' ' | b'\t') {
                break;
            }
        }
        let (field, behind) = rest.split_at(end);
        fields.push(String::from_utf8(field.to_vec()).unwrap().replace("\r\n", ""));
        rest = behind;
    }
    (fields, rest)
}

/// Asserts an exit code and that standard error says what it should.
#[track_caller]
pub(crate) fn check(outcome: &(i32, String, String), exit: i32, says: &[&str]) {
    let (code, _, stderr) = outcome;
    assert_eq!(*code, exit, "standard error: {stderr}");
    for text in says {
        assert!(stderr.contains(text), "`{text}` is not in: {stderr}");
    }
}

/// Runs a shell line in a folder.
pub(crate) fn shell(line: &str, folder: &Path, path: impl AsRef<OsStr>) -> (i32, String, String) {
    finish(Command::new("sh").args(["-c", line]).current_dir(folder).env("PATH", path).stdin(Stdio::null()))
}
