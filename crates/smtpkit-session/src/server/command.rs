//! What each command does before, and often instead of, asking the caller.

use alloc::boxed::Box;
use alloc::string::String;

use smtpkit_codec::{Auth, Command, InitialResponse as CodecInitialResponse, Mail, Rcpt, Reply};

use super::auth_text::AuthText;
use super::config::{Authentication, Protocol, TlsRule};
use super::event::{Closed, Hello, InitialResponse, ServerEvent};
use super::extensions::Extensions;
use super::machine::{Server, Step};
use super::owed::Owed;
use super::refusals;
use super::state::{Activity, Debt, Kind, Phase, permit};

impl Server {
    /// Carries out a command; `has_more` says that the client went on without waiting for the reply.
    pub(super) fn command(&mut self, command: Command<'_>, has_more: bool) -> Step {
        if has_more && waits_for_reply(&command) {
            self.notes.spoke_before_reply = true;
        }
        match command {
            Command::Helo(name) => self.on_hello(Hello::Helo, name.as_str()),
            Command::Ehlo(name) => self.on_hello(Hello::Ehlo, name.as_str()),
            Command::Lhlo(name) => self.on_hello(Hello::Lhlo, name.as_str()),
            Command::Bdat(bdat) => {
                let refusal = self.permit_bdat().err();
                self.bdat(bdat, refusal)
            }
            Command::Mail(mail) => self.owe_or_refuse(|server| server.on_mail(&mail)),
            Command::Rcpt(rcpt) => self.owe_or_refuse(|server| server.on_rcpt(&rcpt)),
            Command::Data => self.owe_or_refuse(Self::on_data),
            Command::Auth(auth) => self.owe_or_refuse(|server| server.on_auth(&auth)),
            Command::StartTls => self.on_start_tls(has_more),
            Command::Rset => self.on_rset(),
            Command::Quit => {
                self.end(&refusals::BYE, Closed::Quit);
                Step::Again
            }
            Command::Noop(_) => self.idle_command(&refusals::OK),
            Command::Help(_) => self.idle_command(&refusals::HELP),
            Command::Vrfy(_) => {
                self.counters.probes = self.counters.probes.saturating_add(1);
                self.idle_command(&refusals::VRFY)
            }
            Command::Expn(_) => {
                self.counters.probes = self.counters.probes.saturating_add(1);
                self.counters.expansions = self.counters.expansions.saturating_add(1);
                self.refuse(refusals::NOT_IMPLEMENTED);
                Step::Again
            }
            Command::Unknown(_) => {
                self.refuse(refusals::UNKNOWN_COMMAND);
                Step::Again
            }
            other => self.owe_or_refuse(|server| server.on_proxy(&other)),
        }
    }

    /// Lets the caller decide, or refuses and counts it.
    fn owe_or_refuse(&mut self, decide: impl FnOnce(&mut Self) -> Result<ServerEvent, Reply>) -> Step {
        match decide(self) {
            Ok(event) => Step::Event(event),
            Err(reply) => {
                self.refuse(reply);
                Step::Again
            }
        }
    }

    /// A command that is fine in itself but gets nobody anywhere.
    fn idle_command(&mut self, reply: &Reply) -> Step {
        if let Err(refusal) = self.require_tls() {
            self.refuse(refusal);
            return Step::Again;
        }
        self.count_idle_command();
        if self.counters.errors >= self.config.limits.hard_errors {
            self.end(&refusals::TOO_MANY_ERRORS, Closed::TooManyErrors);
        } else {
            self.say(reply);
        }
        Step::Again
    }

    fn count_idle_command(&mut self) {
        self.counters.idle_commands = self.counters.idle_commands.saturating_add(1);
        if self.counters.idle_commands > self.config.limits.idle_commands_max {
            self.count_error();
        }
    }

    /// RFC 3207 §4: with TLS required, nothing but NOOP, EHLO, STARTTLS and QUIT may come before it. NOOP is counted
    /// among what may wait here, because it too would keep a plaintext session alive.
    fn require_tls(&self) -> Result<(), Reply> {
        let is_exempt = self.config.tls != TlsRule::Required || self.channel.is_tls();
        if is_exempt { Ok(()) } else { Err(refusals::TLS_FIRST) }
    }

    /// EHLO, HELO and LHLO clear everything (RFC 5321 §4.1.4).
    fn on_hello(&mut self, hello: Hello, name: &str) -> Step {
        let refusal = match (self.config.protocol, hello) {
            (Protocol::Lmtp, Hello::Ehlo | Hello::Helo) => Some(refusals::LHLO_HERE),
            (Protocol::Smtp, Hello::Lhlo) => Some(refusals::LHLO_THERE),
            _ => None,
        };
        if let Some(reply) = refusal {
            self.refuse(reply);
            return Step::Again;
        }
        self.count_idle_command();
        self.reset_transaction();
        self.is_extended = hello != Hello::Helo;
        self.activity = Activity::Owing(Debt::Hello);
        Step::Event(ServerEvent::Hello { hello, name: Box::from(name), owed: Owed::new() })
    }

    fn on_start_tls(&mut self, has_more: bool) -> Step {
        let refusal = match permit(self.phase, Kind::StartTls) {
            _ if self.channel.is_tls() => Some(refusals::TLS_ACTIVE),
            _ if self.config.tls == TlsRule::Unavailable => Some(refusals::TLS_UNAVAILABLE),
            Err(reply) => Some(reply),
            Ok(()) => None,
        };
        if let Some(reply) = refusal {
            self.refuse(reply);
            return Step::Again;
        }
        if has_more {
            // Somebody put commands behind STARTTLS that a careless server would carry out inside TLS.
            self.end(&refusals::TLS_PLAINTEXT, Closed::PlaintextAfterStartTls);
            return Step::Again;
        }
        self.activity = Activity::Owing(Debt::StartTls);
        Step::Event(ServerEvent::StartTls(Owed::new()))
    }

    fn on_auth(&mut self, auth: &Auth<'_>) -> Result<ServerEvent, Reply> {
        if self.config.authentication == Authentication::Unavailable {
            return Err(refusals::AUTH_UNAVAILABLE);
        }
        if self.is_authenticated {
            return Err(refusals::AUTH_AGAIN);
        }
        self.require_tls()?;
        permit(self.phase, Kind::Auth)?;
        if !self.is_extended {
            return Err(refusals::HELLO_FIRST);
        }
        if self.channel.mechanisms().is_empty() {
            let is_plaintext = !self.channel.is_tls();
            return Err(if is_plaintext { refusals::AUTH_ENCRYPTION } else { refusals::AUTH_UNAVAILABLE });
        }
        let initial_response = match auth.initial_response {
            CodecInitialResponse::Absent => InitialResponse::Absent,
            CodecInitialResponse::Empty => InitialResponse::Empty,
            CodecInitialResponse::Base64(text) => InitialResponse::Base64(AuthText::new(text.expose())),
        };
        self.activity = Activity::Owing(Debt::Auth);
        let mechanism = Box::from(auth.mechanism.as_str().to_ascii_uppercase());
        Ok(ServerEvent::Auth { mechanism, initial_response, owed: Owed::new() })
    }

    fn on_mail(&mut self, mail: &Mail<'_>) -> Result<ServerEvent, Reply> {
        self.require_tls()?;
        permit(self.phase, Kind::Mail)?;
        if self.config.authentication == Authentication::Required && !self.is_authenticated {
            let is_behind_tls = !self.channel.is_tls() && self.channel.mechanisms().is_empty();
            return Err(if is_behind_tls { refusals::TLS_THEN_AUTH_FIRST } else { refusals::AUTH_FIRST });
        }
        self.check_mail(mail)?;
        if self.config.limits.transactions_max.is_some_and(|max| self.counters.transactions >= max) {
            return Err(refusals::TOO_MANY_MAILS);
        }
        self.reception.smtputf8 = mail.parameters.smtputf8();
        self.reception.binary = mail.parameters.body() == Some(smtpkit_codec::Body::BinaryMime);
        self.activity = Activity::Owing(Debt::Mail);
        Ok(ServerEvent::Mail {
            reverse_path: mail.reverse_path.to_owned(),
            parameters: mail.parameters.to_owned(),
            owed: Owed::new(),
        })
    }

    fn on_rcpt(&mut self, rcpt: &Rcpt<'_>) -> Result<ServerEvent, Reply> {
        self.require_tls()?;
        permit(self.phase, Kind::Rcpt)?;
        self.reception.rcpts = self.reception.rcpts.saturating_add(1);
        self.check_rcpt(rcpt)?;
        if self.reception.recipients >= self.config.limits.recipients_max {
            return Err(refusals::TOO_MANY_RCPTS);
        }
        self.activity = Activity::Owing(Debt::Rcpt);
        Ok(ServerEvent::Rcpt {
            forward_path: rcpt.forward_path.to_owned(),
            parameters: rcpt.parameters.to_owned(),
            owed: Owed::new(),
        })
    }

    fn on_data(&mut self) -> Result<ServerEvent, Reply> {
        self.require_tls()?;
        self.permit_content(Kind::Data)?;
        if self.reception.binary {
            return Err(refusals::DATA_FOR_BINARY);
        }
        self.activity = Activity::Owing(Debt::Data);
        Ok(ServerEvent::Data(Owed::new()))
    }

    fn permit_bdat(&self) -> Result<(), Reply> {
        if !self.config.extensions.has(Extensions::CHUNKING)
            || (self.phase == Phase::Ready && !self.is_extended)
        {
            return Err(refusals::NOT_IMPLEMENTED);
        }
        self.require_tls()?;
        self.permit_content(Kind::Bdat)
    }

    /// RFC 5321 §3.3: 554 when every recipient was refused. RFC 2033 §4.2 wants 503 for LMTP.
    fn permit_content(&self, kind: Kind) -> Result<(), Reply> {
        let all_refused = self.phase == Phase::Mail && self.reception.rcpts > 0;
        match permit(self.phase, kind) {
            Err(_) if all_refused && self.config.protocol == Protocol::Smtp => Err(refusals::NO_VALID_RCPT),
            verdict => verdict,
        }
    }

    fn on_rset(&mut self) -> Step {
        let was_in_transaction = self.is_in_transaction();
        let step = self.idle_command(&refusals::OK);
        if !was_in_transaction {
            return step;
        }
        self.reset_transaction();
        Step::Event(ServerEvent::Reset)
    }

    /// XCLIENT and XFORWARD where they are offered; everything else that the grammar knows is not implemented.
    fn on_proxy(&mut self, command: &Command<'_>) -> Result<ServerEvent, Reply> {
        let (attributes, extension, debt) = match command {
            Command::Xclient(attributes) => (attributes, Extensions::XCLIENT, Debt::Xclient),
            Command::Xforward(attributes) => (attributes, Extensions::XFORWARD, Debt::Xforward),
            _ => return Err(refusals::NOT_IMPLEMENTED),
        };
        if !self.config.extensions.has(extension) {
            return Err(refusals::NOT_IMPLEMENTED);
        }
        permit(self.phase, Kind::Xclient)?;
        self.activity = Activity::Owing(debt);
        let attributes = String::from(attributes.as_str());
        Ok(match debt {
            Debt::Xclient => ServerEvent::Xclient { attributes, owed: Owed::new() },
            _ => ServerEvent::Xforward { attributes, owed: Owed::new() },
        })
    }
}

/// Commands that must be the last of a pipelined group (RFC 2920 §3.1).
const fn waits_for_reply(command: &Command<'_>) -> bool {
    matches!(command, Command::Ehlo(_) | Command::Lhlo(_) | Command::Auth(_) | Command::Data)
}
