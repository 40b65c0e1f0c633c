//! From settings to a running relay: its queue in the data folder, its routing table, its control socket.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use smtpkit_auth::Secret;
use smtpkit_codec::address::Domain;
use smtpkit_queue::{OpenError, RedbSpool};
use smtpkit_relay::control::{Listener, Reloads};
use smtpkit_relay::{HickoryResolver, Intake, Options, Relay, Resolver, Routes, SrsKeys};
use smtpkit_server::Gate;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::config_file::ConfigError;
use super::first_start::{random, srs_keys};
use super::monitor::{Monitor, Watched};
use super::settings::Settings;
use crate::exit::{Exit, Failure};
use crate::queue::folder;

/// Who is asked when the system names no name server.
const LOCAL_DNS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53);

/// A relay that is put together, and its tasks once they run.
pub(crate) struct Relaying {
    relay: Relay,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Relaying {
    /// Opens the queue of the data folder; nothing is delivered yet.
    pub(crate) fn open(settings: &Settings) -> Result<Self, Failure> {
        let io = |error: std::io::Error| Failure::new(Exit::Io, error);
        let nonce = u64::from_be_bytes(random().map_err(io)?);
        let folder = folder(&settings.data);
        let spool = RedbSpool::open(&folder, smtpkit_queue::Options::default().nonce(nonce))
            .map_err(|error| unusable(&error))?;
        for damage in &spool.recovery().damaged {
            tracing::error!(id = %damage.id, what = damage.what, "an entry of the queue is damaged");
        }
        let mut limits = settings.relay.limits.clone();
        limits.hops_max = usize::try_from(settings.bounds.limits.hops_max).unwrap_or(usize::MAX);
        let options = Options {
            schedule: settings.relay.schedule.clone(),
            mx_port: settings.relay.mx_port,
            limits,
            grace: settings.bounds.limits.grace,
            connect_timeout: settings.relay.connect_timeout,
            seed: nonce,
            secure_hosts: Some(settings.data.join("tls-hosts")),
            ..Options::new(&settings.data)
        };
        let relay = Relay::new(options, Arc::new(spool), resolver(settings)?, routes(settings)?);
        Ok(Self { relay, stop: CancellationToken::new(), tasks: JoinSet::new() })
    }

    /// What the listeners hand their mail to.
    pub(crate) fn intake(&self) -> Intake {
        self.relay.intake()
    }

    /// The relay itself, to be told of new routes.
    pub(crate) fn relay(&self) -> Relay {
        self.relay.clone()
    }

    /// Begins to deliver, and to answer `smtpkit queue` and `smtpkit route`. Gives the orders to read the configuration anew.
    pub(crate) fn start(&mut self, settings: &Settings) -> Result<Reloads, Failure> {
        let mut listener = Listener::bind(&settings.data)
            .map_err(|error| Failure::new(Exit::Io, format!("{}: {error}", settings.data.display())))?;
        let reloads = listener.reloads();
        self.tasks.spawn(listener.serve(self.relay.clone(), self.stop.clone()));
        let (relay, stop) = (self.relay.clone(), self.stop.clone());
        self.tasks.spawn(async move { relay.run(stop).await });
        Ok(reloads)
    }

    /// Lets a monitor ask as long as there is something to watch.
    pub(crate) fn watch(&mut self, monitor: Monitor, gate: Gate) {
        let watched = Watched { relay: self.relay.clone(), gate };
        self.tasks.spawn(monitor.serve(watched, self.stop.clone()));
    }

    /// Lets deliveries in progress end, within the bound that the relay has.
    pub(crate) async fn finish(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// The routing table that the settings describe.
pub(crate) fn routes(settings: &Settings) -> Result<Routes, ConfigError> {
    let builder = settings.relay.routes(&settings.hostname, &settings.directory)?;
    let Some(domain) = settings.directory.domains().next() else { return Ok(builder.build()) };
    let bad =
        |why: String| ConfigError::new(why, "remove the file `srs-keys` of the data folder, or mend it");
    let domain: Domain = domain.parse().map_err(|_| bad(format!("`{domain}` cannot stand in an address")))?;
    let keys = SrsKeys::new(srs_keys(&settings.data)?.into_iter().map(Secret::new))
        .map_err(|error| bad(error.to_string()))?;
    Ok(builder.srs(domain, keys).build())
}

fn resolver(settings: &Settings) -> Result<Arc<dyn Resolver>, ConfigError> {
    let servers = &settings.relay.dns;
    let resolver =
        if servers.is_empty() { HickoryResolver::system() } else { HickoryResolver::with_servers(servers) };
    match resolver {
        Ok(resolver) => Ok(Arc::new(resolver)),
        Err(error) => {
            // a machine that names no server means itself, as resolv.conf(5) has it; offline its mail waits
            tracing::warn!("{error}; asking {LOCAL_DNS}, name another one with --dns");
            let resolver = HickoryResolver::with_servers(&[LOCAL_DNS])
                .map_err(|error| ConfigError::new(error.to_string(), "name a server with --dns"))?;
            Ok(Arc::new(resolver))
        }
    }
}

fn unusable(error: &OpenError) -> Failure {
    match error {
        OpenError::InUse { .. } => {
            Failure::new(Exit::Io, format!("{error}; stop it, or choose another folder with --data"))
        }
        OpenError::NewerFormat { .. } => Failure::new(Exit::Config, error),
        _ => Failure::new(Exit::Io, error),
    }
}
