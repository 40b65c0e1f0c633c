//! Two ends of a wire, handshakes over it, and a wire that flips an octet.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{io, str};

use smtpkit_tls::{Acceptor, Connector, Error, Stream, server_name};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};

use crate::pki::HOST;

pub(crate) const WAIT: Duration = Duration::from_secs(30);

pub(crate) type Outcome = Result<Stream<DuplexStream>, Error>;

/// Server's and client's outcome of a handshake with [`HOST`].
pub(crate) async fn handshake(acceptor: &Acceptor, connector: &Connector) -> (Outcome, Outcome) {
    handshake_with(acceptor, connector, HOST).await
}

/// Server's and client's outcome of a handshake with `name`.
pub(crate) async fn handshake_with(
    acceptor: &Acceptor,
    connector: &Connector,
    name: &str,
) -> (Outcome, Outcome) {
    let (near, far) = duplex(64 * 1024);
    let name = server_name(name).expect("names for tests are good");
    tokio::join!(acceptor.accept(far, WAIT), connector.connect(near, name, WAIT))
}

/// Both streams of a handshake that must succeed.
pub(crate) async fn session(
    acceptor: &Acceptor,
    connector: &Connector,
) -> (Stream<DuplexStream>, Stream<DuplexStream>) {
    let (server, client) = handshake(acceptor, connector).await;
    (server.expect("the server finishes"), client.expect("the client finishes"))
}

/// Sends a line across and reads it on the other side.
pub(crate) async fn say<A, B>(from: &mut A, to: &mut B, line: &str) -> io::Result<()>
where
    A: AsyncWrite + Unpin,
    B: AsyncRead + Unpin,
{
    from.write_all(line.as_bytes()).await?;
    from.flush().await?;
    let mut heard = vec![0; line.len()];
    to.read_exact(&mut heard).await?;
    assert_eq!(str::from_utf8(&heard), Ok(line));
    Ok(())
}

/// A stream that flips one octet on its way in: the one at a given place, or the last of the next read when armed.
pub(crate) struct Flipping {
    inner: DuplexStream,
    place: Option<usize>,
    seen: usize,
    armed: Arc<AtomicBool>,
}

impl Flipping {
    pub(crate) fn when_armed(inner: DuplexStream) -> (Self, Arc<AtomicBool>) {
        let armed = Arc::new(AtomicBool::new(false));
        (Self { inner, place: None, seen: 0, armed: Arc::clone(&armed) }, armed)
    }

    pub(crate) fn at(inner: DuplexStream, place: usize) -> Self {
        Self { inner, place: Some(place), seen: 0, armed: Arc::default() }
    }
}

impl AsyncRead for Flipping {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.inner).poll_read(cx, buf);
        let fresh = &mut buf.filled_mut()[before..];
        if let Some(octet) = self.place.and_then(|place| fresh.get_mut(place.checked_sub(self.seen)?)) {
            *octet ^= 0x40;
        }
        self.seen += fresh.len();
        if let Some(last) = fresh.last_mut()
            && self.armed.swap(false, Ordering::SeqCst)
        {
            *last ^= 1;
        }
        outcome
    }
}

impl AsyncWrite for Flipping {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
