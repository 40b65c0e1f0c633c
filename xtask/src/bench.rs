//! Figures against targets: instruction counts by callgrind slope, and allocations.
//!
//! The rivals and the items live in `benches/`, a workspace of its own; this program builds
//! its probe, runs it under callgrind, and compares. Start-up costs cancel: each side runs a
//! few rounds and then many, and only the difference counts. Ratios are what is judged,
//! because a compiler moves absolute counts.

mod codec;
mod probe;
mod row;

use crate::shell::Failed;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// Only this area [default: all]
    #[arg(value_enum)]
    area: Option<Area>,
    /// One JSON array on standard output, and nothing else
    #[arg(long)]
    json: bool,
}

/// The areas that have items.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Area {
    Codec,
}

/// Measures, and prints the rows. A row that falls short is not a failure of the run.
pub(crate) fn run(args: &BenchArgs) -> Result<(), Failed> {
    let rows = match args.area {
        None | Some(Area::Codec) => codec::rows()?,
    };
    if args.json { row::print_json(&rows) } else { row::print_table(&rows) }
}
