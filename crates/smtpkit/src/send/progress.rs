//! How far a run of many messages is: a bar while standard error is a terminal, and lines that do not break it.

use std::fmt;
use std::io::Write as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

const WITH_TOTAL: &str = "{bar:30} {pos}/{len} {rate} {msg} {eta} left";
const WITHOUT_TOTAL: &str = "{spinner} {pos} {rate} {msg} {elapsed}";

/// The bar, if there is one.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar for so many messages, if anybody can see it.
    pub(crate) fn new(total: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        let template = if total.is_some() { WITH_TOTAL } else { WITHOUT_TOTAL };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
            // a bar that cannot be drawn is not worth an error
            let _ = write!(out, "{:.0}/s", state.per_sec());
        };
        Self(bar.with_style(style.with_key("rate", rate)).with_message("0 refused,"))
    }

    /// None.
    pub(crate) fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    /// One more message is done with; so many were refused by now.
    pub(crate) fn advance(&self, refused: u64) {
        self.0.set_message(format!("{refused} refused,"));
        self.0.inc(1);
    }

    /// Time has passed.
    pub(crate) fn tick(&self) {
        self.0.tick();
    }

    /// A line on standard error. Nobody reading it is no reason for another exit code.
    pub(crate) fn say(&self, line: &str) {
        self.0.suspend(|| {
            let _ = writeln!(std::io::stderr().lock(), "{line}");
        });
    }

    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
