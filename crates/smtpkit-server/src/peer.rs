//! Who is at the other end.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use smtpkit_auth::Identity;
use smtpkit_codec::trace::Protocol;
use smtpkit_session::server::Hello;
use smtpkit_tls::SessionInfo;

/// What a server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// It takes mail for local domains from anybody (RFC 5321).
    Mx,
    /// It takes mail for everywhere from those who authenticate (RFC 6409).
    Submission,
    /// It takes mail for local delivery from another mail system (RFC 2033).
    Lmtp,
    /// It takes everything, from this machine only.
    CatchAll,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mx => "mx",
            Self::Submission => "submission",
            Self::Lmtp => "lmtp",
            Self::CatchAll => "catch-all",
        })
    }
}

/// The client of a session: what the server knows of it, and what it says of itself.
#[derive(Debug)]
pub struct Peer {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) local_address: Option<SocketAddr>,
    pub(crate) hostname: Arc<str>,
    pub(crate) role: Role,
    pub(crate) session: u64,
    pub(crate) hello: Option<(Hello, Box<str>)>,
    pub(crate) tls: Option<Box<SessionInfo>>,
    pub(crate) identity: Option<Box<Identity>>,
    pub(crate) is_trusted: bool,
    pub(crate) forwarded: Vec<(Box<str>, Box<str>)>,
}

impl Peer {
    /// Its address; `None` on a local socket.
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Its IP address; `None` on a local socket.
    pub fn ip(&self) -> Option<IpAddr> {
        self.address.map(|address| address.ip().to_canonical())
    }

    /// The address that it connected to; `None` on a local socket.
    pub const fn local_address(&self) -> Option<SocketAddr> {
        self.local_address
    }

    /// The name of this server, for the trace field.
    pub fn hostname(&self) -> &str {
        &self.hostname
    }

    /// What this server is for.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// A name of this session that no other session of this process has; it is in every record.
    pub fn session_id(&self) -> String {
        format!("{:016x}", self.session)
    }

    /// What it called itself in EHLO, HELO or LHLO. Nothing proves it.
    pub fn hello(&self) -> Option<&str> {
        self.hello.as_ref().map(|(_, name)| &**name)
    }

    /// The facts of TLS; `None` in plaintext.
    pub fn tls(&self) -> Option<&SessionInfo> {
        self.tls.as_deref()
    }

    /// Who it proved to be.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_deref()
    }

    /// Whether it comes from a network that the operator trusts.
    pub const fn is_trusted(&self) -> bool {
        self.is_trusted
    }

    /// What a trusted filter told of the client that it speaks for, with XFORWARD: `NAME`, `ADDR`, `PORT`, `PROTO`,
    /// `HELO`, `IDENT` or `SOURCE`. It gives no rights.
    pub fn forwarded(&self, attribute: &str) -> Option<&str> {
        self.forwarded
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(attribute))
            .map(|(_, value)| &**value)
    }

    /// The protocol for the trace field's `with` clause (RFC 3848; RFC 6531 §4.3 if the transaction is SMTPUTF8).
    pub fn protocol(&self, is_smtputf8: bool) -> Protocol {
        let mut protocol = match self.hello {
            Some((Hello::Ehlo, _)) => Protocol::ESMTP,
            Some((Hello::Lhlo, _)) => Protocol::LMTP,
            Some((Hello::Helo, _)) | None => Protocol::SMTP,
        };
        if self.tls.is_some() {
            protocol = protocol.secured();
        }
        if self.identity.is_some() {
            protocol = protocol.authenticated();
        }
        if is_smtputf8 { protocol.internationalized() } else { protocol }
    }
}

/// Session numbers: counted from a random start, so that those of two runs can be told apart.
pub(crate) fn next_session() -> u64 {
    static START: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // Without random octets the numbers are still different within this run, which is what matters.
    let start = *START.get_or_init(|| getrandom::u64().unwrap_or_default());
    start.wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed))
}
