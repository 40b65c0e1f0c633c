//! What a server session offers and where its limits are.

use alloc::boxed::Box;
use alloc::vec::Vec;

use smtpkit_codec::{BareNewline, Domain, DomainRef, MechanismName};

use super::extensions::Extensions;
use crate::timeout::ServerTimeouts;

/// Which protocol is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5321 and RFC 2033 are the two there are")]
pub enum Protocol {
    /// SMTP (RFC 5321).
    #[default]
    Smtp,
    /// LMTP (RFC 2033): LHLO, and one reply per recipient after the content.
    Lmtp,
}

/// What STARTTLS is to a session (RFC 3207).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "each driver must handle each of the three")]
pub enum TlsRule {
    /// It is not offered.
    #[default]
    Unavailable,
    /// It is offered.
    Offered,
    /// It is offered, and nothing of use may happen before it: 530 5.7.0.
    Required,
}

/// What AUTH is to a session (RFC 4954).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "each driver must handle each of the three")]
pub enum Authentication {
    /// It is not offered.
    #[default]
    Unavailable,
    /// It is offered where the channel has mechanisms ([`Channel::mechanisms`]).
    Offered,
    /// The same, and MAIL needs it: 530 5.7.0.
    Required,
}

/// The bounds of one session. Sizes that the protocol itself sets are in [`smtpkit_codec::limits`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Largest message, announced with SIZE (RFC 1870): 50 MiB.
    pub message_octets_max: u64,
    /// Octets beyond [`message_octets_max`](Self::message_octets_max) that are read and dropped to be able to refuse
    /// in order, before the connection is cut: 50 MiB.
    pub surplus_octets_max: u64,
    /// Most recipients of one transaction, then 452 4.5.3 (RFC 5321 §4.5.3.1.10): 1,000.
    pub recipients_max: u32,
    /// Most transactions of one session, then 421; `None` sets no limit.
    pub transactions_max: Option<u32>,
    /// Errors that are answered at once; every further one waits for [`ServerTimeouts::error_delay`]: 10.
    pub soft_errors: u32,
    /// Errors after which the session ends with 421: 20. A delivered message forgives all before it.
    pub hard_errors: u32,
    /// Wrong credentials after which the session ends with 421: 3.
    pub auth_failures_max: u32,
    /// NOOP, RSET, VRFY, HELP and EHLO commands without a message between them that are not counted as errors: 100.
    pub idle_commands_max: u32,
    /// Most octets that are received at once: 64 KiB. It bounds the receive buffer.
    pub receive_octets_max: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            message_octets_max: 50 * 1024 * 1024,
            surplus_octets_max: 50 * 1024 * 1024,
            recipients_max: 1000,
            transactions_max: None,
            soft_errors: 10,
            hard_errors: 20,
            auth_failures_max: 3,
            idle_commands_max: 100,
            receive_octets_max: 64 * 1024,
        }
    }
}

/// What all sessions of a listener have in common.
///
/// ```
/// use smtpkit_codec::DomainRef;
/// use smtpkit_session::server::{ServerConfig, TlsRule};
///
/// let config = ServerConfig { tls: TlsRule::Required, ..ServerConfig::new(DomainRef::parse("mx.example.test")?) };
/// assert_eq!(config.hostname.as_str(), "mx.example.test");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The name that the server gives itself.
    pub hostname: Domain,
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// What is offered in the EHLO reply besides STARTTLS and AUTH.
    pub extensions: Extensions,
    /// What STARTTLS is.
    pub tls: TlsRule,
    /// What AUTH is.
    pub authentication: Authentication,
    /// What a bare LF or CR of the peer does, in commands and in content (RFC 5321 §2.3.8).
    pub bare_newline: BareNewline,
    /// Whether a client that speaks before the greeting is refused (521) and not just noted.
    pub early_talkers: EarlyTalkers,
    /// The bounds.
    pub limits: ServerLimits,
    /// The time-outs.
    pub timeouts: ServerTimeouts,
}

/// What happens to a client that speaks before the greeting (RFC 5321 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "to note or to refuse is all there is to choose")]
pub enum EarlyTalkers {
    /// It is noted in [`Notes`](super::Notes).
    #[default]
    Noted,
    /// It gets 521 5.5.1 and the session ends.
    Refused,
}

impl ServerConfig {
    /// A plain SMTP server named `hostname`, which offers neither STARTTLS nor AUTH.
    pub fn new(hostname: DomainRef<'_>) -> Self {
        Self {
            hostname: hostname.to_owned(),
            protocol: Protocol::default(),
            extensions: Extensions::default(),
            tls: TlsRule::default(),
            authentication: Authentication::default(),
            bare_newline: BareNewline::Refuse,
            early_talkers: EarlyTalkers::default(),
            limits: ServerLimits::default(),
            timeouts: ServerTimeouts::default(),
        }
    }
}

/// What one connection is: plaintext or TLS, and the mechanisms that AUTH offers on it.
///
/// ```
/// use smtpkit_codec::MechanismName;
/// use smtpkit_session::server::Channel;
///
/// let plaintext = Channel::plaintext();
/// let secured = Channel::tls().with_mechanisms([MechanismName::new("PLAIN")?]);
/// assert!(secured.is_tls() && !plaintext.is_tls());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Channel {
    is_tls: bool,
    /// Names separated by spaces; empty if there are none.
    mechanisms: Box<str>,
}

impl Channel {
    /// A connection without TLS.
    pub fn plaintext() -> Self {
        Self::default()
    }

    /// A connection inside TLS.
    pub fn tls() -> Self {
        Self { is_tls: true, ..Self::default() }
    }

    /// The same connection, with the mechanisms that AUTH offers on it, in the order of the EHLO reply.
    #[must_use]
    pub fn with_mechanisms<'a>(mut self, mechanisms: impl IntoIterator<Item = MechanismName<'a>>) -> Self {
        let names: Vec<&str> = mechanisms.into_iter().map(|mechanism| mechanism.as_str()).collect();
        self.mechanisms = names.join(" ").into_boxed_str();
        self
    }

    /// Whether the connection is inside TLS.
    pub const fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The names of the mechanisms, separated by spaces; empty if there are none.
    pub const fn mechanisms(&self) -> &str {
        &self.mechanisms
    }
}
