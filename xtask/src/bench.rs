//! Figures against targets, beside rivals in the same run.
//!
//! What runs inside one process is counted in instructions by callgrind, as the slope between two numbers of
//! rounds, and in allocations: the items and the rivals live in `benches/`, a workspace of its own. What needs
//! processes on both sides of a socket is measured by the processor time and the system calls of those processes.
//! Ratios are what is judged, because a compiler moves absolute counts and a machine moves times.
//!
//! An area is one file and one row of [`Area::rows`].

mod auth;
mod client;
mod codec;
mod mime;
mod postfix;
mod probe;
mod process;
mod relay;
mod rivals;
mod row;
mod server;

use crate::shell::Failed;
use crate::tools;
use row::Row;

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
    Mime,
    Auth,
    Client,
    Server,
    Relay,
}

impl Area {
    /// Measures, and compares with the targets.
    fn rows(self) -> Result<Vec<Row>, Failed> {
        match self {
            Self::Codec => codec::rows(),
            Self::Mime => mime::rows(),
            Self::Auth => auth::rows(),
            Self::Client => client::rows(),
            Self::Server => server::rows(),
            Self::Relay => relay::rows(),
        }
    }
}

/// Measures, and prints the rows. A row that falls short is not a failure of the run.
pub(crate) fn run(args: &BenchArgs) -> Result<(), Failed> {
    let areas = match &args.area {
        Some(area) => std::slice::from_ref(area),
        None => <Area as clap::ValueEnum>::value_variants(),
    };
    tools::install_rivals();
    let mut rows = Vec::new();
    for area in areas {
        rows.extend(area.rows()?);
    }
    if args.json { row::print_json(&rows) } else { row::print_table(&rows) }
}
