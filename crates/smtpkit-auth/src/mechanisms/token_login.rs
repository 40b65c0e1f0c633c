//! What OAUTHBEARER and XOAUTH2 have in common, on both sides.
//!
//! A refused token is answered with a challenge that holds a JSON error. The client must acknowledge it before the server may
//! say 535 (RFC 7628 §3.2.3); forgetting that hangs both.

use crate::client::ClientHalf;
use crate::server::{ServerHalf, ServerStep};
use crate::stored::is_bearer_token;
use crate::{Answer, AuthError, Failure, Query, Secret};

/// The client half: one message, and the acknowledgement of an error.
pub(super) struct TokenClient {
    message: Option<Secret>,
    acknowledgement: &'static [u8],
    report: Option<String>,
}

impl TokenClient {
    pub(super) fn boxed(message: Secret, acknowledgement: &'static [u8]) -> Box<dyn ClientHalf> {
        Box::new(Self { message: Some(message), acknowledgement, report: None })
    }
}

impl ClientHalf for TokenClient {
    fn initial(&mut self) -> Option<Secret> {
        self.message.take()
    }

    fn step(&mut self, challenge: &[u8]) -> Result<Secret, AuthError> {
        if self.report.is_some() {
            return Err(AuthError::UnexpectedChallenge);
        }
        self.report = Some(String::from_utf8_lossy(challenge).into_owned());
        Ok(self.acknowledgement.into())
    }

    fn finish(&self) -> Result<(), AuthError> {
        if self.report.is_none() { Ok(()) } else { Err(AuthError::Refused) }
    }

    fn server_report(&self) -> Option<&str> {
        self.report.as_deref()
    }
}

/// What a client's message says.
pub(super) struct Presented {
    pub(super) name: Option<String>,
    pub(super) token: Secret,
}

/// The server half, given the grammar of the message and the error to report.
pub(super) struct TokenServer {
    parse: fn(&str) -> Result<Presented, Failure>,
    refusal: &'static str,
    state: State,
}

enum State {
    AwaitsToken,
    LookingUp { claimed: Option<String> },
    Refused,
}

impl TokenServer {
    pub(super) fn boxed(
        parse: fn(&str) -> Result<Presented, Failure>,
        refusal: &'static str,
    ) -> Box<dyn ServerHalf> {
        Box::new(Self { parse, refusal, state: State::AwaitsToken })
    }

    fn open(&mut self, message: &[u8]) -> Result<ServerStep, Failure> {
        let message = core::str::from_utf8(message).map_err(|_| Failure::Malformed("not UTF-8"))?;
        let Presented { name, token } = (self.parse)(message)?;
        self.state = State::LookingUp { claimed: name.clone() };
        Ok(ServerStep::LookUp(Query::Token { name, token }))
    }
}

impl ServerHalf for TokenServer {
    fn respond(&mut self, response: &[u8]) -> ServerStep {
        match self.state {
            State::AwaitsToken => self.open(response).unwrap_or_else(ServerStep::Failed),
            // whatever the acknowledgement says, the token was refused
            State::Refused => ServerStep::Failed(Failure::Credentials),
            State::LookingUp { .. } => ServerStep::Failed(Failure::Misuse),
        }
    }

    fn answer(&mut self, answer: Answer) -> ServerStep {
        let State::LookingUp { claimed } = std::mem::replace(&mut self.state, State::Refused) else {
            return ServerStep::Failed(Failure::Misuse);
        };
        match answer {
            Answer::Identity(identity)
                if claimed
                    .as_ref()
                    .is_none_or(|name| name.eq_ignore_ascii_case(identity.authorization())) =>
            {
                ServerStep::Done(identity)
            }
            // a good token of somebody else is no better than a bad one
            Answer::Identity(_) | Answer::Unknown => ServerStep::Challenge(self.refusal.into()),
            Answer::Account(_) | Answer::TemporaryFailure => ServerStep::Failed(Failure::Misuse),
        }
    }
}

/// Reads `key=value` pairs, each ended by %x01, with one more at the end, and takes the bearer token out of `auth=`.
pub(super) fn bearer_token(pairs: &str) -> Result<Secret, Failure> {
    let pairs =
        pairs.strip_suffix("\x01\x01").ok_or(Failure::Malformed("the message does not end with two %x01"))?;
    let mut token = None;
    for pair in pairs.split('\x01') {
        let (key, value) = pair.split_once('=').ok_or(Failure::Malformed("expected key=value pairs"))?;
        if key.is_empty() || !key.bytes().all(|octet| octet.is_ascii_alphabetic()) {
            return Err(Failure::Malformed("a key is not a word"));
        }
        if key == "auth" && token.replace(value).is_some() {
            return Err(Failure::Malformed("two auth keys"));
        }
    }
    let (scheme, token) =
        token.and_then(|value| value.split_once(' ')).ok_or(Failure::Malformed("no auth=Bearer key"))?;
    if scheme.eq_ignore_ascii_case("Bearer") && is_bearer_token(token.as_bytes()) {
        Ok(token.into())
    } else {
        Err(Failure::Malformed("auth is not a bearer token"))
    }
}

/// Checks what a client is about to say.
pub(super) fn check_sayable(user: &str, token: &Secret) -> Result<(), AuthError> {
    if user.contains(['\0', '\x01']) {
        return Err(AuthError::Unusable("user name"));
    }
    if is_bearer_token(token.expose()) { Ok(()) } else { Err(AuthError::Unusable("token")) }
}
