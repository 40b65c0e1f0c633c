//! From a URL to a plaintext stream over std: every address in turn, proxy, own address.

use super::stream::Transport;
use crate::error::{ErrorKind, SendError, Stage};
use crate::proxy::Proxy;
use crate::settings::{AddressFamily, Settings};
use crate::transcript::Entry;
use crate::url::Endpoint;
use smtpkit_tls::BlockingTransport;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// A stream and the name of its other end, at `limit` at the latest.
pub(super) fn connect(settings: &Settings, limit: Option<Instant>) -> Result<(Transport, String), SendError> {
    let patience = Instant::now() + settings.connect_timeout;
    let until = limit.map_or(patience, |limit| limit.min(patience));
    match settings.url.endpoint() {
        Endpoint::Tcp { host, port } => {
            let stream = match &settings.proxy {
                Some(proxy) => through_proxy(settings, proxy, host, *port, until)?,
                None => dial(settings, host, *port, until)?,
            };
            let peer = match &settings.proxy {
                Some(_) => settings.url.endpoint().to_string(),
                None => stream.peer_addr().map_or_else(|_| host.clone(), |address| address.to_string()),
            };
            Ok((Transport::Tcp(stream), peer))
        }
        #[cfg(unix)]
        Endpoint::Unix(path) => {
            let peer = path.display().to_string();
            connecting(settings, &peer);
            let stream = std::os::unix::net::UnixStream::connect(path);
            Ok((Transport::Unix(stream.map_err(|error| no_connection(&peer, &error))?), peer))
        }
        #[cfg(not(unix))]
        Endpoint::Unix(path) => Err(no_connection(&path.display(), &io::ErrorKind::Unsupported.into())),
    }
}

fn connecting(settings: &Settings, address: &str) {
    if let Some(observer) = &settings.observer {
        observer.record(&Entry::Connecting { address });
    }
}

fn no_connection(peer: &dyn std::fmt::Display, error: &io::Error) -> SendError {
    let kind = match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => ErrorKind::Timeout,
        _ => ErrorKind::Connect,
    };
    SendError::new(kind, Stage::Connect, format!("no connection to {peer}: {error}"))
}

/// Connects to the first address of a host that answers; the time left is shared among the addresses.
fn dial(settings: &Settings, host: &str, port: u16, until: Instant) -> Result<TcpStream, SendError> {
    let unknown = |what: String| SendError::new(ErrorKind::HostUnknown, Stage::Resolve, what);
    let found = (host, port).to_socket_addrs().map_err(|error| unknown(format!("{host}: {error}")))?;
    let addresses: Vec<_> = found.filter(|address| fits(settings, address)).collect();
    let mut last_error = unknown(format!("{host} has no address that can be used"));
    for (tried, address) in addresses.iter().enumerate() {
        connecting(settings, &address.to_string());
        let left = until.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - tried).unwrap_or(1).max(1);
        match connect_tcp(settings, *address, share.max(Duration::from_millis(1))) {
            Ok(stream) => return Ok(stream),
            Err(error) => last_error = no_connection(address, &error),
        }
    }
    Err(last_error)
}

fn fits(settings: &Settings, address: &SocketAddr) -> bool {
    let family = match settings.address_family {
        AddressFamily::Any => true,
        AddressFamily::V4 => address.is_ipv4(),
        AddressFamily::V6 => address.is_ipv6(),
    };
    family && settings.local_address.is_none_or(|local| local.is_ipv4() == address.is_ipv4())
}

fn connect_tcp(settings: &Settings, address: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let stream = match settings.local_address {
        None => TcpStream::connect_timeout(&address, patience)?,
        Some(local) => {
            let socket = socket2::Socket::new(
                socket2::Domain::for_address(address),
                socket2::Type::STREAM,
                Some(socket2::Protocol::TCP),
            )?;
            socket.bind(&SocketAddr::new(local, 0).into())?;
            socket.connect_timeout(&address.into(), patience)?;
            socket.into()
        }
    };
    // Without it the end of a message waits for the peer's delayed acknowledgement.
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn through_proxy(
    settings: &Settings,
    proxy: &Proxy,
    host: &str,
    port: u16,
    until: Instant,
) -> Result<TcpStream, SendError> {
    let failed = |why: String| SendError::new(ErrorKind::Connect, Stage::Proxy, format!("{proxy}: {why}"));
    let (proxy_host, proxy_port) = proxy.place();
    let mut stream = dial(settings, proxy_host, proxy_port, until)?;
    let mut asking = proxy.ask(host, port).map_err(failed)?;
    let mut buffer = [0; 512];
    loop {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        stream.set_timeout(Some(left)).map_err(|error| failed(error.to_string()))?;
        stream.write_all(&asking.take_output()).map_err(|error| failed(error.to_string()))?;
        let wanted = asking.wanted();
        let Some(slot) = buffer.get_mut(..wanted).filter(|slot| !slot.is_empty()) else { return Ok(stream) };
        stream.read_exact(slot).map_err(|error| failed(error.to_string()))?;
        asking.received(slot).map_err(failed)?;
    }
}
