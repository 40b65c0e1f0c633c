//! What can be set when a spool on disk is opened, and its bounds.

use std::time::Duration;

use crate::index::Limits;

/// The longest that a change waits for others to share its commit.
pub const LINGER: Duration = Duration::from_millis(1);
/// The most changes in one commit.
pub const GROUP_MAX: usize = 256;
/// The most changes that wait for a commit; more are refused.
pub const COMMANDS_MAX: usize = 65_536;
/// Below how many free octets of the disk no mail is taken, unless set otherwise.
pub const FREE_SPACE_OCTETS: u64 = 64 * 1024 * 1024;

/// How to open a [`RedbSpool`](crate::RedbSpool).
///
/// ```
/// use smtpkit_queue::Options;
///
/// let options = Options::default().nonce(7).free_space_min(1 << 30);
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) nonce: u64,
    pub(crate) limits: Limits,
    pub(crate) linger: Duration,
    pub(crate) group_max: usize,
    pub(crate) free_space_min: u64,
    pub(crate) cache_octets: usize,
    pub(crate) writer: Writer,
}

/// Who writes what has been handed to a [`RedbSpool`](crate::RedbSpool).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is a thread, or there is none")]
pub enum Writer {
    /// A thread of the spool's own.
    #[default]
    Thread,
    /// Whoever calls [`RedbSpool::write_waiting`](crate::RedbSpool::write_waiting): for simulated time, in which
    /// nothing may happen that the simulator does not order. Dropped, such a spool forgets what waits, as a crash does.
    Caller,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            nonce: 0,
            limits: Limits::default(),
            linger: LINGER,
            group_max: GROUP_MAX,
            free_space_min: FREE_SPACE_OCTETS,
            cache_octets: 64 * 1024 * 1024,
            writer: Writer::default(),
        }
    }
}

impl Options {
    /// What goes into the ids: another number for each start.
    #[must_use]
    pub const fn nonce(mut self, nonce: u64) -> Self {
        self.nonce = nonce;
        self
    }

    /// Other bounds.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long a change waits for others, at most [`LINGER`]. A lone one never waits.
    #[must_use]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger.min(LINGER);
        self
    }

    /// How many changes share a commit: 1 to [`GROUP_MAX`].
    #[must_use]
    pub fn group_max(mut self, changes: usize) -> Self {
        self.group_max = changes.clamp(1, GROUP_MAX);
        self
    }

    /// Below how many free octets of the disk no mail is taken.
    #[must_use]
    pub const fn free_space_min(mut self, octets: u64) -> Self {
        self.free_space_min = octets;
        self
    }

    /// How much of the database is kept in memory.
    #[must_use]
    pub const fn cache(mut self, octets: usize) -> Self {
        self.cache_octets = octets;
        self
    }

    /// Who writes.
    #[must_use]
    pub const fn writer(mut self, writer: Writer) -> Self {
        self.writer = writer;
        self
    }
}
