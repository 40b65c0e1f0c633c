//! The server half: steps that a driver carries out, for any mechanism.
//!
//! ```text
//!   start ─► Challenge ─► respond(response) ─┐
//!        ├─► LookUp    ─► answer(answer)    ─┼─► the next step … ─► Done(identity) │ Failed(failure)
//!        └─► Work      ─► worked(result)    ─┘
//! ```
//!
//! The exchange never calls out: credentials are looked up and passwords are hashed by the driver. It keeps track of
//! what it waits for, so a call out of order fails the exchange instead of confusing a mechanism.

use std::fmt;
use std::sync::Arc;

use crate::{Answer, Channel, Decoy, Failure, Identity, Mechanism, Nonce, Query, Work, Worked, mechanisms};

/// What a server half must know about its session.
///
/// ```
/// use smtpkit_auth::{Channel, ChannelBindings, Decoy, Mechanism, Nonce, Secret, ServerContext};
///
/// # let (random, secret) = ([7; 24], [7; 32]);
/// let context = ServerContext::new(Nonce::from_octets(&random), Channel::Tls(ChannelBindings::default()), Decoy::new(Secret::new(secret)).shared())
///     .offered([Mechanism::SCRAM_SHA_256, Mechanism::PLAIN]);
/// # let _ = context;
/// ```
#[derive(Clone)]
pub struct ServerContext {
    pub(crate) nonce: Nonce,
    pub(crate) channel: Channel,
    pub(crate) decoy: Arc<Decoy>,
    pub(crate) offered: Vec<Mechanism>,
    pub(crate) hostname: String,
    pub(crate) certificate_names: Vec<String>,
}

impl ServerContext {
    /// A fresh nonce, what is known of the connection, and the decoy of the verifier. Nothing is offered yet.
    pub fn new(nonce: Nonce, channel: Channel, decoy: Arc<Decoy>) -> Self {
        Self {
            nonce,
            channel,
            decoy,
            offered: Vec::new(),
            hostname: "localhost".to_owned(),
            certificate_names: Vec::new(),
        }
    }

    /// Exactly what the EHLO reply offered; anything else is refused, and SCRAM detects downgrades by it.
    #[must_use]
    pub fn offered(mut self, mechanisms: impl IntoIterator<Item = Mechanism>) -> Self {
        self.offered = mechanisms.into_iter().collect();
        self
    }

    /// The server's name, for the challenge of CRAM-MD5.
    #[must_use]
    pub fn hostname(mut self, name: impl Into<String>) -> Self {
        self.hostname = name.into();
        self
    }

    /// The names of a client certificate that TLS has verified, for EXTERNAL.
    #[must_use]
    pub fn client_certificate(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.certificate_names = names.into_iter().collect();
        self
    }
}

/// What the driver must do next.
#[must_use = "the exchange waits for the driver"]
#[expect(clippy::exhaustive_enums, reason = "a driver must handle every step")]
pub enum ServerStep {
    /// Send these octets as a 334 reply; give the response to [`ServerExchange::respond`].
    Challenge(Vec<u8>),
    /// Ask the verifier; give its answer to [`ServerExchange::answer`].
    LookUp(Query),
    /// Run this; give its result to [`ServerExchange::worked`].
    Work(Work),
    /// The client has proven who it is: reply 235 2.7.0.
    Done(Identity),
    /// It has not: send [`Failure::reply`].
    Failed(Failure),
}

/// One mechanism's server half. Only the input that the last step asked for arrives.
pub(crate) trait ServerHalf: Send + Sync {
    /// The step when the AUTH command held no initial response.
    fn begin(&mut self) -> ServerStep {
        ServerStep::Challenge(Vec::new())
    }
    /// A response: the initial one, or the one to a challenge.
    fn respond(&mut self, response: &[u8]) -> ServerStep;
    /// The answer to a look-up.
    fn answer(&mut self, answer: Answer) -> ServerStep;
    /// The result of a computation.
    fn worked(&mut self, _worked: Worked) -> ServerStep {
        ServerStep::Failed(Failure::Misuse)
    }
}

/// What the exchange waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaits {
    Response,
    Answer,
    Worked,
    Nothing,
}

/// A server's side of one authentication exchange (RFC 4422 §3).
///
/// ```
/// use smtpkit_auth::*;
///
/// # let (random, secret) = ([7; 24], [7; 32]);
/// let decoy = Decoy::new(Secret::new(secret)).with_cost(DecoyCost::Plaintext).shared();
/// let context = ServerContext::new(Nonce::from_octets(&random), Channel::Tls(ChannelBindings::default()), decoy)
///     .offered([Mechanism::PLAIN]);
/// let (mut exchange, step) = ServerExchange::start(&Mechanism::PLAIN, Some(b"\0tim\0pencil"), context);
/// assert!(matches!(step, ServerStep::LookUp(Query::Password { name }) if name == "tim"));
/// let account = Account::new("tim", StoredCredential::plaintext(Secret::from("pencil"))?);
/// let ServerStep::Work(work) = exchange.answer(Answer::Account(account)) else { unreachable!() };
/// assert!(matches!(exchange.worked(work.run()), ServerStep::Done(identity) if identity.authentication() == "tim"));
/// # Ok::<(), CredentialError>(())
/// ```
pub struct ServerExchange {
    mechanism: Mechanism,
    half: Option<Box<dyn ServerHalf>>,
    awaits: Awaits,
    claimed_name: Option<String>,
}

impl ServerExchange {
    /// Starts an exchange for an AUTH command, with the decoded initial response if there was one.
    pub fn start(
        mechanism: &Mechanism,
        initial: Option<&[u8]>,
        context: ServerContext,
    ) -> (Self, ServerStep) {
        let mut exchange =
            Self { mechanism: mechanism.clone(), half: None, awaits: Awaits::Nothing, claimed_name: None };
        let row = match mechanisms::row(mechanism) {
            Some(row) if context.offered.contains(mechanism) => row,
            Some(_) if mechanism.sends_secret() && !context.channel.is_tls() => {
                return (exchange, ServerStep::Failed(Failure::EncryptionRequired));
            }
            _ => return (exchange, ServerStep::Failed(Failure::UnknownMechanism)),
        };
        let mut half = (row.server)(context);
        let step = match initial {
            Some(_) if row.server_first => {
                ServerStep::Failed(Failure::Malformed("this mechanism has no initial response"))
            }
            Some(response) => half.respond(response),
            None => half.begin(),
        };
        exchange.half = Some(half);
        let step = exchange.note(step);
        (exchange, step)
    }

    /// The client's response to a challenge, decoded.
    pub fn respond(&mut self, response: &[u8]) -> ServerStep {
        self.go_on(Awaits::Response, |half| half.respond(response))
    }

    /// The verifier's answer to a look-up.
    pub fn answer(&mut self, answer: Answer) -> ServerStep {
        self.go_on(Awaits::Answer, |half| match answer {
            Answer::TemporaryFailure => ServerStep::Failed(Failure::Temporary),
            answer => half.answer(answer),
        })
    }

    /// The result of a computation.
    pub fn worked(&mut self, worked: Worked) -> ServerStep {
        self.go_on(Awaits::Worked, |half| half.worked(worked))
    }

    /// The mechanism in use.
    pub fn mechanism(&self) -> &Mechanism {
        &self.mechanism
    }

    /// The name that the client has claimed so far, for the log. The peer wrote it, so escape it.
    pub fn claimed_name(&self) -> Option<&str> {
        self.claimed_name.as_deref()
    }

    fn go_on(
        &mut self,
        input: Awaits,
        advance: impl FnOnce(&mut dyn ServerHalf) -> ServerStep,
    ) -> ServerStep {
        let step = match self.half.as_deref_mut() {
            Some(half) if self.awaits == input => advance(half),
            _ => ServerStep::Failed(Failure::Misuse),
        };
        self.note(step)
    }

    /// Remembers what the step asks for; the end of the exchange drops the half and the secrets in it.
    fn note(&mut self, step: ServerStep) -> ServerStep {
        self.awaits = match &step {
            ServerStep::Challenge(_) => Awaits::Response,
            ServerStep::LookUp(query) => {
                self.claimed_name = query.claimed_name().map(str::to_owned);
                Awaits::Answer
            }
            ServerStep::Work(_) => Awaits::Worked,
            ServerStep::Done(_) | ServerStep::Failed(_) => {
                self.half = None;
                Awaits::Nothing
            }
        };
        step
    }
}

impl fmt::Debug for ServerExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerExchange").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}
