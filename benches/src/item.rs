//! One thing that is measured, and the sides that do it.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// A thing to measure: the same work by each side.
pub struct Item {
    /// What is done.
    pub name: &'static str,
    /// What the figure counts, `instructions` or `instructions/octet`.
    pub unit: &'static str,
    /// How many units one round is.
    pub units_per_round: u64,
    /// Rounds of the two runs whose difference is the figure: enough to bury what is constant.
    pub rounds: [u64; 2],
    /// Who does it; ours first.
    pub sides: Vec<Side>,
}

/// One who does the work of an item.
pub struct Side {
    /// `smtpkit` or the name of a rival.
    pub name: &'static str,
    run: Box<dyn FnMut(u64)>,
}

/// Rounds of more units than these are long.
const LONG_UNITS: u64 = 32 * 1024;

impl Item {
    /// An item whose figure is per round.
    pub fn per_round(name: &'static str, ours: impl FnMut() + 'static) -> Self {
        Self::per_unit(name, "instructions", 1, ours)
    }

    /// An item whose figure is per octet, with rounds of `octets`.
    pub fn per_octet(name: &'static str, octets: usize, ours: impl FnMut() + 'static) -> Self {
        Self::per_unit(name, "instructions/octet", octets as u64, ours)
    }

    fn per_unit(
        name: &'static str,
        unit: &'static str,
        units_per_round: u64,
        ours: impl FnMut() + 'static,
    ) -> Self {
        // a long round needs no company to be counted well
        let rounds = if units_per_round > LONG_UNITS { [1, 3] } else { [8, 40] };
        Self { name, unit, units_per_round, rounds, sides: vec![Side::new("smtpkit", ours)] }
    }

    /// Units between the two runs.
    pub fn units_between(&self) -> u64 {
        self.units_per_round * (self.rounds[1] - self.rounds[0])
    }

    /// Runs few rounds, each of which is long.
    #[must_use]
    pub fn few_rounds(mut self) -> Self {
        self.rounds = [1, 3];
        self
    }

    /// Adds a rival.
    #[must_use]
    pub fn against(mut self, name: &'static str, rival: impl FnMut() + 'static) -> Self {
        self.sides.push(Side::new(name, rival));
        self
    }
}

impl Side {
    fn new(name: &'static str, mut round: impl FnMut() + 'static) -> Self {
        // The loop is compiled together with the round, so that it costs two instructions.
        let run = move |rounds| {
            for _ in 0..rounds {
                round();
            }
        };
        Self { name, run: Box::new(run) }
    }

    /// Does the work `rounds` times.
    pub fn run(&mut self, rounds: u64) {
        (self.run)(black_box(rounds));
    }

    /// How long it takes to do the work `rounds` times.
    pub fn time(&mut self, rounds: u64) -> Duration {
        let start = Instant::now();
        self.run(rounds);
        start.elapsed()
    }
}
