//! Both halves of every mechanism against octets that nobody would send.

use proptest::prelude::*;
use smtpkit_auth::*;

use crate::dialogue::{client_context, one_user, server_context, settle};

fn mechanisms() -> impl Strategy<Value = Mechanism> {
    proptest::sample::select(Mechanism::known().collect::<Vec<_>>())
}

/// Messages in the alphabets of the mechanisms, and anything at all.
fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..64),
        "[npyrscv=,a-b0-9+/\x00\x01]{0,64}".prop_map(String::into_bytes),
    ]
}

fn credentials() -> [Credentials; 4] {
    [
        Credentials::password("user", Secret::from("pencil")),
        Credentials::token("user", Secret::from("token")),
        Credentials::external(),
        Credentials::anonymous("trace"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn server_never_lets_garbage_in(mechanism in mechanisms(), messages in proptest::collection::vec(message(), 1..4)) {
        prop_assume!(!matches!(mechanism.as_str(), "ANONYMOUS" | "EXTERNAL"));
        let users = one_user("user", StoredCredential::parse("{TOKEN}long.enough.token {PLAIN}long enough password").unwrap());
        let (mut exchange, mut step) = ServerExchange::start(&mechanism, None, server_context(&users));
        for message in &messages {
            match settle(&mut exchange, &users, step) {
                Ok(_) => step = exchange.respond(message),
                Err(outcome) => {
                    prop_assert!(outcome.is_err());
                    return Ok(());
                }
            }
        }
        let _ = settle(&mut exchange, &users, step).map_err(|outcome| assert!(outcome.is_err()));
    }

    #[test]
    fn client_never_believes_garbage(mechanism in mechanisms(), messages in proptest::collection::vec(message(), 1..4)) {
        for credentials in credentials() {
            let Ok((mut exchange, _)) = ClientExchange::start(&mechanism, &credentials, client_context(Vec::new())) else { continue };
            for message in &messages {
                let _ = exchange.step(message);
            }
            let is_scram = mechanism.as_str().starts_with("SCRAM");
            prop_assert!(!is_scram || exchange.finish().is_err());
        }
    }

    #[test]
    fn stored_forms_are_read_or_refused(text in "[ -~]{0,80}|SCRAM-SHA-256\\$[0-9:$A-Za-z+/=]{0,80}|\\$argon2id\\$[vmtp=,$A-Za-z0-9+/]{0,80}") {
        if let Ok(credential) = StoredCredential::parse(&text) {
            let written = credential.to_text();
            let again = StoredCredential::parse(written.expose_str().unwrap()).unwrap();
            prop_assert!(again.to_text().constant_time_eq(written.expose()));
        }
    }

    #[test]
    fn base64_lines_round_trip(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        let text = line::encode_initial(&octets);
        prop_assert_eq!(line::decode_initial(text.expose_str().unwrap()).map(|s| s.expose().to_vec()), Ok(octets));
    }
}
