//! Sockets that are open before there is a server to use them: those that the service manager passed, and those on low
//! ports, which only root may open.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;
use socket2::{Domain, Protocol, Socket, Type};

use super::config_file::ConfigError;
use super::listen_url::ListenAddress;
use super::listener_settings::Listener;
use crate::exit::{Exit, Failure};

/// Connections that the operating system may hold before they are taken.
const BACKLOG: i32 = 1024;
/// Where the service manager puts the names of the sockets that it passes (sd_listen_fds_with_names(3)).
const NAMES: &str = "LISTEN_FDNAMES";

/// When sockets are opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    /// Now: later there may be no right to.
    Now,
    /// By the servers themselves.
    Later,
}

/// Open sockets by the place of their listener in the settings.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    by_listener: HashMap<usize, Vec<TcpListener>>,
    /// What a person should hear.
    pub(crate) warnings: Vec<String>,
}

impl Sockets {
    /// Takes what was passed for listeners that ask for it, and opens the addresses of the others if it is time to.
    pub(crate) fn open(listeners: &[Listener], opened: Opened) -> Result<Self, Failure> {
        let mut passed = Passed::from_environment();
        let mut sockets = Self::default();
        for (at, listener) in listeners.iter().enumerate() {
            let found = match &listener.url.address {
                ListenAddress::Inherited(name) => passed.take(name).map_err(|what| {
                    let remedy = "pass it with a socket unit (FileDescriptorName=), or listen on an address";
                    ConfigError::new(what, remedy).at(&listener.place)
                })?,
                ListenAddress::Tcp(address) if opened == Opened::Now => {
                    vec![bind(*address).map_err(|error| {
                        let advice = "stop what listens there, or choose another address with --listen";
                        Failure::new(Exit::Io, format!("{}: {error}; {advice}", listener.url))
                    })?]
                }
                ListenAddress::Tcp(_) | ListenAddress::Unix(_) => continue,
            };
            sockets.by_listener.insert(at, found);
        }
        sockets.warnings.extend(passed.left());
        Ok(sockets)
    }

    /// The sockets of a listener, if they are open.
    pub(crate) fn take(&mut self, listener: usize) -> Option<Vec<TcpListener>> {
        self.by_listener.remove(&listener)
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// What the service manager passed.
struct Passed {
    sockets: ListenFd,
    /// Each with whether a listener took it.
    names: Vec<(String, bool)>,
}

impl Passed {
    fn from_environment() -> Self {
        let names = std::env::var(NAMES).unwrap_or_default();
        let sockets = ListenFd::from_env();
        let mut names = names.split(':');
        let named = |_| (names.next().unwrap_or_default().to_owned(), false);
        Self { names: (0..sockets.len()).map(named).collect(), sockets }
    }

    /// All sockets of that name, or the one with that number, counted from 0.
    fn take(&mut self, wanted: &str) -> Result<Vec<TcpListener>, String> {
        let number = wanted.parse::<usize>().ok();
        let mut found = Vec::new();
        for (at, (name, taken)) in self.names.iter_mut().enumerate() {
            if *taken || !(name == wanted || number == Some(at)) {
                continue;
            }
            match self.sockets.take_tcp_listener(at) {
                Ok(Some(socket)) => {
                    *taken = true;
                    found.push(socket);
                }
                Ok(None) => {}
                Err(error) => return Err(format!("the socket `{wanted}` cannot be used: {error}")),
            }
        }
        if found.is_empty() { Err(self.missing(wanted)) } else { Ok(found) }
    }

    fn missing(&self, wanted: &str) -> String {
        if self.names.is_empty() {
            return format!("no socket `{wanted}` was passed: the service manager passed none");
        }
        let names: Vec<&str> = self.names.iter().map(|(name, _)| name.as_str()).collect();
        format!("no socket `{wanted}` was passed, only {}", names.join(", "))
    }

    /// What nobody wanted: clients would wait there for ever.
    fn left(&self) -> impl Iterator<Item = String> {
        let left = self.names.iter().enumerate().filter(|(_, (_, taken))| !taken);
        left.map(|(at, (name, _))| {
            format!("no listener takes the socket `{name}` (number {at}) that was passed")
        })
    }
}

/// As many sockets as the system lets a process have: sessions and deliveries together want more than the usual 1,024.
pub(crate) fn allow_many() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limits = getrlimit(Resource::Nofile);
    // where it cannot be changed, the usual number has to do
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits });
}
