//! kill -9 and SIGTERM of the real program under load, a hundred times each, a start with a long queue, live mail beside
//! dead domains and beside a slow one, a million recipients in memory: the tests that do it in small, with larger numbers, the program with
//! optimisation.

use crate::shell::{self, Failed, cargo, target};

/// Arguments of `cargo xtask torture`.
#[derive(Debug, clap::Args)]
pub(crate) struct TortureArgs {
    /// How often the server is killed
    #[arg(long, default_value_t = 100)]
    kills: u32,
    /// How often the server is told to stop under two hundred sessions
    #[arg(long, default_value_t = 100)]
    stops: u32,
    /// How many messages wait when the time of a start is taken
    #[arg(long, default_value_t = 50_000)]
    queued: u32,
    /// How many dead domains there are, with a hundred recipients each
    #[arg(long, default_value_t = 1_000)]
    dead: u32,
    /// How many messages go elsewhere while one destination takes five seconds for each reply
    #[arg(long, default_value_t = 1_000)]
    slow: u32,
    /// How many recipients wait when the memory of the queue is taken, in thousands
    #[arg(long, default_value_t = 1_000)]
    thousands: u32,
}

/// Runs them, and shows their figures.
pub(crate) fn run(args: &TortureArgs) -> Result<(), Failed> {
    // the program is what is measured; the load may come from the build that the tests have
    shell::run(cargo().args(["build", "--release", "-p", "smtpkit"]))?;
    let mut command = cargo();
    command.args(["test", "-p", "smtpkit", "--test", "it", "--"]);
    command.args(["kill::", "stop::", "dead::", "slow::", "--nocapture", "--test-threads", "1"]);
    command.env("SMTPKIT_TORTURE_PROGRAM", target().join("release").join("smtpkit"));
    command.env("SMTPKIT_TORTURE_KILLS", args.kills.to_string());
    command.env("SMTPKIT_TORTURE_STOPS", args.stops.to_string());
    command.env("SMTPKIT_TORTURE_QUEUED", args.queued.to_string());
    command.env("SMTPKIT_TORTURE_DEAD", args.dead.to_string());
    command.env("SMTPKIT_TORTURE_SLOW", args.slow.to_string());
    shell::run(&mut command)?;
    let mut command = cargo();
    command.args(["test", "--release", "-p", "smtpkit-queue", "--test", "memory", "--", "--nocapture"]);
    shell::run(command.env("SMTPKIT_TORTURE_RECIPIENTS", (u64::from(args.thousands) * 1_000).to_string()))
}
