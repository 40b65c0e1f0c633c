//! A few seeds on every run; `cargo xtask sim` lives through as many as one likes.

use smtpkit_sim::{Outcome, run};

fn world(seed: u64) -> Outcome {
    let outcome = run(seed, 6).unwrap();
    assert!(outcome.broken.is_empty(), "seed {seed}\n{}", outcome.journal.join("\n"));
    outcome
}

#[test]
fn promises_are_kept() {
    let mut outages = 0;
    for seed in 0..6 {
        let outcome = world(seed);
        assert!(
            outcome.figures.accepted > 0 && outcome.figures.delivered > 0,
            "seed {seed}: nothing happened"
        );
        outages += outcome.figures.outages;
    }
    assert!(outages > 0, "no machine went down");
}

#[test]
fn what_went_wrong_once_goes_well() {
    // a loss of power while the database was made; a store that took ten minutes to keep what it had read before a restart
    for seed in [5_000_023, 5_005_478] {
        world(seed);
    }
}

#[test]
fn a_seed_writes_the_same_journal_again() {
    for seed in 10..13 {
        let (first, second) = (world(seed), world(seed));
        let differs = first.journal.iter().zip(&second.journal).find(|(first, second)| first != second);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.hash, second.hash, "seed {seed}");
    }
    assert_ne!(world(10).hash, world(11).hash);
}
