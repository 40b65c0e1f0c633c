//! From settings to running servers, and what a reload changes in them.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, PoisonError, RwLock};

use smtpkit_auth::{Answer, Decoy, Mechanism, Query, Secret, Users, Verifier};
use smtpkit_codec::BareNewline;
use smtpkit_relay::{Intake, Relay};
use smtpkit_server::{Builder, Extensions, Gate, Listening, LocalDomains, Network, Server, ServerError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::config_file::{BareNewlineKey, ConfigError, TlsKey};
use super::identities::Acceptors;
use super::listen_url::{ListenAddress, ListenUrl, Scheme};
use super::listener_settings::Listener;
use super::settings::Settings;
use super::sockets::Sockets;
use super::{first_start, identities, relaying};
use crate::exit::{Exit, Failure};

/// The accounts as they are now; a reload puts others in their place.
#[derive(Clone)]
struct SharedUsers(Arc<RwLock<Arc<Users>>>);

impl SharedUsers {
    fn new(users: Users) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(users))))
    }

    fn replace(&self, users: Users) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(users);
    }

    fn current(&self) -> Arc<Users> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Verifier for SharedUsers {
    fn mechanisms(&self) -> Vec<Mechanism> {
        self.current().mechanisms()
    }

    fn decoy(&self) -> Arc<Decoy> {
        self.current().decoy()
    }

    async fn look_up(&self, query: Query) -> Answer {
        self.current().look_up(query).await
    }
}

/// Everything that the listeners share, ready to be bound.
pub(crate) struct Servers {
    listeners: Vec<Listener>,
    hostname: String,
    acceptors: Acceptors,
    users: SharedUsers,
    domains: LocalDomains,
    mail: Intake,
    relay: Relay,
    trusted: Vec<Network>,
    exempt: Vec<Network>,
    gate: Gate,
}

impl Servers {
    /// Loads certificates and accounts, and checks every listener; opens no port.
    pub(crate) fn prepare(settings: &mut Settings, mail: Intake, relay: Relay) -> Result<Self, ConfigError> {
        let acceptors = identities::open(settings)?;
        let secret = first_start::server_secret(&settings.data)?;
        let servers = Self {
            listeners: settings.listeners.clone(),
            hostname: settings.hostname.clone(),
            acceptors,
            users: SharedUsers::new(settings.users(secret)?),
            domains: local_domains(settings)?,
            mail,
            relay,
            trusted: settings.relay.trusted.clone(),
            exempt: settings.exempt.clone(),
            gate: Gate::new(&settings.bounds.limits),
        };
        for listener in &servers.listeners {
            servers.builder(listener).check().map_err(|error| refused(&error, listener))?;
        }
        Ok(servers)
    }

    fn builder(&self, listener: &Listener) -> Builder<Intake> {
        let (hostname, mail) = (self.hostname.as_str(), self.mail.clone());
        let mut builder = match listener.url.scheme {
            Scheme::Mx => Server::mx(hostname, self.domains.clone(), mail),
            Scheme::Submission | Scheme::Submissions => {
                Server::submission(hostname, self.acceptors.users.clone(), self.users.clone(), mail)
                    .domains(self.domains.clone())
                    .extensions(|offered| offered.with(Extensions::FUTURERELEASE).with(Extensions::DELIVERBY))
            }
            Scheme::Lmtp => Server::lmtp(hostname, self.domains.clone(), mail),
        };
        let acceptor = if listener.requires_auth { &self.acceptors.users } else { &self.acceptors.servers };
        builder = match listener.tls {
            TlsKey::Off => builder,
            TlsKey::Offer => builder.tls(acceptor.clone()),
            TlsKey::Require => builder.tls(acceptor.clone()).require_tls(),
            TlsKey::Implicit => builder.tls(acceptor.clone()).implicit_tls(),
        };
        if listener.requires_auth && !listener.url.scheme.is_submission() {
            builder = builder.auth(self.users.clone()).require_auth();
        }
        let bounds = &listener.bounds;
        if !bounds.greeting_delay.is_zero() {
            builder = builder.greeting_delay(bounds.greeting_delay);
        }
        builder
            .timeouts(bounds.timeouts.clone())
            .proxy_protocol(listener.proxies.iter().copied())
            .bare_newline(match listener.bare_newline {
                BareNewlineKey::Refuse => BareNewline::Refuse,
                BareNewlineKey::Normalise => BareNewline::Normalise,
            })
            .trusted(listener.trusted.iter().chain(&self.trusted).copied())
            .exempt(self.exempt.iter().copied())
            .limits(bounds.limits.clone())
            .gate(self.gate.clone())
    }

    /// Binds every listener, then starts them all: no mail comes in while another port may still turn out taken.
    pub(crate) async fn listen(
        self,
        mut sockets: Sockets,
        stop: &CancellationToken,
    ) -> Result<(Running, Reload), Failure> {
        let mut bound = Vec::with_capacity(self.listeners.len());
        let mut addresses = Vec::with_capacity(self.listeners.len());
        for (at, listener) in self.listeners.iter().enumerate() {
            let listening = self.bind(listener, sockets.take(at)).await?;
            addresses.extend(bound_urls(listener, &listening));
            bound.push(listening);
        }
        let mut tasks = JoinSet::new();
        for listening in bound {
            tasks.spawn(listening.serve(stop.clone()));
        }
        let gate = self.gate.clone();
        let reload =
            Reload { acceptors: self.acceptors, users: self.users, domains: self.domains, relay: self.relay };
        Ok((Running { tasks, addresses, gate }, reload))
    }

    async fn bind(
        &self,
        listener: &Listener,
        opened: Option<Vec<TcpListener>>,
    ) -> Result<Listening<Intake>, Failure> {
        let builder = self.builder(listener);
        let bound = match (&listener.url.address, opened) {
            (_, Some(opened)) => builder.listen_on(opened),
            (ListenAddress::Tcp(address), None) => builder.bind(*address).await,
            (ListenAddress::Unix(path), None) => builder.bind_unix(path).await,
            (ListenAddress::Inherited(_), None) => builder.listen_on([]),
        };
        bound.map_err(|error| match error {
            ServerError::Bind { .. } | ServerError::BindPath { .. } => Failure::new(
                Exit::Io,
                format!(
                    "{}: {error}; stop what listens there, or choose another address with --listen",
                    listener.url
                ),
            ),
            unsafe_settings => refused(&unsafe_settings, listener).into(),
        })
    }
}

/// A set-up that the server library does not take.
fn refused(error: &ServerError, listener: &Listener) -> ConfigError {
    ConfigError::new(error.to_string(), "change the listener").at(&listener.place)
}

/// Checks all that can be checked without a port and without making a file.
pub(crate) fn check(mut settings: Settings) -> Result<(), ConfigError> {
    if settings.certificates.is_empty() {
        // the identity that a start would make is not made here: nothing about it can be wrong yet
        settings.listeners.clear();
    }
    settings.users(Secret::new(vec![0; 32])).map(drop)?;
    local_domains(&settings).map(drop)
}

fn local_domains(settings: &Settings) -> Result<LocalDomains, ConfigError> {
    LocalDomains::new(settings.directory.domains())
        .map_err(|error| ConfigError::new(error.to_string(), "write it as example.test"))
}

/// The listener with the address that it really got.
fn bound_urls(listener: &Listener, listening: &Listening<Intake>) -> Vec<ListenUrl> {
    let with =
        |address: SocketAddr| ListenUrl { scheme: listener.url.scheme, address: ListenAddress::Tcp(address) };
    match &listener.url.address {
        ListenAddress::Tcp(_) | ListenAddress::Inherited(_) => {
            listening.local_addrs().iter().copied().map(with).collect()
        }
        ListenAddress::Unix(_) => vec![listener.url.clone()],
    }
}

/// Servers that accept.
pub(crate) struct Running {
    tasks: JoinSet<smtpkit_server::Served>,
    addresses: Vec<ListenUrl>,
    gate: Gate,
}

impl Running {
    /// The connection limits that all of them share.
    pub(crate) fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// Where they listen, with the ports they got.
    pub(crate) fn addresses(&self) -> &[ListenUrl] {
        &self.addresses
    }

    /// Waits until every connection has ended.
    pub(crate) async fn join(mut self) -> Result<(), tokio::task::JoinError> {
        while let Some(ended) = self.tasks.join_next().await {
            let served = ended?;
            tracing::debug!(?served, "a listener has ended");
        }
        Ok(())
    }
}

/// What can be changed while servers run.
pub(crate) struct Reload {
    acceptors: Acceptors,
    users: SharedUsers,
    domains: LocalDomains,
    relay: Relay,
}

impl Reload {
    /// Puts certificates, accounts, domains and mailboxes of `settings` in place of those in use: all, or none.
    pub(crate) fn apply(&self, mut settings: Settings) -> Result<(), ConfigError> {
        settings.take_first_account()?;
        let users = settings.users(first_start::server_secret(&settings.data)?)?;
        local_domains(&settings)?;
        let routes = relaying::routes(&settings)?;
        for warning in settings.dead_ends()? {
            tracing::warn!("{warning}");
        }
        identities::reload(&settings, &self.acceptors)?;
        self.domains
            .replace(settings.directory.domains())
            .map_err(|error| ConfigError::new(error.to_string(), "write it as example.test"))?;
        self.users.replace(users);
        self.relay.replace_routes(routes);
        Ok(())
    }
}
