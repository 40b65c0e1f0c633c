//! The PROXY protocol, versions 1 and 2: a balancer in front of the server says whom a connection really comes from.
//!
//! Exactly the header is read, not an octet more: what follows belongs to SMTP or to a TLS handshake. A header that
//! is not perfect ends the connection without a word, because whoever sends it is no proxy. Who may send one at all
//! is decided before, by address.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// How a header of version 2 begins.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The shortest header of version 1, `PROXY UNKNOWN` and CRLF. One of version 2 is an octet longer.
const SHORTEST: usize = 15;
/// The longest header of version 1.
const TEXT_OCTETS_MAX: usize = 107;
/// The longest header of version 2 that is read; its extensions are skipped.
const BINARY_OCTETS_MAX: usize = 4096;

/// The two ends of a connection as a proxy saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
}

/// Why there is no usable header.
#[derive(Debug, Error)]
pub(crate) enum ProxyError {
    #[error("no PROXY header came: {0}")]
    Io(#[from] io::Error),
    #[error("what came is no PROXY header")]
    Malformed,
}

/// Reads the header. `None` if the proxy speaks for itself (a health check) or does not know the client.
pub(crate) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Option<Ends>, ProxyError> {
    let mut start = [0; SHORTEST];
    stream.read_exact(&mut start).await?;
    if start.starts_with(&SIGNATURE) {
        read_binary(stream, start).await
    } else {
        read_text(stream, &start).await
    }
}

async fn read_text<S: AsyncRead + Unpin>(stream: &mut S, start: &[u8]) -> Result<Option<Ends>, ProxyError> {
    let mut line = start.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() >= TEXT_OCTETS_MAX {
            return Err(ProxyError::Malformed);
        }
        line.push(stream.read_u8().await?);
    }
    parse_text(&line).ok_or(ProxyError::Malformed)
}

/// `PROXY TCP4 192.0.2.1 192.0.2.2 56324 25` and CRLF.
fn parse_text(line: &[u8]) -> Option<Option<Ends>> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix("\r\n")?;
    let rest = line.strip_prefix("PROXY ")?;
    if rest == "UNKNOWN" || rest.starts_with("UNKNOWN ") {
        return Some(None);
    }
    let mut words = rest.split(' ');
    let family = words.next()?;
    let mut address = || -> Option<IpAddr> {
        let word = words.next()?;
        match family {
            "TCP4" => word.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
            "TCP6" => word.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let (client, server) = (address()?, address()?);
    let mut port =
        || words.next().filter(|word| word.bytes().all(|octet| octet.is_ascii_digit()))?.parse().ok();
    let ends = Ends { client: SocketAddr::new(client, port()?), server: SocketAddr::new(server, port()?) };
    words.next().is_none().then_some(Some(ends))
}

async fn read_binary<S: AsyncRead + Unpin>(
    stream: &mut S,
    start: [u8; SHORTEST],
) -> Result<Option<Ends>, ProxyError> {
    let [.., version_and_command, family, length_high] = start;
    let length = usize::from(u16::from_be_bytes([length_high, stream.read_u8().await?]));
    if length > BINARY_OCTETS_MAX {
        return Err(ProxyError::Malformed);
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    match version_and_command {
        // LOCAL: the proxy speaks for itself.
        0x20 => Ok(None),
        0x21 => parse_binary(family, &rest).ok_or(ProxyError::Malformed),
        _ => Err(ProxyError::Malformed),
    }
}

fn parse_binary(family: u8, rest: &[u8]) -> Option<Option<Ends>> {
    match family {
        // TCP over IPv4 and over IPv6.
        0x11 => {
            let (client, rest) = rest.split_first_chunk::<4>()?;
            let (server, rest) = rest.split_first_chunk::<4>()?;
            ends(IpAddr::from(*client), IpAddr::from(*server), rest)
        }
        0x21 => {
            let (client, rest) = rest.split_first_chunk::<16>()?;
            let (server, rest) = rest.split_first_chunk::<16>()?;
            ends(IpAddr::from(*client), IpAddr::from(*server), rest)
        }
        // Unspecified, or a local socket.
        0x00 | 0x31 => Some(None),
        _ => None,
    }
}

fn ends(client: IpAddr, server: IpAddr, ports: &[u8]) -> Option<Option<Ends>> {
    let (client_port, rest) = ports.split_first_chunk::<2>()?;
    let (server_port, _extensions) = rest.split_first_chunk::<2>()?;
    Some(Some(Ends {
        client: SocketAddr::new(client, u16::from_be_bytes(*client_port)),
        server: SocketAddr::new(server, u16::from_be_bytes(*server_port)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outcome and how much of `EHLO` behind the header is left untouched.
    async fn check(header: &[u8], expected: &str) {
        let mut input = header.to_vec();
        input.extend_from_slice(b"EHLO");
        let mut stream = input.as_slice();
        let outcome = match read(&mut stream).await {
            Ok(Some(ends)) => format!("{} {}", ends.client, ends.server),
            Ok(None) => "none".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(outcome, expected, "{header:?}");
        if !outcome.contains("PROXY") {
            assert_eq!(stream, b"EHLO", "{header:?}");
        }
    }

    #[tokio::test]
    async fn text_headers() {
        let malformed = "what came is no PROXY header";
        for (header, expected) in [
            ("PROXY TCP4 192.0.2.1 192.0.2.2 56324 25\r\n", "192.0.2.1:56324 192.0.2.2:25"),
            ("PROXY TCP6 2001:db8::1 2001:db8::2 56324 25\r\n", "[2001:db8::1]:56324 [2001:db8::2]:25"),
            ("PROXY UNKNOWN\r\n", "none"),
            ("PROXY UNKNOWN anything at all\r\n", "none"),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 56324 +25\r\n", malformed),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 56324 65536\r\n", malformed),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n", malformed),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", malformed),
            ("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", malformed),
            ("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", malformed),
            ("proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n", malformed),
            ("EHLO client.test\r\n", malformed),
        ] {
            check(header.as_bytes(), expected).await;
        }
        check(&[b'P'; 4096], malformed).await;
    }

    fn binary(version_and_command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut header = SIGNATURE.to_vec();
        header.extend_from_slice(&[version_and_command, family]);
        header.extend_from_slice(&u16::try_from(rest.len()).unwrap().to_be_bytes());
        header.extend_from_slice(rest);
        header
    }

    #[tokio::test]
    async fn binary_headers() {
        let v4 = [192, 0, 2, 1, 192, 0, 2, 2, 0xdc, 0x04, 0, 25];
        check(&binary(0x21, 0x11, &v4), "192.0.2.1:56324 192.0.2.2:25").await;
        check(&binary(0x21, 0x11, &[&v4[..], b"\x03\x00\x01x"].concat()), "192.0.2.1:56324 192.0.2.2:25")
            .await;
        let v6 = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1], &[0; 15], &[2], &[0, 1, 0, 25]].concat();
        check(&binary(0x21, 0x21, &v6), "[2001:db8::1]:1 [::2]:25").await;
        check(&binary(0x20, 0x11, &v4), "none").await;
        check(&binary(0x21, 0x00, b""), "none").await;
        let malformed = "what came is no PROXY header";
        check(&binary(0x21, 0x11, &v4[..11]), malformed).await;
        check(&binary(0x21, 0x12, &v4), malformed).await;
        check(&binary(0x31, 0x11, &v4), malformed).await;
        check(&binary(0x22, 0x11, &v4), malformed).await;
        check(&binary(0x21, 0x11, &[0; 5000]), malformed).await;
    }

    #[tokio::test]
    async fn a_header_that_never_ends_is_an_error() {
        let mut stream = &b"PROXY TCP4 192.0"[..];
        assert!(matches!(read(&mut stream).await, Err(ProxyError::Io(_))));
    }
}
