//! A name server that sends all mail to loopback.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::Process;
use crate::shell::{Failed, failed, root};

pub(in crate::interop) struct NameServer {
    _process: Process,
    pub(in crate::interop) port: u16,
}

impl NameServer {
    pub(in crate::interop) fn start() -> Result<Self, Failed> {
        let mut process = Command::new("/usr/bin/python3")
            .arg(root().join("xtask/src/interop/servers/name_server.py"))
            .stdout(Stdio::piped())
            .spawn()?;
        let said = process.stdout.take();
        let process = Process(process);
        let Some(said) = said else { return failed("the name server has no output") };
        let mut port = String::new();
        BufReader::new(said).read_line(&mut port)?;
        Ok(Self { _process: process, port: port.trim().parse()? })
    }
}
