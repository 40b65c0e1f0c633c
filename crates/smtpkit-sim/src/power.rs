//! The power of one life of a machine: everything that the machine does asks whether it still has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

/// Power; clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Power(Arc<Supply>);

#[derive(Debug)]
struct Supply {
    state: AtomicU8,
    changed: Notify,
}

const ON: u8 = 0;
const AILING: u8 = 1;
const OFF: u8 = 2;

impl Power {
    pub(crate) fn on() -> Self {
        Self(Arc::new(Supply { state: AtomicU8::new(ON), changed: Notify::new() }))
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.state.load(Ordering::Relaxed) != OFF
    }

    /// The disk has failed: somebody will have to restart the machine.
    pub(crate) fn ail(&self) {
        if self.is_on() {
            self.0.state.store(AILING, Ordering::Relaxed);
            self.0.changed.notify_one();
        }
    }

    pub(crate) fn is_ailing(&self) -> bool {
        self.0.state.load(Ordering::Relaxed) == AILING
    }

    pub(crate) fn cut(&self) {
        self.0.state.store(OFF, Ordering::Relaxed);
        self.0.changed.notify_one();
    }

    /// Waits until it is cut, or the disk fails.
    pub(crate) async fn changed(&self) {
        self.0.changed.notified().await;
    }
}
