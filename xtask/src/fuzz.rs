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

/// Builds the targets, then runs as many at once as there are processors; a finding is a failure.
pub(crate) fn run(args: &FuzzArgs) -> Result<(), Failed> {
    let targets = targets()?;
    let chosen: Vec<&String> =
        targets.iter().filter(|target| args.target.as_ref().is_none_or(|wanted| wanted == *target)).collect();
    if chosen.is_empty() {
        return failed(format!("no such fuzz target; there are: {}", targets.join(", ")));
    }
    run_shown(fuzz("build").args(args.target.as_deref()))?;
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    for group in chosen.chunks(at_once) {
        std::thread::scope(|scope| {
            let running: Vec<_> =
                group.iter().map(|target| scope.spawn(|| run_target(target, args.seconds))).collect();
            running.into_iter().try_for_each(|thread| match thread.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })?;
    }
    Ok(())
}

/// Runs one target for `seconds` and prints its name and figures in one go; a finding shows all that it said.
fn run_target(target: &str, seconds: u32) -> Result<(), Failed> {
    let limit = format!("-max_total_time={seconds}");
    let mut command = fuzz("run");
    command.arg(target).args(["--", &limit, "-print_final_stats=1", "-verbosity=0"]);
    let ran = command.output()?;
    let said = String::from_utf8_lossy(&ran.stderr);
    if !ran.status.success() {
        return failed(format!("fuzz target {target} ended with {}\n{said}", ran.status));
    }
    let executions = said
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .map_or("an unknown number of", str::trim);
    println!("fuzz {target}: {executions} executions in {seconds} s, nothing found");
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
