//! Worlds that a seed repeats: the production code among wires, disks and hosts that misbehave.

use std::process::Command;

use crate::shell::{self, Failed, cargo, target};

/// Seeds of the gate.
const SEEDS: u64 = 200;

/// Arguments of `cargo xtask sim`.
#[derive(Debug, clap::Args)]
pub(crate) struct SimArgs {
    /// The first seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many seeds, one after the other
    #[arg(long, default_value_t = 1)]
    count: u64,
    /// For how many hours of a world things go wrong
    #[arg(long, default_value_t = 6)]
    hours: u64,
    /// Show the journals of good worlds too
    #[arg(long)]
    journal: bool,
    /// Build with optimisation: for many seeds
    #[arg(long)]
    release: bool,
}

/// What the gate runs. Built the way the tests build it, so that neither builds it again.
pub(crate) fn gate() -> Result<(), Failed> {
    shell::run(cargo().args(["test", "--workspace", "--no-run"]))?;
    shell::run(Command::new(target().join("debug").join("smtpkit-sim")).args(["--count", &SEEDS.to_string()]))
}

/// Lives through the worlds; a broken promise is a failure, and shows its journal.
pub(crate) fn run(args: &SimArgs) -> Result<(), Failed> {
    let mut command = cargo();
    command.args(["run", "--quiet", "-p", "smtpkit-sim"]);
    if args.release {
        command.arg("--release");
    }
    command.args(["--", "--seed", &args.seed.to_string(), "--count", &args.count.to_string()]);
    command.args(["--hours", &args.hours.to_string()]);
    if args.journal {
        command.arg("--journal");
    }
    shell::run(&mut command)
}
