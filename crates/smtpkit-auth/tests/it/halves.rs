//! Our two halves against each other: any user, any password that SASLprep allows.

use proptest::prelude::*;
use smtpkit_auth::*;

use crate::dialogue::{client_context, one_user, server_context, talk};

/// Names and passwords that SASLprep allows, commas, equals signs and other scripts included.
fn sayable() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{1,40}", "[a-zé,=ßΩ日本ª\u{AD}]{1,20}"].prop_filter("SASLprep refuses it", |text| {
        StoredCredential::plaintext(Secret::from(text.as_str())).is_ok()
    })
}

fn token() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._~+/-]{1,2000}={0,2}"
}

fn password_mechanisms() -> impl Strategy<Value = Mechanism> {
    proptest::sample::select(
        Mechanism::known()
            .filter(|m| {
                m.is_plaintext_password() || m.as_str().starts_with("SCRAM") || *m == Mechanism::CRAM_MD5
            })
            .collect::<Vec<_>>(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn right_password_always_passes(mechanism in password_mechanisms(), user in sayable(), password in sayable()) {
        let users = one_user(&user, StoredCredential::plaintext(Secret::from(password.as_str())).unwrap());
        let credentials = Credentials::password(&user, Secret::from(password.as_str()));
        let outcome = talk(&mechanism, &credentials, client_context(users.mechanisms()), &users);
        prop_assert_eq!(outcome.server.as_ref().map(Identity::authentication), Ok(user.as_str()));
        prop_assert_eq!(outcome.client, Ok(()));
    }

    #[test]
    fn wrong_password_never_passes(mechanism in password_mechanisms(), user in sayable(), password in sayable(), guess in sayable()) {
        let same = |text: &str| Users::parse(&format!("{text}@x:p"), Secret::from("s")).ok().map(|users| users.names().collect::<String>());
        prop_assume!(password != guess && (same(&password).is_none() || same(&password) != same(&guess)));
        prop_assume!(!password.contains(['ª', '\u{AD}']) && !guess.contains(['ª', '\u{AD}']));
        let users = one_user(&user, StoredCredential::plaintext(Secret::from(password.as_str())).unwrap());
        let credentials = Credentials::password(&user, Secret::from(guess.as_str()));
        let outcome = talk(&mechanism, &credentials, client_context(users.mechanisms()), &users);
        prop_assert_eq!(outcome.server, Err(Failure::Credentials));
        prop_assert!(outcome.client.is_err());
    }

    #[test]
    fn tokens_of_any_length_pass(user in "[a-z.@,=]{1,40}", token in token(), xoauth2 in any::<bool>()) {
        let mechanism = if xoauth2 { Mechanism::XOAUTH2 } else { Mechanism::OAUTHBEARER };
        let users = one_user(&user, StoredCredential::token(Secret::from(token.as_str())).unwrap());
        let right = talk(&mechanism, &Credentials::token(&user, Secret::from(token.as_str())), client_context(Vec::new()), &users);
        prop_assert_eq!(right.server.as_ref().map(Identity::authentication), Ok(user.as_str()));
        prop_assert_eq!(right.client, Ok(()));
        let wrong = talk(&mechanism, &Credentials::token(&user, Secret::from("guess.guess")), client_context(Vec::new()), &users);
        prop_assert_eq!(wrong.server, Err(Failure::Credentials));
    }
}

#[test]
fn every_stored_form_passes_where_it_can_serve() {
    let pencil = Secret::from("pencil");
    let hash = hash_password(&pencil, &[3; 16], HashCost::new(64, 1, 1).unwrap()).unwrap();
    let mut forms = vec![StoredCredential::hash(hash), StoredCredential::plaintext(pencil.clone()).unwrap()];
    for hash in ScramHash::ALL {
        forms
            .push(StoredCredential::scram(ScramKeys::derive(hash, &pencil, b"salt of user", 4_096).unwrap()));
    }
    for form in forms {
        let users = one_user("user", form);
        let served: Vec<Mechanism> = users
            .mechanisms()
            .into_iter()
            .filter(|m| !matches!(m.as_str(), "EXTERNAL" | "ANONYMOUS"))
            .collect();
        assert!(served.len() >= 2);
        for mechanism in served {
            for (password, expected) in [("pencil", Ok("user")), ("pencils", Err(&Failure::Credentials))] {
                let credentials = Credentials::password("user", Secret::from(password));
                let outcome = talk(&mechanism, &credentials, client_context(users.mechanisms()), &users);
                assert_eq!(
                    outcome.server.as_ref().map(Identity::authentication),
                    expected,
                    "{mechanism} {password}"
                );
            }
        }
    }
}

#[test]
fn selection_and_offer_meet_at_the_strongest() {
    let users = one_user("user", StoredCredential::plaintext(Secret::from("pencil")).unwrap());
    let channel = crate::dialogue::tls();
    let offered = offer(&users, &channel, InsecureAuth::Refused);
    let chosen = select(
        &offered,
        &Credentials::password("user", Secret::from("pencil")),
        &channel,
        &Mechanism::defaults(),
    );
    assert_eq!(chosen, Ok(Mechanism::SCRAM_SHA_512_PLUS));
    assert!(offer(&users, &Channel::Plaintext, InsecureAuth::Refused).is_empty());
    let insecure = offer(&users, &Channel::Plaintext, InsecureAuth::Allowed);
    assert!(insecure.contains(&Mechanism::PLAIN) && !insecure.iter().any(Mechanism::needs_channel_binding));
}

#[test]
fn initial_response_that_does_not_fit_follows_an_empty_challenge() {
    let token = "t".repeat(500);
    let users = one_user("user", StoredCredential::token(Secret::from(token.as_str())).unwrap());
    let credentials = Credentials::token("user", Secret::from(token.as_str()));
    let outcome = talk(&Mechanism::XOAUTH2, &credentials, client_context(Vec::new()), &users);
    assert!(outcome.transcript.starts_with("AUTH XOAUTH2\n334 \n"), "{}", outcome.transcript);
    assert_eq!(outcome.client, Ok(()));

    let context = client_context(Vec::new()).withhold_initial_response();
    let plain = one_user("user", StoredCredential::plaintext(Secret::from("pencil")).unwrap());
    let outcome =
        talk(&Mechanism::PLAIN, &Credentials::password("user", Secret::from("pencil")), context, &plain);
    assert_eq!(outcome.transcript, "AUTH PLAIN\n334 \nAHVzZXIAcGVuY2ls");
    assert_eq!(outcome.client, Ok(()));
}

#[test]
fn what_was_not_offered_is_refused() {
    let users = one_user("user", StoredCredential::plaintext(Secret::from("pencil")).unwrap());
    let check = |mechanism: &Mechanism, context: ServerContext, expected: Failure| {
        let (mut exchange, step) = ServerExchange::start(mechanism, Some(b"\0user\0pencil"), context);
        assert!(matches!(step, ServerStep::Failed(failure) if failure == expected), "{mechanism}");
        assert!(matches!(exchange.respond(b""), ServerStep::Failed(Failure::Misuse)));
    };
    let plaintext = || ServerContext::new(Nonce::from_octets(&[2; 24]), Channel::Plaintext, users.decoy());
    check(&Mechanism::parse("GSSAPI").unwrap(), server_context(&users), Failure::UnknownMechanism);
    check(&Mechanism::OAUTHBEARER, server_context(&users), Failure::UnknownMechanism);
    check(&Mechanism::PLAIN, plaintext(), Failure::EncryptionRequired);
    check(&Mechanism::SCRAM_SHA_256, plaintext(), Failure::UnknownMechanism);
}

#[test]
fn calls_out_of_order_fail_the_exchange() {
    let users = one_user("user", StoredCredential::plaintext(Secret::from("pencil")).unwrap());
    let (mut exchange, step) =
        ServerExchange::start(&Mechanism::PLAIN, Some(b"\0user\0pencil"), server_context(&users));
    assert!(matches!(step, ServerStep::LookUp(_)));
    assert!(matches!(exchange.respond(b"\0user\0pencil"), ServerStep::Failed(Failure::Misuse)));
    assert!(matches!(exchange.answer(Answer::Unknown), ServerStep::Failed(Failure::Misuse)), "it is over");
    assert_eq!(exchange.claimed_name(), Some("user"));

    let (mut exchange, _) =
        ServerExchange::start(&Mechanism::PLAIN, Some(b"\0user\0pencil"), server_context(&users));
    assert!(matches!(exchange.answer(Answer::TemporaryFailure), ServerStep::Failed(Failure::Temporary)));
    let (mut exchange, _) =
        ServerExchange::start(&Mechanism::PLAIN, Some(b"\0user\0pencil"), server_context(&users));
    let wrong_kind = Answer::Identity(Identity::new("user"));
    assert!(
        matches!(exchange.answer(wrong_kind), ServerStep::Failed(Failure::Misuse)),
        "a password is never taken on trust"
    );
}

#[test]
fn client_never_sends_a_secret_without_tls() {
    let context = || ClientContext::new(Nonce::from_octets(&[1; 24]), Channel::Plaintext);
    for mechanism in Mechanism::known().filter(Mechanism::sends_secret) {
        for credentials in [
            Credentials::password("user", Secret::from("pencil")),
            Credentials::token("user", Secret::from("token")),
        ] {
            let error = ClientExchange::start(&mechanism, &credentials, context()).err();
            let expected =
                [AuthError::NeedsTls(mechanism.clone()), AuthError::WrongCredentials(mechanism.clone())];
            assert!(error.is_some_and(|error| expected.contains(&error)), "{mechanism}");
        }
    }
}
