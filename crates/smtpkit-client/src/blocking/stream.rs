//! The blocking streams that a connection can go over, plaintext or TLS.

use smtpkit_tls::{BlockingStream, BlockingTransport};
use std::io::{self, IoSlice, Read, Write};
use std::net::{IpAddr, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// What carries the octets of a connection.
pub(super) enum Transport {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Transport {
    /// The address of the own end.
    pub(super) fn local_address(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(stream) => stream.local_addr().ok().map(|address| address.ip()),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }

    /// Whether the peer has neither closed nor said anything; asks the operating system, not the peer.
    fn is_quiet(&self) -> bool {
        let mut octet = [0];
        let peeked = match self {
            Self::Tcp(stream) => {
                if stream.set_nonblocking(true).is_err() {
                    return false;
                }
                let peeked = stream.peek(&mut octet);
                if stream.set_nonblocking(false).is_err() {
                    return false;
                }
                peeked
            }
            // std cannot look into a Unix socket: a stale one is found when it is used.
            #[cfg(unix)]
            Self::Unix(_) => return true,
        };
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl Read for Transport {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buf),
            #[cfg(unix)]
            Self::Unix(stream) => stream.read(buf),
        }
    }
}

impl Write for Transport {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(buf),
            #[cfg(unix)]
            Self::Unix(stream) => stream.write(buf),
        }
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write_vectored(bufs),
            #[cfg(unix)]
            Self::Unix(stream) => stream.write_vectored(bufs),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlockingTransport for Transport {
    fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_timeout(timeout),
            #[cfg(unix)]
            Self::Unix(stream) => stream.set_timeout(timeout),
        }
    }
}

/// A connection's stream.
pub(super) enum Stream {
    Plain(Transport),
    Tls(Box<BlockingStream<Transport>>),
}

impl Stream {
    fn transport(&self) -> &Transport {
        match self {
            Self::Plain(transport) => transport,
            Self::Tls(stream) => stream.get_ref(),
        }
    }

    /// How long the next read or write may take.
    pub(super) fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.transport().set_timeout(timeout)
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.transport().is_quiet()
    }

    /// Says close_notify under TLS.
    pub(super) fn close(&mut self) {
        if let Self::Tls(stream) = self {
            // The peer may be gone already; the connection is over either way.
            let _ = stream.close();
        }
    }

    pub(super) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buf),
            Self::Tls(stream) => stream.read(buf),
        }
    }

    pub(super) fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write_vectored(bufs),
            Self::Tls(stream) => stream.write_vectored(bufs),
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
