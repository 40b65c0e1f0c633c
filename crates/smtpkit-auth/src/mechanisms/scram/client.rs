//! The client half of SCRAM (RFC 5802 §5).
//!
//! Success counts only after the server's signature has been verified; a 235 before that is refused.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::message::{ServerFinal, ServerFirst};
use super::{Form, ScramHash, xor};
use crate::client::{ClientContext, ClientHalf};
use crate::credentials::{Credentials, Proof};
use crate::mechanisms::saslname;
use crate::stored::scram_keys::{client_key, server_key};
use crate::{AuthError, Mechanism, ScramKeys, Secret, saslprep};

struct Client {
    hash: ScramHash,
    /// The gs2-header, and what goes after it into `c=`.
    header: String,
    binding: Vec<u8>,
    bare: String,
    nonce: String,
    state: State,
    report: Option<String>,
}

enum State {
    Start { password: Secret },
    AwaitsFinal { server_signature: Secret },
    Proven,
    Failed,
}

/// Starts the exchange.
pub(in crate::mechanisms) fn start(
    form: Form,
    credentials: &Credentials,
    context: &ClientContext,
) -> Result<Box<dyn ClientHalf>, AuthError> {
    let hash = form.hash();
    let Proof::Password { user, password } = &credentials.proof else {
        return Err(AuthError::WrongCredentials(named(hash)));
    };
    let user = saslprep::name(user).ok_or(AuthError::Unusable("user name"))?;
    let password = saslprep::password(password).ok_or(AuthError::Unusable("password"))?;
    let (flag, binding) = match (form, context.channel.strongest()) {
        (Form::Plus(_), Some((kind, data))) => (format!("p={}", kind.name()), data.to_vec()),
        (Form::Plus(_), None) => return Err(AuthError::NoChannelBinding(named(hash))),
        (Form::Bare(_), Some(_)) if !context.offered.iter().any(Mechanism::needs_channel_binding) => {
            ("y".to_owned(), Vec::new())
        }
        (Form::Bare(_), _) => ("n".to_owned(), Vec::new()),
    };
    let authorization = match credentials.authorization.as_deref() {
        None => String::new(),
        Some(name) if saslname::is_saslname(name) => format!("a={}", saslname::escape(name)),
        Some(_) => return Err(AuthError::Unusable("authorization identity")),
    };
    let nonce = context.nonce.as_str().to_owned();
    Ok(Box::new(Client {
        hash,
        header: format!("{flag},{authorization},"),
        binding,
        bare: format!("n={},r={nonce}", saslname::escape(&user)),
        nonce,
        state: State::Start { password },
        report: None,
    }))
}

fn named(hash: ScramHash) -> Mechanism {
    Mechanism::parse(hash.name()).unwrap_or(Mechanism::SCRAM_SHA_256)
}

impl ClientHalf for Client {
    fn initial(&mut self) -> Option<Secret> {
        Some(Secret::from(format!("{}{}", self.header, self.bare)))
    }

    fn step(&mut self, challenge: &[u8]) -> Result<Secret, AuthError> {
        let challenge =
            core::str::from_utf8(challenge).map_err(|_| AuthError::MalformedChallenge("not UTF-8"))?;
        // an error leaves `Failed` behind, so that nothing can be believed afterwards
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Start { password } => self.prove(&password, challenge),
            State::AwaitsFinal { server_signature } => self.check_server(&server_signature, challenge),
            State::Proven | State::Failed => Err(AuthError::UnexpectedChallenge),
        }
    }

    fn finish(&self) -> Result<(), AuthError> {
        if matches!(self.state, State::Proven) { Ok(()) } else { Err(AuthError::PrematureSuccess) }
    }

    fn server_report(&self) -> Option<&str> {
        self.report.as_deref()
    }
}

impl Client {
    /// server-first → client-final.
    fn prove(&mut self, password: &Secret, challenge: &str) -> Result<Secret, AuthError> {
        let first = ServerFirst::parse(challenge).map_err(AuthError::MalformedChallenge)?;
        if first.nonce.strip_prefix(self.nonce.as_str()).is_none_or(str::is_empty) {
            return Err(AuthError::MalformedChallenge("the nonce does not continue the client's"));
        }
        if !(ScramKeys::ITERATIONS_MIN..=ScramKeys::ITERATIONS_MAX).contains(&first.iterations) {
            return Err(AuthError::Iterations(first.iterations));
        }
        let salted = self.hash.salted_password(password, &first.salt, first.iterations);
        let client_key = client_key(self.hash, &salted);
        let stored_key = self.hash.digest(client_key.expose());
        let binding = BASE64_STANDARD.encode([self.header.as_bytes(), &self.binding].concat());
        let without_proof = format!("c={binding},r={}", first.nonce);
        let auth_message = [self.bare.as_bytes(), b",", challenge.as_bytes(), b",", without_proof.as_bytes()];
        let signature = self.hash.hmac(stored_key.expose(), &auth_message);
        let proof = BASE64_STANDARD.encode(xor(client_key.expose(), signature.expose()).expose());
        let server_signature = self.hash.hmac(server_key(self.hash, &salted).expose(), &auth_message);
        self.state = State::AwaitsFinal { server_signature };
        Ok(Secret::from(format!("{without_proof},p={proof}")))
    }

    /// server-final → the empty response that lets the server say 235.
    fn check_server(&mut self, expected: &Secret, challenge: &str) -> Result<Secret, AuthError> {
        match ServerFinal::parse(challenge).map_err(AuthError::MalformedChallenge)? {
            ServerFinal::Verifier(signature) if expected.constant_time_eq(&signature) => {
                self.state = State::Proven;
                Ok(Secret::new([]))
            }
            ServerFinal::Verifier(_) => Err(AuthError::ServerSignature),
            ServerFinal::Error(error) => {
                self.report = Some(error.to_owned());
                Err(AuthError::Refused)
            }
        }
    }
}
