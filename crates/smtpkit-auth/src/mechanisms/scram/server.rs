//! The server half of SCRAM (RFC 5802 §5).
//!
//! ```text
//! client-first ─► LookUp ─► (Work: keys from a plaintext password) ─► server-first ─► client-final ─► server-final ─► "" ─► Done
//! ```
//!
//! An unknown user, and one whose credential cannot do SCRAM, goes the same way with keys that nobody has, and fails at the proof.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::message::{BindingFlag, ClientFinal, ClientFirst, Reason};
use super::{Form, xor};
use crate::channel::BindingType;
use crate::server::{ServerContext, ServerHalf, ServerStep};
use crate::work::{Outcome, Work, Worked};
use crate::{Account, Answer, Failure, Identity, Mechanism, Query, ScramKeys, saslprep};

struct Server {
    form: Form,
    context: ServerContext,
    state: State,
}

enum State {
    AwaitsFirst,
    LookingUp(Opening),
    Deriving { opening: Opening, granted: Option<Identity>, stored: Option<ScramKeys> },
    AwaitsFinal(Box<Open>),
    AwaitsEmpty(Identity),
    Over,
}

/// What client-first said.
struct Opening {
    /// What `c=` must hold: the header and the data of the channel.
    binding: Vec<u8>,
    name: String,
    authorization: Option<String>,
    bare: String,
    client_nonce: String,
}

/// What client-final is checked against.
struct Open {
    binding: Vec<u8>,
    nonce: String,
    bare: String,
    server_first: String,
    keys: ScramKeys,
    granted: Option<Identity>,
}

/// Starts the exchange.
pub(in crate::mechanisms) fn start(form: Form, context: ServerContext) -> Box<dyn ServerHalf> {
    Box::new(Server { form, context, state: State::AwaitsFirst })
}

impl ServerHalf for Server {
    fn respond(&mut self, response: &[u8]) -> ServerStep {
        let Ok(message) = core::str::from_utf8(response) else {
            return ServerStep::Failed(Failure::Malformed("not UTF-8"));
        };
        let step = match std::mem::replace(&mut self.state, State::Over) {
            State::AwaitsFirst => self.open(message),
            State::AwaitsFinal(open) => self.check(*open, message),
            State::AwaitsEmpty(identity) if message.is_empty() => Ok(ServerStep::Done(identity)),
            State::AwaitsEmpty(_) => Err(Failure::Malformed("expected an empty response")),
            State::LookingUp(_) | State::Deriving { .. } | State::Over => Err(Failure::Misuse),
        };
        step.unwrap_or_else(ServerStep::Failed)
    }

    fn answer(&mut self, answer: Answer) -> ServerStep {
        match (std::mem::replace(&mut self.state, State::Over), answer) {
            (State::LookingUp(opening), Answer::Account(account)) => self.find_keys(opening, Some(&account)),
            (State::LookingUp(opening), Answer::Unknown) => self.find_keys(opening, None),
            _ => ServerStep::Failed(Failure::Misuse),
        }
    }

    fn worked(&mut self, worked: Worked) -> ServerStep {
        match (std::mem::replace(&mut self.state, State::Over), worked.0) {
            (State::Deriving { opening, granted, stored }, Outcome::Derived(Some(derived))) => {
                self.challenge(opening, granted, stored.unwrap_or(derived))
            }
            (State::Deriving { .. }, Outcome::Derived(None)) => ServerStep::Failed(Failure::Temporary),
            _ => ServerStep::Failed(Failure::Misuse),
        }
    }
}

impl Server {
    fn open(&mut self, message: &str) -> Result<ServerStep, Failure> {
        let malformed = |reason: Reason| Failure::Malformed(reason);
        let first = ClientFirst::parse(message).map_err(malformed)?;
        let data = self.channel_data(first.flag)?;
        let name = saslprep::name(&first.name)
            .ok_or(Failure::Malformed("the user name has a character that is not allowed"))?;
        self.state = State::LookingUp(Opening {
            binding: [first.header.as_bytes(), data].concat(),
            name: name.clone(),
            authorization: first.authorization,
            bare: first.bare.to_owned(),
            client_nonce: first.nonce.to_owned(),
        });
        Ok(ServerStep::LookUp(Query::Password { name }))
    }

    /// The data that the client must have bound to. Here a downgrade shows: a client that could have bound and was
    /// told that the server cannot (RFC 5802 §6).
    fn channel_data(&self, flag: BindingFlag<'_>) -> Result<&[u8], Failure> {
        let offered_binding = self.context.offered.iter().any(Mechanism::needs_channel_binding);
        match (self.form, flag) {
            (Form::Bare(_), BindingFlag::Unable) => Ok(&[]),
            (Form::Bare(_), BindingFlag::NotOffered) if !offered_binding => Ok(&[]),
            (Form::Bare(_), BindingFlag::NotOffered) => Err(Failure::ChannelBinding),
            (Form::Bare(_), BindingFlag::Bound(_)) => {
                Err(Failure::Malformed("bound to a channel in a mechanism that does not bind"))
            }
            (Form::Plus(_), BindingFlag::Unable | BindingFlag::NotOffered) => Err(Failure::ChannelBinding),
            (Form::Plus(_), BindingFlag::Bound(kind)) => BindingType::parse(kind)
                .and_then(|kind| self.context.channel.data(kind))
                .ok_or(Failure::ChannelBinding),
        }
    }

    fn find_keys(&mut self, opening: Opening, account: Option<&Account>) -> ServerStep {
        let (hash, decoy) = (self.form.hash(), &self.context.decoy);
        let credential = account.map(Account::credential).filter(|credential| {
            credential.scram_keys(hash).is_some() || credential.plaintext_password().is_some()
        });
        let granted = account
            .filter(|_| credential.is_some())
            .and_then(|account| account.authorize(opening.authorization.as_deref()));
        let stored = credential.and_then(|credential| credential.scram_keys(hash));
        let plaintext = credential.and_then(|credential| credential.plaintext_password());
        let salt = decoy.salt(hash, &opening.name);
        let iterations = decoy.scram_iterations();
        if decoy.derives_scram_keys() || (stored.is_none() && plaintext.is_some()) {
            // what is derived counts only for a plaintext password; for the others it is time well wasted
            let stored = match (stored, plaintext) {
                (None, Some(_)) => None,
                (Some(stored), _) => Some(stored.clone()),
                (None, None) => Some(ScramKeys::unmatchable(hash, salt.clone(), iterations)),
            };
            let password = plaintext.cloned().unwrap_or_else(|| decoy.password(hash, &opening.name));
            self.state = State::Deriving { opening, granted, stored };
            return ServerStep::Work(Work::derive(hash, password, salt, iterations));
        }
        let keys = stored.cloned().unwrap_or_else(|| ScramKeys::unmatchable(hash, salt, iterations));
        self.challenge(opening, granted, keys)
    }

    fn challenge(&mut self, opening: Opening, granted: Option<Identity>, keys: ScramKeys) -> ServerStep {
        let nonce = format!("{}{}", opening.client_nonce, self.context.nonce.as_str());
        let server_first =
            format!("r={nonce},s={},i={}", BASE64_STANDARD.encode(keys.salt()), keys.iterations());
        let step = ServerStep::Challenge(server_first.clone().into_bytes());
        let Opening { binding, bare, .. } = opening;
        self.state = State::AwaitsFinal(Box::new(Open { binding, nonce, bare, server_first, keys, granted }));
        step
    }

    fn check(&mut self, open: Open, message: &str) -> Result<ServerStep, Failure> {
        let last = ClientFinal::parse(message).map_err(Failure::Malformed)?;
        if last.nonce != open.nonce {
            return Err(Failure::Malformed("the nonce has changed"));
        }
        if last.binding != open.binding {
            return Err(Failure::ChannelBinding);
        }
        let (hash, keys) = (self.form.hash(), &open.keys);
        let auth_message =
            [open.bare.as_bytes(), b",", open.server_first.as_bytes(), b",", last.without_proof.as_bytes()];
        let signature = hash.hmac(keys.stored_key().expose(), &auth_message);
        let client_key = xor(&last.proof, signature.expose());
        let proven = last.proof.len() == hash.digest_octets()
            && hash.digest(client_key.expose()).constant_time_eq(keys.stored_key().expose());
        match open.granted {
            Some(identity) if proven => {
                let verifier = hash.hmac(keys.server_key().expose(), &auth_message);
                self.state = State::AwaitsEmpty(identity);
                Ok(ServerStep::Challenge(
                    format!("v={}", BASE64_STANDARD.encode(verifier.expose())).into_bytes(),
                ))
            }
            _ => Err(Failure::Credentials),
        }
    }
}
