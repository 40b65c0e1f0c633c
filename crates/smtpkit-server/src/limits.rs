//! The bounds of a server, all of them by name.

use std::time::Duration;

use smtpkit_auth::FailurePolicy;
use smtpkit_session::server::ServerLimits;

use crate::ServerError;

/// The bounds of a server. A bound of zero is refused by the builder.
///
/// ```
/// use smtpkit_server::Limits;
///
/// let small = Limits { message_octets_max: 1024 * 1024, ..Limits::default() };
/// assert_eq!(small.recipients_max, 1000);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest message (RFC 1870): 50 MiB.
    pub message_octets_max: u64,
    /// Most recipients of a message, then 452 (RFC 5321 §4.5.3.1.8): 1,000.
    pub recipients_max: u32,
    /// Most hops that a message may have made, counted by its Received fields (RFC 5321 §6.3): 50.
    pub hops_max: u32,
    /// Most messages in one session; `None` sets no limit.
    pub transactions_max: Option<u32>,
    /// Most connections at once, then 421: 1,000.
    pub connections_max: usize,
    /// Most connections at once of one address (IPv6: one /64), then 421: 50.
    pub connections_per_address_max: usize,
    /// New connections of one address in a time, then 421; `None` sets no limit, here and in all rates.
    pub connection_rate: Option<Rate>,
    /// New connections of all addresses in a time, then 421.
    pub connection_rate_total: Option<Rate>,
    /// Messages that one address may begin in a time, then 451 4.7.1.
    pub message_rate: Option<Rate>,
    /// Messages that all addresses may begin in a time, then 451 4.7.1.
    pub message_rate_total: Option<Rate>,
    /// Recipients that one address may name in a time, then 451 4.7.1.
    pub recipient_rate: Option<Rate>,
    /// Recipients that all addresses may name in a time, then 451 4.7.1.
    pub recipient_rate_total: Option<Rate>,
    /// Recipients unknown here (5.1.x) that one address without permission to relay may name in a time, over all its
    /// sessions: 100 in 10 minutes. The next one raises an alarm in the log, and it and each further one end their
    /// session with 421.
    pub unknown_recipient_rate: Option<Rate>,
    /// Wrong credentials that one address may try in a time, over all its sessions, then 454: 10 in 10 minutes.
    pub auth_failures_per_address: FailurePolicy,
    /// Errors that are answered at once; the reply to each further one waits longer and longer
    /// ([`error_delay`](crate::ServerTimeouts::error_delay)): 10.
    pub soft_errors: u32,
    /// Errors that end the session with 421: 20.
    pub hard_errors: u32,
    /// Wrong credentials that end the session with 421: 3.
    pub auth_failures_max: u32,
    /// NOOP, RSET, VRFY and their like between two messages that are not counted as errors: 100.
    pub idle_commands_max: u32,
    /// How long a proxy may take to send its PROXY header: 5 s.
    pub proxy_header: Duration,
    /// How long a TLS handshake may take: 30 s.
    pub tls_handshake: Duration,
    /// How long transactions may go on after the server was told to stop: 30 s.
    pub grace: Duration,
}

/// So many events in such a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a rate is a count and a time")]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In how long.
    pub per: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let session = ServerLimits::default();
        Self {
            message_octets_max: session.message_octets_max,
            recipients_max: session.recipients_max,
            hops_max: 50,
            transactions_max: session.transactions_max,
            connections_max: 1000,
            connections_per_address_max: 50,
            connection_rate: None,
            connection_rate_total: None,
            message_rate: None,
            message_rate_total: None,
            recipient_rate: None,
            recipient_rate_total: None,
            unknown_recipient_rate: Some(Rate { count: 100, per: Duration::from_secs(600) }),
            auth_failures_per_address: FailurePolicy::default(),
            soft_errors: session.soft_errors,
            hard_errors: session.hard_errors,
            auth_failures_max: session.auth_failures_max,
            idle_commands_max: session.idle_commands_max,
            proxy_header: Duration::from_secs(5),
            tls_handshake: Duration::from_secs(30),
            grace: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// A limit of zero would be a server that serves nobody, and is more likely meant as "no limit".
    pub(crate) fn check(&self) -> Result<(), ServerError> {
        let is_zero = |rate: Option<Rate>| rate.is_some_and(|rate| rate.count == 0 || rate.per.is_zero());
        let guesses = &self.auth_failures_per_address;
        let zero = [
            ("message_octets_max", self.message_octets_max == 0),
            ("recipients_max", self.recipients_max == 0),
            ("hops_max", self.hops_max == 0),
            ("transactions_max", self.transactions_max == Some(0)),
            ("connections_max", self.connections_max == 0),
            ("connections_per_address_max", self.connections_per_address_max == 0),
            ("connection_rate", is_zero(self.connection_rate)),
            ("connection_rate_total", is_zero(self.connection_rate_total)),
            ("message_rate", is_zero(self.message_rate)),
            ("message_rate_total", is_zero(self.message_rate_total)),
            ("recipient_rate", is_zero(self.recipient_rate)),
            ("recipient_rate_total", is_zero(self.recipient_rate_total)),
            ("unknown_recipient_rate", is_zero(self.unknown_recipient_rate)),
            (
                "auth_failures_per_address",
                guesses.failures_max == 0 || guesses.window.is_zero() || guesses.addresses_max == 0,
            ),
            ("hard_errors", self.hard_errors == 0),
            ("auth_failures_max", self.auth_failures_max == 0),
            ("proxy_header", self.proxy_header.is_zero()),
            ("tls_handshake", self.tls_handshake.is_zero()),
        ];
        match zero.into_iter().find(|(_, is_zero)| *is_zero) {
            Some((limit, _)) => Err(ServerError::ZeroLimit { limit }),
            None => Ok(()),
        }
    }

    pub(crate) fn of_session(&self) -> ServerLimits {
        ServerLimits {
            message_octets_max: self.message_octets_max,
            surplus_octets_max: self.message_octets_max,
            recipients_max: self.recipients_max,
            transactions_max: self.transactions_max,
            soft_errors: self.soft_errors,
            hard_errors: self.hard_errors,
            auth_failures_max: self.auth_failures_max,
            idle_commands_max: self.idle_commands_max,
            ..ServerLimits::default()
        }
    }
}
