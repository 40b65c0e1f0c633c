//! What a relay may be told, with a default for everything but its folder.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use smtpkit_client::ClientTimeouts;
use smtpkit_queue::Schedule;
use smtpkit_server::Rate;

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
    /// Where it is kept which hosts have done TLS, and have to do it ever after; without a file it is forgotten at the
    /// end.
    pub secure_hosts: Option<PathBuf>,
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
            secure_hosts: None,
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
    /// As many of them may go to sites that have not taken mail of late: 192. Dead hosts cannot take the rest, those that
    /// were down when they were last asked take half of it, and those that say nothing for a tenth of a second are
    /// counted apart from then on.
    pub unproven_max: usize,
    /// Deliveries to one site when all goes well: 20.
    pub site_max: usize,
    /// Messages to one site in a time; `None` sets no limit.
    pub site_rate: Option<Rate>,
    /// What is different for some domains, by their names in lower case.
    pub sites: BTreeMap<Box<str>, SiteLimits>,
    /// Deliveries to one site before it has shown what it takes: 2. A host that DNS names gets one, until it answers.
    pub site_first: usize,
    /// Deliveries into local mailboxes: 16.
    pub local_max: usize,
    /// Messages over one connection, and in one go to one site: 100.
    pub messages_max: usize,
    /// Hops that a message may have made, counted by its Received fields (RFC 5321 §6.3): 50.
    pub hops_max: usize,
    /// Recipients in one transaction: 100, what every server has to take (RFC 5321 §4.5.3.1.8).
    pub recipients_max: usize,
}

/// How much one site is given, where that differs from the others.
///
/// ```
/// use std::time::Duration;
/// use smtpkit_relay::{Limits, Rate, SiteLimits};
///
/// let slowly = SiteLimits { deliveries_max: Some(2), rate: Some(Rate { count: 60, per: Duration::from_secs(60) }) };
/// let mut limits = Limits::default();
/// limits.sites.insert("example.com".into(), slowly);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the two numbers are the limits, and a caller sets them")]
pub struct SiteLimits {
    /// Deliveries at once when all goes well.
    pub deliveries_max: Option<usize>,
    /// Messages in a time.
    pub rate: Option<Rate>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deliveries_max: 256,
            unproven_max: 192,
            site_max: 20,
            site_rate: None,
            sites: BTreeMap::new(),
            site_first: 2,
            local_max: 16,
            messages_max: 100,
            hops_max: 50,
            recipients_max: 100,
        }
    }
}
