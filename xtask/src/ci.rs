//! The gate: every check in the order in which it fails fastest.

use crate::shell::{self, Failed, cargo};
use crate::{fuzz, interop, no_std, rfcs, tools};

/// How long each fuzz target runs here; long runs are a developer's.
const FUZZ_SECONDS: u32 = 10;

/// Runs everything.
pub(crate) fn run() -> Result<(), Failed> {
    tools::install()?;
    shell::run(cargo().args(["fmt", "--all", "--check"]))?;
    shell::run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    shell::run(cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    rfcs::run(&rfcs::RfcsArgs::checking())?;
    no_std::run()?;
    fuzz::run(&fuzz::FuzzArgs::all(FUZZ_SECONDS))?;
    interop::run()?;
    // last, so that the log closes with the test runner's own lines: the README's test command
    shell::run(cargo().args(["test", "--workspace"]))
}
