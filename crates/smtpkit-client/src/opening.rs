//! From the greeting to a session that takes mail: STARTTLS and AUTH as the settings ask for, without I/O. The async
//! and the blocking driver both run this; they move octets and do the handshake when it says so.

use crate::error::{ErrorKind, Retry, SendError, Stage};
use crate::failure::closed_error;
use crate::session::{Facts, Session};
use crate::settings::{CheckStep, PasswordInClear, Settings};
use crate::transcript::{Entry, ReplyText};
use smtpkit_auth::{
    Channel, ChannelBindings, ClientContext, ClientExchange, Credentials, Mechanism, Nonce, Secret, line,
    select,
};
use smtpkit_codec::{Base64, ClientName, InitialResponse, MechanismName, Reply, ReplyRef};
use smtpkit_session::Tick;
use smtpkit_session::client::{Answered, ClientConfig, ClientEvent, Fatal, Hello, Plaintext};
use smtpkit_tls as tls;
use smtpkit_tls::{Policy, SessionInfo, Starttls, Step};
use std::time::Instant;

/// The machine as both drivers use it.
pub(crate) type Machine = smtpkit_session::client::Client<bytes::Bytes>;

/// What the driver has to do before the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpeningNeed {
    /// Move octets.
    Transfer,
    /// Upgrade the machine and the stream, then call [`Opening::upgraded`].
    Handshake,
    /// Nothing: the session takes mail.
    Done,
}

/// Why a session was not opened, with the fault of the handshake if it was that.
pub(crate) type AttemptError = (SendError, Option<tls::Error>);

/// The opening of one session.
pub(crate) struct Opening<'s> {
    settings: &'s Settings,
    credentials: Option<Credentials>,
    policy: Policy,
    facts: Facts,
    channel: Channel,
    starttls_refused: bool,
    exchange: Option<ClientExchange>,
    authenticated: bool,
    answer: Option<Answer>,
    failed_auth: Option<SendError>,
    last_reply: Option<Reply>,
    mark: Instant,
}

enum Answer {
    Respond(Secret),
    Cancel,
}

impl<'s> Opening<'s> {
    pub(crate) fn new(
        settings: &'s Settings,
        credentials: Option<Credentials>,
        policy: Policy,
        facts: Facts,
    ) -> Self {
        Self {
            settings,
            credentials,
            policy,
            facts,
            channel: Channel::Plaintext,
            starttls_refused: false,
            exchange: None,
            authenticated: false,
            answer: None,
            failed_auth: None,
            last_reply: None,
            mark: Instant::now(),
        }
    }

    /// TLS is on.
    pub(crate) fn upgraded(&mut self, info: SessionInfo, bindings: ChannelBindings) {
        if let Some(observer) = &self.settings.observer {
            observer.record(&Entry::Tls(&info));
        }
        let took = self.lap();
        self.facts.timings.tls += took;
        self.facts.tls = Some(info);
        self.facts.hello = None;
        self.channel = Channel::Tls(bindings);
    }

    /// Whether TLS comes before the greeting.
    pub(crate) const fn is_implicit(&self) -> bool {
        self.policy.is_implicit()
    }

    /// What is known so far.
    pub(crate) fn session(&self) -> Session {
        Session::new(self.facts.clone())
    }

    /// The handshake failed; `None` if TLS was never configured.
    pub(crate) fn handshake_error(&self, fault: Option<tls::Error>) -> AttemptError {
        let error = match &fault {
            Some(fault) => SendError::new(ErrorKind::Tls(fault.kind()), Stage::Handshake, fault.to_string()),
            None => SendError::new(ErrorKind::TlsRequired, Stage::Handshake, "TLS is not configured"),
        };
        (error.with_session(&self.session()), fault)
    }

    /// The upgrade must not go on.
    pub(crate) fn fatal(&self, fatal: Fatal) -> AttemptError {
        let kind = match fatal {
            Fatal::InjectedPlaintext => ErrorKind::InjectedPlaintext,
            _ => ErrorKind::Protocol,
        };
        (SendError::new(kind, Stage::StartTls, fatal.to_string()).with_session(&self.session()), None)
    }

    pub(crate) fn into_session(self) -> Session {
        Session::new(self.facts)
    }

    /// Goes on as far as possible.
    pub(crate) fn step(&mut self, machine: &mut Machine, now: Tick) -> Result<OpeningNeed, SendError> {
        loop {
            match machine.poll() {
                ClientEvent::Idle => {}
                ClientEvent::Reply { to, reply } => {
                    self.on_reply(to, reply)?;
                    self.give_answer(machine, now)?;
                    continue;
                }
                ClientEvent::Upgrade => return Ok(OpeningNeed::Handshake),
                ClientEvent::Closed(closed) => {
                    let error = self.failed_auth.take();
                    return Err(error.unwrap_or_else(|| closed_error(&closed, self.last_reply.take())));
                }
                other => {
                    let what = format!("unexpected event while opening: {other:?}");
                    return Err(SendError::new(ErrorKind::Protocol, Stage::Hello, what));
                }
            }
            if !machine.is_ready() {
                return Ok(OpeningNeed::Transfer);
            }
            if let Some(error) = self.failed_auth.take() {
                return Err(error);
            }
            if !self.next_order(machine, now)? {
                return Ok(OpeningNeed::Done);
            }
        }
    }

    /// Gives the next order; `false` if there is none.
    fn next_order(&mut self, machine: &mut Machine, now: Tick) -> Result<bool, SendError> {
        self.facts.ehlo = machine.ehlo().cloned();
        if self.settings.until <= CheckStep::Hello {
            return Ok(false);
        }
        if !machine.is_encrypted() && !self.starttls_refused {
            let offers =
                machine.ehlo().is_some_and(|ehlo| ehlo.as_ref().has(smtpkit_codec::Keyword::StartTls));
            let starttls = if offers { Starttls::Offered } else { Starttls::NotOffered };
            match self.policy.step(starttls) {
                Ok(Step::Upgrade) => {
                    machine.start_tls(now).map_err(|error| protocol(Stage::StartTls, &error))?;
                    return Ok(true);
                }
                Ok(Step::Plaintext) => self.starttls_refused = true,
                Err(error) => return Err(tls_required(&error)),
            }
        }
        if self.authenticated || self.credentials.is_none() || self.settings.until == CheckStep::Tls {
            return Ok(false);
        }
        self.start_auth(machine, now).map(|()| true)
    }

    fn start_auth(&mut self, machine: &mut Machine, now: Tick) -> Result<(), SendError> {
        let Some(credentials) = &self.credentials else { return Ok(()) };
        let offered: Vec<Mechanism> = machine
            .ehlo()
            .into_iter()
            .flat_map(|ehlo| ehlo.as_ref().auth_mechanisms())
            .filter_map(|name| Mechanism::parse(name.as_str()).ok())
            .collect();
        if offered.is_empty() {
            let what = "the server offers no AUTH to this client";
            return Err(SendError::new(ErrorKind::NoMechanism, Stage::Auth, what));
        }
        // Where the caller allows a password in clear, the choice is the same as under TLS.
        let channel = match (&self.channel, self.settings.password_in_clear) {
            (Channel::Plaintext, PasswordInClear::Allowed) => Channel::Tls(ChannelBindings::default()),
            (channel, _) => channel.clone(),
        };
        let no_mechanism = |error: &dyn std::fmt::Display| {
            SendError::new(ErrorKind::NoMechanism, Stage::Auth, error.to_string())
        };
        let mechanism = select(&offered, credentials, &channel, &self.settings.mechanisms)
            .map_err(|error| no_mechanism(&error))?;
        let mut octets = [0; 24];
        getrandom::fill(&mut octets).map_err(|error| no_mechanism(&error))?;
        let context = ClientContext::new(Nonce::from_octets(&octets), channel).offered(offered);
        let (exchange, initial) = ClientExchange::start(&mechanism, credentials, context)
            .map_err(|error| SendError::new(ErrorKind::Authentication, Stage::Auth, error.to_string()))?;
        let initial = initial.as_ref().map(|response| line::encode_initial(response.expose()));
        let initial_response = match initial.as_ref().and_then(Secret::expose_str) {
            None => InitialResponse::Absent,
            Some("=") => InitialResponse::Empty,
            Some(text) => {
                InitialResponse::Base64(Base64::new(text).map_err(|error| protocol(Stage::Auth, &error))?)
            }
        };
        let name = MechanismName::new(mechanism.as_str()).map_err(|error| protocol(Stage::Auth, &error))?;
        machine.auth(name, initial_response, now).map_err(|error| protocol(Stage::Auth, &error))?;
        self.exchange = Some(exchange);
        Ok(())
    }

    fn on_reply(&mut self, to: Answered, reply: ReplyRef<'_>) -> Result<(), SendError> {
        if let Some(observer) = &self.settings.observer {
            let encrypted = matches!(self.channel, Channel::Tls(_));
            observer.record(&match to {
                Answered::Challenge => Entry::Challenge { code: reply.code(), encrypted },
                _ => Entry::Reply { reply: ReplyText(reply), encrypted },
            });
        }
        let took = self.lap();
        self.last_reply = Some(reply.to_owned());
        match to {
            Answered::Greeting => {
                self.facts.timings.greeting += took;
                self.facts.greeting = self.last_reply.clone();
            }
            Answered::Hello => {
                self.facts.timings.hello += took;
                self.facts.hello = self.last_reply.clone();
            }
            Answered::StartTls if !reply.is_positive() => {
                self.starttls_refused = true;
                let step = self.policy.step(Starttls::Refused);
                return match step {
                    Ok(_) => Ok(()),
                    Err(error) => Err(tls_required(&error).with_reply(self.last_reply.take())),
                };
            }
            Answered::Challenge => {
                self.facts.timings.auth += took;
                self.on_challenge(reply);
            }
            Answered::Auth => {
                self.facts.timings.auth += took;
                return self.on_auth(reply);
            }
            _ => {}
        }
        Ok(())
    }

    fn on_challenge(&mut self, reply: ReplyRef<'_>) {
        let Some(exchange) = &mut self.exchange else { return };
        let challenge = line::decode_challenge(&reply.text());
        let response = challenge
            .map_err(|error| error.to_string())
            .and_then(|challenge| exchange.step(challenge.expose()).map_err(|error| error.to_string()));
        self.answer = Some(match response {
            Ok(response) => Answer::Respond(line::encode_response(response.expose())),
            Err(why) => {
                self.failed_auth = Some(SendError::new(ErrorKind::Authentication, Stage::Auth, why));
                Answer::Cancel
            }
        });
    }

    fn on_auth(&mut self, reply: ReplyRef<'_>) -> Result<(), SendError> {
        let Some(mut exchange) = self.exchange.take() else { return Ok(()) };
        if self.failed_auth.is_some() {
            return Ok(());
        }
        if !reply.is_positive() {
            let mut error = SendError::refused(ErrorKind::Authentication, Stage::Auth, reply.to_owned());
            if let Some(report) = exchange.server_report() {
                error = error.with_detail(format!("{}: {report}", exchange.mechanism()));
            }
            return Err(error);
        }
        exchange.finish().map_err(|error| {
            let error = SendError::new(ErrorKind::Authentication, Stage::Auth, error.to_string());
            error.with_retry(Retry::Never)
        })?;
        self.facts.mechanism = Some(exchange.mechanism().clone());
        self.authenticated = true;
        Ok(())
    }

    fn give_answer(&mut self, machine: &mut Machine, now: Tick) -> Result<(), SendError> {
        let outcome = match self.answer.take() {
            None => return Ok(()),
            Some(Answer::Respond(response)) => machine.respond(response.expose(), now),
            Some(Answer::Cancel) => machine.cancel(now),
        };
        outcome.map_err(|error| protocol(Stage::Auth, &error))
    }

    fn lap(&mut self) -> std::time::Duration {
        let now = Instant::now();
        now.duration_since(std::mem::replace(&mut self.mark, now))
    }
}

fn protocol(stage: Stage, error: &dyn std::fmt::Display) -> SendError {
    SendError::new(ErrorKind::Protocol, stage, error.to_string())
}

fn tls_required(error: &dyn std::fmt::Display) -> SendError {
    SendError::new(ErrorKind::TlsRequired, Stage::StartTls, error.to_string())
}

/// How the machine has to behave, with TLS used by `policy`.
pub(crate) fn machine_config(settings: &Settings, name: &str, policy: Policy) -> ClientConfig {
    let name =
        ClientName::new(name).expect("invariant: names are checked by the builder or made of an address");
    let plaintext = match policy {
        Policy::Required | Policy::Implicit => Plaintext::Refused,
        Policy::Off | Policy::Opportunistic => Plaintext::Allowed,
    };
    let hello = if settings.until <= CheckStep::Greeting { Hello::Never } else { Hello::AfterGreeting };
    ClientConfig::new(settings.url.protocol(), name)
        .with_plaintext(plaintext)
        .with_hello(hello)
        .with_pipelining(settings.pipelining)
        .with_timeouts(settings.timeouts.clone())
}
