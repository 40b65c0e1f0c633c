//! The machine: one loop that takes lines and content from the input and puts replies into the output.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;

use bytes::{Buf as _, BytesMut};
use smtpkit_codec::{Command, Encode as _, Line, LineDecoder, LineStep, Reply, limits};
use zeroize::Zeroize as _;

use super::auth_text::AuthText;
use super::config::{Channel, EarlyTalkers, Protocol, ServerConfig};
use super::content::Reception;
use super::event::{Closed, ServerEvent};
use super::owed::Owed;
use super::patience::Patience;
use super::refusals;
use super::state::{Activity, Debt, Phase};
use crate::wire::Tick;

/// Most octets of replies that wait to be written before no further command is looked at.
const OUTPUT_OCTETS_MAX: usize = 16 * 1024;

/// The first octet of a TLS handshake (RFC 8446 §5.1), which begins no command.
const TLS_HANDSHAKE: u8 = 22;

/// A server session (RFC 5321, RFC 2033): the receiving side of one connection.
///
/// ```
/// use std::sync::Arc;
/// use smtpkit_codec::DomainRef;
/// use smtpkit_session::server::{Channel, Server, ServerConfig, ServerEvent};
/// use smtpkit_session::{Iov, Tick, Wire};
///
/// let config = Arc::new(ServerConfig::new(DomainRef::parse("mx.example.test")?));
/// let mut server = Server::new(config, Channel::plaintext(), Tick::ZERO);
/// let ServerEvent::Greeting(owed) = server.poll(Tick::ZERO) else { unreachable!() };
/// server.greet(owed, Ok(()));
/// assert!(matches!(server.poll(Tick::ZERO), ServerEvent::Idle));
///
/// let mut iov = Iov::new();
/// server.transmit(&mut iov);
/// assert_eq!(iov.pieces(), [b"220 mx.example.test ESMTP smtpkit\r\n"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    pub(super) config: Arc<ServerConfig>,
    pub(super) channel: Channel,
    pub(super) phase: Phase,
    pub(super) activity: Activity,
    /// Whether the client said EHLO or LHLO and may use extensions.
    pub(super) is_extended: bool,
    pub(super) is_authenticated: bool,
    pub(super) is_draining: bool,
    pub(super) lines: LineDecoder,
    /// What was received and not yet consumed; without allocation while nothing is.
    pub(super) input: BytesMut,
    /// How much of `input` the driver has filled; the rest is the slot that it reads to.
    pub(super) filled: usize,
    pub(super) has_ended: bool,
    /// Whether the first octet was looked at.
    pub(super) has_spoken: bool,
    /// Whether all that came ends with a bare LF: the client may think that its line is complete.
    pub(super) ends_with_bare_lf: bool,
    pub(super) slot_octets: usize,
    /// Replies, of which the first `written` octets are out.
    pub(super) output: Vec<u8>,
    pub(super) written: usize,
    pub(super) reception: Reception,
    pub(super) counters: Counters,
    pub(super) notes: Notes,
    pub(super) patience: Patience,
}

/// What happened in a session, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Lines that were taken as commands, good or bad.
    pub commands: u32,
    /// Refusals for which the client is to blame, since the last message that was delivered.
    pub errors: u32,
    /// Refusals for which the client is to blame, in the whole session.
    pub errors_total: u32,
    /// Commands that get nobody anywhere, since the last message that was delivered.
    pub idle_commands: u32,
    /// VRFY and EXPN commands.
    pub probes: u32,
    /// The EXPN commands among them.
    pub expansions: u32,
    /// Recipients that were refused.
    pub recipients_refused: u32,
    /// Transactions that were begun.
    pub transactions: u32,
    /// Messages that were accepted.
    pub messages: u32,
    /// Octets of content that were handed out.
    pub content_octets: u64,
    /// Wrong credentials.
    pub auth_failures: u32,
}

/// What a well-behaved client does not do, and spam software does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notes {
    /// It spoke before the greeting (RFC 5321 §3.1).
    pub spoke_before_greeting: bool,
    /// It went on after EHLO, AUTH or DATA without waiting for the reply (RFC 2920 §3.1).
    pub spoke_before_reply: bool,
}

/// What the loop does next.
pub(super) enum Step {
    Event(ServerEvent),
    Again,
    Idle,
}

impl Server {
    /// A session that starts with a greeting.
    pub fn new(config: Arc<ServerConfig>, channel: Channel, now: Tick) -> Self {
        Self::in_phase(Phase::Opening, config, channel, Patience::new(now))
    }

    pub(super) fn in_phase(
        phase: Phase,
        config: Arc<ServerConfig>,
        channel: Channel,
        patience: Patience,
    ) -> Self {
        let lines = LineDecoder::new(limits::AUTH_LINE_OCTETS).with_bare_newline(config.bare_newline);
        Self {
            config,
            channel,
            phase,
            activity: Activity::Commands,
            is_extended: false,
            is_authenticated: false,
            is_draining: false,
            lines,
            input: BytesMut::new(),
            filled: 0,
            has_ended: false,
            has_spoken: false,
            ends_with_bare_lf: false,
            slot_octets: 0,
            output: Vec::new(),
            written: 0,
            reception: Reception::default(),
            counters: Counters::default(),
            notes: Notes::default(),
            patience,
        }
    }

    /// What happened next; [`ServerEvent::Idle`] when the driver has to write, read or wait.
    pub fn poll(&mut self, now: Tick) -> ServerEvent {
        self.input.truncate(self.filled);
        self.patience.resume(now);
        loop {
            match self.step() {
                Step::Event(event) => return event,
                Step::Again => {}
                Step::Idle => {
                    self.patience.wait(now, !self.output.is_empty());
                    return ServerEvent::Idle;
                }
            }
        }
    }

    fn step(&mut self) -> Step {
        if self.patience.is_held() {
            return Step::Idle;
        }
        match self.activity {
            Activity::Commands if self.phase == Phase::Opening => {
                self.activity = Activity::Owing(Debt::Greeting);
                Step::Event(ServerEvent::Greeting(Owed::new()))
            }
            Activity::Commands if self.is_draining && matches!(self.phase, Phase::Fresh | Phase::Ready) => {
                self.end(&refusals::DRAINING, Closed::ByServer);
                Step::Again
            }
            Activity::AuthLine if self.is_draining => {
                self.end(&refusals::DRAINING, Closed::ByServer);
                Step::Again
            }
            Activity::Commands | Activity::AuthLine if self.output.len() < OUTPUT_OCTETS_MAX => {
                self.next_line()
            }
            Activity::Data | Activity::Chunk | Activity::Skipping => self.next_content(),
            Activity::Upgrading if self.output.is_empty() => Step::Event(ServerEvent::Upgrade),
            Activity::Closing(why) if self.output.is_empty() => {
                self.activity = Activity::Closed(why);
                Step::Again
            }
            Activity::Closed(why) => Step::Event(ServerEvent::Closed(why)),
            _ => Step::Idle,
        }
    }

    /// Takes one line from the input.
    fn next_line(&mut self) -> Step {
        if !self.has_spoken && self.begins_with_tls() {
            self.forget_input();
            self.activity = Activity::Closed(Closed::SpokeTls);
            return Step::Again;
        }
        // The buffer steps out of the machine so that a line can be read while the machine changes.
        let mut input = mem::take(&mut self.input);
        let (consumed, step) = match self.lines.decode(&input) {
            LineStep::Line { line, consumed } => {
                self.line_ends();
                let has_more = input.len() > consumed;
                let step = match self.activity {
                    Activity::AuthLine => self.auth_line(line),
                    _ => self.command_line(line, has_more),
                };
                (consumed, step)
            }
            LineStep::Bad { why, consumed, .. } => {
                self.line_ends();
                self.counters.commands = self.counters.commands.saturating_add(1);
                // A bad line inside an AUTH exchange ends the exchange (RFC 4954 §4).
                let was_exchange = mem::replace(&mut self.activity, Activity::Commands) == Activity::AuthLine;
                self.refuse(why.reply());
                (consumed, if was_exchange { Step::Event(ServerEvent::AuthCancelled) } else { Step::Again })
            }
            LineStep::Skip { consumed } => {
                self.ends_with_bare_lf = input.last() == Some(&b'\n');
                (consumed, Step::Again)
            }
            LineStep::NeedMore if self.has_ended => {
                self.activity = Activity::Closing(Closed::ByPeer);
                (input.len(), Step::Again)
            }
            LineStep::NeedMore => (0, Step::Idle),
        };
        if self.holds_secret() {
            input.get_mut(..consumed).unwrap_or_default().zeroize();
        }
        self.put_back(input, consumed);
        step
    }

    /// A line is complete, good or bad.
    const fn line_ends(&mut self) {
        self.ends_with_bare_lf = false;
        self.patience.progressed();
    }

    /// Whether the client begins with a TLS handshake where plaintext is spoken. It waits for the server's part of the
    /// handshake and would never end its line; no reply of SMTP means anything to it.
    fn begins_with_tls(&mut self) -> bool {
        let first = self.input.first();
        self.has_spoken = first.is_some();
        first == Some(&TLS_HANDSHAKE) && !self.channel.is_tls()
    }

    /// Whether the line that was just taken may have held a password.
    const fn holds_secret(&self) -> bool {
        matches!(self.activity, Activity::AuthLine | Activity::Owing(Debt::Auth))
    }

    /// Gives the buffer back to the machine without the octets that were consumed.
    pub(super) fn put_back(&mut self, mut input: BytesMut, consumed: usize) {
        input.advance(consumed);
        self.filled = input.len();
        // An empty buffer is let go when the driver finds nothing to read, see `release_buffer`.
        self.input = input;
    }

    fn command_line(&mut self, line: Line<'_>, has_more: bool) -> Step {
        self.counters.commands = self.counters.commands.saturating_add(1);
        if self.notes.spoke_before_greeting && self.config.early_talkers == EarlyTalkers::Refused {
            self.end(&refusals::EARLY_TALKER, Closed::SpokeEarly);
            return Step::Again;
        }
        match Command::parse(line) {
            Ok(command) if line.as_bytes().len() + 2 > limits::COMMAND_LINE_OCTETS && !is_auth(&command) => {
                self.refuse(smtpkit_codec::BadLine::TooLong.reply());
                Step::Again
            }
            Ok(command) => self.command(command, has_more),
            Err(error) => {
                self.refuse(error.reply());
                Step::Again
            }
        }
    }

    fn auth_line(&mut self, line: Line<'_>) -> Step {
        if line.as_str() == "*" {
            self.activity = Activity::Commands;
            self.refuse(refusals::AUTH_CANCELLED);
            return Step::Event(ServerEvent::AuthCancelled);
        }
        self.activity = Activity::Owing(Debt::Auth);
        Step::Event(ServerEvent::AuthResponse { response: AuthText::new(line.as_str()), owed: Owed::new() })
    }

    /// Queues a reply.
    pub(super) fn say(&mut self, reply: &Reply) {
        reply.encode(&mut self.output);
        if reply.code().get() == 421 {
            self.activity = Activity::Closing(Closed::ByServer);
        }
    }

    /// Queues the refusal of a command and counts it against the client.
    pub(super) fn refuse(&mut self, reply: Reply) {
        self.count_error();
        if self.counters.errors >= self.config.limits.hard_errors {
            self.end(&refusals::TOO_MANY_ERRORS, Closed::TooManyErrors);
        } else {
            self.say(&reply);
        }
    }

    /// Counts an error; the replies wait for a moment once there were many.
    pub(super) fn count_error(&mut self) {
        self.counters.errors = self.counters.errors.saturating_add(1);
        self.counters.errors_total = self.counters.errors_total.saturating_add(1);
        let surplus = self.counters.errors.saturating_sub(self.config.limits.soft_errors);
        if surplus > 0 {
            self.patience.hold(self.config.timeouts.delay_of_error(surplus));
        }
    }

    /// Queues the last reply of the session.
    pub(super) fn end(&mut self, reply: &Reply, why: Closed) {
        self.say(reply);
        self.activity = Activity::Closing(why);
        self.forget_input();
    }

    pub(super) fn forget_input(&mut self) {
        self.input = BytesMut::new();
        self.filled = 0;
    }

    /// Ends the session: the reply, usually a 421, stands in for the one that is owed, if one is, and a token for that
    /// one answers nothing any more. What was queued before is still written.
    pub fn close(&mut self, reply: &Reply) {
        if !matches!(self.activity, Activity::Closing(_) | Activity::Closed(_)) {
            self.end(reply, Closed::ByServer);
        }
    }

    /// Ends the session with 421 as soon as no transaction is in progress (RFC 5321 §3.8).
    pub const fn drain(&mut self) {
        self.is_draining = true;
    }

    /// Whether a mail transaction is in progress.
    pub const fn is_in_transaction(&self) -> bool {
        !matches!(self.phase, Phase::Opening | Phase::Fresh | Phase::Ready)
    }

    /// How many replies the end of the content is owed: one, or with LMTP one per accepted recipient (RFC 2033 §4.2).
    pub fn replies_owed(&self) -> u32 {
        match self.config.protocol {
            Protocol::Smtp => 1,
            Protocol::Lmtp => self.reception.recipients,
        }
    }

    /// What happened so far, in numbers.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What the client did that a well-behaved one does not.
    pub const fn notes(&self) -> Notes {
        self.notes
    }

    /// What all sessions of the listener have in common.
    pub const fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }
}

fn is_auth(command: &Command<'_>) -> bool {
    matches!(command, Command::Auth(_))
}

impl core::fmt::Debug for Server {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Neither input nor output: a password may be in the first.
        f.debug_struct("Server")
            .field("phase", &self.phase)
            .field("activity", &self.activity)
            .finish_non_exhaustive()
    }
}
