//! Sockets that listen, the connections they take, and how a server stops.

use std::future::{Future as _, poll_fn};
use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
#[cfg(unix)]
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use smtpkit_codec::{Encode as _, Reply};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::builder::TlsUse;
use crate::connection::{self, Arrival, Shared};
use crate::gate::{Full, Pass};
use crate::order::Order;
use crate::transport::Plain;
use crate::{Handler, ServerError, record, refusal};

/// Connections that the operating system may hold before they are taken.
const BACKLOG: u32 = 1024;
/// How long to wait when the operating system has no room for another connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
/// How long a client that finds no room may take to read why.
const TURN_AWAY: Duration = Duration::from_secs(2);

/// Said when there are too many connections (RFC 5321 §3.8: 421 may stand in for any reply).
const TOO_BUSY: Reply = refusal::reply(421, 7, 0, "too many connections, try again");

/// One listening socket.
pub(crate) enum Door {
    Tcp(TcpListener, SocketAddr),
    #[cfg(unix)]
    Unix {
        listener: UnixListener,
        _place: UnixPath,
    },
}

/// A local socket's place in the file system; it goes with the server.
#[cfg(unix)]
pub(crate) struct UnixPath(std::path::PathBuf);

#[cfg(unix)]
impl Drop for UnixPath {
    fn drop(&mut self) {
        // It may be gone already, and then there is nothing to do.
        let _removed = std::fs::remove_file(&self.0);
    }
}

impl Door {
    pub(crate) fn tcp(address: SocketAddr) -> Result<Self, ServerError> {
        let listen = || -> io::Result<Self> {
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            socket.set_reuseaddr(cfg!(unix))?;
            socket.bind(address)?;
            let listener = socket.listen(BACKLOG)?;
            let bound = listener.local_addr()?;
            Ok(Self::Tcp(listener, bound))
        };
        listen().map_err(|source| ServerError::Bind { address, source })
    }

    pub(crate) fn inherited(listener: StdTcpListener) -> Result<Self, ServerError> {
        let address = listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
        let adopt = || -> io::Result<Self> {
            listener.set_nonblocking(true)?;
            Ok(Self::Tcp(TcpListener::from_std(listener)?, address))
        };
        adopt().map_err(|source| ServerError::Bind { address, source })
    }

    #[cfg(unix)]
    pub(crate) async fn unix(path: &Path) -> Result<Self, ServerError> {
        let error = |source| ServerError::BindPath { path: path.to_owned(), source };
        let listener = match UnixListener::bind(path) {
            Err(in_use) if in_use.kind() == io::ErrorKind::AddrInUse => {
                // A socket that a dead server left behind refuses connections; a living one takes them.
                match UnixStream::connect(path).await {
                    Err(dead) if dead.kind() == io::ErrorKind::ConnectionRefused => {}
                    _ => return Err(error(in_use)),
                }
                std::fs::remove_file(path).map_err(error)?;
                UnixListener::bind(path)
            }
            listener => listener,
        };
        Ok(Self::Unix { listener: listener.map_err(error)?, _place: UnixPath(path.to_owned()) })
    }

    pub(crate) const fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(_, address) => Some(*address),
            #[cfg(unix)]
            Self::Unix { .. } => None,
        }
    }

    async fn accept(&self) -> io::Result<Arrival> {
        match self {
            Self::Tcp(listener, _) => {
                let (stream, address) = listener.accept().await?;
                arrival(stream, address)
            }
            #[cfg(unix)]
            Self::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok(Arrival { stream: Plain::Unix(stream), address: None, local_address: None })
            }
        }
    }
}

fn arrival(stream: TcpStream, address: SocketAddr) -> io::Result<Arrival> {
    // Replies are written once per group of commands, so there is nothing for Nagle's algorithm to gather.
    stream.set_nodelay(true)?;
    let local_address = stream.local_addr().ok();
    Ok(Arrival { stream: Plain::Tcp(stream), address: Some(address), local_address })
}

/// A server whose sockets are open: clients can connect, and are served once [`serve`](Self::serve) runs.
pub struct Listening<H> {
    shared: Arc<Shared<H>>,
    doors: Vec<Door>,
    addresses: Vec<SocketAddr>,
}

/// What a server did in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// Sessions that came to an end.
    pub sessions: u64,
    /// Connections that were cut when the time of grace was over.
    pub aborted: u64,
}

impl<H: Handler> Listening<H> {
    pub(crate) fn new(shared: Shared<H>, doors: Vec<Door>) -> Self {
        let addresses = doors.iter().filter_map(Door::address).collect();
        Self { shared: Arc::new(shared), doors, addresses }
    }

    /// The addresses that are listened on, with the ports that were taken for port 0.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until `stop` is cancelled, and then until all sessions have ended: no new connection is taken, idle
    /// sessions are told 421 at once, and transactions may finish within [`Limits::grace`](crate::Limits::grace).
    pub async fn serve(self, stop: CancellationToken) -> Served {
        let Self { shared, doors, .. } = self;
        let house = House {
            grace: shared.limits.grace,
            shared,
            sessions: TaskTracker::new(),
            ended: Arc::default(),
            stop,
            cut: CancellationToken::new(),
        };
        let accepting = TaskTracker::new();
        for door in doors {
            let house = house.clone();
            accepting.spawn(async move { house.receive(door).await });
        }
        accepting.close();
        accepting.wait().await;
        house.close().await
    }

    /// Serves one connection on any stream, as if it had come from `address`: for tests, simulators, and streams that
    /// no socket of this server took. The limits of connections hold for it, too.
    pub async fn serve_stream<S>(&self, stream: S, address: Option<SocketAddr>, stop: CancellationToken)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        let arrival = Arrival { stream: Plain::Other(Box::new(stream)), address, local_address: None };
        match admit(&self.shared, &arrival) {
            Ok(_pass) => connection::serve(Arc::clone(&self.shared), arrival, stop).await,
            Err(full) => {
                record::turned_away(&arrival, full);
                // whoever does not read why has gone already
                let _ = timeout(TURN_AWAY, turn_away(arrival.stream)).await;
            }
        }
    }
}

impl<H> std::fmt::Debug for Listening<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listening").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// What the accepting tasks of a server share.
struct House<H> {
    shared: Arc<Shared<H>>,
    sessions: TaskTracker,
    ended: Arc<AtomicU64>,
    grace: Duration,
    /// No new connections; sessions end when they can.
    stop: CancellationToken,
    /// Sessions end now.
    cut: CancellationToken,
}

impl<H> Clone for House<H> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            sessions: self.sessions.clone(),
            ended: Arc::clone(&self.ended),
            grace: self.grace,
            stop: self.stop.clone(),
            cut: self.cut.clone(),
        }
    }
}

impl<H: Handler> House<H> {
    async fn receive(self, door: Door) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                accepted = door.accept() => accepted,
            };
            match accepted {
                Ok(arrival) => self.take(arrival),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    record::exhausted(&error);
                    sleep(EXHAUSTED_PAUSE).await;
                }
            }
        }
    }

    fn take(&self, arrival: Arrival) {
        let pass = match admit(&self.shared, &arrival) {
            Ok(pass) => pass,
            Err(full) => {
                record::turned_away(&arrival, full);
                let explain = self.shared.tls_use != TlsUse::Implicit;
                if explain {
                    self.sessions.spawn(timeout(TURN_AWAY, turn_away(arrival.stream)));
                }
                return;
            }
        };
        let (shared, stop, cut) = (Arc::clone(&self.shared), self.stop.clone(), self.cut.clone());
        let ended = Arc::clone(&self.ended);
        self.sessions.spawn(async move {
            // Boxed, because a future that moves into another one takes room in both.
            let mut session = Box::pin(connection::serve(shared, arrival, stop));
            let mut cut = Order::new(cut);
            let was_cut = poll_fn(|cx| match session.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(false),
                Poll::Pending if cut.poll_given(cx) => Poll::Ready(true),
                Poll::Pending => Poll::Pending,
            })
            .await;
            drop(session);
            drop(pass);
            if !was_cut {
                ended.fetch_add(1, Ordering::Relaxed);
            }
        });
    }

    async fn close(self) -> Served {
        self.sessions.close();
        let mut aborted = 0;
        if timeout(self.grace, self.sessions.wait()).await.is_err() {
            aborted = self.sessions.len() as u64;
            self.cut.cancel();
            self.sessions.wait().await;
        }
        Served { sessions: self.ended.load(Ordering::Relaxed), aborted }
    }
}

/// Lets a connection in, as far as the limits of connections allow.
fn admit<H>(shared: &Shared<H>, arrival: &Arrival) -> Result<Pass, Full> {
    // Behind a proxy the address is known later, see `Connection::open`.
    let is_direct = shared.proxies.is_empty();
    let address = arrival.address.map(|address| address.ip()).filter(|_| is_direct);
    let counted = address.filter(|&ip| !shared.is_exempt(ip));
    shared.gate.enter(counted, Instant::now())
}

/// Whether an error of `accept` is the fault of the connection that was to be taken.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, NotConnected};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted | NotConnected
    )
}

async fn turn_away(mut stream: Plain) -> io::Result<()> {
    stream.write_all(&TOO_BUSY.to_vec()).await?;
    stream.shutdown().await
}
