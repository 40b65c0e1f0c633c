//! `smtpkit-sim --seed N`: lives through worlds, and shows the journal of each that broke a promise.
#![expect(clippy::print_stdout, reason = "a program talks to its user")]

use std::io;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser as _;
use smtpkit_sim::{Figures, Outcome};

/// Journals that are shown at most.
const SHOWN_MAX: u64 = 3;

/// Lives through seeded worlds.
#[derive(Debug, clap::Parser)]
#[command(name = "smtpkit-sim")]
struct Args {
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
}

/// What came of all worlds so far.
#[derive(Debug, Default)]
struct Total {
    figures: Figures,
    failed: Vec<u64>,
    error: Option<io::Error>,
}

fn main() -> io::Result<ExitCode> {
    let args = Args::parse();
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let total = Mutex::new(Total::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= args.count {
                        return;
                    }
                    let seed = args.seed.wrapping_add(place);
                    let outcome = smtpkit_sim::run(seed, args.hours);
                    let mut total = total.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    match outcome {
                        Ok(outcome) => total.add(seed, &outcome, args.journal),
                        Err(error) => total.error = Some(error),
                    }
                }
            });
        }
    });
    let total = total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(error) = total.error {
        return Err(error);
    }
    println!("{} worlds in {:.1} s: {:?}", args.count, began.elapsed().as_secs_f64(), total.figures);
    if total.failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("promises were broken with {} seeds: {:?}", total.failed.len(), total.failed);
    Ok(ExitCode::FAILURE)
}

impl Total {
    fn add(&mut self, seed: u64, outcome: &Outcome, shows_all: bool) {
        self.figures += outcome.figures;
        let is_good = outcome.broken.is_empty();
        if !is_good {
            self.failed.push(seed);
        }
        if shows_all || (!is_good && self.failed.len() as u64 <= SHOWN_MAX) {
            println!("seed {seed}, journal {:016x}:", outcome.hash);
            for line in &outcome.journal {
                println!("{line}");
            }
        }
    }
}
