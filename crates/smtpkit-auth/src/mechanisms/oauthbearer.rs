//! OAUTHBEARER (RFC 7628): an OAuth 2.0 bearer token, so only under TLS.
//!
//! ```abnf
//! client-resp = gs2-header %x01 *(key "=" value %x01) %x01      ; keys: host, port, auth ("Bearer" SP token)
//! gs2-header  = ("n" / "y") "," ["a=" saslname] ","
//! ```

use super::token_login::{Presented, TokenClient, TokenServer, bearer_token, check_sayable};
use super::{Exposure, Row, saslname};
use crate::client::ClientHalf;
use crate::credentials::{Credentials, Proof, ProofKind};
use crate::{AuthError, Failure, Mechanism, Secret};

pub(super) const ROW: Row = Row {
    mechanism: Mechanism::OAUTHBEARER,
    proof: ProofKind::Token,
    exposure: Exposure::Token,
    says_authorization: true,
    server_first: false,
    by_default: true,
    client: |credentials, _| client(credentials),
    server: |_| TokenServer::boxed(parse, r#"{"status":"invalid_token","schemes":"bearer"}"#),
};

fn client(credentials: &Credentials) -> Result<Box<dyn ClientHalf>, AuthError> {
    let Proof::Token { user, token } = &credentials.proof else {
        return Err(AuthError::WrongCredentials(Mechanism::OAUTHBEARER));
    };
    // the token says who authenticates; `a=` says for whom
    let name = credentials.authorization.as_deref().unwrap_or(user);
    check_sayable(name, token)?;
    let name = if name.is_empty() { String::new() } else { format!("a={}", saslname::escape(name)) };
    let host = match &credentials.host {
        Some((host, _)) if host.contains(['\0', '\x01']) => return Err(AuthError::Unusable("host")),
        Some((host, port)) => format!("host={host}\x01port={port}\x01"),
        None => String::new(),
    };
    let before = format!("n,{name},\x01{host}auth=Bearer ");
    let message = Secret::new([before.as_bytes(), token.expose(), b"\x01\x01"].concat());
    Ok(TokenClient::boxed(message, b"\x01"))
}

fn parse(message: &str) -> Result<Presented, Failure> {
    const HEADER: Failure = Failure::Malformed("bad gs2 header");
    let (flag, rest) = message.split_once(',').ok_or(HEADER)?;
    let (name, rest) = rest.split_once(',').ok_or(HEADER)?;
    if !matches!(flag, "n" | "y") {
        return Err(HEADER);
    }
    let name = match name {
        "" => None,
        attribute => {
            let escaped =
                attribute.strip_prefix("a=").filter(|name| saslname::is_saslname(name)).ok_or(HEADER)?;
            Some(saslname::unescape(escaped).map_err(Failure::Malformed)?)
        }
    };
    let pairs = rest.strip_prefix('\x01').ok_or(Failure::Malformed("no %x01 after the gs2 header"))?;
    Ok(Presented { name, token: bearer_token(pairs)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn example_of_rfc_7628_section_4() {
        let credentials = Credentials::token("user@example.com", Secret::from(testing::TOKEN))
            .for_host("server.example.com", 143);
        assert_eq!(
            String::from_utf8(testing::initial(&Mechanism::OAUTHBEARER, &credentials)).unwrap(),
            "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
        );
    }

    #[test]
    fn server_judges_every_message() {
        fn check(message: &str, expected: Result<&str, Failure>) {
            let outcome = testing::serve(&Mechanism::OAUTHBEARER, &[message.as_bytes(), b"\x01"]);
            assert_eq!(
                outcome.as_ref().map(String::as_str),
                expected.as_ref().map(|name| *name),
                "{message:?}"
            );
        }
        let auth = format!("auth=Bearer {}\x01\x01", testing::TOKEN);
        check(&format!("n,a=user,\x01{auth}"), Ok("user"));
        check(&format!("y,a=USER,\x01host=h\x01port=1\x01{auth}"), Ok("user"));
        check(&format!("n,,\x01{}", auth.replace("Bearer", "bearer")), Ok("user"));
        check(&format!("n,a=stranger,\x01{auth}"), Err(Failure::Credentials));
        check("n,a=user,\x01auth=Bearer abc\x01\x01", Err(Failure::Credentials));
        check("", Err(Failure::Malformed("bad gs2 header")));
        check("\x01", Err(Failure::Malformed("bad gs2 header")));
        check(&format!("p=tls-exporter,a=user,\x01{auth}"), Err(Failure::Malformed("bad gs2 header")));
        check(&format!("n,user,\x01{auth}"), Err(Failure::Malformed("bad gs2 header")));
        check(&format!("n,a==,\x01{auth}"), Err(Failure::Malformed("bad escape in a name")));
        check(&format!("n,a=user,{auth}"), Err(Failure::Malformed("no %x01 after the gs2 header")));
        check(
            "n,a=user,\x01auth=Bearer abc\x01",
            Err(Failure::Malformed("the message does not end with two %x01")),
        );
        check("n,a=user,\x01host=h\x01\x01", Err(Failure::Malformed("no auth=Bearer key")));
        check("n,a=user,\x01auth=Basic abc\x01\x01", Err(Failure::Malformed("auth is not a bearer token")));
        check("n,a=user,\x01auth=Bearer a b\x01\x01", Err(Failure::Malformed("auth is not a bearer token")));
        check(
            "n,a=user,\x01auth=Bearer a\x01auth=Bearer b\x01\x01",
            Err(Failure::Malformed("two auth keys")),
        );
        check("n,a=user,\x01auth\x01\x01", Err(Failure::Malformed("expected key=value pairs")));
    }

    #[test]
    fn client_acknowledges_the_error_and_keeps_it() {
        let credentials = Credentials::token("user", Secret::from(testing::TOKEN));
        let (mut exchange, _) = testing::start(&Mechanism::OAUTHBEARER, &credentials).unwrap();
        assert_eq!(exchange.step(b"{\"status\":\"invalid_token\"}\n").unwrap().expose(), b"\x01");
        assert_eq!(exchange.server_report(), Some("{\"status\":\"invalid_token\"}"));
        assert_eq!(exchange.finish(), Err(AuthError::Refused));
        assert_eq!(exchange.step(b"").err(), Some(AuthError::UnexpectedChallenge));
    }

    #[test]
    fn client_refuses_what_cannot_be_carried() {
        let check = |credentials: Credentials, expected| {
            assert_eq!(
                testing::start(&Mechanism::OAUTHBEARER, &credentials).err(),
                Some(AuthError::Unusable(expected))
            );
        };
        check(Credentials::token("a\x01b", Secret::from("t")), "user name");
        check(Credentials::token("a", Secret::from("t\x01")), "token");
        check(Credentials::token("a", Secret::from("")), "token");
        check(Credentials::token("a", Secret::from("t")).for_host("h\x01", 1), "host");
    }
}
