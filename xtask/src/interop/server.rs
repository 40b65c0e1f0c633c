//! A `smtpkit serve` in a folder of its own, on free ports.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::shell::{Failed, failed};

pub(super) const USER: &str = "alice@example.test";
pub(super) const PASSWORD: &str = "correct horse battery";
pub(super) const RECIPIENT: &str = "bob@example.test";

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
        fs::write(&users, format!("{USER}:{PASSWORD}\n{RECIPIENT}:another one\n"))?;
        let mut child = Command::new(super::program())
            .args(["serve", "--json", "--hostname", "mx.example.test"])
            .arg("--data")
            .arg(folder.path().join("data"))
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

    /// Takes the one new message out of the recipient's mailbox and gives what follows its trace fields.
    pub(super) fn take_message(&self) -> Result<Vec<u8>, Failed> {
        let new = self.folder.path().join("data/mail/example.test/bob/new");
        let files: Vec<PathBuf> =
            fs::read_dir(&new)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        let [file] = files.as_slice() else {
            return failed(format!("{} messages in the mailbox instead of one: {}", files.len(), self.log()));
        };
        let message = fs::read(file)?;
        fs::remove_file(file)?;
        strip_trace(&message).map(<[u8]>::to_vec)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // the process is ours; it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What follows Return-Path and Received, which final delivery puts in front, each exactly once.
fn strip_trace(message: &[u8]) -> Result<&[u8], Failed> {
    let mut rest = message;
    for field in ["Return-Path:", "Received:"] {
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
