//! Postfix's smtp-sink, which takes everything, or fails as its switches say. It speaks neither TLS nor AUTH.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{Process, free_port, open_folder, wait_for};
use crate::interop::maildir;
use crate::shell::{Failed, failed};
use crate::tools;

pub(in crate::interop) struct SmtpSink {
    _process: Process,
    dumps: TempDir,
    pub(in crate::interop) port: u16,
}

impl SmtpSink {
    pub(in crate::interop) fn start(switches: &[&str]) -> Result<Self, Failed> {
        let Some(program) = tools::find("smtp-sink") else { return failed("smtp-sink is missing") };
        let dumps = open_folder()?;
        let port = free_port()?;
        let process = Command::new(program)
            .current_dir(dumps.path())
            .args(["-d", "%S.", "-u", "root"])
            .args(switches)
            .args([&format!("127.0.0.1:{port}"), "100"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let sink = Self { _process: Process(process), dumps, port };
        wait_for(port, String::new)?;
        Ok(sink)
    }

    /// What it wrote for each transaction.
    fn files(&self) -> Result<Vec<PathBuf>, Failed> {
        let entries = fs::read_dir(self.dumps.path())?;
        Ok(entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?)
    }

    /// The content of the one message.
    pub(in crate::interop) fn take(&self) -> Result<Vec<u8>, Failed> {
        let files = self.files()?;
        let [file] = files.as_slice() else {
            return failed(format!("smtp-sink kept {} messages instead of one", files.len()));
        };
        let dump = fs::read(file)?;
        fs::remove_file(file)?;
        // its own X- lines and a Received field come before the content, an empty line behind it
        let marker = b"From: Alice";
        let at = dump.windows(marker.len()).position(|window| window == marker).unwrap_or(dump.len());
        let content = dump.get(at..).unwrap_or_default();
        Ok(maildir::with_crlf(content.strip_suffix(b"\n").unwrap_or(content)))
    }
}
