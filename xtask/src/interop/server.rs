//! A `smtpkit serve` in a folder of its own, on free ports.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::maildir;
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
        Self::start_with(&[], "")
    }

    /// With more flags, and more lines of configuration.
    pub(super) fn start_with(flags: &[&str], config: &str) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let users = folder.path().join("users");
        fs::write(&users, format!("{USER}:{PASSWORD}\n{RECIPIENT}:another one\n{ROBOT}:{{TOKEN}}{TOKEN}\n"))?;
        let addresses = (2..=MAILBOXES).map(mailbox).chain([INTERNATIONAL.to_owned()]);
        let mailboxes: Vec<String> =
            addresses.filter_map(|address| Some(address.split_once('@')?.0.to_owned())).collect();
        let config_file = folder.path().join("smtpkit.toml");
        let domain = format!("[[domain]]\nname = \"example.test\"\nmailboxes = {mailboxes:?}\n");
        fs::write(&config_file, domain + config)?;
        let mut child = Command::new(super::program())
            .args(["serve", "--json", "--hostname", "mx.example.test"])
            .arg("--data")
            .arg(folder.path().join("data"))
            .arg("--config")
            .arg(&config_file)
            .arg("--user-file")
            .arg(&users)
            .args(["--listen", "mx://127.0.0.1:0", "--listen", "submission://127.0.0.1:0"])
            .args(["--listen", "submissions://127.0.0.1:0", "--listen", "lmtp://127.0.0.1:0"])
            .args(flags)
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

    /// Takes the one new message out of a mailbox.
    pub(super) fn take(&self, address: &str) -> Result<Vec<u8>, Failed> {
        let Some((local_part, domain)) = address.split_once('@') else {
            return failed(format!("{address} is no address"));
        };
        let maildir = self.folder.path().join("data/mail").join(domain).join(local_part);
        maildir::take(&maildir).map_err(|Failed(why)| Failed(format!("{why}\n{}", self.log())))
    }

    /// The same, without the fields that final delivery puts in front, each exactly once.
    pub(super) fn take_content(&self, address: &str) -> Result<Vec<u8>, Failed> {
        let message = self.take(address)?;
        maildir::without(&["Return-Path:", "Delivered-To:", "Received:"], &message).map(<[u8]>::to_vec)
    }

    /// The process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it.
    pub(super) fn stop(&mut self) -> Result<(), Failed> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
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
