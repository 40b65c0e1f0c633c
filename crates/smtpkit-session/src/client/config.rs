//! What a client machine is told once: whom it speaks as, and what it insists on.

use crate::timeout::ClientTimeouts;
use alloc::boxed::Box;
use smtpkit_codec::ClientName;

/// Which protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5321 and RFC 2033 are the two protocols of this crate")]
pub enum Protocol {
    /// SMTP (RFC 5321).
    Smtp,
    /// LMTP (RFC 2033): LHLO, and one reply per recipient after the content.
    Lmtp,
}

/// Whether anything may be said in plaintext.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the question has two answers")]
pub enum Plaintext {
    /// Mail and AUTH may go over a plaintext connection.
    Allowed,
    /// Before the upgrade only STARTTLS and QUIT are possible, so a stripped STARTTLS fails closed (RFC 3207 §6).
    Refused,
}

/// Whether commands are sent in groups to a peer that offers PIPELINING (RFC 2920).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the question has two answers")]
pub enum Pipelining {
    /// In groups, if the peer offers it.
    WhenOffered,
    /// One by one, whatever the peer offers.
    Never,
}

/// What the machine says to a greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the question has two answers")]
pub enum Hello {
    /// EHLO, or LHLO.
    AfterGreeting,
    /// Nothing: for those who want to see the greeting and leave.
    Never,
}

/// The octets of commands that may be unanswered while the driver does not read (RFC 2920 §3.1: the usual TCP window).
pub const UNANSWERED_OCTETS: usize = 4096;

/// How a client machine behaves for the life of its connection.
///
/// ```
/// use smtpkit_codec::ClientName;
/// use smtpkit_session::client::{ClientConfig, Plaintext, Protocol};
///
/// let name = ClientName::new("client.example.test")?;
/// let config = ClientConfig::new(Protocol::Smtp, name).with_plaintext(Plaintext::Refused);
/// assert_eq!(config.name(), "client.example.test");
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientConfig {
    pub(super) protocol: Protocol,
    name: Box<str>,
    pub(super) plaintext: Plaintext,
    pub(super) pipelining: Pipelining,
    pub(super) hello: Hello,
    pub(super) unanswered_octets_max: usize,
    pub(super) timeouts: ClientTimeouts,
}

impl ClientConfig {
    /// Plaintext allowed, pipelining when offered, the time-outs of RFC 5321 §4.5.3.2.
    pub fn new(protocol: Protocol, name: ClientName<'_>) -> Self {
        Self {
            protocol,
            name: name.as_str().into(),
            plaintext: Plaintext::Allowed,
            pipelining: Pipelining::WhenOffered,
            hello: Hello::AfterGreeting,
            unanswered_octets_max: UNANSWERED_OCTETS,
            timeouts: ClientTimeouts::default(),
        }
    }

    /// Whether anything but STARTTLS may be said in plaintext.
    #[must_use]
    pub const fn with_plaintext(mut self, plaintext: Plaintext) -> Self {
        self.plaintext = plaintext;
        self
    }

    /// Whether commands are grouped.
    #[must_use]
    pub const fn with_pipelining(mut self, pipelining: Pipelining) -> Self {
        self.pipelining = pipelining;
        self
    }

    /// Whether the greeting is answered with EHLO.
    #[must_use]
    pub const fn with_hello(mut self, hello: Hello) -> Self {
        self.hello = hello;
        self
    }

    /// For drivers that read while they write: no bound on the octets of unanswered commands.
    #[must_use]
    pub const fn with_duplex_driver(mut self) -> Self {
        self.unanswered_octets_max = usize::MAX;
        self
    }

    /// Other time-outs.
    #[must_use]
    pub const fn with_timeouts(mut self, timeouts: ClientTimeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// The name given in EHLO.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The protocol spoken.
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    pub(super) fn client_name(&self) -> ClientName<'_> {
        ClientName::new(&self.name).expect("invariant: the text came out of a ClientName")
    }
}
