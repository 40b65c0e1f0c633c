//! What a relay may be told, with a default for everything but its folder.

use std::path::PathBuf;
use std::time::Duration;

use smtpkit_client::ClientTimeouts;
use smtpkit_queue::Schedule;

/// The settings of a relay. All of them have defaults.
///
/// ```
/// use smtpkit_relay::Options;
///
/// let options = Options { mx_port: 2525, ..Options::new("data") };
/// assert_eq!(options.limits.deliveries_max, 256);
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder below which local mailboxes lie.
    pub data: PathBuf,
    /// When deliveries are tried again, reported as delayed, and given up.
    pub schedule: Schedule,
    /// The port that MX hosts listen on: 25.
    pub mx_port: u16,
    /// How much is done at once.
    pub limits: Limits,
    /// How long deliveries in progress may take after the order to stop: 30 seconds.
    pub grace: Duration,
    /// How long a connection may take to be made: 30 seconds.
    pub connect_timeout: Duration,
    /// How long a host may take to answer (RFC 5321 §4.5.3.2).
    pub timeouts: ClientTimeouts,
    /// What looks random is made from it. Let it differ between runs, or a relay always prefers the same hosts.
    pub seed: u64,
}

impl Options {
    /// The defaults, with mailboxes below `data`.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            schedule: Schedule::default(),
            mx_port: 25,
            limits: Limits::default(),
            grace: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(30),
            timeouts: ClientTimeouts::default(),
            seed: 0,
        }
    }
}

/// How much a relay does at once.
///
/// ```
/// assert!(smtpkit_relay::Limits::default().site_max < smtpkit_relay::Limits::default().deliveries_max);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Deliveries to other systems: 256.
    pub deliveries_max: usize,
    /// As many of them may go to sites that have not taken mail of late: 192. Dead hosts cannot take the rest.
    pub unproven_max: usize,
    /// Deliveries to one site when all goes well: 20.
    pub site_max: usize,
    /// Deliveries to one site before it has shown what it takes: 2.
    pub site_first: usize,
    /// Deliveries into local mailboxes: 16.
    pub local_max: usize,
    /// Messages over one connection, and in one go to one site: 100.
    pub messages_max: usize,
    /// Recipients in one transaction: 100, what every server has to take (RFC 5321 §4.5.3.1.8).
    pub recipients_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deliveries_max: 256,
            unproven_max: 192,
            site_max: 20,
            site_first: 2,
            local_max: 16,
            messages_max: 100,
            recipients_max: 100,
        }
    }
}
