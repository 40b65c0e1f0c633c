//! Whether things go wrong by chance: at first they do, in the end all is calm, so that everything comes to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::dice::Dice;

/// The weather of a world; clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weather(Arc<AtomicBool>);

impl Weather {
    /// From now on nothing goes wrong by chance.
    pub(crate) fn calm_down(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether something goes wrong that does so many times out of a thousand. The dice are rolled in any weather.
    pub(crate) fn strikes(&self, dice: &mut Dice, chance: u64) -> bool {
        dice.per_mille(chance) && !self.is_calm()
    }
}
