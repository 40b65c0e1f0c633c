//! The client machine: the orders that a driver gives it, and the octets that it moves.
//!
//! What a reply does is in `replies.rs`, what each state takes is the table in `awaited.rs`.

use super::config::ClientConfig;
use super::content::{Lent, Part, Progress};
use super::event::{ClientEvent, Ending, Ticket};
use super::flight::{Asked, Note};
use super::inbox::Inbox;
use super::order::OrderError;
use super::state::{Core, Notice, Phase};
use super::transaction::Plan;
use super::upgrade::{ClientUpgrade, Fatal};
use crate::wire::{Iov, Tick, Wire};
use smtpkit_codec::{
    Auth, Clean, Command, EhloReply, Envelope, InitialResponse, Line, MechanismName, ReplyStep,
};

/// The sending side of one SMTP or LMTP connection (RFC 5321 §3, RFC 2033), without I/O.
///
/// `B` is the type of lent content: `&[u8]`, `Bytes`, `Vec<u8>`. Octets and time come and go through
/// [`Wire`]; [`poll`](Self::poll) tells what happened.
///
/// ```
/// use smtpkit_codec::ClientName;
/// use smtpkit_session::client::{Answered, Client, ClientConfig, ClientEvent, Protocol};
/// use smtpkit_session::{Iov, Tick, Wire};
///
/// let config = ClientConfig::new(Protocol::Smtp, ClientName::new("client.example.test")?);
/// let mut client: Client<&[u8]> = Client::new(config, Tick::ZERO);
///
/// let greeting = b"220 mx.example.test\r\n";
/// client.recv_slot()[..greeting.len()].copy_from_slice(greeting);
/// client.received(greeting.len(), Tick::ZERO);
/// assert!(matches!(client.poll(), ClientEvent::Reply { to: Answered::Greeting, .. }));
///
/// let mut iov = Iov::new();
/// client.transmit(&mut iov);
/// assert_eq!(iov.pieces(), [b"EHLO client.example.test\r\n"]);
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
pub struct Client<B> {
    inbox: Inbox,
    pub(super) core: Core<B>,
}

impl<B: AsRef<[u8]>> Client<B> {
    /// A machine for a fresh connection, plaintext or under implicit TLS by `config`'s leave; it awaits the greeting.
    pub fn new(config: ClientConfig, now: Tick) -> Self {
        let mut core = Core::new(config, now);
        core.flights.plan_greeting();
        core.release();
        Self { inbox: Inbox::new(), core }
    }

    /// The same under TLS from the first octet (RFC 8314 §3).
    pub fn encrypted(config: ClientConfig, now: Tick) -> Self {
        let mut client = Self::new(config, now);
        client.core.encrypted = true;
        client
    }

    /// A machine after a STARTTLS handshake: it says EHLO at once (RFC 3207 §4.2).
    pub(super) fn upgraded(config: ClientConfig, now: Tick) -> Self {
        let mut core = Core::new(config, now);
        core.encrypted = true;
        core.say_hello();
        Self { inbox: Inbox::new(), core }
    }

    /// What happened, one thing for each call. After [`ClientEvent::Idle`] octets have to be moved first.
    pub fn poll(&mut self) -> ClientEvent<'_> {
        self.inbox.discard_shown();
        if let Some(notice) = self.core.notices.pop_front() {
            return match notice {
                Notice::Upgrade => ClientEvent::Upgrade,
                Notice::Content(ticket) => ClientEvent::Content(ticket),
                Notice::Finished(ticket) => ClientEvent::Finished(ticket),
            };
        }
        if let Some(closed) = self.core.closed {
            return ClientEvent::Closed(closed);
        }
        if self.core.phase == Phase::Upgrading {
            return ClientEvent::Idle;
        }
        let has_ended = self.inbox.has_ended();
        match self.inbox.decode() {
            ReplyStep::Reply { reply, .. } => ClientEvent::Reply { to: self.core.on_reply(reply), reply },
            ReplyStep::NeedMore if has_ended => ClientEvent::Closed(self.core.close(Ending::EndOfStream)),
            ReplyStep::NeedMore => ClientEvent::Idle,
            ReplyStep::Bad { why, .. } => ClientEvent::Closed(self.core.close(Ending::Garbled(why))),
        }
    }

    /// Whether an order can be given: no reply, answer or content is owed by either side. A connection may be kept
    /// for later only while this holds.
    pub fn is_ready(&self) -> bool {
        self.core.is_ready() && !self.inbox.has_leftover() && !self.inbox.has_ended()
    }

    /// How many more transactions the peer takes in this session (RFC 9422 §4.1); `None` if it names no limit. After the
    /// last one the session is of no more use.
    pub fn transactions_left(&self) -> Option<u64> {
        self.core.transactions_left()
    }

    /// Whether the next [`transaction`](Self::transaction) can be given while the content of the last one is on its
    /// way, so that both share one flight (RFC 2920 §3.1).
    pub fn can_chain(&self) -> bool {
        self.core.can_chain()
    }

    /// Whether TLS protects what is said.
    pub const fn is_encrypted(&self) -> bool {
        self.core.encrypted
    }

    /// What the peer offered in its reply to EHLO or LHLO; `None` before it, and after HELO.
    pub const fn ehlo(&self) -> Option<&EhloReply> {
        self.core.ehlo.as_ref()
    }

    /// Asks for TLS (RFC 3207 §4).
    ///
    /// # Errors
    /// Not ready, TLS is on already, or not offered.
    pub fn start_tls(&mut self, now: Tick) -> Result<(), OrderError> {
        self.core.take_order(now)?;
        if self.core.encrypted || !self.core.offers.starttls {
            return Err(OrderError::StartTls);
        }
        self.core.say(&Command::StartTls, Asked::StartTls);
        Ok(())
    }

    /// Gives the connection away for the handshake. Nothing of the machine is left: what the peer said in plaintext
    /// is forgotten, and an octet that it sent after its reply is an attack (RFC 3207 §5, CVE-2011-0411).
    ///
    /// # Errors
    /// [`Fatal`] if [`ClientEvent::Upgrade`] was not told, or plaintext is left. The connection has to be dropped.
    pub fn into_upgrade(mut self) -> Result<ClientUpgrade, Fatal> {
        self.inbox.discard_shown();
        if self.core.phase != Phase::Upgrading {
            return Err(Fatal::NotAgreed);
        }
        if self.inbox.has_leftover() {
            return Err(Fatal::InjectedPlaintext);
        }
        Ok(ClientUpgrade::new(self.core.config))
    }

    /// Starts an authentication exchange (RFC 4954 §4). The text of the initial response is wiped when it is out.
    ///
    /// # Errors
    /// Not ready, or the configuration refuses plaintext.
    pub fn auth(
        &mut self,
        mechanism: MechanismName<'_>,
        initial_response: InitialResponse<'_>,
        now: Tick,
    ) -> Result<(), OrderError> {
        self.core.take_order(now)?;
        self.core.refuse_plaintext()?;
        self.core.flights.plan_auth(&Command::Auth(Auth { mechanism, initial_response }));
        self.core.release();
        Ok(())
    }

    /// Answers a challenge with base64 text; wiped when it is out.
    ///
    /// # Errors
    /// No challenge is open, or the text is not base64.
    pub fn respond(&mut self, base64: &[u8], now: Tick) -> Result<(), OrderError> {
        if !base64.iter().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'=')) {
            return Err(OrderError::NotBase64);
        }
        self.core.answer_challenge(base64, now)
    }

    /// Gives the exchange up: `*` (RFC 4954 §4). The peer answers 501.
    ///
    /// # Errors
    /// No challenge is open.
    pub fn cancel(&mut self, now: Tick) -> Result<(), OrderError> {
        self.core.answer_challenge(b"*", now)
    }

    /// Starts a mail transaction: MAIL, RCPT and DATA go out in as few flights as the peer and the plan allow.
    ///
    /// # Errors
    /// Not ready (and [`can_chain`](Self::can_chain) does not hold), refused in plaintext, or the peer lacks what the
    /// envelope or the plan needs.
    pub fn transaction(&mut self, envelope: &Envelope, plan: &Plan, now: Tick) -> Result<Ticket, OrderError> {
        if self.core.can_chain() {
            self.core.clock.advance(now);
        } else {
            self.core.take_order(now)?;
        }
        self.core.refuse_plaintext()?;
        self.core.begin(envelope, plan)
    }

    /// Lends a piece of the content that [`ClientEvent::Content`] asked for; more follows.
    ///
    /// # Errors
    /// No content is asked for.
    pub fn body(&mut self, piece: B, now: Tick) -> Result<(), OrderError> {
        self.core.lend(Lent::Any(piece), Part::More, now)
    }

    /// Lends the last piece of the content, which may be empty.
    ///
    /// # Errors
    /// No content is asked for.
    pub fn last_body(&mut self, piece: B, now: Tick) -> Result<(), OrderError> {
        self.core.lend(Lent::Any(piece), Part::Last, now)
    }

    /// The same with content that was checked when it was made, and is not checked again.
    ///
    /// # Errors
    /// No content is asked for.
    pub fn last_clean_body(&mut self, piece: Clean<B>, now: Tick) -> Result<(), OrderError> {
        self.core.lend(Lent::Clean(piece), Part::Last, now)
    }

    /// Whether a piece of content is asked for.
    pub fn wants_body(&self) -> bool {
        self.core.content.progress() == Progress::Wanted
            && self.core.closed.is_none()
            && !self.core.holds_content()
    }

    /// Whether [`Wire::transmit`] has anything to lend.
    pub fn has_output(&self) -> bool {
        self.core.closed.is_none()
            && (self.core.content.has_output() || !self.core.flights.unwritten().is_empty())
    }

    /// Gives a command that changes no state but RSET's: NOOP, RSET, VRFY, EXPN, HELP and the like.
    ///
    /// # Errors
    /// Not ready, or a command that has a method of its own.
    pub fn command(&mut self, command: &Command<'_>, now: Tick) -> Result<(), OrderError> {
        if !matches!(
            command,
            Command::Noop(_) | Command::Rset | Command::Vrfy(_) | Command::Expn(_) | Command::Help(_)
        ) {
            return Err(OrderError::Command);
        }
        self.core.take_order(now)?;
        self.core.say(command, Asked::Command);
        Ok(())
    }

    /// Says a line as it is, for those who test what a server makes of it: an address that no [`Command`] can hold, a
    /// verb of somebody's own.
    ///
    /// The machine knows nothing of what the line brings about. A transaction that it opens is the caller's to end, with
    /// RSET; a reply that asks for more, such as 354, ends the connection.
    ///
    /// ```
    /// use smtpkit_codec::{ClientName, Line};
    /// use smtpkit_session::client::{Client, ClientConfig, OrderError, Protocol};
    /// use smtpkit_session::Tick;
    ///
    /// let config = ClientConfig::new(Protocol::Smtp, ClientName::new("client.example.test")?);
    /// let mut client: Client<Vec<u8>> = Client::new(config, Tick::ZERO);
    /// let line = Line::new("STARTTLS").unwrap();
    /// assert_eq!(client.line(line, Tick::ZERO), Err(OrderError::Command), "it has an order of its own");
    /// # Ok::<(), smtpkit_codec::SyntaxError>(())
    /// ```
    ///
    /// # Errors
    /// Not ready, refused in plaintext, or a verb that the machine itself has to know about: a greeting, STARTTLS, AUTH,
    /// BDAT or QUIT.
    pub fn line(&mut self, line: Line<'_>, now: Tick) -> Result<(), OrderError> {
        let verb = line.as_str().split([' ', '\t']).next().unwrap_or_default();
        let is_ours = ["HELO", "EHLO", "LHLO", "STARTTLS", "AUTH", "BDAT", "QUIT"];
        if is_ours.iter().any(|ours| verb.eq_ignore_ascii_case(ours)) {
            return Err(OrderError::Command);
        }
        self.core.refuse_plaintext()?;
        self.core.take_order(now)?;
        self.core.say_line(line);
        Ok(())
    }

    /// Ends the session politely (RFC 5321 §4.1.1.10).
    ///
    /// # Errors
    /// Not ready.
    pub fn quit(&mut self, now: Tick) -> Result<(), OrderError> {
        self.core.take_order(now)?;
        self.core.say(&Command::Quit, Asked::Quit);
        Ok(())
    }

    /// Ends the connection as timed out: the caller's own patience is at its end. The next poll says what is known of
    /// the message under way.
    pub fn give_up(&mut self) {
        self.core.close(Ending::TimedOut);
    }

    /// Shows each command that is about to be written and has not been shown; secrets are not in it. To be called
    /// before [`Wire::transmit`] by drivers that keep a transcript.
    pub fn note(&mut self, show: impl FnMut(Note<'_>)) {
        self.core.flights.note(show);
    }

    /// The octets of the content under way that were written, dot-stuffing included.
    pub const fn content_octets(&self) -> u64 {
        self.core.content.octets()
    }
}

impl<B: AsRef<[u8]>> Wire for Client<B> {
    fn recv_slot(&mut self) -> &mut [u8] {
        match self.core.phase {
            Phase::Over | Phase::Upgrading => &mut [],
            _ => {
                self.inbox.discard_shown();
                self.inbox.slot()
            }
        }
    }

    fn received(&mut self, n: usize, now: Tick) {
        self.core.clock.advance(now);
        self.inbox.filled(n);
    }

    fn transmit<'s>(&'s self, iov: &mut Iov<'s>) {
        if self.core.closed.is_none() && self.core.content.transmit(iov) {
            // A list that is full keeps the rest for the next write.
            let _ = iov.push(self.core.flights.unwritten());
        }
    }

    fn sent(&mut self, n: usize, now: Tick) {
        let core = &mut self.core;
        core.clock.advance(now);
        core.clock.progress();
        let was_writing = matches!(core.content.progress(), Progress::Writing(_));
        let text = match core.content.sent(n) {
            Ok(text) => text,
            Err(unclean) => {
                core.close(Ending::Unclean(unclean));
                return;
            }
        };
        core.flights.wrote(text);
        if was_writing && !matches!(core.content.progress(), Progress::Writing(_)) {
            core.clock.piece_written();
            if core.content.is_answerable() {
                core.flights.content_written();
            }
            core.ask_for_content();
        }
    }

    fn deadline(&self) -> Option<Tick> {
        self.core.deadline()
    }

    fn expired(&mut self, now: Tick) {
        self.core.clock.advance(now);
        if self.core.deadline().is_some_and(|deadline| deadline <= now) {
            self.core.close(Ending::TimedOut);
        }
    }
}
