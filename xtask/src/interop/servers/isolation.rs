//! Servers whose packages exclude the one that is installed: a mount namespace shows them a system of their own.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Process;
use crate::shell::{Failed, output, root};
use crate::tools;

/// Whether this machine grants mount namespaces.
pub(in crate::interop) fn possible() -> bool {
    output(Command::new("unshare").args(["--mount", "true"])).is_ok()
}

/// Runs a script, which has to end with an `exec`, as if the package were installed; what it says goes to `FOLDER/log`.
pub(super) fn start(
    package: &str,
    folder: &Path,
    script: &str,
    arguments: &[&Path],
) -> Result<Process, Failed> {
    let scratch = folder.join("scratch");
    fs::create_dir(&scratch)?;
    let log = fs::File::create(folder.join("log"))?;
    let process = Command::new("unshare")
        .args(["--mount", "sh"])
        .arg(root().join("xtask/src/interop/servers/isolation.sh"))
        .arg(tools::unpacked(package))
        .arg(scratch)
        .arg(script)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    Ok(Process(process))
}
