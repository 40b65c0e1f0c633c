//! Delivery to another host: connections that are kept, TLS that is never given up again, and mail made to fit.
//!
//! There is one client for each host, port and manner of TLS; it keeps its connections and the bounds of a site. MX hosts
//! are spoken to with opportunistic TLS, any certificate (RFC 7435). A host that did TLS once has to do it ever
//! after: who strips STARTTLS from the dialogue gets no mail. What a host does not offer and the mail can do without
//! (DSN, priorities, 8-bit content that can be encoded) is taken off; what it cannot do without fails.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smtpkit_client::{
    Client, Connection, Content, Endpoint, ErrorKind, PoolLimits, Report, Resolve, SendError, ServerUrl,
};
use smtpkit_codec::{Body, EhloReply, Envelope, Keyword};
use smtpkit_mime::HopCapabilities;
use smtpkit_mime::downgrade::Downgrade;
use smtpkit_queue::{ContentReader, Spool};
use smtpkit_tls::{Connector, Policy};

use super::secure_hosts::SecureHosts;
use crate::options::Options;
use crate::resolve::{LookupError, Resolver};
use crate::routes::Smarthost;
use crate::surroundings::Surroundings;

/// Clients that are kept; idle ones go beyond that.
const CLIENTS_MAX: usize = 512;
/// Before the keys of clients that log in.
const SMARTHOST: &str = "smarthost ";
/// A header up to this length is looked at.
const HEADER_OCTETS_MAX: usize = 256 * 1024;
/// Content up to this size can be encoded for a host that takes only 7 bits.
const ENCODED_OCTETS_MAX: u64 = 16 * 1024 * 1024;

/// One host to try, and what there is to know about it.
#[derive(Clone, Debug)]
pub(crate) enum Host {
    /// A host of a domain.
    Mx { name: Box<str>, port: u16 },
    /// One port of a smarthost.
    Smarthost { smarthost: Arc<Smarthost>, port: Option<u16> },
    /// A server for local deliveries.
    Lmtp(ServerUrl),
}

impl Host {
    /// Its name for reports: what the sender may know.
    pub(crate) fn name(&self) -> String {
        let url = match self {
            Self::Mx { name, .. } => return name.to_string(),
            Self::Smarthost { smarthost, .. } => smarthost.url(),
            Self::Lmtp(url) => url,
        };
        match url.endpoint() {
            Endpoint::Tcp { host, .. } => host.clone(),
            other => other.to_string(),
        }
    }
}

/// A message on its way.
pub(crate) struct Parcel<'a> {
    pub(crate) envelope: &'a Envelope,
    pub(crate) spool: &'a dyn Spool,
    pub(crate) id: smtpkit_queue::QueueId,
}

/// Everything that outlives one delivery.
pub(crate) struct Remote {
    options: Options,
    hostname: Box<str>,
    surroundings: Surroundings,
    any_certificate: Option<Connector>,
    /// In an order that every run repeats: which one is let go, or closed first, is decided by it.
    clients: Mutex<BTreeMap<String, Client>>,
    secure: Mutex<SecureHosts>,
}

impl Remote {
    pub(crate) fn new(options: Options, hostname: &str, surroundings: Surroundings) -> Self {
        // without a connector of our own the client's default serves; it only lacks the lasting promise of TLS
        let any_certificate = Connector::builder().dangerously_accept_any_certificate().build().ok();
        let secure = Mutex::new(SecureHosts::open(options.secure_hosts.as_deref()));
        Self {
            options,
            hostname: hostname.into(),
            surroundings,
            any_certificate,
            clients: Mutex::default(),
            secure,
        }
    }

    pub(crate) fn resolver(&self) -> &dyn Resolver {
        &*self.surroundings.resolver
    }

    /// Sends to one host. What it lacks and the mail can spare is taken off first.
    pub(crate) async fn send(&self, host: &Host, parcel: &Parcel<'_>) -> Result<Report, Trouble> {
        let client = self.client(host)?;
        let content = parcel.spool.content(parcel.id).map_err(|error| Trouble::Ours(error.to_string()))?;
        let sent = client.send(parcel.envelope, stream(content)).await;
        let sent = match sent {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                let Some((envelope, content)) = self.fitted(&error, parcel)? else {
                    return Err(error.into());
                };
                client.send(&envelope, content).await
            }
            other => other,
        };
        let session = match &sent {
            Ok(report) => Some(report.session()),
            Err(error) => error.session(),
        };
        if let Host::Mx { name, .. } = host
            && session.is_some_and(|session| session.tls().is_some())
        {
            lock(&self.secure).remember(name);
        }
        Ok(sent?)
    }

    /// A connection to a server for local deliveries, to ask it something.
    pub(crate) async fn exclusive(&self, url: ServerUrl) -> Result<Connection, Trouble> {
        Ok(self.client(&Host::Lmtp(url))?.exclusive().await?)
    }

    /// The mail without what the host lacks; `None` if that changes nothing.
    fn fitted(&self, error: &SendError, parcel: &Parcel<'_>) -> Result<Option<(Envelope, Content)>, Trouble> {
        let offered = Offered(error.session().and_then(|session| session.ehlo()));
        let mut envelope = parcel.envelope.clone();
        offered.strip(&mut envelope);
        let content = parcel.spool.content(parcel.id).map_err(|error| Trouble::Ours(error.to_string()))?;
        if !offered.has(Keyword::SmtpUtf8) && is_ascii(&envelope) && has_ascii_header(&content) {
            // whoever sent it asked for more than it needs
            envelope.parameters.remove("SMTPUTF8");
        }
        if offered.has(Keyword::EightBitMime) || content.len() > ENCODED_OCTETS_MAX {
            return Ok((envelope != *parcel.envelope).then(|| (envelope, stream(content))));
        }
        if matches!(envelope.parameters.as_ref().body(), Some(Body::EightBitMime)) {
            envelope.parameters.remove("BODY");
        }
        let raw = whole(&content).map_err(|error| Trouble::Ours(error.to_string()))?;
        let Ok(encoded) = Downgrade::new(HopCapabilities::SEVEN_BIT).apply(&raw) else { return Ok(None) };
        let is_changed = encoded.is_changed() || envelope != *parcel.envelope;
        Ok(is_changed.then(|| (envelope, Content::octets(encoded.into_content().into_owned()))))
    }

    fn client(&self, host: &Host) -> Result<Client, Trouble> {
        let url = self.url(host)?;
        let key = match host {
            Host::Smarthost { smarthost, .. } => format!("{SMARTHOST}{url} {}", smarthost.name()),
            _ => url.to_string(),
        };
        let mut clients = lock(&self.clients);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let client = self.build(url, host)?;
        if clients.len() >= CLIENTS_MAX {
            let idle: Vec<String> = clients
                .iter()
                .filter(|(_, client)| client.stats().connections_busy == 0)
                .map(|(key, _)| key.clone())
                .take(CLIENTS_MAX / 2)
                .collect();
            for client in idle.iter().filter_map(|key| clients.remove(key)) {
                tokio::spawn(async move { client.close(Duration::ZERO).await });
            }
        }
        clients.insert(key, client.clone());
        Ok(client)
    }

    fn url(&self, host: &Host) -> Result<ServerUrl, Trouble> {
        let text = match host {
            Host::Lmtp(url) => return Ok(url.clone()),
            Host::Smarthost { smarthost, port } => {
                let url = smarthost.url();
                match (url.host(), port) {
                    (Some(name), Some(port)) if url.port() != Some(*port) => {
                        format!("smtp://{}:{port}?tls={}", bracketed(name), url.tls())
                    }
                    _ => return Ok(url.clone()),
                }
            }
            Host::Mx { name, port } => {
                let is_secure = lock(&self.secure).contains(name);
                let tls = if is_secure { Policy::Required } else { Policy::Opportunistic };
                format!("smtp://{}:{port}?tls={tls}", bracketed(name))
            }
        };
        text.parse().map_err(|error: smtpkit_client::UrlError| Trouble::Ours(error.to_string()))
    }

    fn build(&self, url: ServerUrl, host: &Host) -> Result<Client, Trouble> {
        let pool = PoolLimits {
            connections_max: self.options.limits.site_max,
            messages_max: u32::try_from(self.options.limits.messages_max).unwrap_or(u32::MAX),
            ..PoolLimits::default()
        };
        let mut builder = Client::builder(url)
            .hello_name(&*self.hostname)
            .pool(pool)
            .connect_timeout(self.options.connect_timeout)
            .timeouts(self.options.timeouts.clone())
            .resolver(Addresses(Arc::clone(&self.surroundings.resolver)));
        if let Some(connector) = &self.surroundings.connector {
            builder = builder.connector(Arc::clone(connector));
        }
        match host {
            Host::Mx { .. } => {
                if let Some(connector) = &self.any_certificate {
                    builder = builder.tls(connector.clone());
                }
            }
            Host::Smarthost { smarthost, .. } => {
                if let Some(credentials) = smarthost.credentials() {
                    builder = builder.credentials(credentials.clone());
                }
                if let Some(connector) = smarthost.tls() {
                    builder = builder.tls(connector.clone());
                }
                if smarthost.url().tls() == Policy::Off {
                    // the operator wrote ?tls=off beside a password: that is his word
                    builder = builder.password_in_clear(smtpkit_client::PasswordInClear::Allowed);
                }
            }
            Host::Lmtp(_) => {}
        }
        builder.build().map_err(|error| Trouble::Ours(error.to_string()))
    }

    /// Makes the clients of smarthosts anew from now on: credentials may have changed. Mail under way goes on as it
    /// began; hosts without credentials keep their connections, for two clients together would have more than one may.
    pub(crate) fn forget_smarthosts(&self) {
        lock(&self.clients).retain(|key, _| !key.starts_with(SMARTHOST));
    }

    /// Ends all kept connections.
    pub(crate) async fn close(&self, grace: Duration) {
        let clients = std::mem::take(&mut *lock(&self.clients));
        let mut closing = tokio::task::JoinSet::new();
        for (_, client) in clients {
            closing.spawn(async move { client.close(grace).await });
        }
        while closing.join_next().await.is_some() {}
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // nothing that holds the lock can panic half-way
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn stream(content: ContentReader) -> Content {
    match content.as_inline() {
        Some(octets) => Content::octets(octets.clone()),
        None => {
            let size = content.len();
            Content::blocking_reader(content).with_size(size)
        }
    }
}

/// Whether no address needs SMTPUTF8 (RFC 6531 §3.3).
fn is_ascii(envelope: &Envelope) -> bool {
    let mut recipients = envelope.recipients.iter();
    envelope.reverse_path.as_ref().is_ascii()
        && recipients.all(|recipient| recipient.path.as_ref().is_ascii())
}

/// Whether the header does not need it either; not if it is too long to be looked at.
fn has_ascii_header(content: &ContentReader) -> bool {
    let Ok(head) = content.chunk(0, HEADER_OCTETS_MAX) else { return false };
    let end = head.windows(4).position(|octets| octets == b"\r\n\r\n");
    let is_whole = head.len() as u64 == content.len();
    match end.or(is_whole.then_some(head.len())) {
        Some(end) => head.get(..end).is_some_and(<[u8]>::is_ascii),
        None => false,
    }
}

fn whole(content: &ContentReader) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    loop {
        let piece = content.chunk(octets.len() as u64, 256 * 1024)?;
        if piece.is_empty() {
            return Ok(octets);
        }
        octets.extend_from_slice(&piece);
    }
}

/// Why nothing was sent.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The client says so.
    Send(Box<SendError>),
    /// Something here is wrong: neither the mail nor the host is to blame.
    Ours(String),
}

impl From<SendError> for Trouble {
    fn from(error: SendError) -> Self {
        Self::Send(Box::new(error))
    }
}

/// What a host offers.
struct Offered<'a>(Option<&'a EhloReply>);

impl Offered<'_> {
    fn has(&self, keyword: Keyword) -> bool {
        self.0.is_some_and(|ehlo| ehlo.as_ref().has(keyword))
    }

    /// Takes the parameters off that the host does not know and that the mail can do without.
    fn strip(&self, envelope: &mut Envelope) {
        if !self.has(Keyword::Dsn) {
            for parameter in ["RET", "ENVID"] {
                envelope.parameters.remove(parameter);
            }
            for recipient in &mut envelope.recipients {
                for parameter in ["NOTIFY", "ORCPT"] {
                    recipient.parameters.remove(parameter);
                }
            }
        }
        if !self.has(Keyword::MtPriority) {
            envelope.parameters.remove("MT-PRIORITY");
        }
        if !self.has(Keyword::Conperm) {
            envelope.parameters.remove("CONPERM");
        }
        if !self.has(Keyword::NoSoliciting) {
            envelope.parameters.remove("SOLICIT");
        }
    }
}

/// Whether the session was with a host that makes reports itself.
pub(crate) fn reports_itself(report: &Report) -> bool {
    Offered(report.session().ehlo()).has(Keyword::Dsn)
}

/// The resolver of the relay, as the client asks for addresses.
struct Addresses(Arc<dyn Resolver>);

impl Resolve for Addresses {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> smtpkit_client::BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            if host.eq_ignore_ascii_case("localhost") {
                return Ok(vec![
                    SocketAddr::from(([127, 0, 0, 1], port)),
                    SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port)),
                ]);
            }
            match self.0.addresses(host).await {
                Ok(addresses) => {
                    Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
                }
                Err(LookupError::NoSuchName | LookupError::NoRecords) => Ok(Vec::new()),
                Err(error) => Err(io::Error::other(error.to_string())),
            }
        })
    }
}
