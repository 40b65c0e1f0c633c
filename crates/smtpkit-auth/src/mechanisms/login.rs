//! LOGIN: the name, then the password, each on its own line; only under TLS.
//!
//! There is no RFC. What everybody does: the server asks `Username:` and `Password:`, clients ignore the wording, and a
//! client may give the name as initial response. It cannot carry an authorization identity.

use std::sync::Arc;

use super::password_login::PasswordLogin;
use super::{Exposure, Row};
use crate::client::ClientHalf;
use crate::credentials::{Credentials, Proof, ProofKind};
use crate::server::{ServerHalf, ServerStep};
use crate::work::Worked;
use crate::{Answer, AuthError, Decoy, Failure, Mechanism, Secret};

pub(super) const ROW: Row = Row {
    mechanism: Mechanism::LOGIN,
    proof: ProofKind::Password,
    exposure: Exposure::Password,
    says_authorization: false,
    server_first: false,
    by_default: true,
    client: |credentials, _| client(credentials),
    server: |context| Box::new(Server { decoy: context.decoy, state: State::AwaitsName }),
};

const NAME_PROMPT: &[u8] = b"Username:";
const PASSWORD_PROMPT: &[u8] = b"Password:";

enum Client {
    Start { name: Secret, password: Secret },
    NameSent { password: Secret },
    PasswordSent,
}

fn client(credentials: &Credentials) -> Result<Box<dyn ClientHalf>, AuthError> {
    let Proof::Password { user, password } = &credentials.proof else {
        return Err(AuthError::WrongCredentials(Mechanism::LOGIN));
    };
    if user.is_empty() {
        return Err(AuthError::Unusable("user name"));
    }
    if password.is_empty() {
        return Err(AuthError::Unusable("password"));
    }
    Ok(Box::new(Client::Start { name: user.as_str().into(), password: password.clone() }))
}

impl ClientHalf for Client {
    fn initial(&mut self) -> Option<Secret> {
        None
    }

    fn step(&mut self, _prompt: &[u8]) -> Result<Secret, AuthError> {
        match std::mem::replace(self, Self::PasswordSent) {
            Self::Start { name, password } => {
                *self = Self::NameSent { password };
                Ok(name)
            }
            Self::NameSent { password } => Ok(password),
            Self::PasswordSent => Err(AuthError::UnexpectedChallenge),
        }
    }

    fn finish(&self) -> Result<(), AuthError> {
        if matches!(self, Self::PasswordSent) { Ok(()) } else { Err(AuthError::PrematureSuccess) }
    }
}

struct Server {
    decoy: Arc<Decoy>,
    state: State,
}

enum State {
    AwaitsName,
    AwaitsPassword { name: Secret },
    Login(PasswordLogin),
}

impl ServerHalf for Server {
    fn begin(&mut self) -> ServerStep {
        ServerStep::Challenge(NAME_PROMPT.to_vec())
    }

    fn respond(&mut self, response: &[u8]) -> ServerStep {
        match &self.state {
            State::AwaitsName => {
                self.state = State::AwaitsPassword { name: response.into() };
                ServerStep::Challenge(PASSWORD_PROMPT.to_vec())
            }
            State::AwaitsPassword { name } => match PasswordLogin::open(name.expose(), None, response) {
                Ok((login, step)) => {
                    self.state = State::Login(login);
                    step
                }
                Err(failure) => ServerStep::Failed(failure),
            },
            State::Login(_) => ServerStep::Failed(Failure::Misuse),
        }
    }

    fn answer(&mut self, answer: Answer) -> ServerStep {
        match &mut self.state {
            State::Login(login) => login.answer(answer, &self.decoy),
            _ => ServerStep::Failed(Failure::Misuse),
        }
    }

    fn worked(&mut self, worked: Worked) -> ServerStep {
        match &mut self.state {
            State::Login(login) => login.worked(worked),
            _ => ServerStep::Failed(Failure::Misuse),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn name_may_come_first_or_be_asked_for() {
        fn check(responses: &[&[u8]], expected: Result<&str, Failure>) {
            let outcome = testing::serve(&Mechanism::LOGIN, responses);
            assert_eq!(
                outcome.as_ref().map(String::as_str),
                expected.as_ref().map(|name| *name),
                "{responses:?}"
            );
        }
        check(&[b"user", b"pencil"], Ok("user"));
        check(&[b"user", b"pencils"], Err(Failure::Credentials));
        check(&[b"nobody", b"pencil"], Err(Failure::Credentials));
        check(&[b"user", b""], Err(Failure::Malformed("the password is empty")));
        check(
            &[b"", b"pencil"],
            Err(Failure::Malformed("the user name is empty or has a character that is not allowed")),
        );
        assert_eq!(
            testing::serve_without_initial(&Mechanism::LOGIN, &[b"user", b"pencil"]).as_deref(),
            Ok("user")
        );
    }

    #[test]
    fn client_answers_two_prompts_whatever_they_say() {
        let (mut exchange, initial) =
            testing::start(&Mechanism::LOGIN, &Credentials::password("user", Secret::from("pencil")))
                .unwrap();
        assert!(initial.is_none());
        assert_eq!(exchange.finish(), Err(AuthError::PrematureSuccess));
        assert_eq!(exchange.step(b"User Name\0").unwrap().expose(), b"user");
        assert_eq!(exchange.step(b"").unwrap().expose(), b"pencil");
        assert_eq!(exchange.finish(), Ok(()));
        assert_eq!(exchange.step(b"?").err(), Some(AuthError::UnexpectedChallenge));
    }
}
