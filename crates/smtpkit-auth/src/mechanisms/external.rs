//! EXTERNAL (RFC 4422 appendix A): the TLS client certificate has said who it is.
//!
//! The response is the authorization identity, empty for one's own. A server without a verified certificate refuses at once.

use super::one_response::OneResponse;
use super::{Exposure, Row};
use crate::client::ClientHalf;
use crate::credentials::{Credentials, ProofKind};
use crate::server::{ServerHalf, ServerStep};
use crate::{Answer, AuthError, Failure, Mechanism, Query};

pub(super) const ROW: Row = Row {
    mechanism: Mechanism::EXTERNAL,
    proof: ProofKind::External,
    exposure: Exposure::Nothing,
    says_authorization: true,
    server_first: false,
    by_default: true,
    client: |credentials, _| client(credentials),
    server: |context| Box::new(Server { names: context.certificate_names }),
};

fn client(credentials: &Credentials) -> Result<Box<dyn ClientHalf>, AuthError> {
    let authorization = credentials.authorization.as_deref().unwrap_or_default();
    if authorization.contains('\0') {
        return Err(AuthError::Unusable("authorization identity"));
    }
    Ok(OneResponse::boxed(authorization.into()))
}

struct Server {
    names: Vec<String>,
}

impl ServerHalf for Server {
    fn respond(&mut self, response: &[u8]) -> ServerStep {
        let authorization = match core::str::from_utf8(response) {
            Ok(name) if !name.contains('\0') => name,
            _ => {
                return ServerStep::Failed(Failure::Malformed(
                    "the authorization identity is not UTF-8 without NUL",
                ));
            }
        };
        if self.names.is_empty() {
            return ServerStep::Failed(Failure::Credentials);
        }
        let authorization = (!authorization.is_empty()).then(|| authorization.to_owned());
        ServerStep::LookUp(Query::External { names: std::mem::take(&mut self.names), authorization })
    }

    fn answer(&mut self, answer: Answer) -> ServerStep {
        match answer {
            Answer::Identity(identity) => ServerStep::Done(identity),
            Answer::Unknown => ServerStep::Failed(Failure::Credentials),
            Answer::Account(_) | Answer::TemporaryFailure => ServerStep::Failed(Failure::Misuse),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn response_is_the_authorization_identity() {
        assert_eq!(testing::initial(&Mechanism::EXTERNAL, &Credentials::external()), b"");
        let acting = Credentials::external().acting_as("fred@example.com");
        assert_eq!(testing::initial(&Mechanism::EXTERNAL, &acting), b"fred@example.com");
    }

    #[test]
    fn certificate_decides() {
        fn check(response: &[u8], expected: Result<&str, Failure>) {
            let outcome = testing::serve(&Mechanism::EXTERNAL, &[response]);
            assert_eq!(
                outcome.as_ref().map(String::as_str),
                expected.as_ref().map(|name| *name),
                "{response:?}"
            );
        }
        check(b"", Ok("user"));
        check(b"friend", Ok("friend"));
        check(b"stranger", Err(Failure::Credentials));
        check(b"a\0b", Err(Failure::Malformed("the authorization identity is not UTF-8 without NUL")));
        check(b"\xff", Err(Failure::Malformed("the authorization identity is not UTF-8 without NUL")));
    }
}
