//! One open session over blocking sockets: how it comes to be, what is sent over it, how it ends.

use super::connect::connect;
use super::link::Link;
use super::pool::Lease;
use super::stream::{Stream, Transport};
use super::wait::wait;
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
use std::time::Instant;
use tracing::Span;

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
    /// Connects, and lets go without a word.
    pub(super) fn touch(settings: &Settings, limit: Option<Instant>) -> Result<Session, SendError> {
        let (transport, facts) = reach(settings, limit)?;
        drop(transport);
        if let Some(observer) = &settings.observer {
            observer.record(&Entry::Closed);
        }
        Ok(Session::new(facts))
    }

    /// Connects, starts TLS and authenticates as the settings say; with a token that the server refuses, once more with
    /// another.
    pub(super) fn start(settings: &Arc<Settings>, limit: Option<Instant>) -> Result<Self, SendError> {
        let Some(tokens) = &settings.tokens else {
            return Self::start_as(settings, limit, settings.credentials.clone());
        };
        match Self::start_as(settings, limit, Some(wait(tokens.credentials())?)) {
            Err(error) if tokens.forget_refused(&error) => {
                let Some(another) = wait(tokens.others())? else { return Err(error) };
                let outcome = Self::start_as(settings, limit, Some(another));
                outcome.inspect_err(|error| {
                    tokens.forget_refused(error);
                })
            }
            outcome => outcome,
        }
    }

    fn start_as(
        settings: &Arc<Settings>,
        limit: Option<Instant>,
        credentials: Option<Credentials>,
    ) -> Result<Self, SendError> {
        let policy = settings.url.tls();
        match Self::attempt(settings, limit, policy, credentials.clone()) {
            // Opportunistic TLS that fails in the handshake: plaintext, on a connection of its own.
            Err((_, Some(fault))) if policy.survives(&fault) => {
                let outcome = Self::attempt(settings, limit, tls::Policy::Off, credentials);
                outcome.map_err(|(error, _)| error)
            }
            outcome => outcome.map_err(|(error, _)| error),
        }
    }

    fn attempt(
        settings: &Arc<Settings>,
        limit: Option<Instant>,
        policy: tls::Policy,
        credentials: Option<Credentials>,
    ) -> Result<Self, AttemptError> {
        let span = spans::connection(settings);
        let outcome = span.in_scope(|| {
            let (transport, facts) = reach(settings, limit).map_err(|error| (error, None))?;
            let config = machine_config(settings, &facts.hello_name, policy);
            let opening = Opening::new(settings, credentials, policy, facts);
            Self::establish(settings, transport, opening, config, limit, span.clone())
        });
        spans::opened(&span, outcome.as_ref().map(Self::session).map_err(|(error, _)| error));
        outcome
    }

    fn establish(
        settings: &Arc<Settings>,
        transport: Transport,
        mut opening: Opening<'_>,
        config: ClientConfig,
        limit: Option<Instant>,
        span: Span,
    ) -> Result<Self, AttemptError> {
        let mut link = if opening.is_implicit() {
            let stream = handshake(settings, transport, &mut opening)?;
            Link::new(stream, config, settings.observer.clone())
        } else {
            Link::new(Stream::Plain(transport), config, settings.observer.clone())
        };
        link.set_limit(limit);
        loop {
            let now = link.now();
            match opening.step(&mut link.machine, now) {
                Ok(OpeningNeed::Transfer) => link.transfer(),
                Ok(OpeningNeed::Handshake) => link = Self::upgrade(settings, link, &mut opening)?,
                Ok(OpeningNeed::Done) => break,
                Err(error) => {
                    return Err((with_io_error(error, &mut link).with_session(&opening.session()), None));
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
    fn upgrade(
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
        let stream = handshake(settings, transport, opening)?;
        let mut link = Link::with_machine(stream, upgrade.into_client(Tick::ZERO), observer);
        link.set_limit(limit);
        Ok(link)
    }

    pub(super) const fn session(&self) -> &Session {
        &self.session
    }

    /// Whether it may be used again: at a message boundary, with nothing owed and nothing heard.
    pub(super) fn is_usable(&self) -> bool {
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

    /// Sends one message.
    pub(super) fn send(&mut self, envelope: &Envelope, content: &mut Prepared) -> Result<Report, Failure> {
        look(&self.link, content).map_err(|error| error.with_session(&self.session))?;
        let mut sending = Sending::new(&self.settings, &self.session);
        let plan = sending.plan(&self.link.machine, content)?;
        let now = self.link.now();
        sending.start(&mut self.link.machine, envelope, &plan, now)?;
        let outcome = loop {
            let now = self.link.now();
            match sending.step(&mut self.link.machine, now) {
                SendingNeed::Transfer => self.link.transfer(),
                SendingNeed::Content => lend(&mut self.link, content)?,
                SendingNeed::Finished(outcome) => break outcome.map_err(Failure::from),
                SendingNeed::Lost(lost) => break Err(first(lost, &mut self.link)),
            }
        };
        self.messages += 1;
        outcome
    }

    /// Gives one command and waits for its reply.
    pub(super) fn command(&mut self, command: &Command<'_>) -> Result<Reply, SendError> {
        let now = self.link.now();
        let outcome = match command {
            Command::Quit => self.link.machine.quit(now),
            other => self.link.machine.command(other, now),
        };
        outcome.map_err(|error| SendError::new(ErrorKind::Protocol, Stage::Command, error.to_string()))?;
        self.answer()
    }

    /// Says one line of the caller's own.
    fn line(&mut self, line: &str) -> Result<Reply, SendError> {
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
        self.answer()
    }

    /// The reply to the one command under way.
    fn answer(&mut self) -> Result<Reply, SendError> {
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
                    let error = with_io_error(closed_error(&closed, None), &mut self.link);
                    return Err(error.with_session(&self.session));
                }
                _ => self.link.transfer(),
            }
        }
    }

    /// QUIT, in no more than the time for it, and the end of the stream.
    pub(super) fn quit(mut self) {
        if self.link.is_quiet() {
            self.link.set_limit(Some(Instant::now() + self.settings.timeouts.quit));
            // The answer to QUIT changes nothing.
            let _ = self.command(&Command::Quit);
        }
        self.link.close();
        if let Some(observer) = &self.settings.observer {
            observer.record(&Entry::Closed);
        }
    }
}

/// Connects, and begins the facts of a session.
fn reach(settings: &Settings, limit: Option<Instant>) -> Result<(Transport, Facts), SendError> {
    let start = Instant::now();
    let (transport, peer) = connect(settings, limit)?;
    if let Some(observer) = &settings.observer {
        observer.record(&Entry::Connected { peer: &peer });
    }
    let name = settings.hello_name.clone().unwrap_or_else(|| hello_name(transport.local_address()));
    let mut facts = Facts { peer, hello_name: name, ..Facts::default() };
    facts.timings.connect = start.elapsed();
    Ok((transport, facts))
}

/// Reads of a stream what has to be known before its transaction begins.
fn look(link: &Link, content: &mut Prepared) -> Result<(), SendError> {
    while content.wants_look(link.machine.ehlo()) {
        let piece = next_piece(content)?;
        content.look(&piece)?;
    }
    Ok(())
}

/// Lends the next piece of content.
fn lend(link: &mut Link, content: &mut Prepared) -> Result<(), SendError> {
    if let Some(clean) = content.whole() {
        let now = link.now();
        return link.machine.last_clean_body(clean, now).map_err(|error| out_of_order(&error));
    }
    let piece = match content.take_ahead() {
        Some(ahead) => ahead,
        None => next_piece(content)?,
    };
    content.admit(&piece)?;
    let now = link.now();
    let lent = if piece.is_last {
        link.machine.last_body(piece.octets, now)
    } else {
        link.machine.body(piece.octets, now)
    };
    lent.map_err(|error| out_of_order(&error))
}

fn out_of_order(error: &OrderError) -> SendError {
    SendError::new(ErrorKind::Protocol, Stage::Content, error.to_string())
}

fn next_piece(content: &mut Prepared) -> Result<Piece, SendError> {
    content.feed.next_blocking().map_err(|error| unreadable(&"the content", &error))
}

fn first(lost: Vec<Lost>, link: &mut Link) -> Failure {
    match lost.into_iter().next() {
        Some(Lost { error, is_untouched }) => Failure { error: with_io_error(error, link), is_untouched },
        None => SendError::new(ErrorKind::Closed, Stage::Command, "the connection was lost").into(),
    }
}

fn with_io_error(error: SendError, link: &mut Link) -> SendError {
    match link.take_io_error() {
        Some(cause) => broken_stream(error, cause),
        None => error,
    }
}

/// The handshake and what it has agreed on.
fn handshake(
    settings: &Settings,
    transport: Transport,
    opening: &mut Opening<'_>,
) -> Result<Stream, AttemptError> {
    let Some((connector, name)) = &settings.tls else { return Err(opening.handshake_error(None)) };
    let stream = connector
        .connect_blocking(transport, name.clone(), settings.tls_timeout)
        .map_err(|fault| opening.handshake_error(Some(fault)))?;
    let mut bindings = ChannelBindings::default();
    if let Some(exporter) = stream.channel_binding(tls::ChannelBindingKind::TlsExporter) {
        bindings = bindings.with_tls_exporter(exporter.data().to_vec());
    }
    if let Some(end_point) = stream.channel_binding(tls::ChannelBindingKind::TlsServerEndPoint) {
        bindings = bindings.with_tls_server_end_point(end_point.data().to_vec());
    }
    opening.upgraded(stream.info(), bindings);
    Ok(Stream::Tls(Box::new(stream)))
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
    pub fn send(&mut self, envelope: &Envelope, content: impl Into<Content>) -> Result<Report, SendError> {
        let mut content = content.into().prepare()?;
        self.open.send(envelope, &mut content).map_err(|failure| failure.error)
    }

    /// NOOP (RFC 5321 §4.1.1.9).
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn noop(&mut self) -> Result<Reply, SendError> {
        self.open.command(&Command::Noop(None))
    }

    /// RSET (RFC 5321 §4.1.1.5).
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn reset(&mut self) -> Result<Reply, SendError> {
        self.open.command(&Command::Rset)
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
    pub fn line(&mut self, line: &str) -> Result<Reply, SendError> {
        self.open.line(line)
    }

    /// VRFY (RFC 5321 §4.1.1.6); most servers answer 252.
    ///
    /// # Errors
    /// If the connection is lost, or `name` holds what a command cannot.
    pub fn vrfy(&mut self, name: &str) -> Result<Reply, SendError> {
        let text = Text::new(name)
            .map_err(|error| SendError::new(ErrorKind::Unsupported, Stage::Command, error.to_string()))?;
        self.open.command(&Command::Vrfy(text))
    }

    /// QUIT (RFC 5321 §4.1.1.10) and the end of the connection.
    pub fn quit(self) {
        self.open.quit();
    }
}
