//! aiosmtpd, which wants TLS and AUTH.

use std::cell::Cell;
use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use super::{Identity, Process, free_port, wait_for};
use crate::interop::server::{PASSWORD, USER};
use crate::shell::{Failed, root};

pub(in crate::interop) struct Aiosmtpd {
    _process: Process,
    folder: TempDir,
    taken: Cell<usize>,
    /// Where it listens.
    pub(in crate::interop) port: u16,
}

impl Aiosmtpd {
    pub(in crate::interop) fn start(identity: &Identity, scheme: &str) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let settings = json!({
            "port": port,
            "implicit": scheme == "smtps",
            "folder": folder.path(),
            "certificate": identity.certificate(),
            "key": identity.key(),
            "user": USER,
            "secret": PASSWORD,
        });
        let process = Command::new("/usr/bin/python3")
            .args(["-W", "ignore"])
            .arg(root().join("xtask/src/interop/servers/python_aiosmtpd.py"))
            .arg(settings.to_string())
            // it ends with its input, too
            .stdin(Stdio::piped())
            // it warns of its own future there
            .stderr(Stdio::null())
            .spawn()?;
        let server = Self { _process: Process(process), folder, taken: Cell::new(0), port };
        wait_for(port, String::new)?;
        Ok(server)
    }

    /// The content of the next message.
    pub(in crate::interop) fn take(&self) -> Result<Vec<u8>, Failed> {
        self.taken.set(self.taken.get() + 1);
        Ok(fs::read(self.folder.path().join(format!("{}.new", self.taken.get())))?)
    }
}
