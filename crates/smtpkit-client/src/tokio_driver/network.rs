//! How names become addresses and addresses become streams; both can be replaced.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

/// A future in a box, as object-safe traits give it back.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Any stream that octets can go over.
pub trait AsyncStream: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static> AsyncStream for S {}

/// Looks up the addresses of a host; the system's resolver unless another one is given.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of `host`, best first. None at all means that the host does not exist.
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
}

/// Makes the stream to a server, instead of TCP: a tunnel, a test, a machine without sockets.
pub trait Connect: Send + Sync + 'static {
    /// A stream to `host` at `port`, on which the server speaks first.
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Box<dyn AsyncStream>>>;
}

impl<C: Connect + ?Sized> Connect for Arc<C> {
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Box<dyn AsyncStream>>> {
        (**self).connect(host, port)
    }
}

/// What of the network was replaced.
#[derive(Clone, Default)]
pub(crate) struct Network {
    pub(crate) resolver: Option<Arc<dyn Resolve>>,
    pub(crate) connector: Option<Arc<dyn Connect>>,
}

impl Network {
    /// The addresses of a host; an empty list if it has none.
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        match &self.resolver {
            Some(resolver) => resolver.resolve(host, port).await,
            None => Ok(tokio::net::lookup_host((host, port)).await?.collect()),
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("resolver", &self.resolver.is_some())
            .field("connector", &self.connector.is_some())
            .finish()
    }
}
