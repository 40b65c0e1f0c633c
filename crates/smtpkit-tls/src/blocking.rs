//! An encrypted stream under blocking `std`, and the handshake that makes one within a given time.
//!
//! Reading gives `Ok(0)` only after the peer's close_notify; a connection that merely ends is an error of kind
//! `UnexpectedEof`, so a cut-off cannot pass for an end (RFC 8446 §6.1).

use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustls::Connection;

use crate::channel_binding::Exporter;
use crate::side::Side;
use crate::{ChannelBinding, ChannelBindingKind, Error, SessionInfo};

/// A blocking stream whose reads and writes can be bounded in time.
///
/// ```
/// use smtpkit_tls::BlockingTransport;
/// use std::net::{TcpListener, TcpStream};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let stream = TcpStream::connect(listener.local_addr()?)?;
/// stream.set_timeout(Some(Duration::from_secs(30)))?;
/// # Ok(())
/// # }
/// ```
pub trait BlockingTransport: Read + Write {
    /// Lets every later read and write fail with `WouldBlock` or `TimedOut` when it takes longer; `None` lifts it.
    ///
    /// # Errors
    /// What the operating system says.
    fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()>;
}

impl BlockingTransport for TcpStream {
    fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.set_read_timeout(timeout)?;
        self.set_write_timeout(timeout)
    }
}

#[cfg(unix)]
impl BlockingTransport for std::os::unix::net::UnixStream {
    fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.set_read_timeout(timeout)?;
        self.set_write_timeout(timeout)
    }
}

/// An encrypted stream over a blocking stream, either side's. Made by
/// [`Acceptor::accept_blocking`](crate::Acceptor::accept_blocking) and
/// [`Connector::connect_blocking`](crate::Connector::connect_blocking).
///
/// What is written may wait in its buffer: flush at the end of each flight. [`close`](Self::close) sends the
/// close_notify. After the handshake the stream beneath has no time-out; set your own through
/// [`get_ref`](Self::get_ref).
///
/// ```
/// # use smtpkit_tls::{Acceptor, Anchors, Connector, DevelopmentIdentity, Roots, server_name};
/// # use std::time::{Duration, SystemTime};
/// use std::io::{Read, Write};
/// use std::net::{TcpListener, TcpStream};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let made = DevelopmentIdentity::open(folder.path(), "mx.example.test", SystemTime::now())?;
/// # let connector = Connector::builder().roots(Roots::Only(Anchors::from_pem_file(made.ca_path())?)).build()?;
/// # let acceptor = Acceptor::new(made.into_identity())?;
/// # let wait = Duration::from_secs(30);
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// let server = std::thread::spawn(move || {
///     let (stream, _) = listener.accept()?;
///     let mut stream = acceptor.accept_blocking(stream, wait).map_err(std::io::Error::other)?;
///     stream.write_all(b"220 mx.example.test\r\n")?;
///     stream.close()
/// });
/// let mut client = connector.connect_blocking(TcpStream::connect(address)?, server_name("localhost")?, wait)?;
/// let mut greeting = String::new();
/// client.read_to_string(&mut greeting)?;
/// assert_eq!(greeting, "220 mx.example.test\r\n");
/// # server.join().map_err(|_| "the server panicked")??;
/// # Ok(())
/// # }
/// ```
pub struct BlockingStream<S> {
    connection: Connection,
    stream: S,
    side: Side,
}

impl<S: BlockingTransport> BlockingStream<S> {
    /// Drives a handshake to its end, or to the deadline.
    pub(crate) fn handshake(
        mut connection: Connection,
        mut stream: S,
        deadline: &Deadline,
        side: Side,
    ) -> Result<Self, Error> {
        while connection.is_handshaking() || connection.wants_write() {
            stream.set_timeout(Some(deadline.left(Instant::now())?)).map_err(Error::Io)?;
            let moved = if connection.wants_write() {
                connection.write_tls(&mut stream)
            } else {
                connection.read_tls(&mut stream)
            };
            match moved {
                Ok(0) => return Err(Error::Closed),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(deadline.classify(error)),
            }
            if let Err(error) = connection.process_new_packets() {
                // the peer is told why on a best-effort basis; the error is the same either way
                let _told = connection.write_tls(&mut stream);
                return Err(Error::from_rustls(&error));
            }
        }
        stream.flush().and_then(|()| stream.set_timeout(None)).map_err(Error::Io)?;
        Ok(Self { connection, stream, side })
    }
}

impl<S> BlockingStream<S> {
    /// What the handshake has agreed on. Made anew by each call.
    #[must_use]
    pub fn info(&self) -> SessionInfo {
        let sni = match &self.connection {
            Connection::Server(connection) => connection.server_name(),
            Connection::Client(_) => None,
        };
        SessionInfo::new(&self.connection, sni, self.side.authentication())
    }

    /// What ties an authentication exchange to this session (RFC 5056); none if the session has no such thing.
    #[must_use]
    pub fn channel_binding(&self, kind: ChannelBindingKind) -> Option<ChannelBinding> {
        match kind {
            ChannelBindingKind::TlsExporter => ChannelBinding::exporter(match &self.connection {
                Connection::Client(connection) => Exporter::Client(connection),
                Connection::Server(connection) => Exporter::Server(connection),
            }),
            ChannelBindingKind::TlsServerEndPoint => self.side.server_end_point(&self.connection),
        }
    }

    /// The stream beneath, to set time-outs or ask for addresses. Reading or writing it breaks the session.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream beneath, to set its options. Reading or writing it breaks the session.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl<S: Read + Write> BlockingStream<S> {
    /// Sends what is buffered and the close_notify (RFC 8446 §6.1). Reading goes on until the peer has closed, too.
    ///
    /// # Errors
    /// What the stream beneath says.
    pub fn close(&mut self) -> io::Result<()> {
        self.connection.send_close_notify();
        while self.connection.wants_write() {
            self.connection.write_tls(&mut self.stream)?;
        }
        self.stream.flush()
    }

    /// Runs one operation on the two halves, which rustls types by side.
    fn with<T>(&mut self, operation: impl FnOnce(&mut dyn ReadWrite) -> io::Result<T>) -> io::Result<T> {
        match &mut self.connection {
            Connection::Client(connection) => {
                operation(&mut rustls::Stream::new(connection, &mut self.stream))
            }
            Connection::Server(connection) => {
                operation(&mut rustls::Stream::new(connection, &mut self.stream))
            }
        }
    }
}

/// Both traits in one object.
trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

impl<S: Read + Write> Read for BlockingStream<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.with(|stream| stream.read(buf))
    }
}

impl<S: Read + Write> Write for BlockingStream<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.with(|stream| stream.write(buf))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.with(|stream| stream.write_vectored(bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with(|stream| stream.flush())
    }
}

impl<S> core::fmt::Debug for BlockingStream<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("BlockingStream").finish_non_exhaustive()
    }
}

/// When a handshake must be over: one bound for all of it, so that a peer cannot stretch it octet by octet.
pub(crate) struct Deadline {
    start: Instant,
    after: Duration,
}

impl Deadline {
    pub(crate) fn new(start: Instant, after: Duration) -> Self {
        Self { start, after }
    }

    /// The time that is left; never zero, which would mean "for ever" to a socket.
    pub(crate) fn left(&self, now: Instant) -> Result<Duration, Error> {
        match self.after.checked_sub(now.saturating_duration_since(self.start)) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(Error::Timeout { after: self.after }),
        }
    }

    /// Tells a time-out of the stream from its other errors.
    pub(crate) fn classify(&self, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Error::Timeout { after: self.after },
            _ => Error::in_handshake(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_never_gives_zero() {
        let start = Instant::now();
        let deadline = Deadline::new(start, Duration::from_secs(5));
        assert_eq!(deadline.left(start).ok(), Some(Duration::from_secs(5)));
        assert_eq!(deadline.left(start + Duration::from_secs(4)).ok(), Some(Duration::from_secs(1)));
        for late in [5, 6] {
            let error = deadline.left(start + Duration::from_secs(late)).expect_err("it is over");
            assert!(matches!(error, Error::Timeout { after } if after == Duration::from_secs(5)));
        }
    }
}
