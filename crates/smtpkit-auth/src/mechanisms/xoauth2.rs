//! XOAUTH2: OAUTHBEARER's older relative, made by a mail provider and copied by others; only under TLS.
//!
//! ```text
//! user=<name> %x01 auth=Bearer <token> %x01 %x01
//! ```
//!
//! An error comes as a challenge with JSON; the client answers it with an empty response and then gets the 535.

use super::token_login::{Presented, TokenClient, TokenServer, bearer_token, check_sayable};
use super::{Exposure, Row};
use crate::client::ClientHalf;
use crate::credentials::{Credentials, Proof, ProofKind};
use crate::{AuthError, Failure, Mechanism, Secret};

pub(super) const ROW: Row = Row {
    mechanism: Mechanism::XOAUTH2,
    proof: ProofKind::Token,
    exposure: Exposure::Token,
    says_authorization: false,
    server_first: false,
    by_default: true,
    client: |credentials, _| client(credentials),
    server: |_| TokenServer::boxed(parse, r#"{"status":"401","schemes":"bearer"}"#),
};

fn client(credentials: &Credentials) -> Result<Box<dyn ClientHalf>, AuthError> {
    let Proof::Token { user, token } = &credentials.proof else {
        return Err(AuthError::WrongCredentials(Mechanism::XOAUTH2));
    };
    if user.is_empty() {
        return Err(AuthError::Unusable("user name"));
    }
    check_sayable(user, token)?;
    let before = format!("user={user}\x01auth=Bearer ");
    let message = Secret::new([before.as_bytes(), token.expose(), b"\x01\x01"].concat());
    Ok(TokenClient::boxed(message, b""))
}

fn parse(message: &str) -> Result<Presented, Failure> {
    const SHAPE: Failure = Failure::Malformed("expected user=<name>, %x01");
    let (name, pairs) =
        message.strip_prefix("user=").and_then(|rest| rest.split_once('\x01')).ok_or(SHAPE)?;
    if name.is_empty() || name.contains('\0') {
        return Err(SHAPE);
    }
    Ok(Presented { name: Some(name.to_owned()), token: bearer_token(pairs)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn message_has_the_documented_shape() {
        let credentials = Credentials::token(
            "someuser@example.com",
            Secret::from("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"),
        );
        assert_eq!(
            crate::line::encode_initial(&testing::initial(&Mechanism::XOAUTH2, &credentials)).expose_str(),
            Some(
                "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
            )
        );
    }

    #[test]
    fn server_judges_every_message() {
        fn check(message: &str, expected: Result<&str, Failure>) {
            let outcome = testing::serve(&Mechanism::XOAUTH2, &[message.as_bytes(), b""]);
            assert_eq!(
                outcome.as_ref().map(String::as_str),
                expected.as_ref().map(|name| *name),
                "{message:?}"
            );
        }
        let shape = Failure::Malformed("expected user=<name>, %x01");
        check(&format!("user=user\x01auth=Bearer {}\x01\x01", testing::TOKEN), Ok("user"));
        check(&format!("user=friend\x01auth=Bearer {}\x01\x01", testing::TOKEN), Err(Failure::Credentials));
        check("user=user\x01auth=Bearer abc\x01\x01", Err(Failure::Credentials));
        check("user=\x01auth=Bearer abc\x01\x01", Err(shape));
        check("auth=Bearer abc\x01\x01", Err(shape));
        check("user=user", Err(shape));
        check("user=user\x01\x01", Err(Failure::Malformed("the message does not end with two %x01")));
        check(
            "user=user\x01auth=Bearer abc",
            Err(Failure::Malformed("the message does not end with two %x01")),
        );
    }

    #[test]
    fn client_answers_the_error_with_nothing() {
        let (mut exchange, _) =
            testing::start(&Mechanism::XOAUTH2, &Credentials::token("user", Secret::from("t"))).unwrap();
        assert!(exchange.step(br#"{"status":"401"}"#).unwrap().is_empty());
        assert_eq!(exchange.server_report(), Some(r#"{"status":"401"}"#));
        assert_eq!(exchange.finish(), Err(AuthError::Refused));
    }
}
