//! One connection: from the first octet to the record of its end.
//!
//! While a session is idle its future holds the machine, the peer's facts and nothing else: every command is carried
//! out in a future of its own, which lives no longer than the command or the transaction.

use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use smtpkit_auth::{DynVerifier, InsecureAuth};
use smtpkit_codec::{MechanismName, Reply};
use smtpkit_session::Tick;
use smtpkit_session::server::{
    Channel, Closed, Extensions, Owed, Server as Machine, ServerConfig, ServerEvent, owed_for,
};
use smtpkit_tls::Acceptor;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::builder::{Senders, TlsUse};
use crate::gate::Pass;
use crate::link::Link;
use crate::peer::next_session;
use crate::record::Outcome;
use crate::transport::{Plain, Transport};
use crate::{
    Gate, GrantReason, Handler, Limits, LocalDomains, Network, Peer, Refusal, RelayGrant, Role, Session,
};
use crate::{exchange, proxy, record, refusal};

/// Said when a handler panicked.
const INTERNAL_ERROR: Reply = refusal::reply(421, 3, 0, "internal error, try again");

/// What all connections of a server have in common.
pub(crate) struct Shared<H> {
    pub(crate) handler: H,
    pub(crate) role: Role,
    pub(crate) hostname: Arc<str>,
    /// `None`: every domain is local.
    pub(crate) domains: Option<LocalDomains>,
    pub(crate) tls: Option<Acceptor>,
    pub(crate) tls_use: TlsUse,
    pub(crate) accounts: Option<Arc<dyn DynVerifier>>,
    pub(crate) insecure_auth: InsecureAuth,
    pub(crate) senders: Senders,
    pub(crate) completes_headers: bool,
    pub(crate) trusted: Vec<Network>,
    pub(crate) relays_for_certificates: bool,
    pub(crate) exempt: Vec<Network>,
    /// Proxies: their connections begin with a PROXY header.
    pub(crate) proxies: Vec<Network>,
    /// Who may use XCLIENT, and XFORWARD.
    pub(crate) xclient: Vec<Network>,
    pub(crate) xforward: Vec<Network>,
    pub(crate) gate: Gate,
    pub(crate) limits: Limits,
    pub(crate) greeting_delay: Duration,
    pub(crate) config: Arc<ServerConfig>,
    /// The same with short time-outs, for when nearly all connections are taken.
    pub(crate) pressed: Arc<ServerConfig>,
}

impl<H> Shared<H> {
    pub(crate) fn is_exempt(&self, address: IpAddr) -> bool {
        self.exempt.iter().any(|network| network.contains(address))
    }

    /// Whether clients at `address` may relay without AUTH.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    /// The configuration of the machine for a client at `address`.
    fn config_for(&self, address: Option<IpAddr>) -> Arc<ServerConfig> {
        let config = if self.gate.is_pressed() { &self.pressed } else { &self.config };
        let is_in = |networks: &[Network]| {
            address.is_some_and(|ip| networks.iter().any(|network| network.contains(ip)))
        };
        let offers =
            [(is_in(&self.xclient), Extensions::XCLIENT), (is_in(&self.xforward), Extensions::XFORWARD)];
        let extra = offers.into_iter().filter(|(is_offered, _)| *is_offered);
        let extensions = extra.fold(config.extensions, |set, (_, extension)| set.with(extension));
        if extensions == config.extensions {
            return Arc::clone(config);
        }
        Arc::new(ServerConfig { extensions, ..ServerConfig::clone(config) })
    }

    /// The permission to relay that `peer` has.
    pub(crate) fn grant<'a>(&self, peer: &'a Peer) -> Option<RelayGrant<'a>> {
        let reason = if let Some(identity) = peer.identity() {
            GrantReason::Authenticated(identity)
        } else if peer.is_trusted() {
            GrantReason::TrustedNetwork
        } else if self.relays_for_certificates && has_verified_certificate(peer) {
            GrantReason::ClientCertificate
        } else {
            return None;
        };
        Some(RelayGrant::new(reason))
    }
}

fn has_verified_certificate(peer: &Peer) -> bool {
    peer.tls().is_some_and(|tls| tls.authentication() == smtpkit_tls::Authentication::Verified)
}

/// A connection that was taken.
pub(crate) struct Arrival {
    pub(crate) stream: Plain,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) local_address: Option<SocketAddr>,
}

/// One connection.
pub(crate) struct Connection<H: Handler> {
    pub(crate) shared: Arc<Shared<H>>,
    pub(crate) link: Link,
    pub(crate) peer: Peer,
    /// There is one as soon as the handler took the connection.
    pub(crate) session: Option<H::Session>,
    /// An event that ended something else and has not been dealt with.
    pub(crate) pending: Option<ServerEvent>,
    pub(crate) transactions: u32,
    /// Recipients that do not exist here.
    pub(crate) unknown_recipients: u32,
    /// Whether the handler wanted the client gone without a word.
    has_hung_up: bool,
    /// The place of a client that a proxy named, among those of its address.
    pass: Option<Pass>,
}

/// Serves one connection to its end.
pub(crate) async fn serve<H: Handler>(shared: Arc<Shared<H>>, arrival: Arrival, stop: CancellationToken) {
    let started = Instant::now();
    let mut connection = Connection::new(shared, arrival, started, stop);
    let why = match Box::pin(connection.open()).await {
        Ok(()) => connection.run().await,
        Err(outcome) => outcome,
    };
    Box::pin(connection.close(why, started)).await;
}

impl<H: Handler> Connection<H> {
    fn new(shared: Arc<Shared<H>>, arrival: Arrival, started: Instant, stop: CancellationToken) -> Self {
        let is_trusted = arrival.address.is_some_and(|address| shared.trusts(address.ip()));
        let peer = Peer {
            address: arrival.address,
            local_address: arrival.local_address,
            hostname: Arc::clone(&shared.hostname),
            role: shared.role,
            session: next_session(),
            hello: None,
            tls: None,
            identity: None,
            is_trusted,
            forwarded: Vec::new(),
        };
        let config = shared.config_for(peer.ip());
        let machine = Machine::new(config, plaintext_channel(&shared), Tick::ZERO);
        let link = Link::new(Transport::Plain(arrival.stream), machine, started, stop);
        Self {
            shared,
            link,
            peer,
            session: None,
            pending: None,
            transactions: 0,
            unknown_recipients: 0,
            has_hung_up: false,
            pass: None,
        }
    }

    /// What comes before the first event: a proxy's header, and TLS on a port where it comes first. A client that
    /// speaks plaintext there gets no banner and no reply (RFC 8314 §3).
    async fn open(&mut self) -> Result<(), Outcome> {
        if !self.shared.proxies.is_empty() {
            self.read_proxy_header().await?;
        }
        if self.shared.tls_use == TlsUse::Implicit {
            let config = Arc::clone(self.link.machine().config());
            let channel = self.shake_hands().await?;
            let now = self.link.now();
            *self.link.machine() = Machine::new(config, channel, now);
        }
        Ok(())
    }

    /// Learns from the proxy whom the connection comes from. Nobody else may connect to such a server.
    async fn read_proxy_header(&mut self) -> Result<(), Outcome> {
        let is_proxy =
            self.peer.ip().is_some_and(|ip| self.shared.proxies.iter().any(|network| network.contains(ip)));
        if !is_proxy {
            return Err(Outcome::NoProxy("the client is no proxy".to_owned()));
        }
        let header = timeout(self.shared.limits.proxy_header, proxy::read(self.link.transport_mut())).await;
        let ends = match header {
            Ok(Ok(ends)) => ends,
            Ok(Err(error)) => return Err(Outcome::NoProxy(error.to_string())),
            Err(_) => return Err(Outcome::NoProxy("no PROXY header came in time".to_owned())),
        };
        let Some(ends) = ends else { return Ok(()) };
        self.peer.address = Some(ends.client);
        self.peer.local_address = Some(ends.server);
        let ip = ends.client.ip();
        self.peer.is_trusted = self.shared.trusts(ip);
        if !self.shared.is_exempt(ip) {
            let pass = self.shared.gate.enter_address(ip, Instant::now());
            self.pass = Some(pass.map_err(|full| Outcome::NoProxy(format!("turned away: {full:?}")))?);
        }
        let config = self.shared.config_for(Some(ip));
        *self.link.machine() = Machine::new(config, plaintext_channel(&self.shared), self.link.now());
        Ok(())
    }

    /// Deals with one event after the other until the session is over.
    async fn run(&mut self) -> Outcome {
        loop {
            match self.next().await {
                ServerEvent::Closed(_) if self.has_hung_up => return Outcome::HungUp,
                ServerEvent::Closed(why) => return Outcome::Closed(why),
                event => {
                    let busy = catch_panic(Box::pin(self.handle(event))).await;
                    match busy {
                        Ok(Ok(())) => {}
                        Ok(Err(outcome)) => return outcome,
                        Err(Panicked) => {
                            self.link.machine().close(&INTERNAL_ERROR);
                            self.session = None;
                            while !matches!(self.link.next().await, ServerEvent::Closed(_)) {}
                            return Outcome::Panicked;
                        }
                    }
                }
            }
        }
    }

    /// The next event: one that was put back, or the link's.
    pub(crate) async fn next(&mut self) -> ServerEvent {
        match self.pending.take() {
            Some(event) => event,
            None => self.link.next().await,
        }
    }

    async fn handle(&mut self, event: ServerEvent) -> Result<(), Outcome> {
        match event {
            ServerEvent::Greeting(owed) => self.greet(owed).await,
            ServerEvent::Hello { hello, name, owed } => {
                self.peer.hello = Some((hello, name));
                let verdict = self.ask(async |session, peer| session.hello(peer).await).await;
                self.link.machine().hello(owed, verdict);
            }
            ServerEvent::StartTls(owed) => self.link.machine().start_tls(owed, Ok(())),
            ServerEvent::Upgrade => return self.upgrade().await,
            ServerEvent::Auth { mechanism, initial_response, owed } => {
                exchange::authenticate(self, &mechanism, initial_response, owed).await;
            }
            ServerEvent::Mail { reverse_path, parameters, owed } => {
                self.transact(reverse_path, parameters, owed).await;
            }
            ServerEvent::Xclient { attributes, owed } => self.xclient(&attributes, owed).await,
            ServerEvent::Xforward { attributes, owed } => self.xforward(&attributes, owed),
            event => self.pending = stray(event),
        }
        Ok(())
    }

    async fn greet(&mut self, owed: Owed<owed_for::Greeting>) {
        if !self.shared.greeting_delay.is_zero() {
            self.link.listen_before_greeting(self.shared.greeting_delay).await;
        }
        let mut verdict = self.meet().await;
        if verdict.is_ok() && self.peer.tls.is_some() {
            verdict = self.ask(async |session, peer| session.tls(peer).await).await;
        }
        self.link.machine().greet(owed, verdict);
    }

    /// Asks the handler to take the client.
    pub(crate) async fn meet(&mut self) -> Result<(), Reply> {
        match self.shared.handler.connect(&self.peer).await {
            Ok(session) => {
                self.session = Some(session);
                Ok(())
            }
            Err(refusal) => {
                self.session = None;
                Err(self.told(refusal))
            }
        }
    }

    /// The client's address, if limits per address concern it.
    pub(crate) fn counted_address(&self) -> Option<IpAddr> {
        self.peer.ip().filter(|&ip| !self.shared.is_exempt(ip))
    }

    /// Asks the handler's session; without one, everything is refused.
    pub(crate) async fn ask(
        &mut self,
        question: impl AsyncFnOnce(&mut H::Session, &Peer) -> Result<(), Refusal>,
    ) -> Result<(), Reply> {
        let verdict = match &mut self.session {
            Some(session) => question(session, &self.peer).await,
            None => Err(Refusal::try_later()),
        };
        verdict.map_err(|refusal| self.told(refusal))
    }

    /// What the peer is told of a refusal; its cause goes into the log.
    pub(crate) fn told(&mut self, refusal: Refusal) -> Reply {
        if refusal.hangs_up() {
            self.has_hung_up = true;
            self.link.hang_up();
        }
        let (reply, cause) = refusal.into_parts();
        if let Some(cause) = cause {
            record::failure(&self.peer, &cause);
        }
        reply
    }

    /// STARTTLS was agreed: the machine is consumed, and with it all that was said in plaintext.
    async fn upgrade(&mut self) -> Result<(), Outcome> {
        let config = Arc::clone(self.link.machine().config());
        let now = self.link.now();
        let fresh = Machine::new(config, Channel::plaintext(), now);
        let upgrade = self.link.replace_machine(fresh).into_upgrade().map_err(Outcome::NoUpgrade)?;
        let channel = self.shake_hands().await?;
        let now = self.link.now();
        *self.link.machine() = upgrade.secured(channel, now);
        let verdict = self.ask(async |session, peer| session.tls(peer).await).await;
        if let Err(reply) = verdict {
            self.link.machine().close(&reply);
        }
        Ok(())
    }

    /// The TLS handshake. What the peer said before is forgotten.
    async fn shake_hands(&mut self) -> Result<Channel, Outcome> {
        let (Transport::Plain(stream), Some(acceptor)) =
            (self.link.take_transport(), self.shared.tls.clone())
        else {
            return Err(Outcome::Closed(Closed::ByServer));
        };
        let stream =
            acceptor.accept(stream, self.shared.limits.tls_handshake).await.map_err(Outcome::NoHandshake)?;
        self.peer.hello = None;
        self.peer.identity = None;
        self.peer.tls = Some(Box::new(stream.info()));
        self.link.set_transport(Transport::Tls(Box::new(stream)));
        let mechanisms = exchange::offered(self);
        let names = mechanisms.iter().filter_map(|mechanism| MechanismName::new(mechanism.as_str()).ok());
        Ok(Channel::tls().with_mechanisms(names))
    }

    async fn close(mut self, outcome: Outcome, started: Instant) {
        if let Some(session) = &mut self.session {
            let farewell = Box::pin(session.closed(&self.peer));
            if catch_panic(farewell).await.is_err() {
                record::panicked(&self.peer);
            }
        }
        record::session(&mut self, &outcome, started.elapsed());
        if let Outcome::Closed(why) = outcome {
            self.link.finish(why).await;
        }
    }
}

/// An event that cannot be dealt with outside a transaction. The machine gives none, but the session must not hang
/// if it does: what ends it is kept, the rest is over with its token.
fn stray(event: ServerEvent) -> Option<ServerEvent> {
    matches!(event, ServerEvent::Closed(_)).then_some(event)
}

fn plaintext_channel<H>(shared: &Shared<H>) -> Channel {
    let Some(accounts) = &shared.accounts else { return Channel::plaintext() };
    let mechanisms =
        smtpkit_auth::offer(&**accounts, &smtpkit_auth::Channel::Plaintext, shared.insecure_auth);
    let names = mechanisms.iter().filter_map(|mechanism| MechanismName::new(mechanism.as_str()).ok());
    Channel::plaintext().with_mechanisms(names)
}

/// A handler panicked.
pub(crate) struct Panicked;

/// Runs `future` to its end or to its panic: a handler that panics takes its own connection down and no other.
async fn catch_panic<F: Future>(mut future: Pin<Box<F>>) -> Result<F::Output, Panicked> {
    poll_fn(|cx| {
        // The future is never polled again after a panic, so nobody sees what it left half done.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Body, Decision, Grant, Recipient, Transaction, each};

    struct Nothing;

    impl Session for Nothing {
        async fn rcpt<'a>(&mut self, _: &Peer, _: &Transaction, _: &Recipient, _: Grant<'a>) -> Decision<'a> {
            Err(Refusal::no_such_user())
        }

        async fn message(&mut self, _: &Peer, _: &Transaction, _: &mut Body<'_>) -> Result<Reply, Refusal> {
            Err(Refusal::try_later())
        }
    }

    fn size_of_connection<H: Handler>(_: &H) -> usize {
        size_of::<Connection<H>>()
    }

    fn size_of_future<H: Handler, F>(
        _: impl FnOnce(Arc<Shared<H>>, Arrival, CancellationToken) -> F,
        _: &H,
    ) -> usize {
        size_of::<F>()
    }

    #[test]
    fn an_idle_connection_is_small() {
        let handler = each(|_| Nothing);
        let connection = size_of_connection(&handler);
        let future = size_of_future(serve, &handler);
        assert!(connection <= 1200, "{connection}");
        assert!(future <= connection + 400, "{future}, of which the connection is {connection}");
    }
}
