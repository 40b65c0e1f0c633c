//! The set-up of a server. What is unsafe or impossible is an error here, before a port is opened.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use smtpkit_auth::{DynVerifier, InsecureAuth, Verifier};
use smtpkit_codec::{BareNewline, DomainRef};
use smtpkit_session::server::{Authentication, EarlyTalkers, Extensions, Protocol, ServerConfig, TlsRule};
use smtpkit_session::timeout::ServerTimeouts;
use smtpkit_tls::Acceptor;

use crate::connection::Shared;
use crate::listening::Door;
use crate::{Gate, Handler, Limits, Listening, LocalDomains, Network, Role, ServerError};

/// A server that is being set up. It comes from a constructor of [`Server`](crate::Server).
pub struct Builder<H> {
    handler: H,
    role: Role,
    hostname: String,
    /// `None`: every domain is local.
    domains: Option<LocalDomains>,
    tls: Option<Acceptor>,
    tls_use: TlsUse,
    accounts: Option<Arc<dyn DynVerifier>>,
    auth_need: AuthNeed,
    insecure_auth: InsecureAuth,
    senders: Senders,
    completes_headers: bool,
    trusted: Vec<Network>,
    relays_for_certificates: bool,
    exempt: Vec<Network>,
    proxies: Vec<Network>,
    xclient: Vec<Network>,
    xforward: Vec<Network>,
    limits: Limits,
    timeouts: ServerTimeouts,
    pressed_timeouts: ServerTimeouts,
    bare_newline: BareNewline,
    early_talkers: EarlyTalkers,
    greeting_delay: Duration,
    extensions: Extensions,
    gate: Option<Gate>,
}

/// When TLS starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsUse {
    /// With STARTTLS, if the client wants.
    Offered,
    /// With STARTTLS, before anything else.
    Required,
    /// With the connection (RFC 8314 §3).
    Implicit,
}

/// Whether mail is taken from clients that have not authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AuthNeed {
    Offered,
    Required,
}

/// Which reverse-paths an authenticated client may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Senders {
    /// Those of its identity (RFC 6409 §6.1).
    Own,
    /// Any.
    Any,
}

impl<H: Handler> Builder<H> {
    pub(crate) fn new(role: Role, hostname: &str, domains: Option<LocalDomains>, handler: H) -> Self {
        Self {
            handler,
            role,
            hostname: hostname.to_owned(),
            domains,
            tls: None,
            tls_use: TlsUse::Offered,
            accounts: None,
            auth_need: if role == Role::Submission { AuthNeed::Required } else { AuthNeed::Offered },
            insecure_auth: InsecureAuth::Refused,
            senders: Senders::Own,
            completes_headers: false,
            trusted: Vec::new(),
            relays_for_certificates: false,
            exempt: Network::LOOPBACK.to_vec(),
            proxies: Vec::new(),
            xclient: Vec::new(),
            xforward: Vec::new(),
            limits: Limits::default(),
            timeouts: ServerTimeouts::default(),
            pressed_timeouts: ServerTimeouts::under_pressure(),
            bare_newline: BareNewline::Refuse,
            early_talkers: EarlyTalkers::Noted,
            greeting_delay: Duration::ZERO,
            extensions: Extensions::default(),
            gate: None,
        }
    }

    /// TLS with this certificate; STARTTLS is offered. Keep a clone of the acceptor to renew the certificate.
    #[must_use]
    pub fn tls(mut self, acceptor: Acceptor) -> Self {
        self.tls = Some(acceptor);
        self
    }

    /// TLS starts with the connection, as on port 465 (RFC 8314 §3.3).
    #[must_use]
    pub const fn implicit_tls(mut self) -> Self {
        self.tls_use = TlsUse::Implicit;
        self
    }

    /// Nothing of use happens before STARTTLS (530 5.7.0). RFC 3207 §4 forbids this on a public port 25.
    #[must_use]
    pub const fn require_tls(mut self) -> Self {
        self.tls_use = TlsUse::Required;
        self
    }

    /// AUTH is offered, and checked with `accounts`; clients that authenticate may relay.
    #[must_use]
    pub fn auth(mut self, accounts: impl Verifier) -> Self {
        self.accounts = Some(Arc::new(accounts));
        self
    }

    /// Nothing is taken from clients that have not authenticated (530 5.7.0), as submission always has it (RFC 6409
    /// §4.3).
    #[must_use]
    pub const fn require_auth(mut self) -> Self {
        self.auth_need = AuthNeed::Required;
        self
    }

    /// AUTH is offered without TLS too. Refused when binding to an address that is not a loopback one.
    #[must_use]
    pub const fn auth_without_tls(mut self) -> Self {
        self.insecure_auth = InsecureAuth::Allowed;
        self
    }

    /// Authenticated clients may use any reverse-path.
    #[must_use]
    pub const fn any_sender(mut self) -> Self {
        self.senders = Senders::Any;
        self
    }

    /// Adds the Date and Message-ID fields that a submitted message lacks, at the end of its header section (RFC 6409
    /// §8.3, §8.4). The content is otherwise untouched.
    #[must_use]
    pub const fn complete_headers(mut self) -> Self {
        self.completes_headers = true;
        self
    }

    /// The domains that are local. For submission: those whose recipients are told apart as local.
    #[must_use]
    pub fn domains(mut self, domains: LocalDomains) -> Self {
        self.domains = Some(domains);
        self
    }

    /// Clients in these networks may relay without AUTH.
    #[must_use]
    pub fn trusted(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.trusted = networks.into_iter().collect();
        self
    }

    /// Clients that show a certificate of an authority that the acceptor trusts for clients may relay.
    #[must_use]
    pub const fn relay_for_certificates(mut self) -> Self {
        self.relays_for_certificates = true;
        self
    }

    /// Clients in these networks are exempt from the limits and rates per address. Default: loopback.
    #[must_use]
    pub fn exempt(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.exempt = networks.into_iter().collect();
        self
    }

    /// Every connection comes through a proxy in these networks and begins with a PROXY header, version 1 or 2. All
    /// others are dropped.
    #[must_use]
    pub fn proxy_protocol(mut self, proxies: impl IntoIterator<Item = Network>) -> Self {
        self.proxies = proxies.into_iter().collect();
        self
    }

    /// Programs in these networks may say with XCLIENT whom they speak for, identity included.
    #[must_use]
    pub fn xclient(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.xclient = networks.into_iter().collect();
        self
    }

    /// Programs in these networks may say with XFORWARD whom they speak for; it is for the log only.
    #[must_use]
    pub fn xforward(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.xforward = networks.into_iter().collect();
        self
    }

    /// The bounds.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The time-outs.
    #[must_use]
    pub const fn timeouts(mut self, timeouts: ServerTimeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// The time-outs of connections that come while nearly all places are taken, where they are shorter than the others.
    #[must_use]
    pub const fn timeouts_under_pressure(mut self, timeouts: ServerTimeouts) -> Self {
        self.pressed_timeouts = timeouts;
        self
    }

    /// What a bare LF or CR of a client does (RFC 5321 §2.3.8). Default: it is refused.
    #[must_use]
    pub const fn bare_newline(mut self, bare_newline: BareNewline) -> Self {
        self.bare_newline = bare_newline;
        self
    }

    /// Waits so long before the greeting, and refuses clients that speak meanwhile: spam software does.
    #[must_use]
    pub const fn greeting_delay(mut self, delay: Duration) -> Self {
        self.greeting_delay = delay;
        self.early_talkers = EarlyTalkers::Refused;
        self
    }

    /// Changes which extensions are offered. STARTTLS and AUTH follow from the set-up.
    #[must_use]
    pub fn extensions(mut self, change: impl FnOnce(Extensions) -> Extensions) -> Self {
        self.extensions = change(self.extensions);
        self
    }

    /// Shares the limits over all connections with other servers. Default: those of [`limits`](Self::limits), for this
    /// server alone.
    #[must_use]
    pub fn gate(mut self, gate: Gate) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Checks the set-up without opening a port.
    ///
    /// # Errors
    /// [`ServerError`] for everything that [`bind_all`](Self::bind_all) would refuse but the addresses.
    pub fn check(&self) -> Result<(), ServerError> {
        self.limits.check()?;
        for timeouts in [&self.timeouts, &self.pressed_timeouts] {
            check_timeouts(timeouts)?;
        }
        if DomainRef::parse(&self.hostname).is_err() {
            return Err(ServerError::Hostname { name: self.hostname.clone() });
        }
        let lists = [
            ("trusted", &self.trusted),
            ("proxy_protocol", &self.proxies),
            ("xclient", &self.xclient),
            ("xforward", &self.xforward),
        ];
        for (list, networks) in lists {
            if let Some(&network) = networks.iter().find(|network| network.is_everything()) {
                return Err(ServerError::TrustsEverybody { list, network });
            }
        }
        if self.tls.is_none() && self.tls_use != TlsUse::Offered {
            return Err(ServerError::NoCertificate);
        }
        let Some(accounts) = &self.accounts else {
            let is_needed = self.auth_need == AuthNeed::Required;
            return if is_needed { Err(ServerError::NoAccounts) } else { Ok(()) };
        };
        if self.tls.is_none() && self.insecure_auth == InsecureAuth::Refused {
            return Err(ServerError::AuthWithoutTls);
        }
        if accounts.mechanisms_dyn().is_empty() {
            return Err(ServerError::NoMechanism);
        }
        Ok(())
    }

    fn check_address(&self, address: SocketAddr) -> Result<(), ServerError> {
        if address.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        if matches!(self.role, Role::CatchAll) || (self.role == Role::Lmtp && self.tls.is_none()) {
            return Err(ServerError::LoopbackOnly { role: self.role, address });
        }
        if self.accounts.is_some() && self.insecure_auth == InsecureAuth::Allowed {
            return Err(ServerError::PlaintextAuth { address });
        }
        Ok(())
    }

    /// Listens on one address; port 0 takes a free one ([`Listening::local_addrs`]).
    ///
    /// # Errors
    /// [`ServerError`] if the set-up is unsafe or impossible, or the address cannot be taken.
    pub async fn bind(self, address: SocketAddr) -> Result<Listening<H>, ServerError> {
        self.bind_all([address]).await
    }

    /// Listens on all `addresses`.
    ///
    /// # Errors
    /// As [`bind`](Self::bind), and [`ServerError::NoAddress`] if there is none.
    pub async fn bind_all(
        self,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Listening<H>, ServerError> {
        self.check()?;
        let addresses: Vec<SocketAddr> = addresses.into_iter().collect();
        for &address in &addresses {
            self.check_address(address)?;
        }
        let doors = addresses.into_iter().map(Door::tcp).collect::<Result<Vec<_>, _>>()?;
        self.open(doors)
    }

    /// Listens on a local socket at `path`; a socket that nobody listens on any more is replaced. LMTP only.
    ///
    /// # Errors
    /// As [`bind`](Self::bind), and [`ServerError::TcpOnly`] for another role.
    #[cfg(unix)]
    pub async fn bind_unix(self, path: impl AsRef<Path>) -> Result<Listening<H>, ServerError> {
        self.check()?;
        if self.role != Role::Lmtp {
            return Err(ServerError::TcpOnly { role: self.role });
        }
        let door = Door::unix(path.as_ref()).await?;
        self.open(vec![door])
    }

    /// Listens on sockets that somebody else opened, for instance the service manager.
    ///
    /// # Errors
    /// As [`bind_all`](Self::bind_all).
    pub fn listen_on(
        self,
        listeners: impl IntoIterator<Item = std::net::TcpListener>,
    ) -> Result<Listening<H>, ServerError> {
        self.check()?;
        let doors = listeners.into_iter().map(Door::inherited).collect::<Result<Vec<_>, _>>()?;
        for address in doors.iter().filter_map(Door::address) {
            self.check_address(address)?;
        }
        self.open(doors)
    }

    /// Opens no socket at all: connections come through [`Listening::serve_stream`], for tests, simulators and tunnels.
    ///
    /// # Errors
    /// [`ServerError`] if the set-up is unsafe or impossible.
    pub fn without_sockets(self) -> Result<Listening<H>, ServerError> {
        self.check()?;
        Ok(Listening::new(self.share()?, Vec::new()))
    }

    fn open(self, doors: Vec<Door>) -> Result<Listening<H>, ServerError> {
        if doors.is_empty() {
            return Err(ServerError::NoAddress);
        }
        Ok(Listening::new(self.share()?, doors))
    }

    /// What all connections have in common.
    fn share(self) -> Result<Shared<H>, ServerError> {
        let name = DomainRef::parse(&self.hostname)
            .map_err(|_| ServerError::Hostname { name: self.hostname.clone() })?;
        let tls = match (self.tls.is_some(), self.tls_use, self.role) {
            (false, ..) => TlsRule::Unavailable,
            // Submission authenticates before anything else, so it needs TLS before anything else.
            (true, TlsUse::Required, _) => TlsRule::Required,
            (true, TlsUse::Offered | TlsUse::Implicit, _) => TlsRule::Offered,
        };
        let authentication = match (self.accounts.is_some(), self.auth_need) {
            (false, _) => Authentication::Unavailable,
            (true, AuthNeed::Required) => Authentication::Required,
            (true, AuthNeed::Offered) => Authentication::Offered,
        };
        let config = ServerConfig {
            protocol: if self.role == Role::Lmtp { Protocol::Lmtp } else { Protocol::Smtp },
            extensions: self.extensions,
            tls,
            authentication,
            bare_newline: self.bare_newline,
            early_talkers: self.early_talkers,
            limits: self.limits.of_session(),
            timeouts: self.timeouts,
            ..ServerConfig::new(name)
        };
        let timeouts = config.timeouts.shorter_of(&self.pressed_timeouts);
        let pressed = ServerConfig { timeouts, ..config.clone() };
        Ok(Shared {
            handler: self.handler,
            role: self.role,
            hostname: Arc::from(self.hostname),
            domains: self.domains,
            tls: self.tls,
            tls_use: self.tls_use,
            accounts: self.accounts,
            insecure_auth: self.insecure_auth,
            senders: self.senders,
            completes_headers: self.completes_headers,
            trusted: self.trusted,
            relays_for_certificates: self.relays_for_certificates,
            exempt: self.exempt,
            proxies: self.proxies,
            xclient: self.xclient,
            xforward: self.xforward,
            gate: self.gate.unwrap_or_else(|| Gate::new(&self.limits)),
            limits: self.limits,
            greeting_delay: self.greeting_delay,
            config: Arc::new(config),
            pressed: Arc::new(pressed),
        })
    }
}

/// A time of zero would end every session at once.
fn check_timeouts(timeouts: &ServerTimeouts) -> Result<(), ServerError> {
    let zero = [
        ("timeouts.command", timeouts.command.is_zero()),
        ("timeouts.line_end", timeouts.line_end.is_zero()),
        ("timeouts.data_block", timeouts.data_block.is_zero()),
        ("timeouts.reply", timeouts.reply.is_zero()),
        ("timeouts.session", timeouts.session.is_some_and(|time| time.is_zero())),
    ];
    match zero.into_iter().find(|(_, is_zero)| *is_zero) {
        Some((limit, _)) => Err(ServerError::ZeroLimit { limit }),
        None => Ok(()),
    }
}

impl<H> std::fmt::Debug for Builder<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("role", &self.role)
            .field("hostname", &self.hostname)
            .finish_non_exhaustive()
    }
}
