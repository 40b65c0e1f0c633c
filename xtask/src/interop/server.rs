//! A `smtpkit serve` in a folder of its own, on free ports.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::shell::{Failed, failed};

pub(super) const USER: &str = "alice@example.test";
pub(super) const PASSWORD: &str = "correct horse battery";
pub(super) const RECIPIENT: &str = "bob@example.test";
/// Logs in with a token.
pub(super) const ROBOT: &str = "robot@example.test";
pub(super) const TOKEN: &str = "ya29.token-of-the-robot";

/// How many mailboxes [`mailbox`] names.
pub(super) const MAILBOXES: usize = 50;
/// A mailbox that only SMTPUTF8 reaches.
pub(super) const INTERNATIONAL: &str = "δοκιμή@example.test";

/// The address of one of many mailboxes, counted from 1, as smtp-source names them.
pub(super) fn mailbox(number: usize) -> String {
    if number == 1 { RECIPIENT.to_owned() } else { format!("{number}{RECIPIENT}") }
}

/// How long local delivery may take on a slow machine.
const DELIVERY_TIME_MAX: Duration = Duration::from_secs(20);

/// How much of the log a failure shows.
const LOG_LINES_SHOWN: usize = 12;

/// A running server; dropped, it is stopped and its folder removed.
pub(super) struct Server {
    child: Child,
    folder: tempfile::TempDir,
    listeners: Vec<(String, u16)>,
}

impl Server {
    pub(super) fn start() -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let users = folder.path().join("users");
        fs::write(&users, format!("{USER}:{PASSWORD}\n{RECIPIENT}:another one\n{ROBOT}:{{TOKEN}}{TOKEN}\n"))?;
        let addresses = (2..=MAILBOXES).map(mailbox).chain([INTERNATIONAL.to_owned()]);
        let mailboxes: Vec<String> =
            addresses.filter_map(|address| Some(address.split_once('@')?.0.to_owned())).collect();
        let config = folder.path().join("smtpkit.toml");
        fs::write(&config, format!("[[domain]]\nname = \"example.test\"\nmailboxes = {mailboxes:?}\n"))?;
        let mut child = Command::new(super::program())
            .args(["serve", "--json", "--hostname", "mx.example.test"])
            .arg("--data")
            .arg(folder.path().join("data"))
            .arg("--config")
            .arg(&config)
            .arg("--user-file")
            .arg(&users)
            .args(["--listen", "mx://127.0.0.1:0", "--listen", "submission://127.0.0.1:0"])
            .args(["--listen", "submissions://127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.path().join("log"))?)
            .spawn()?;
        let mut ready = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut ready)?;
        }
        let mut server = Self { child, folder, listeners: Vec::new() };
        let Ok(ready) = serde_json::from_str::<Value>(&ready) else {
            return failed(format!("serve did not get ready: {}", server.log()));
        };
        let listeners = ready.get("listeners").and_then(Value::as_array).cloned().unwrap_or_default();
        server.listeners = listeners
            .iter()
            .filter_map(|listener| {
                let port = listener.get("port")?.as_u64()?;
                Some((listener.get("scheme")?.as_str()?.to_owned(), u16::try_from(port).ok()?))
            })
            .collect();
        Ok(server)
    }

    /// The port of the listener with this scheme.
    pub(super) fn port(&self, scheme: &str) -> Result<u16, Failed> {
        let found = self.listeners.iter().find(|(name, _)| name == scheme);
        found.map_or_else(|| failed(format!("no {scheme} listener")), |(_, port)| Ok(*port))
    }

    /// The file to trust.
    pub(super) fn trust(&self) -> PathBuf {
        self.folder.path().join("data/tls/ca.pem")
    }

    /// Where a test may put its files.
    pub(super) fn scratch(&self) -> &Path {
        self.folder.path()
    }

    /// Takes the one new message out of a mailbox and gives what follows its trace fields. It lies there a moment after
    /// the `250`, for which it only had to be in the queue.
    pub(super) fn take_message(&self, address: &str) -> Result<Vec<u8>, Failed> {
        let Some((local_part, domain)) = address.split_once('@') else {
            return failed(format!("{address} is no address"));
        };
        let new = self.folder.path().join("data/mail").join(domain).join(local_part).join("new");
        let start = Instant::now();
        loop {
            // the folder is made with the first message
            let entries = fs::read_dir(&new).into_iter().flatten();
            let files: Vec<PathBuf> =
                entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
            match files.as_slice() {
                [file] => {
                    let message = fs::read(file)?;
                    fs::remove_file(file)?;
                    return strip_trace(&message).map(<[u8]>::to_vec);
                }
                [] if start.elapsed() < DELIVERY_TIME_MAX => std::thread::sleep(Duration::from_millis(2)),
                files => {
                    let found = files.len();
                    return failed(format!("{found} messages for {address} instead of one: {}", self.log()));
                }
            }
        }
    }

    /// The last lines of the log.
    fn log(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(LOG_LINES_SHOWN)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // the process is ours; it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What follows the fields that final delivery puts in front, each exactly once.
fn strip_trace(message: &[u8]) -> Result<&[u8], Failed> {
    let mut rest = message;
    for field in ["Return-Path:", "Delivered-To:", "Received:"] {
        if !rest.starts_with(field.as_bytes()) {
            return failed(format!("the stored message lacks {field} in its place"));
        }
        rest = after_field(rest);
    }
    Ok(rest)
}

/// What follows the first field of a header, its folded lines included.
fn after_field(header: &[u8]) -> &[u8] {
    let mut at = 0;
    while let Some(end) = header.get(at..).and_then(|rest| rest.iter().position(|octet| *octet == b'\n')) {
        at += end + 1;
        if !matches!(header.get(at), Some(b' ' | b'\t')) {
            break;
        }
    }
    header.get(at..).unwrap_or_default()
}
