//! Runs the items of an area for counting: all, or the one that a third argument names.
//!
//! - `probe AREA list` prints `item TAB side TAB unit TAB units between the two runs`, one side a line;
//! - `probe AREA rounds` runs every side in that order, one round to get warm, few rounds and then many, and calls
//!   `cut_here` around each: under callgrind with `--dump-before=probe::cut_here` each run makes one dump;
//! - `probe AREA memory` prints `item TAB side TAB allocations per round TAB most octets of heap at once`.

use std::alloc::System;
use std::hint::black_box;
use std::process::ExitCode;

use peakmem_alloc::{PeakMemAlloc, PeakMemAllocTrait as _};
use smtpkit_benches::{Item, Side, items};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: PeakMemAlloc<&StatsAlloc<System>> = PeakMemAlloc::new(&INSTRUMENTED_SYSTEM);

/// Rounds before memory is looked at, so that what is made once does not count.
const WARM_ROUNDS: u64 = 2;
/// Rounds whose allocations are counted.
const COUNTED_ROUNDS: u64 = 8;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let area = arguments.next().and_then(|area| items(&area));
    let (Some(mut items), Some(what)) = (area, arguments.next()) else { return usage() };
    let wanted = arguments.next();
    items.retain(|item| wanted.as_ref().is_none_or(|wanted| item.name == wanted));
    match what.as_str() {
        "list" => each(&mut items, |item, side| {
            println!("{}\t{}\t{}\t{}", item.name, side.name, item.unit, item.units_between());
        }),
        "rounds" => {
            each(&mut items, |item, side| {
                let [few, many] = item.rounds;
                for rounds in [1, few, many] {
                    cut_here();
                    side.run(rounds);
                }
            });
            cut_here();
        }
        "memory" => each(&mut items, |item, side| {
            side.run(WARM_ROUNDS);
            let before = INSTRUMENTED_SYSTEM.stats();
            side.run(COUNTED_ROUNDS);
            let counted = INSTRUMENTED_SYSTEM.stats() - before;
            let allocations = counted.allocations + counted.reallocations;
            ALLOCATOR.reset_peak_memory();
            side.run(1);
            let heap = ALLOCATOR.get_peak_memory();
            println!("{}\t{}\t{}\t{heap}", item.name, side.name, allocations as f64 / COUNTED_ROUNDS as f64);
        }),
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: probe AREA list|rounds|memory [ITEM]");
    ExitCode::from(64)
}

fn each(items: &mut [Item], mut visit: impl FnMut(&Item, &mut Side)) {
    for item in items {
        let mut sides = std::mem::take(&mut item.sides);
        for side in &mut sides {
            visit(item, side);
        }
        item.sides = sides;
    }
}

/// Where callgrind cuts its counts.
#[inline(never)]
fn cut_here() {
    black_box(());
}
