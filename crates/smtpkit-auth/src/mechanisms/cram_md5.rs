//! CRAM-MD5 (RFC 2195): a keyed MD5 of a challenge. Off unless asked for.
//!
//! It needs the password in plain text at the server, proves nothing about the server, and a recorded exchange can be
//! guessed at offline as fast as MD5 runs. It is here for servers that have nothing else.
//!
//! ```text
//! S: <nonce@host>
//! C: user SP lower-case hex of HMAC-MD5(password, challenge)
//! ```

use std::fmt::Write as _;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;

use super::{Exposure, Row};
use crate::client::ClientHalf;
use crate::credentials::{Credentials, Proof, ProofKind};
use crate::server::{ServerHalf, ServerStep};
use crate::{Answer, AuthError, Decoy, Failure, Identity, Mechanism, Query, ScramHash, Secret, saslprep};

pub(super) const ROW: Row = Row {
    mechanism: Mechanism::CRAM_MD5,
    proof: ProofKind::Password,
    exposure: Exposure::Nothing,
    says_authorization: false,
    server_first: true,
    by_default: false,
    client: |credentials, _| client(credentials),
    server: |context| {
        let challenge = format!("<{}@{}>", context.nonce.as_str(), context.hostname);
        Box::new(Server { decoy: context.decoy, challenge, presented: None })
    },
};

struct Client {
    user: String,
    password: Option<Secret>,
}

fn client(credentials: &Credentials) -> Result<Box<dyn ClientHalf>, AuthError> {
    let Proof::Password { user, password } = &credentials.proof else {
        return Err(AuthError::WrongCredentials(Mechanism::CRAM_MD5));
    };
    let user = saslprep::name(user).ok_or(AuthError::Unusable("user name"))?;
    let password = saslprep::password(password).ok_or(AuthError::Unusable("password"))?;
    Ok(Box::new(Client { user, password: Some(password) }))
}

impl ClientHalf for Client {
    fn initial(&mut self) -> Option<Secret> {
        None
    }

    fn step(&mut self, challenge: &[u8]) -> Result<Secret, AuthError> {
        let password = self.password.take().ok_or(AuthError::UnexpectedChallenge)?;
        Ok(Secret::from(format!("{} {}", self.user, digest(&password, challenge))))
    }

    fn finish(&self) -> Result<(), AuthError> {
        if self.password.is_none() { Ok(()) } else { Err(AuthError::PrematureSuccess) }
    }
}

struct Server {
    decoy: Arc<Decoy>,
    challenge: String,
    presented: Option<Presented>,
}

struct Presented {
    name: String,
    digest: Secret,
}

impl Server {
    fn open(&mut self, response: &[u8]) -> Result<ServerStep, Failure> {
        let response = core::str::from_utf8(response).map_err(|_| Failure::Malformed("not UTF-8"))?;
        let (name, digest) =
            response.rsplit_once(' ').ok_or(Failure::Malformed("expected user name, space, digest"))?;
        if digest.len() != 32 || !digest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(Failure::Malformed("the digest is not 32 lower-case hexadecimal digits"));
        }
        let name = saslprep::name(name)
            .ok_or(Failure::Malformed("the user name is empty or has a character that is not allowed"))?;
        self.presented = Some(Presented { name: name.clone(), digest: digest.into() });
        Ok(ServerStep::LookUp(Query::Password { name }))
    }

    fn judge(&self, presented: &Presented, answer: Answer) -> Result<Identity, Failure> {
        let account = match answer {
            Answer::Account(account) => Some(account),
            Answer::Unknown => None,
            Answer::Identity(_) | Answer::TemporaryFailure => return Err(Failure::Misuse),
        };
        let password = account
            .as_ref()
            .and_then(|account| account.credential().plaintext_password())
            .and_then(saslprep::password);
        // nobody's password costs the same digest
        let key = password.clone().unwrap_or_else(|| self.decoy.password(ScramHash::Sha256, &presented.name));
        let expected = Secret::from(digest(&key, self.challenge.as_bytes()));
        let proven = expected.constant_time_eq(presented.digest.expose());
        match account {
            Some(account) if proven && password.is_some() => Ok(account.identity().clone()),
            _ => Err(Failure::Credentials),
        }
    }
}

impl ServerHalf for Server {
    fn begin(&mut self) -> ServerStep {
        ServerStep::Challenge(self.challenge.clone().into_bytes())
    }

    fn respond(&mut self, response: &[u8]) -> ServerStep {
        self.open(response).unwrap_or_else(ServerStep::Failed)
    }

    fn answer(&mut self, answer: Answer) -> ServerStep {
        match self.presented.take() {
            Some(presented) => {
                self.judge(&presented, answer).map_or_else(ServerStep::Failed, ServerStep::Done)
            }
            None => ServerStep::Failed(Failure::Misuse),
        }
    }
}

fn digest(password: &Secret, challenge: &[u8]) -> String {
    let mut mac = Hmac::<Md5>::new_from_slice(password.expose())
        .expect("invariant: HMAC takes a key of any length (RFC 2104 §2)");
    mac.update(challenge);
    mac.finalize().into_bytes().iter().fold(String::with_capacity(32), |mut hex, octet| {
        write!(hex, "{octet:02x}").expect("invariant: writing to a String does not fail");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn example_of_rfc_2195_section_2() {
        let tim = Credentials::password("tim", Secret::from("tanstaaftanstaaf"));
        let (mut exchange, initial) = testing::start(&Mechanism::CRAM_MD5, &tim).unwrap();
        assert!(initial.is_none());
        assert_eq!(exchange.finish(), Err(AuthError::PrematureSuccess));
        let response = exchange.step(b"<1896.697170952@postoffice.reston.mci.net>").unwrap();
        assert_eq!(response.expose_str(), Some("tim b913a602c7eda7a495b4e6e7334d3890"));
        assert_eq!(exchange.finish(), Ok(()));
        assert_eq!(exchange.step(b"again").err(), Some(AuthError::UnexpectedChallenge));
    }

    #[test]
    fn server_judges_every_response() {
        fn check(response: &[u8], expected: Result<&str, Failure>) {
            let outcome = testing::serve_without_initial(&Mechanism::CRAM_MD5, &[response]);
            assert_eq!(
                outcome.as_ref().map(String::as_str),
                expected.as_ref().map(|name| *name),
                "{response:?}"
            );
        }
        let hex = Failure::Malformed("the digest is not 32 lower-case hexadecimal digits");
        let right = digest(&"pencil".into(), testing::CRAM_CHALLENGE.as_bytes());
        check(format!("user {right}").as_bytes(), Ok("user"));
        check(format!("nobody {right}").as_bytes(), Err(Failure::Credentials));
        check(b"user 00000000000000000000000000000000", Err(Failure::Credentials));
        check(format!("user {}", right.to_uppercase().replace(char::is_numeric, "A")).as_bytes(), Err(hex));
        check(b"user b913", Err(hex));
        check(b"user", Err(Failure::Malformed("expected user name, space, digest")));
        check(b"\xff 0", Err(Failure::Malformed("not UTF-8")));
        let with_initial = testing::serve(&Mechanism::CRAM_MD5, &[b"user x"]);
        assert_eq!(with_initial, Err(Failure::Malformed("this mechanism has no initial response")));
    }
}
