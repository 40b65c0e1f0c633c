//! Fuzzing on the stable toolchain: libFuzzer with coverage, without a sanitizer.

use std::process::Command;

use crate::shell::{Failed, cargo, failed, output, root, run as run_shown};

/// What to fuzz.
#[derive(Debug, clap::Args)]
pub(crate) struct FuzzArgs {
    /// Only this target [default: all]
    target: Option<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

impl FuzzArgs {
    /// Every target for `seconds`.
    pub(crate) const fn all(seconds: u32) -> Self {
        Self { target: None, seconds }
    }
}

/// Runs the targets one after another; a finding is a failure.
pub(crate) fn run(args: &FuzzArgs) -> Result<(), Failed> {
    let targets = targets()?;
    let chosen: Vec<&String> =
        targets.iter().filter(|target| args.target.as_ref().is_none_or(|wanted| wanted == *target)).collect();
    if chosen.is_empty() {
        return failed(format!("no such fuzz target; there are: {}", targets.join(", ")));
    }
    for target in chosen {
        let seconds = format!("-max_total_time={}", args.seconds);
        run_shown(fuzz("run").arg(target).args(["--", &seconds, "-print_final_stats=1", "-verbosity=0"]))?;
    }
    Ok(())
}

fn targets() -> Result<Vec<String>, Failed> {
    let list = output(cargo().args(["fuzz", "list"]).current_dir(root()))?;
    Ok(list.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect())
}

fn fuzz(verb: &str) -> Command {
    let mut command = cargo();
    command.args(["fuzz", verb, "--sanitizer", "none"]);
    command
}
