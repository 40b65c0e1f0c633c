//! A server that takes everything, waits before each write, and counts its writes: a round trip is one of them.
//!
//! It prints its address, and for each connection that ends `writes TAB messages`. The greeting and the replies to
//! EHLO and QUIT do not count.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use memchr::memmem;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use smtpkit_benches::Certificates;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Takes mail and throws it away.
#[derive(clap::Parser)]
struct Arguments {
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// TLS from the first octet; the authority of the certificate is written to this file
    #[arg(long)]
    authority: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let arguments = Arguments::parse();
    let delay = Duration::from_millis(arguments.delay_ms);
    let tls = arguments.authority.map(acceptor).transpose()?;
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let tls = tls.clone();
        tokio::spawn(async move {
            let ended = match tls {
                Some(tls) => serve(tls.accept(stream).await?, delay).await,
                None => serve(stream, delay).await,
            };
            ended.inspect_err(|error| eprintln!("{error}"))
        });
    }
}

fn acceptor(authority: PathBuf) -> Result<tokio_rustls::TlsAcceptor, Failed> {
    let certificates = Certificates::generate()?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificates.chain.as_bytes())?],
            PrivateKeyDer::from_pem_slice(certificates.key.as_bytes())?,
        )?;
    std::fs::write(authority, certificates.authority)?;
    Ok(Arc::new(config).into())
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, delay: Duration) -> Result<(), Failed> {
    let mut dialogue = Dialogue::default();
    stream.write_all(b"220 sink.test ESMTP\r\n").await?;
    stream.flush().await?;
    let (mut writes, mut input, mut replies) = (0_u64, Vec::with_capacity(64 * 1024), Vec::new());
    // a client that is done may go away in any way
    while stream.read_buf(&mut input).await.unwrap_or(0) > 0 {
        let hello = dialogue.hello;
        let used = dialogue.read(&input, &mut replies);
        input.drain(..used);
        if replies.is_empty() {
            continue;
        }
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        stream.write_all(&replies).await?;
        stream.flush().await?;
        replies.clear();
        if dialogue.over {
            break;
        }
        writes += u64::from(hello);
    }
    println!("{writes}\t{}", dialogue.messages);
    Ok(())
}

/// What has been said.
#[derive(Default)]
struct Dialogue {
    hello: bool,
    content: bool,
    over: bool,
    messages: u64,
}

impl Dialogue {
    /// Reads whole lines and content, gives how many octets that were, and adds the replies to them.
    fn read(&mut self, input: &[u8], replies: &mut Vec<u8>) -> usize {
        let mut used = 0;
        loop {
            let rest = &input[used..];
            if self.content {
                let Some(end) = memmem::find(rest, b"\r\n.\r\n") else {
                    // the end may have begun in the last four octets
                    return used + rest.len().saturating_sub(4);
                };
                used += end + 5;
                self.content = false;
                self.messages += 1;
                replies.extend_from_slice(b"250 2.0.0 taken\r\n");
            } else {
                let Some(end) = memchr::memchr(b'\n', rest) else { return used };
                used += end + 1;
                replies.extend_from_slice(self.reply(&rest[..end]));
            }
        }
    }

    fn reply(&mut self, line: &[u8]) -> &'static [u8] {
        match line.first_chunk::<4>().map(|verb| verb.to_ascii_uppercase()).as_deref() {
            Some(b"HELO") => {
                self.hello = true;
                b"250 sink.test\r\n"
            }
            Some(b"EHLO") => {
                self.hello = true;
                b"250-sink.test\r\n250-PIPELINING\r\n250-SIZE 0\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"
            }
            Some(b"DATA") => {
                self.content = true;
                b"354 go on\r\n"
            }
            Some(b"QUIT") => {
                self.over = true;
                b"221 2.0.0 bye\r\n"
            }
            _ => b"250 2.0.0 ok\r\n",
        }
    }
}
