//! All automation of smtpkit: `cargo xtask --help`.
//!
//! `ci` is what the project's gate runs and what a developer runs; the other subcommands are its pieces and the
//! measurements.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to its user")]

mod bench;
mod ci;
mod fuzz;
mod interop;
mod no_std;
mod rfcs;
mod shell;
mod sim;
mod tools;
mod torture;

use std::process::ExitCode;

use clap::Parser as _;

use shell::Failed;

/// Automation of smtpkit.
#[derive(Debug, clap::Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, clap::Subcommand)]
enum Task {
    /// Everything that has to pass before a change lands
    Ci,
    /// Figures against targets, beside a rival in the same run
    Bench(bench::BenchArgs),
    /// Run the fuzz targets on the stable toolchain
    Fuzz(fuzz::FuzzArgs),
    /// Deliver mail to and from other people's software, compared octet by octet
    Interop(interop::InteropArgs),
    /// Check that the pure crates build without std
    NoStd,
    /// Live through seeded worlds: `--seed N` replays one exactly
    Sim(sim::SimArgs),
    /// Kill the program under load, again and again
    Torture(torture::TortureArgs),
    /// Write docs/rfcs.md: RFC section, module, tests
    Rfcs(rfcs::RfcsArgs),
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Ci => ci::run(),
        Task::Bench(args) => bench::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Interop(args) => interop::run(&args),
        Task::NoStd => no_std::run(),
        Task::Sim(args) => sim::run(&args),
        Task::Torture(args) => torture::run(&args),
        Task::Rfcs(args) => rfcs::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed(why)) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
