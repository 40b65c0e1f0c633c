//! Runs items for counting: all, or the one that a second argument names.
//!
//! - `probe list` prints `item TAB side TAB unit TAB units per round`, one side a line;
//! - `probe rounds` runs every side in that order, few rounds and then many, and calls
//!   `cut_here` around each: under callgrind with `--dump-before=probe::cut_here` each run makes one dump;
//! - `probe allocations` prints `item TAB side TAB allocations per round`.

use std::alloc::System;
use std::hint::black_box;
use std::process::ExitCode;

use smtpkit_benches::{Item, Side, codec};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Rounds of the two runs whose difference is the figure: enough to bury what is constant.
const ROUNDS: [u64; 2] = [8, 40];
/// Rounds for allocations, the first of which are not counted.
const WARM_ROUNDS: u64 = 8;

fn main() -> ExitCode {
    let wanted = std::env::args().nth(2);
    let mut items = codec::items();
    items.retain(|item| wanted.as_ref().is_none_or(|wanted| item.name == wanted));
    match std::env::args().nth(1).as_deref() {
        Some("list") => {
            for item in &items {
                for side in &item.sides {
                    println!("{}\t{}\t{}\t{}", item.name, side.name, item.unit, item.units_per_round);
                }
            }
        }
        Some("rounds") => {
            each(&mut items, |_, side| {
                for rounds in ROUNDS {
                    cut_here();
                    side.run(rounds);
                }
            });
            cut_here();
        }
        Some("allocations") => each(&mut items, |item, side| {
            side.run(WARM_ROUNDS);
            let before = ALLOCATOR.stats();
            side.run(WARM_ROUNDS);
            let counted = ALLOCATOR.stats() - before;
            let allocations = counted.allocations + counted.reallocations;
            println!("{item}\t{}\t{}", side.name, allocations as f64 / WARM_ROUNDS as f64);
        }),
        _ => {
            eprintln!("usage: probe list|rounds|allocations [ITEM]");
            return ExitCode::from(64);
        }
    }
    ExitCode::SUCCESS
}

fn each(items: &mut [Item], mut visit: impl FnMut(&'static str, &mut Side)) {
    for item in items {
        for side in &mut item.sides {
            visit(item.name, side);
        }
    }
}

/// Where callgrind cuts its counts.
#[inline(never)]
fn cut_here() {
    black_box(());
}
