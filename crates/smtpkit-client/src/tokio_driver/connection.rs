//! One open session: how it comes to be, what is sent over it, how it ends.

use super::connect::connect;
use super::link::Link;
use super::network::Network;
use super::pool::Lease;
use super::stream::{Stream, Transport};
use crate::content::{Content, Piece, Prepared, unreadable};
use crate::error::{ErrorKind, SendError, Stage};
use crate::failure::{broken_stream, closed_error};
use crate::hello_name::hello_name;
use crate::opening::{AttemptError, Opening, OpeningNeed, machine_config};
use crate::outcome::Report;
use crate::sending::{Lost, Sending, SendingNeed};
use crate::session::{Facts, Session};
use crate::settings::Settings;
use crate::spans;
use crate::transcript::{Entry, ReplyText};
use smtpkit_auth::{ChannelBindings, Credentials};
use smtpkit_codec::{Command, Envelope, Line, Reply, Text};
use smtpkit_session::Tick;
use smtpkit_session::client::{ClientConfig, ClientEvent, OrderError};
use smtpkit_tls as tls;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span};

/// An open session and its age.
pub(super) struct Open {
    link: Link,
    session: Session,
    settings: Arc<Settings>,
    pub(super) opened: Instant,
    pub(super) idle_since: Instant,
    pub(super) messages: u32,
    /// Ends with the connection.
    _span: Span,
}

/// Why a message did not go, and whether the server knows anything of it.
pub(super) struct Failure {
    pub(super) error: SendError,
    pub(super) is_untouched: bool,
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Self { error, is_untouched: false }
    }
}

impl Open {
    /// Connects, starts TLS and authenticates as the settings say; with a token that the server refuses, once more with
    /// another.
    pub(super) async fn start(
        settings: &Arc<Settings>,
        network: &Network,
        limit: Option<Instant>,
    ) -> Result<Self, SendError> {
        let start = Start { settings, network, limit };
        let Some(tokens) = &settings.tokens else {
            return start.run(settings.credentials.clone()).await;
        };
        let first = fetch(tokens.credentials(), limit).await?;
        match start.run(Some(first)).await {
            Err(error) if tokens.forget_refused(&error) => {
                let Some(second) = fetch(tokens.others(), limit).await? else { return Err(error) };
                let outcome = start.run(Some(second)).await;
                outcome.inspect_err(|error| {
                    tokens.forget_refused(error);
                })
            }
            outcome => outcome,
        }
    }

    async fn establish(
        settings: &Arc<Settings>,
        transport: Transport,
        mut opening: Opening<'_>,
        config: ClientConfig,
        limit: Option<Instant>,
        span: Span,
    ) -> Result<Self, AttemptError> {
        let mut link = if opening.is_implicit() {
            let stream =
                handshake(settings, transport).await.map_err(|fault| opening.handshake_error(fault))?;
            let (info, bindings) = tls_facts(&stream);
            let link = Link::new(Stream::Tls(Box::new(stream)), config, settings.observer.clone());
            opening.upgraded(info, bindings);
            link
        } else {
            Link::new(Stream::Plain(transport), config, settings.observer.clone())
        };
        link.set_limit(limit);
        loop {
            let now = link.now();
            match opening.step(&mut link.machine, now) {
                Ok(OpeningNeed::Transfer) => {
                    // To prove that one knows a password takes time, which is not the server's.
                    let now = link.now();
                    link.transfer(now).await;
                }
                Ok(OpeningNeed::Handshake) => link = Self::upgrade(settings, link, &mut opening).await?,
                Ok(OpeningNeed::Done) => break,
                Err(error) => {
                    let error = with_io_error(error, &mut link).with_session(&opening.session());
                    return Err((error, None));
                }
            }
        }
        let now = Instant::now();
        let session = opening.into_session();
        Ok(Self {
            link,
            session,
            settings: Arc::clone(settings),
            opened: now,
            idle_since: now,
            messages: 0,
            _span: span,
        })
    }

    /// STARTTLS was agreed: plaintext ends here.
    async fn upgrade(
        settings: &Arc<Settings>,
        link: Link,
        opening: &mut Opening<'_>,
    ) -> Result<Link, AttemptError> {
        let limit = link.limit();
        let (stream, machine, observer) = link.into_parts();
        let upgrade = machine.into_upgrade().map_err(|fatal| opening.fatal(fatal))?;
        let Stream::Plain(transport) = stream else {
            return Err((SendError::new(ErrorKind::Protocol, Stage::StartTls, "TLS is on already"), None));
        };
        let stream = handshake(settings, transport).await.map_err(|fault| opening.handshake_error(fault))?;
        let (info, bindings) = tls_facts(&stream);
        opening.upgraded(info, bindings);
        Ok(Link::upgraded(stream, |now| upgrade.into_client(now), observer, limit))
    }

    /// Connects, and lets go without a word.
    pub(super) async fn touch(
        settings: &Settings,
        network: &Network,
        limit: Option<Instant>,
    ) -> Result<Session, SendError> {
        let (transport, facts) = reach(settings, network, limit).await?;
        drop(transport);
        if let Some(observer) = &settings.observer {
            observer.record(&Entry::Closed);
        }
        Ok(Session::new(facts))
    }

    pub(super) const fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Whether it may be used again: at a message boundary, with nothing owed and nothing heard.
    pub(super) fn is_usable(&mut self) -> bool {
        self.link.is_quiet()
    }

    pub(super) fn is_ready(&self) -> bool {
        self.link.machine.is_ready()
    }

    /// How many more messages it may carry.
    pub(super) fn messages_left(&self) -> u32 {
        self.settings.pool.messages_left(self.messages, self.link.machine.transactions_left())
    }

    pub(super) const fn set_limit(&mut self, limit: Option<Instant>) {
        self.link.set_limit(limit);
    }

    /// Sends one message. Dropped at any await, the session is in the middle of something and will not be used again.
    pub(super) async fn send(
        &mut self,
        envelope: &Envelope,
        content: &mut Prepared,
    ) -> Result<Report, Failure> {
        look(&self.link, content).await.map_err(|error| error.with_session(&self.session))?;
        let mut sending = Sending::new(&self.settings, &self.session);
        let plan = sending.plan(&self.link.machine, content)?;
        let mut now = self.link.now();
        sending.start(&mut self.link.machine, envelope, &plan, now)?;
        let outcome = loop {
            match sending.step(&mut self.link.machine, now) {
                SendingNeed::Transfer => now = self.link.transfer(now).await,
                SendingNeed::Content => now = lend(&mut self.link, content, now).await?,
                SendingNeed::Finished(outcome) => break outcome.map_err(Failure::from),
                SendingNeed::Lost(lost) => break Err(first(lost, &mut self.link)),
            }
        };
        self.messages += 1;
        outcome
    }

    /// The two halves of sending, for those who keep several messages under way.
    pub(super) fn parts(&mut self) -> (&mut Link, Sending<'_>) {
        (&mut self.link, Sending::new(&self.settings, &self.session))
    }

    /// Gives one command and waits for its reply.
    pub(super) async fn command(&mut self, command: &Command<'_>) -> Result<Reply, SendError> {
        let now = self.link.now();
        let outcome = match command {
            Command::Quit => self.link.machine.quit(now),
            other => self.link.machine.command(other, now),
        };
        outcome.map_err(|error| SendError::new(ErrorKind::Protocol, Stage::Command, error.to_string()))?;
        self.answer(now).await
    }

    /// Says one line of the caller's own.
    async fn line(&mut self, line: &str) -> Result<Reply, SendError> {
        let unsayable = |error: &dyn std::fmt::Display| {
            SendError::new(
                ErrorKind::Unsupported,
                Stage::Command,
                format!("this line cannot be said: {error}"),
            )
        };
        let line = Line::new(line).map_err(|error| unsayable(&error))?;
        let now = self.link.now();
        self.link.machine.line(line, now).map_err(|error| unsayable(&error))?;
        self.answer(now).await
    }

    /// The reply to the one command under way, which was given `now`.
    async fn answer(&mut self, mut now: Tick) -> Result<Reply, SendError> {
        let encrypted = self.session.tls().is_some();
        loop {
            match self.link.machine.poll() {
                ClientEvent::Reply { reply, .. } => {
                    if let Some(observer) = &self.settings.observer {
                        observer.record(&Entry::Reply { reply: ReplyText(reply), encrypted });
                    }
                    return Ok(reply.to_owned());
                }
                ClientEvent::Closed(closed) => {
                    return Err(with_io_error(closed_error(&closed, None), &mut self.link)
                        .with_session(&self.session));
                }
                _ => now = self.link.transfer(now).await,
            }
        }
    }

    /// QUIT, in no more than the time for it, and the end of the stream.
    pub(super) async fn quit(mut self, limit: Instant) {
        if self.link.is_quiet() {
            self.link.set_limit(Some(limit));
            // The answer to QUIT changes nothing.
            let _ = self.command(&Command::Quit).await;
        }
        self.link.shut_down();
        if let Some(observer) = &self.settings.observer {
            observer.record(&Entry::Closed);
        }
    }
}

/// Reads of a stream what has to be known before its transaction begins.
pub(super) async fn look(link: &Link, content: &mut Prepared) -> Result<(), SendError> {
    while content.wants_look(link.machine.ehlo()) {
        let Some(read) = next_piece(link, content).await else {
            let what = "the content did not come in the time allowed";
            return Err(SendError::new(ErrorKind::Timeout, Stage::Content, what));
        };
        content.look(&read?)?;
    }
    Ok(())
}

/// Lends the next piece of content, and tells the time: later than `now` if the piece had to be waited for.
pub(super) async fn lend(link: &mut Link, content: &mut Prepared, now: Tick) -> Result<Tick, SendError> {
    if let Some(clean) = content.whole() {
        link.machine.last_clean_body(clean, now).map_err(|error| out_of_order(&error))?;
        return Ok(now);
    }
    let piece = match content.take_ahead() {
        Some(ahead) => ahead,
        None => match next_piece(link, content).await {
            Some(read) => read?,
            None => {
                link.machine.give_up();
                return Ok(now);
            }
        },
    };
    content.admit(&piece)?;
    let now = link.now();
    let lent = if piece.is_last {
        link.machine.last_body(piece.octets, now)
    } else {
        link.machine.body(piece.octets, now)
    };
    lent.map_err(|error| out_of_order(&error))?;
    Ok(now)
}

fn out_of_order(error: &OrderError) -> SendError {
    SendError::new(ErrorKind::Protocol, Stage::Content, error.to_string())
}

/// The next piece of content; `None` if it does not come in the time allowed.
async fn next_piece(link: &Link, content: &mut Prepared) -> Option<Result<Piece, SendError>> {
    let read = match link.limit() {
        None => content.feed.next().await,
        Some(limit) => timeout_at(limit, content.feed.next()).await.ok()?,
    };
    Some(read.map_err(|error| unreadable(&"the content", &error)))
}

/// The failure of the oldest message of a lost connection.
fn first(lost: Vec<Lost>, link: &mut Link) -> Failure {
    match lost.into_iter().next() {
        Some(Lost { error, is_untouched }) => Failure { error: with_io_error(error, link), is_untouched },
        None => SendError::new(ErrorKind::Closed, Stage::Command, "the connection was lost").into(),
    }
}

pub(super) fn with_io_error(error: SendError, link: &mut Link) -> SendError {
    match link.take_io_error() {
        Some(cause) => broken_stream(error, cause),
        None => error,
    }
}

/// What a session is opened with.
struct Start<'s> {
    settings: &'s Arc<Settings>,
    network: &'s Network,
    limit: Option<Instant>,
}

impl Start<'_> {
    async fn run(&self, credentials: Option<Credentials>) -> Result<Open, SendError> {
        let policy = self.settings.url.tls();
        match self.attempt(policy, credentials.clone()).await {
            // Opportunistic TLS that fails in the handshake: plaintext, on a connection of its own.
            Err((_, Some(fault))) if policy.survives(&fault) => {
                self.attempt(tls::Policy::Off, credentials).await.map_err(|(error, _)| error)
            }
            outcome => outcome.map_err(|(error, _)| error),
        }
    }

    async fn attempt(
        &self,
        policy: tls::Policy,
        credentials: Option<Credentials>,
    ) -> Result<Open, AttemptError> {
        let Self { settings, network, limit } = *self;
        let span = spans::connection(settings);
        let attempt = async {
            let (transport, facts) = reach(settings, network, limit).await.map_err(|error| (error, None))?;
            let config = machine_config(settings, &facts.hello_name, policy).with_duplex_driver();
            let opening = Opening::new(settings, credentials, policy, facts);
            Open::establish(settings, transport, opening, config, limit, span.clone()).await
        };
        let outcome = attempt.instrument(span.clone()).await;
        spans::opened(&span, outcome.as_ref().map(Open::session).map_err(|(error, _)| error));
        outcome
    }
}

/// What a source of tokens gives, in the time allowed.
async fn fetch<T>(
    source: impl Future<Output = Result<T, SendError>>,
    limit: Option<Instant>,
) -> Result<T, SendError> {
    let Some(limit) = limit else { return source.await };
    match timeout_at(limit, source).await {
        Ok(outcome) => outcome,
        Err(_) => {
            Err(SendError::new(ErrorKind::Timeout, Stage::Auth, "no access token came in the time allowed"))
        }
    }
}

/// Connects, and begins the facts of a session.
async fn reach(
    settings: &Settings,
    network: &Network,
    limit: Option<Instant>,
) -> Result<(Transport, Facts), SendError> {
    let start = Instant::now();
    let (transport, peer) = match limit {
        None => connect(settings, network).await?,
        Some(limit) => match timeout_at(limit, connect(settings, network)).await {
            Ok(outcome) => outcome?,
            Err(_) => {
                return Err(SendError::new(ErrorKind::Timeout, Stage::Connect, "the time allowed is over"));
            }
        },
    };
    if let Some(observer) = &settings.observer {
        observer.record(&Entry::Connected { peer: &peer });
    }
    let name = settings.hello_name.clone().unwrap_or_else(|| hello_name(transport.local_address()));
    let mut facts = Facts { peer, hello_name: name, ..Facts::default() };
    facts.timings.connect = start.elapsed();
    Ok((transport, facts))
}

async fn handshake(
    settings: &Settings,
    transport: Transport,
) -> Result<tls::Stream<Transport>, Option<tls::Error>> {
    let Some((connector, name)) = &settings.tls else { return Err(None) };
    connector.connect(transport, name.clone(), settings.tls_timeout).await.map_err(Some)
}

fn tls_facts(stream: &tls::Stream<Transport>) -> (tls::SessionInfo, ChannelBindings) {
    let mut bindings = ChannelBindings::default();
    if let Some(exporter) = stream.channel_binding(tls::ChannelBindingKind::TlsExporter) {
        bindings = bindings.with_tls_exporter(exporter.data().to_vec());
    }
    if let Some(end_point) = stream.channel_binding(tls::ChannelBindingKind::TlsServerEndPoint) {
        bindings = bindings.with_tls_server_end_point(end_point.data().to_vec());
    }
    (stream.info(), bindings)
}

/// A connection of one's own, for work that a client's `send` does not do; it counts against the pool's bound.
///
/// Dropped, it is closed without QUIT.
pub struct Connection {
    open: Open,
    _lease: Lease,
}

impl Connection {
    pub(super) const fn new(open: Open, lease: Lease) -> Self {
        Self { open, _lease: lease }
    }

    /// The facts of the session.
    pub const fn session(&self) -> &Session {
        self.open.session()
    }

    /// Sends one message.
    ///
    /// # Errors
    /// As [`Client::send`](super::Client::send).
    pub async fn send(
        &mut self,
        envelope: &Envelope,
        content: impl Into<Content>,
    ) -> Result<Report, SendError> {
        let mut content = prepare(content.into()).await?;
        self.open.send(envelope, &mut content).await.map_err(|failure| failure.error)
    }

    /// NOOP (RFC 5321 §4.1.1.9).
    ///
    /// # Errors
    /// If the connection is lost.
    pub async fn noop(&mut self) -> Result<Reply, SendError> {
        self.open.command(&Command::Noop(None)).await
    }

    /// RSET (RFC 5321 §4.1.1.5).
    ///
    /// # Errors
    /// If the connection is lost.
    pub async fn reset(&mut self) -> Result<Reply, SendError> {
        self.open.command(&Command::Rset).await
    }

    /// Says one line as it is and waits for the reply, to test what a server makes of it: an address that no
    /// [`Envelope`] can hold, a verb of somebody's own.
    ///
    /// A transaction that the line opens is the caller's to end, with [`reset`](Self::reset). A reply that asks for more,
    /// such as 354, is given back and ends the connection.
    ///
    /// # Errors
    /// [`SendError`]; [`ErrorKind::Unsupported`] for a line with CR, LF or NUL, and for greetings, STARTTLS, AUTH, BDAT
    /// and QUIT, which have methods of their own.
    pub async fn line(&mut self, line: &str) -> Result<Reply, SendError> {
        self.open.line(line).await
    }

    /// VRFY (RFC 5321 §4.1.1.6); most servers answer 252.
    ///
    /// # Errors
    /// If the connection is lost, or `name` holds what a command cannot.
    pub async fn vrfy(&mut self, name: &str) -> Result<Reply, SendError> {
        let text = Text::new(name)
            .map_err(|error| SendError::new(ErrorKind::Unsupported, Stage::Command, error.to_string()))?;
        self.open.command(&Command::Vrfy(text)).await
    }

    /// QUIT (RFC 5321 §4.1.1.10) and the end of the connection.
    pub async fn quit(self) {
        let limit = Instant::now() + self.open.settings().timeouts.quit.max(Duration::from_millis(1));
        self.open.quit(limit).await;
    }
}

/// Opens, measures and checks content, on a thread for blocking work if it is a file.
pub(super) async fn prepare(content: Content) -> Result<Prepared, SendError> {
    if content.is_at_hand() {
        return content.prepare();
    }
    let preparing = tokio::task::spawn_blocking(|| content.prepare());
    preparing.await.unwrap_or_else(|error| Err(unreadable(&"the content", &std::io::Error::other(error))))
}
