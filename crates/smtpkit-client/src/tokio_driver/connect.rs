//! From a URL to a plaintext stream: look-up, happy eyeballs (RFC 8305), proxy, own address.

use super::network::Network;
use super::stream::Transport;
use crate::error::{ErrorKind, Retry, SendError, Stage};
use crate::proxy::Proxy;
use crate::settings::{AddressFamily, Settings};
use crate::transcript::Entry;
use crate::url::Endpoint;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The head start of one address before the next one is tried as well (RFC 8305 §5).
const HEAD_START: Duration = Duration::from_millis(250);

/// A stream and the name of its other end.
pub(crate) async fn connect(
    settings: &Settings,
    network: &Network,
) -> Result<(Transport, String), SendError> {
    let limit = settings.connect_timeout;
    match timeout(limit, connect_in_time(settings, network)).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let what = format!("no connection to {} in {} s", settings.url.endpoint(), limit.as_secs_f32());
            Err(SendError::new(ErrorKind::Timeout, Stage::Connect, what))
        }
    }
}

async fn connect_in_time(settings: &Settings, network: &Network) -> Result<(Transport, String), SendError> {
    let (host, port) = match settings.url.endpoint() {
        Endpoint::Tcp { host, port } => (host.as_str(), *port),
        #[cfg(unix)]
        Endpoint::Unix(path) => {
            let peer = path.display().to_string();
            connecting(settings, &peer);
            let stream = tokio::net::UnixStream::connect(path).await;
            return Ok((Transport::Unix(stream.map_err(|error| no_connection(&peer, &error))?), peer));
        }
        #[cfg(not(unix))]
        Endpoint::Unix(path) => {
            return Err(no_connection(&path.display(), &io::ErrorKind::Unsupported.into()));
        }
    };
    let peer = settings.url.endpoint().to_string();
    if let Some(connector) = &network.connector {
        connecting(settings, &peer);
        let stream = connector.connect(host, port).await.map_err(|error| no_connection(&peer, &error))?;
        return Ok((Transport::Other(stream), peer));
    }
    if let Some(proxy) = &settings.proxy {
        connecting(settings, &peer);
        return Ok((Transport::Tcp(through_proxy(settings, network, proxy, host, port).await?), peer));
    }
    let stream = dial(settings, network, host, port).await?;
    let peer = stream.peer_addr().map_or(peer, |address| address.to_string());
    Ok((Transport::Tcp(stream), peer))
}

fn connecting(settings: &Settings, address: &str) {
    if let Some(observer) = &settings.observer {
        observer.record(&Entry::Connecting { address });
    }
}

fn no_connection(peer: &dyn std::fmt::Display, error: &io::Error) -> SendError {
    SendError::new(ErrorKind::Connect, Stage::Connect, format!("no connection to {peer}: {error}"))
}

/// Connects to the first address of a host that answers.
async fn dial(settings: &Settings, network: &Network, host: &str, port: u16) -> Result<TcpStream, SendError> {
    let unknown = |what: String| SendError::new(ErrorKind::HostUnknown, Stage::Resolve, what);
    let addresses = network.resolve(host, port).await.map_err(|error| unknown(format!("{host}: {error}")))?;
    let addresses = in_order(addresses, settings);
    if addresses.is_empty() {
        return Err(unknown(format!("{host} has no address that can be used")));
    }
    let mut waiting = VecDeque::from(addresses);
    let mut attempts = JoinSet::new();
    let mut last_error = None;
    loop {
        if let Some(address) = waiting.pop_front() {
            connecting(settings, &address.to_string());
            attempts.spawn(connect_tcp(address, settings.local_address));
        }
        let next = if waiting.is_empty() { None } else { Some(HEAD_START) };
        let finished = match next {
            Some(head_start) => timeout(head_start, attempts.join_next()).await.ok().flatten(),
            None => attempts.join_next().await,
        };
        match finished {
            Some(Ok((_, Ok(stream)))) => return Ok(stream),
            Some(Ok((address, Err(error)))) => last_error = Some(no_connection(&address, &error)),
            Some(Err(_)) | None => {}
        }
        if waiting.is_empty() && attempts.is_empty() {
            return Err(last_error.unwrap_or_else(|| unknown(format!("{host} has no address"))));
        }
    }
}

/// The addresses that may be used, families in turn (RFC 8305 §4).
fn in_order(addresses: Vec<SocketAddr>, settings: &Settings) -> Vec<SocketAddr> {
    let fits = |address: &SocketAddr| {
        let family = match settings.address_family {
            AddressFamily::Any => true,
            AddressFamily::V4 => address.is_ipv4(),
            AddressFamily::V6 => address.is_ipv6(),
        };
        family && settings.local_address.is_none_or(|local| local.is_ipv4() == address.is_ipv4())
    };
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().filter(fits).partition(|address| address.is_ipv6() == first_is_v6);
    let mut second = second.into_iter();
    let mut ordered = Vec::with_capacity(first.len() + second.len());
    for address in first {
        ordered.push(address);
        ordered.extend(second.next());
    }
    ordered.extend(second);
    ordered
}

async fn connect_tcp(
    address: SocketAddr,
    local: Option<std::net::IpAddr>,
) -> (SocketAddr, io::Result<TcpStream>) {
    let outcome = async {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(local) = local {
            socket.bind(SocketAddr::new(local, 0))?;
        }
        // Without it the end of a message waits for the peer's delayed acknowledgement.
        socket.set_nodelay(true)?;
        socket.connect(address).await
    };
    (address, outcome.await)
}

async fn through_proxy(
    settings: &Settings,
    network: &Network,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<TcpStream, SendError> {
    let failed = |why: String| {
        let error = SendError::new(ErrorKind::Connect, Stage::Proxy, format!("{proxy}: {why}"));
        error.with_retry(Retry::Later)
    };
    let (proxy_host, proxy_port) = proxy.place();
    let mut stream = dial(settings, network, proxy_host, proxy_port).await?;
    let mut asking = proxy.ask(host, port).map_err(failed)?;
    let mut buffer = [0; 512];
    loop {
        let output = asking.take_output();
        stream.write_all(&output).await.map_err(|error| failed(error.to_string()))?;
        let wanted = asking.wanted();
        let Some(slot) = buffer.get_mut(..wanted).filter(|slot| !slot.is_empty()) else { return Ok(stream) };
        stream.read_exact(slot).await.map_err(|error| failed(error.to_string()))?;
        asking.received(slot).map_err(failed)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Builder;

    #[test]
    fn families_take_turns() {
        let parse = |text: &str| text.parse().expect("an address");
        let addresses: Vec<SocketAddr> =
            ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"].map(parse).to_vec();
        let order = |builder: Builder| {
            let settings = builder.settle().expect("settings");
            in_order(addresses.clone(), &settings).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let builder = || Builder::new("smtp://mx.test?tls=off".parse().expect("a URL"));
        assert_eq!(order(builder()), ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]);
        assert_eq!(order(builder().address_family(AddressFamily::V4)), ["1.1.1.1:1", "2.2.2.2:1"]);
        assert_eq!(order(builder().local_address(parse("0.0.0.0:0").ip())), ["1.1.1.1:1", "2.2.2.2:1"]);
    }
}
