//! Somebody who looks after a machine: holds mail back and lets it go, wants it tried now, loads the routes anew.

use smtpkit_queue::{Action, Filter};
use smtpkit_relay::{Clock, Relay, Routes};
use tokio::time::sleep;

use crate::dice::Dice;
use crate::journal::Journal;
use crate::weather::Weather;

/// Somebody in front of a machine.
pub(crate) struct Operator {
    pub(crate) relay: Relay,
    pub(crate) routes: Routes,
    pub(crate) clock: Clock,
    pub(crate) dice: Dice,
    pub(crate) weather: Weather,
    pub(crate) journal: Journal,
}

impl Operator {
    /// Works until the machine goes down. In calm weather nothing is held back.
    pub(crate) async fn work(mut self) {
        loop {
            sleep(self.dice.milliseconds(600_000, 10_800_000)).await;
            if self.weather.is_calm() {
                // what was held back before a crash, too
                self.order(Action::Release, &Filter::all()).await;
            }
            let domain =
                self.dice.pick(&["far0.test", "far1.test", "home.test"]).copied().unwrap_or_default();
            let filter = if self.dice.per_mille(500) { Filter::all() } else { Filter::all().domain(domain) };
            match self.dice.below(4) {
                0 if !self.weather.is_calm() => {
                    self.order(Action::Hold, &filter).await;
                    sleep(self.dice.milliseconds(1_000, 3_600_000)).await;
                    self.order(Action::Release, &Filter::all()).await;
                }
                1 => self.relay.replace_routes(self.routes.clone()),
                2 => self.order(Action::Release, &Filter::all()).await,
                _ => self.order(Action::Retry, &filter).await,
            }
        }
    }

    async fn order(&self, action: Action, filter: &Filter) {
        match self.relay.manage(action, filter, self.clock.now()).await {
            Ok(receipt) if receipt.changed > 0 => {
                self.journal.note("operator", format_args!("{action:?}: {} recipients", receipt.changed));
            }
            Ok(_) => {}
            Err(error) => self.journal.note("operator", format_args!("{action:?}: {error}")),
        }
    }
}
