//! Sends messages over one connection, by the client that the first argument names.
//!
//! Every client sends the same messages and has TCP_NODELAY set, by this program where it leaves that out (lettre's
//! own TLS stream is the one that cannot be reached). lettre's connection is used without its pool, which would add a
//! NOOP to every message.
//!
//! What the second half of the messages cost goes to standard output, separated by tabs: seconds and processor
//! seconds per message, allocations per message, and by how many KiB the process grew over its start.

use std::alloc::System;
use std::error::Error;
use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser as _;
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use smtpkit_client::{Anchors, Client, Content, Envelope, PoolLimits, ServerUrl, Transfer, tls};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, BufStream};
use tokio::net::TcpStream;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

type Failed = Box<dyn Error + Send + Sync>;

/// Sends messages over one connection.
#[derive(Clone, clap::Parser)]
struct Load {
    side: Side,
    address: SocketAddr,
    #[arg(long, default_value_t = 2)]
    messages: usize,
    #[arg(long, default_value_t = 1)]
    recipients: usize,
    #[arg(long, default_value_t = 4096)]
    octets: usize,
    /// Implicit TLS, with a certificate of this authority
    #[arg(long)]
    authority: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Side {
    /// One call a message
    Smtpkit,
    /// One call a message, content in chunks
    SmtpkitBdat,
    /// One call for all messages
    SmtpkitBatch,
    /// One call a message, content from a reader
    SmtpkitStream,
    Lettre,
    MailSend,
    AsyncSmtp,
}

/// A client that is connected.
trait Sender {
    async fn send(&mut self) -> Result<(), Failed>;
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let load = Load::parse();
    match load.side {
        Side::Smtpkit | Side::SmtpkitBdat | Side::SmtpkitStream => run(&load, Ours::new(&load)?).await,
        Side::SmtpkitBatch => batch(&load).await,
        Side::Lettre => run(&load, Lettre::connect(&load).await?).await,
        Side::MailSend if load.authority.is_some() => {
            let client = mail_send_builder(&load)?.connect().await?;
            client.stream.get_ref().0.set_nodelay(true)?;
            run(&load, MailSend::new(&load, client)).await
        }
        Side::MailSend => {
            let client = mail_send_builder(&load)?.connect_plain().await?;
            client.stream.set_nodelay(true)?;
            run(&load, MailSend::new(&load, client)).await
        }
        Side::AsyncSmtp => {
            let stream = load.stream().await?;
            match load.tls()? {
                Some(tls) => {
                    let stream = tokio_rustls::TlsConnector::from(tls).connect(load.name()?, stream).await?;
                    run(&load, AsyncSmtp::start(&load, BufStream::new(stream)).await?).await
                }
                None => run(&load, AsyncSmtp::start(&load, BufStream::new(stream)).await?).await,
            }
        }
    }
}

/// Sends all messages one after the other, and tells what the second half cost.
async fn run(load: &Load, mut sender: impl Sender) -> Result<(), Failed> {
    let start = resident("VmRSS:")?;
    let mut meter = Meter::start(load.messages)?;
    for number in 0..load.messages {
        meter.at(number)?;
        sender.send().await?;
    }
    meter.finish(start)
}

/// The same with all messages in one call.
async fn batch(load: &Load) -> Result<(), Failed> {
    let (client, envelope, content) = (ours(load)?, our_envelope(load)?, load.content());
    let start = resident("VmRSS:")?;
    let mut meter = Meter::start(load.messages)?;
    let mails = (0..load.messages).map(move |_| (envelope.clone(), Content::octets(content)));
    let mut batch = client.send_all(mails);
    let mut number = 0;
    while let Some((_, outcome)) = batch.next().await {
        outcome?;
        number += 1;
        meter.at(number)?;
    }
    meter.finish(start)
}

/// Costs from the middle on.
struct Meter {
    middle: usize,
    left: usize,
    from: Option<(Instant, Duration, usize)>,
}

impl Meter {
    fn start(messages: usize) -> Result<Self, Failed> {
        if messages < 2 {
            return Err("half of one message cannot be measured".into());
        }
        Ok(Self { middle: messages / 2, left: messages - messages / 2, from: None })
    }

    fn at(&mut self, number: usize) -> Result<(), Failed> {
        if number == self.middle {
            self.from = Some((Instant::now(), processor()?, allocations()));
        }
        Ok(())
    }

    fn finish(self, resident_at_start: f64) -> Result<(), Failed> {
        let (start, processor_at, allocations_at) = self.from.ok_or("the middle was never reached")?;
        let left = self.left as f64;
        println!(
            "{}\t{}\t{}\t{}",
            start.elapsed().as_secs_f64() / left,
            (processor()? - processor_at).as_secs_f64() / left,
            (allocations() - allocations_at) as f64 / left,
            resident("VmHWM:")? - resident_at_start,
        );
        Ok(())
    }
}

/// Processor time of this program, which has one thread that works.
fn processor() -> Result<Duration, Failed> {
    let stat = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds = stat.split_whitespace().next().ok_or("no time in schedstat")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}

fn allocations() -> usize {
    let stats = INSTRUMENTED_SYSTEM.stats();
    stats.allocations + stats.reallocations
}

/// A line of /proc/self/status, in KiB.
fn resident(key: &str) -> Result<f64, Failed> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(key)).ok_or("no such line in status")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

impl Load {
    const FROM: &str = "jane.doe@example.com";

    fn to(&self) -> impl Iterator<Item = String> {
        (0..self.recipients).map(|number| format!("bob{number}@example.org"))
    }

    /// Lines of 64 octets.
    fn content(&self) -> &'static [u8] {
        let mut content = format!("From: <{}>\r\nSubject: load\r\n\r\n", Self::FROM).into_bytes();
        while content.len() < self.octets {
            content.extend_from_slice(LINE);
        }
        content.leak()
    }

    async fn stream(&self) -> Result<TcpStream, Failed> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn name(&self) -> Result<ServerName<'static>, Failed> {
        Ok(ServerName::try_from(self.address.ip().to_string())?)
    }

    fn authority(&self) -> Result<Option<Vec<u8>>, Failed> {
        Ok(self.authority.as_ref().map(std::fs::read).transpose()?)
    }

    fn tls(&self) -> Result<Option<Arc<rustls::ClientConfig>>, Failed> {
        let Some(authority) = self.authority()? else { return Ok(None) };
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&authority)?)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Some(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
    }
}

const LINE: &[u8] = b"The octets of a message that somebody sends to somebody, again\r\n";

struct Ours {
    client: Client,
    envelope: Envelope,
    content: &'static [u8],
    streamed: Option<u64>,
}

fn ours(load: &Load) -> Result<Client, Failed> {
    let (scheme, query) = if load.authority.is_some() { ("smtps", "") } else { ("smtp", "?tls=off") };
    let url: ServerUrl = format!("{scheme}://{}{query}", load.address).parse()?;
    let pool = PoolLimits { connections_max: 1, messages_max: u32::MAX, ..PoolLimits::default() };
    let transfer = if load.side == Side::SmtpkitBdat { Transfer::Chunks } else { Transfer::Data };
    let mut builder = Client::builder(url).pool(pool).transfer(transfer);
    if let Some(authority) = load.authority()? {
        let roots = tls::Roots::Only(Anchors::from_pem(&authority)?);
        builder = builder.tls(tls::Connector::builder().roots(roots).build()?);
    }
    Ok(builder.build()?)
}

fn our_envelope(load: &Load) -> Result<Envelope, Failed> {
    Ok(Envelope::new(Load::FROM, load.to())?)
}

impl Ours {
    fn new(load: &Load) -> Result<Self, Failed> {
        let streamed = (load.side == Side::SmtpkitStream).then_some(load.octets as u64);
        let content = if streamed.is_some() { &[] } else { load.content() };
        Ok(Self { client: ours(load)?, envelope: our_envelope(load)?, content, streamed })
    }
}

impl Sender for Ours {
    async fn send(&mut self) -> Result<(), Failed> {
        let content = match self.streamed {
            Some(octets) => Content::blocking_reader(Lines { left: octets, at: 0 }),
            None => Content::octets(self.content),
        };
        let report = self.client.send(&self.envelope, content).await?;
        if report.all_accepted() { Ok(()) } else { Err("a recipient was refused".into()) }
    }
}

/// Lines without end, up to a number of octets.
struct Lines {
    left: u64,
    at: usize,
}

impl Read for Lines {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let octets = out.len().min(self.left as usize);
        for octet in &mut out[..octets] {
            *octet = LINE[self.at];
            self.at = (self.at + 1) % LINE.len();
        }
        self.left -= octets as u64;
        Ok(octets)
    }
}

struct Lettre {
    connection: AsyncSmtpConnection,
    envelope: lettre::address::Envelope,
    content: &'static [u8],
}

impl Lettre {
    async fn connect(load: &Load) -> Result<Self, Failed> {
        let to = load.to().map(|to| to.parse()).collect::<Result<_, _>>()?;
        let envelope = lettre::address::Envelope::new(Some(Load::FROM.parse()?), to)?;
        let hello = ClientId::default();
        let connection = match load.authority()? {
            None => {
                let stream = Box::new(load.stream().await?);
                AsyncSmtpConnection::connect_with_transport(stream, &hello).await?
            }
            Some(authority) => {
                // it takes no TLS stream from outside, nor a socket for its own
                let parameters = TlsParameters::builder(load.address.ip().to_string());
                let parameters = parameters.add_root_certificate(Certificate::from_pem(&authority)?);
                let tls = Some(parameters.build_rustls()?);
                AsyncSmtpConnection::connect_tokio1(load.address, None, &hello, tls, None).await?
            }
        };
        Ok(Self { connection, envelope, content: load.content() })
    }
}

impl Sender for Lettre {
    async fn send(&mut self) -> Result<(), Failed> {
        self.connection.send(&self.envelope, self.content).await?;
        Ok(())
    }
}

struct MailSend<S: AsyncRead + AsyncWrite> {
    client: mail_send::SmtpClient<S>,
    to: Vec<String>,
    content: &'static [u8],
}

fn mail_send_builder(load: &Load) -> Result<mail_send::SmtpClientBuilder<String>, Failed> {
    let (host, port) = (load.address.ip().to_string(), load.address.port());
    Ok(match load.tls()? {
        Some(tls) => {
            mail_send::SmtpClientBuilder::new_with_tls_connector(host, port, tls.into()).implicit_tls(true)
        }
        None => mail_send::SmtpClientBuilder::new(host, port)?,
    })
}

impl<S: AsyncRead + AsyncWrite> MailSend<S> {
    fn new(load: &Load, client: mail_send::SmtpClient<S>) -> Self {
        Self { client, to: load.to().collect(), content: load.content() }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sender for MailSend<S> {
    async fn send(&mut self) -> Result<(), Failed> {
        let to = self.to.iter().map(String::as_str);
        let message = mail_send::smtp::message::Message::new(Load::FROM, to, self.content);
        self.client.send(message).await?;
        Ok(())
    }
}

struct AsyncSmtp<S: AsyncBufRead + AsyncWrite + Unpin> {
    transport: async_smtp::SmtpTransport<S>,
    envelope: async_smtp::Envelope,
    content: &'static [u8],
}

impl<S: AsyncBufRead + AsyncWrite + Unpin> AsyncSmtp<S> {
    async fn start(load: &Load, stream: S) -> Result<Self, Failed> {
        let address = |address: String| async_smtp::EmailAddress::new(address);
        let to = load.to().map(address).collect::<Result<_, _>>()?;
        let envelope = async_smtp::Envelope::new(Some(address(Load::FROM.to_owned())?), to)?;
        let transport = async_smtp::SmtpTransport::new(async_smtp::SmtpClient::new(), stream).await?;
        Ok(Self { transport, envelope, content: load.content() })
    }
}

impl<S: AsyncBufRead + AsyncWrite + Unpin> Sender for AsyncSmtp<S> {
    async fn send(&mut self) -> Result<(), Failed> {
        let mail = async_smtp::SendableEmail::new(self.envelope.clone(), self.content);
        self.transport.send(mail).await?;
        Ok(())
    }
}
