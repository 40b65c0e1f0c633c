//! Running other programs, with the command shown and a failure that names it.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// Why a task did not succeed.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) String);

impl<E: std::error::Error> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// A failure with a message.
pub(crate) fn failed<T>(why: impl fmt::Display) -> Result<T, Failed> {
    Err(Failed(why.to_string()))
}

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().map_or_else(|| manifest.clone(), PathBuf::from)
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into)
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a command to its end, its output shown; anything but success is a failure.
pub(crate) fn run(command: &mut Command) -> Result<(), Failed> {
    let line = describe(command);
    println!("\n$ {line}");
    let start = Instant::now();
    let status = command.status().map_err(|error| Failed(format!("{line}: {error}")))?;
    println!("  ({:.0} s)", start.elapsed().as_secs_f64());
    if status.success() { Ok(()) } else { failed(format!("`{line}` ended with {status}")) }
}

/// Runs a command to its end and gives its standard output; anything but success is a failure that shows its error
/// output.
pub(crate) fn output(command: &mut Command) -> Result<String, Failed> {
    let line = describe(command);
    let output = command.output().map_err(|error| Failed(format!("{line}: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    failed(format!(
        "`{line}` ended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    ))
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
