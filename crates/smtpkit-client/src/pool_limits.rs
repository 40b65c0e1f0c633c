//! The bounds of a client's pool of connections, every one with a name.

use std::time::Duration;

/// How many connections a client keeps, and for how long.
///
/// ```
/// use smtpkit_client::PoolLimits;
///
/// let limits = PoolLimits { connections_max: 20, ..PoolLimits::default() };
/// assert_eq!(limits.messages_max, 100);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Connections at once, those that are being made included: 4.
    pub connections_max: usize,
    /// Messages over one connection: 100.
    pub messages_max: u32,
    /// How long a connection may be kept without use: 30 seconds, well under the 5 minutes that a server has to wait
    /// (RFC 5321 §4.5.3.2.7).
    pub idle_max: Duration,
    /// How old a connection may get: 10 minutes.
    pub life_max: Duration,
    /// How long a message waits for a connection: 60 seconds.
    pub acquire_timeout: Duration,
    /// The least time from the beginning of one message to that of the next, over all connections: none.
    pub message_interval: Option<Duration>,
}

impl PoolLimits {
    /// How many more messages a connection may carry that has had `messages`, to a server that takes so many more (RFC
    /// 9422 §4.1). A new one may always try one.
    pub(crate) fn messages_left(&self, messages: u32, transactions_left: Option<u64>) -> u32 {
        let ours = self.messages_max.saturating_sub(messages);
        let theirs = transactions_left.map_or(u32::MAX, |left| u32::try_from(left).unwrap_or(u32::MAX));
        ours.min(theirs.max(u32::from(messages == 0)))
    }
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            connections_max: 4,
            messages_max: 100,
            idle_max: Duration::from_secs(30),
            life_max: Duration::from_secs(600),
            acquire_timeout: Duration::from_secs(60),
            message_interval: None,
        }
    }
}
