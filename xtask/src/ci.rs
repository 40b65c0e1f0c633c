//! The gate: every check in the order in which it fails fastest.

use crate::shell::{self, Failed, cargo, failed};
use crate::{fuzz, interop, no_std, rfcs, sim, tools};

/// How long each fuzz target runs here; long runs are a developer's.
const FUZZ_SECONDS: u32 = 10;

/// Runs everything.
pub(crate) fn run() -> Result<(), Failed> {
    tools::install()?;
    shell::run(cargo().args(["fmt", "--all", "--check"]))?;
    shell::run(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))?;
    blocking_without_tokio()?;
    shell::run(cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    rfcs::run(&rfcs::RfcsArgs::checking())?;
    no_std::run()?;
    fuzz::run(&fuzz::FuzzArgs::all(FUZZ_SECONDS))?;
    interop::run(&interop::InteropArgs::all())?;
    sim::gate()?;
    // last, so that the log closes with the test runner's own lines: the README's test command
    shell::run(cargo().args(["test", "--workspace"]))
}

/// Checks that the blocking client builds alone, and that no tokio is below it.
fn blocking_without_tokio() -> Result<(), Failed> {
    let client = ["-p", "smtpkit-client", "--no-default-features", "--features", "blocking"];
    shell::run(cargo().arg("clippy").args(client).args(["--all-targets", "--", "-D", "warnings"]))?;
    let tree =
        shell::output(cargo().arg("tree").args(client).args(["--edges", "normal", "--prefix", "none"]))?;
    match tree.lines().find(|line| line.starts_with("tokio")) {
        Some(line) => failed(format!("the blocking client depends on {line}")),
        None => Ok(()),
    }
}
