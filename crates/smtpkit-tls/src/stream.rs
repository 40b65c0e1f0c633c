//! An encrypted stream under tokio.
//!
//! Reading gives `Ok(0)` only after the peer's close_notify; a connection that merely ends is an error of kind
//! `UnexpectedEof`, so a cut-off cannot pass for an end (RFC 8446 §6.1).

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

use crate::channel_binding::Exporter;
use crate::side::Side;
use crate::{ChannelBinding, ChannelBindingKind, SessionInfo};

/// An encrypted stream over a tokio stream, either side's. Made by [`Acceptor::accept`](crate::Acceptor::accept) and
/// [`Connector::connect`](crate::Connector::connect).
///
/// What is written may wait in its buffer: flush at the end of each flight. `shutdown` sends the close_notify.
///
/// ```
/// # use smtpkit_tls::{Acceptor, Anchors, Connector, DevelopmentIdentity, Roots, server_name};
/// # use std::time::{Duration, SystemTime};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let made = DevelopmentIdentity::open(folder.path(), "mx.example.test", SystemTime::now())?;
/// # let connector = Connector::builder().roots(Roots::Only(Anchors::from_pem_file(made.ca_path())?)).build()?;
/// # let acceptor = Acceptor::new(made.into_identity())?;
/// # let (near, far) = tokio::io::duplex(16 * 1024);
/// # let wait = Duration::from_secs(30);
/// # let (mut server, mut client) =
/// #     tokio::try_join!(acceptor.accept(far, wait), connector.connect(near, server_name("localhost")?, wait))?;
/// server.write_all(b"220 mx.example.test\r\n").await?;
/// server.shutdown().await?;
/// let mut greeting = String::new();
/// client.read_to_string(&mut greeting).await?;
/// assert_eq!(greeting, "220 mx.example.test\r\n");
/// # Ok(())
/// # })
/// # }
/// ```
pub struct Stream<S> {
    inner: TlsStream<S>,
    side: Side,
}

impl<S> Stream<S> {
    pub(crate) fn new(inner: TlsStream<S>, side: Side) -> Self {
        Self { inner, side }
    }

    /// What the handshake has agreed on. Made anew by each call.
    #[must_use]
    pub fn info(&self) -> SessionInfo {
        let (_, common) = self.inner.get_ref();
        let sni = match &self.inner {
            TlsStream::Server(stream) => stream.get_ref().1.server_name(),
            TlsStream::Client(_) => None,
        };
        SessionInfo::new(common, sni, self.side.authentication())
    }

    /// What ties an authentication exchange to this session (RFC 5056); none if the session has no such thing.
    #[must_use]
    pub fn channel_binding(&self, kind: ChannelBindingKind) -> Option<ChannelBinding> {
        let (_, common) = self.inner.get_ref();
        match kind {
            ChannelBindingKind::TlsExporter => ChannelBinding::exporter(match &self.inner {
                TlsStream::Client(stream) => Exporter::Client(stream.get_ref().1),
                TlsStream::Server(stream) => Exporter::Server(stream.get_ref().1),
            }),
            ChannelBindingKind::TlsServerEndPoint => self.side.server_end_point(common),
        }
    }

    /// The stream beneath, to ask for its addresses. Reading from it or writing to it breaks the session.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        self.inner.get_ref().0
    }

    /// The stream beneath, to set its options. Reading from it or writing to it breaks the session.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut S {
        self.inner.get_mut().0
    }
}

impl<S> core::fmt::Debug for Stream<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
