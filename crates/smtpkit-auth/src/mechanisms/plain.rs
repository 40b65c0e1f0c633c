//! PLAIN (RFC 4616): the name and the password as they are, so only under TLS.
//!
//! ```abnf
//! message = [authzid] NUL authcid NUL passwd
//! ```

use std::sync::Arc;

use super::one_response::OneResponse;
use super::password_login::PasswordLogin;
use super::{Exposure, Row};
use crate::client::ClientHalf;
use crate::credentials::{Credentials, Proof, ProofKind};
use crate::server::{ServerHalf, ServerStep};
use crate::work::Worked;
use crate::{Answer, AuthError, Decoy, Failure, Mechanism, Secret};

pub(super) const ROW: Row = Row {
    mechanism: Mechanism::PLAIN,
    proof: ProofKind::Password,
    exposure: Exposure::Password,
    says_authorization: true,
    server_first: false,
    by_default: true,
    client: |credentials, _| client(credentials),
    server: |context| Box::new(Server { decoy: context.decoy, login: None }),
};

fn client(credentials: &Credentials) -> Result<Box<dyn ClientHalf>, AuthError> {
    let Proof::Password { user, password } = &credentials.proof else {
        return Err(AuthError::WrongCredentials(Mechanism::PLAIN));
    };
    let authorization = credentials.authorization.as_deref().unwrap_or_default();
    if authorization.contains('\0') {
        return Err(AuthError::Unusable("authorization identity"));
    }
    if user.is_empty() || user.contains('\0') {
        return Err(AuthError::Unusable("user name"));
    }
    if password.is_empty() || password.expose().contains(&0) {
        return Err(AuthError::Unusable("password"));
    }
    let message = [authorization.as_bytes(), user.as_bytes(), password.expose()].join(&0);
    Ok(OneResponse::boxed(Secret::new(message)))
}

struct Server {
    decoy: Arc<Decoy>,
    login: Option<PasswordLogin>,
}

impl Server {
    fn open(&mut self, message: &[u8]) -> Result<ServerStep, Failure> {
        const SHAPE: Failure =
            Failure::Malformed("expected authorization identity, NUL, user name, NUL, password");
        let mut fields = message.split(|octet| *octet == 0);
        let (Some(authorization), Some(name), Some(password), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(SHAPE);
        };
        let authorization = core::str::from_utf8(authorization)
            .map_err(|_| Failure::Malformed("the authorization identity is not UTF-8"))?;
        let (login, step) = PasswordLogin::open(name, Some(authorization.to_owned()), password)?;
        self.login = Some(login);
        Ok(step)
    }
}

impl ServerHalf for Server {
    fn respond(&mut self, response: &[u8]) -> ServerStep {
        self.open(response).unwrap_or_else(ServerStep::Failed)
    }

    fn answer(&mut self, answer: Answer) -> ServerStep {
        self.login
            .as_mut()
            .map_or(ServerStep::Failed(Failure::Misuse), |login| login.answer(answer, &self.decoy))
    }

    fn worked(&mut self, worked: Worked) -> ServerStep {
        self.login.as_mut().map_or(ServerStep::Failed(Failure::Misuse), |login| login.worked(worked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn examples_of_rfc_4616_section_4() {
        let tim = Credentials::password("tim", Secret::from("tanstaaftanstaaf"));
        assert_eq!(testing::initial(&Mechanism::PLAIN, &tim), b"\0tim\0tanstaaftanstaaf");
        let kurt = Credentials::password("Kurt", Secret::from("xipj3plmq")).acting_as("Ursel");
        assert_eq!(testing::initial(&Mechanism::PLAIN, &kurt), b"Ursel\0Kurt\0xipj3plmq");
    }

    #[test]
    fn server_judges_every_message() {
        fn check(message: &[u8], expected: Result<&str, Failure>) {
            let outcome = testing::serve(&Mechanism::PLAIN, &[message]);
            assert_eq!(
                outcome.as_ref().map(String::as_str),
                expected.as_ref().map(|name| *name),
                "{message:?}"
            );
        }
        let shape = Failure::Malformed("expected authorization identity, NUL, user name, NUL, password");
        check(b"\0user\0pencil", Ok("user"));
        check(b"user\0user\0pencil", Ok("user"));
        check(b"friend\0user\0pencil", Ok("friend"));
        check(b"stranger\0user\0pencil", Err(Failure::Credentials));
        check(b"\0user\0pencils", Err(Failure::Credentials));
        check(b"\0nobody\0pencil", Err(Failure::Credentials));
        check(b"\0user\0\xff\xfe", Err(Failure::Credentials));
        check(b"", Err(shape));
        check(b"user\0pencil", Err(shape));
        check(b"\0user\0pencil\0", Err(shape));
        check(b"\0user\0", Err(Failure::Malformed("the password is empty")));
        check(
            b"\0\0pencil",
            Err(Failure::Malformed("the user name is empty or has a character that is not allowed")),
        );
        check(
            b"\0us\x07er\0pencil",
            Err(Failure::Malformed("the user name is empty or has a character that is not allowed")),
        );
        check(b"\0\xff\0pencil", Err(Failure::Malformed("the user name is not UTF-8")));
        check(b"\xff\0user\0pencil", Err(Failure::Malformed("the authorization identity is not UTF-8")));
    }

    #[test]
    fn client_refuses_what_cannot_be_carried() {
        fn check(credentials: Credentials, expected: &'static str) {
            assert_eq!(
                testing::start(&Mechanism::PLAIN, &credentials).err(),
                Some(AuthError::Unusable(expected))
            );
        }
        check(Credentials::password("a\0b", Secret::from("p")), "user name");
        check(Credentials::password("", Secret::from("p")), "user name");
        check(Credentials::password("a", Secret::from("p\0")), "password");
        check(Credentials::password("a", Secret::from("")), "password");
        check(Credentials::password("a", Secret::from("p")).acting_as("\0"), "authorization identity");
    }
}
