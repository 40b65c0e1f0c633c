//! Presses a server: many sessions that say nothing, or one that says too much, or says it in chunks.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Parser as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A line of content.
const LINE: &[u8] = b"The octets of a message that somebody sends to somebody, again\r\n";

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Presses a server.
#[derive(clap::Parser)]
enum Arguments {
    /// Opens sessions as far as the reply to EHLO, prints `ready`, and holds them until standard input ends
    Hold {
        address: SocketAddr,
        sessions: usize,
        /// TLS from the first octet, with a certificate of this authority
        #[arg(long)]
        authority: Option<PathBuf>,
    },
    /// Sends octets, and prints how many the server took before it hung up
    Flood { address: SocketAddr, place: Place, octets: usize },
    /// Sends messages by BDAT, each in one chunk
    Chunks {
        address: SocketAddr,
        messages: usize,
        octets: usize,
        /// Say that they may hold anything, so that nobody has to look for bare CR and LF
        #[arg(long)]
        binary: bool,
    },
}

/// Where the octets go.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Place {
    /// A command without an end
    Command,
    /// A response to AUTH without an end
    Auth,
    /// Content of one line without an end
    Data,
    /// The size in BDAT without an end
    Bdat,
    /// A PROXY header without an end
    Proxy,
    /// Content in lines, and then its end
    Lines,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    match Arguments::parse() {
        Arguments::Hold { address, sessions, authority } => hold(address, sessions, authority).await,
        Arguments::Flood { address, place, octets } => flood(address, place, octets).await,
        Arguments::Chunks { address, messages, octets, binary } => {
            let body = if binary { " BODY=BINARYMIME" } else { "" };
            chunks(address, messages, octets, body).await
        }
    }
}

async fn hold(address: SocketAddr, sessions: usize, authority: Option<PathBuf>) -> Result<(), Failed> {
    let tls = authority.as_deref().map(connector).transpose()?;
    let name = ServerName::from(address.ip());
    let mut held: Vec<Box<dyn Stream>> = Vec::with_capacity(sessions);
    for _ in 0..sessions {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut stream: Box<dyn Stream> = match &tls {
            Some(tls) => Box::new(tls.connect(name.clone(), stream).await?),
            None => Box::new(stream),
        };
        hello(&mut stream).await?;
        held.push(stream);
    }
    println!("ready");
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    Ok(())
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

fn connector(authority: &Path) -> Result<tokio_rustls::TlsConnector, Failed> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority)?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()).into())
}

/// The greeting, and the reply to EHLO.
async fn hello(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<(), Failed> {
    reply(stream).await?;
    say(stream, b"EHLO press.test\r\n").await
}

/// Sends a command and waits for its reply.
async fn say(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), command: &[u8]) -> Result<(), Failed> {
    stream.write_all(command).await?;
    stream.flush().await?;
    reply(stream).await
}

/// Sends messages of so many octets, and waits for the reply to each of their commands.
async fn chunks(address: SocketAddr, messages: usize, octets: usize, body: &str) -> Result<(), Failed> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    hello(&mut stream).await?;
    let mut chunk = format!("BDAT {octets} LAST\r\n").into_bytes();
    let header = b"Subject: chunks\r\n\r\n".iter();
    chunk.extend(header.chain(LINE.iter().cycle()).take(octets));
    for _ in 0..messages {
        say(&mut stream, format!("MAIL FROM:<jane@example.com>{body}\r\n").as_bytes()).await?;
        say(&mut stream, b"RCPT TO:<bob@example.org>\r\n").await?;
        say(&mut stream, &chunk).await?;
    }
    Ok(())
}

/// Reads up to the end of a reply.
async fn reply(stream: &mut (impl AsyncRead + Unpin)) -> Result<(), Failed> {
    let mut reply = Vec::new();
    while !is_whole(&reply) {
        if stream.read_buf(&mut reply).await? == 0 {
            return Err("the server hung up".into());
        }
    }
    Ok(())
}

/// Whether the last line has a space behind its code.
fn is_whole(reply: &[u8]) -> bool {
    let Some(lines) = reply.strip_suffix(b"\r\n") else { return false };
    let last = lines.rsplit(|octet| *octet == b'\n').next().unwrap_or(lines);
    last.get(3).is_none_or(|octet| *octet == b' ')
}

async fn flood(address: SocketAddr, place: Place, octets: usize) -> Result<(), Failed> {
    let mut stream = TcpStream::connect(address).await?;
    if !matches!(place, Place::Proxy) {
        hello(&mut stream).await?;
    }
    let (before, piece, after): (&[&[u8]], &[u8], &[u8]) = match place {
        Place::Command => (&[], b"x", b""),
        Place::Auth => (&[b"AUTH PLAIN\r\n"], b"x", b""),
        Place::Data => (&[b"MAIL FROM:<>\r\n", b"RCPT TO:<bob@example.org>\r\n", b"DATA\r\n"], b"x", b""),
        Place::Bdat => (&[b"MAIL FROM:<>\r\n", b"RCPT TO:<bob@example.org>\r\n"], b"1", b""),
        Place::Proxy => (&[], b"x", b""),
        Place::Lines => {
            (&[b"MAIL FROM:<>\r\n", b"RCPT TO:<bob@example.org>\r\n", b"DATA\r\n"], LINE, b".\r\n")
        }
    };
    for command in before {
        say(&mut stream, command).await?;
    }
    match place {
        Place::Bdat => stream.write_all(b"BDAT ").await?,
        Place::Proxy => stream.write_all(b"PROXY TCP4 ").await?,
        _ => {}
    }
    let piece = piece.repeat(64 * 1024 / piece.len());
    let mut taken = 0;
    let (mut reader, mut writer) = stream.into_split();
    // what it answers is read, so that it never waits for us
    let replies = tokio::spawn(async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await });
    while taken < octets && writer.write_all(&piece).await.is_ok() {
        taken += piece.len();
    }
    let _ = writer.write_all(after).await;
    let _ = writer.shutdown().await;
    println!("{taken}");
    // it may have hung up in any way
    let _ = replies.await;
    Ok(())
}
