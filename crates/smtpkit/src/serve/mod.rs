//! `smtpkit serve`: receive mail, deliver it to local mailboxes, relay the rest.
//!
//! | file | what it decides |
//! |---|---|
//! | `args` | the flags |
//! | `config_file` | the shape of the configuration file, and where in it a mistake stands |
//! | `settings` | flags and file put together and checked |
//! | `listener_settings`, `limit_settings`, `account_settings` | the same for `[[listener]]`, `[limits]`, `[[account]]` |
//! | `relay_settings` | the same for `[relay]` and `[[route]]` |
//! | `listen_url` | what a listener's URL means |
//! | `privileges` | root only for low ports: `--run-as` |
//! | `sockets` | ports that are open before there is a server: low ones, and the service manager's |
//! | `first_start` | what an empty data folder gets |
//! | `identities` | certificates |
//! | `listeners` | settings → servers of `smtpkit-server` |
//! | `relaying` | settings → the relay of `smtpkit-relay`: queue, routes, deliveries |
//! | `fixed` | what a reload leaves as it is |
//! | `monitor` | what a monitor may ask: `--metrics` |
//! | `banner` | what a person sees |

mod account_settings;
mod args;
mod banner;
mod config_file;
mod first_start;
mod fixed;
mod identities;
mod limit_settings;
mod listen_url;
mod listener_settings;
mod listeners;
mod monitor;
mod privileges;
mod relay_settings;
mod relaying;
mod settings;
mod sockets;

use std::io::Write as _;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

pub(crate) use args::ServeArgs;
pub(crate) use first_start::storable;
pub(crate) use relay_settings::duration;
pub(crate) use settings::data_folder;

use crate::exit::{Exit, Failure};
use crate::log;
use config_file::ConfigError;
use fixed::Fixed;
use listeners::{Reload, Servers};
use monitor::{Monitor, MonitorError};
use privileges::PrivilegeError;
use relaying::Relaying;
use settings::Settings;
use sockets::{Opened, Sockets};

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Config, error)
    }
}

impl From<PrivilegeError> for Failure {
    fn from(error: PrivilegeError) -> Self {
        Self::new(Exit::Io, format!("--run-as: {error}"))
    }
}

impl From<MonitorError> for Failure {
    fn from(error: MonitorError) -> Self {
        Self::new(Exit::Io, error)
    }
}

/// Runs `smtpkit serve` until a signal ends it.
pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let mut settings = Settings::read(args)?;
    if args.check {
        identities::check(&settings)?;
        banner::warned(&settings.dead_ends()?);
        listeners::check(settings)?;
        banner::checked();
        return Ok(());
    }
    identities::check(&settings)?;
    sockets::allow_many();
    let opened = if settings.run_as.is_some() { Opened::Now } else { Opened::Later };
    let sockets = Sockets::open(&settings.listeners, opened)?;
    if let Some(run_as) = &settings.run_as {
        first_start::create_data_folder(&settings.data)?;
        run_as.hand_over(&settings.data)?;
        run_as.take_over()?;
        // what this user cannot read is found now, not at the next reload
        settings = Settings::read(args)?;
    }
    log::start(settings.log, settings.verbosity);
    // beside the opening of the queue; not before the rights are given up, for a thread has its own
    std::thread::spawn(smtpkit_tls::warm_up);
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::new(Exit::Io, error))?;
    runtime.block_on(serve(args, settings, sockets))
}

async fn serve(args: &ServeArgs, mut settings: Settings, sockets: Sockets) -> Result<(), Failure> {
    first_start::create_data_folder(&settings.data)?;
    let fixed = Fixed::of(&settings);
    let first = settings.take_first_account()?;
    let mut relaying = Relaying::open(&settings)?;
    let servers = Servers::prepare(&mut settings, relaying.intake(), relaying.relay())?;
    for warning in settings.warnings.iter().chain(&sockets.warnings).chain(&settings.dead_ends()?) {
        tracing::warn!("{warning}");
    }
    // before `ready`: a signal that comes right behind it must already find its handler
    let mut stop_signals = StopSignals::new().map_err(|error| Failure::new(Exit::Io, error))?;
    let mut reload_signal = signal(SignalKind::hangup()).map_err(|error| Failure::new(Exit::Io, error))?;

    let stop = CancellationToken::new();
    let monitor = match &settings.metrics {
        Some(address) => Some(Monitor::bind(address.value).await?),
        None => None,
    };
    let (running, reload) = servers.listen(sockets, &stop).await?;
    let mut reloads = relaying.start(&settings)?;
    banner::started(&settings, running.addresses(), first.as_ref());
    let metrics = monitor.as_ref().and_then(Monitor::address);
    if let Some(monitor) = monitor {
        relaying.watch(monitor, running.gate());
    }
    say_ready(&banner::ready(args.json, running.addresses(), metrics));

    let stopping = async {
        loop {
            tokio::select! {
                biased;
                () = stop_signals.next() => break,
                _ = reload_signal.recv() => drop(read_anew(args, &reload, &fixed)),
                Some(order) = reloads.next() => order.answer(read_anew(args, &reload, &fixed)),
            }
        }
    };
    stopping.await;
    tracing::info!("stopping: transactions and deliveries in progress may finish");
    stop.cancel();
    let ending = async {
        // first what takes mail, then what delivers it: nothing is accepted that is not looked at once
        let ended = running.join().await;
        relaying.finish().await;
        ended
    };
    let ended = tokio::select! {
        biased;
        ended = ending => ended,
        // a second signal means: now
        () = stop_signals.next() => Ok(()),
    };
    ended.map_err(|error| Failure::new(Exit::Io, error))
}

/// Puts the settings as they are now in place of those in use, as far as that needs no new start.
fn read_anew(args: &ServeArgs, reload: &Reload, fixed: &Fixed) -> Result<(), String> {
    let read = Settings::read(args).and_then(|anew| {
        let changed = fixed.changed_in(&anew);
        reload.apply(anew).map(|()| changed)
    });
    match read {
        Ok(changed) => {
            tracing::info!("certificates, domains, accounts and routes are read anew");
            if !changed.is_empty() {
                tracing::warn!("only a restart takes what has changed in: {}", changed.join("; "));
            }
            Ok(())
        }
        Err(error) => {
            tracing::error!("nothing is changed: {error}");
            Err(error.to_string())
        }
    }
}

/// One line on standard output, at once, for whoever waits for it. A closed standard output is no reason to stop.
fn say_ready(line: &str) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

struct StopSignals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl StopSignals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
