//! What happened in a world, line by line: the same seed writes the same journal.

use std::collections::hash_map::DefaultHasher;
use std::fmt::Display;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// The journal of a world; clones write into the same one.
#[derive(Clone, Debug)]
pub(crate) struct Journal(Arc<Mutex<Pages>>);

#[derive(Debug)]
struct Pages {
    start: Instant,
    lines: Vec<String>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Pages { start: Instant::now(), lines: Vec::new() })))
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        // nothing that holds the lock can panic half-way
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a line: the time, who, and what.
    pub(crate) fn note(&self, who: impl Display, what: impl Display) {
        let mut pages = self.pages();
        let now = pages.start.elapsed();
        let line = format!("{:>10}.{:03} {who}: {what}", now.as_secs(), now.subsec_millis());
        pages.lines.push(line);
    }

    /// All lines, and a number that two journals share only if they are alike.
    pub(crate) fn close(&self) -> (Vec<String>, u64) {
        let lines = std::mem::take(&mut self.pages().lines);
        // unlike `RandomState`, this hasher has the same keys in every process
        let mut hasher = DefaultHasher::new();
        lines.hash(&mut hasher);
        (lines, hasher.finish())
    }
}
