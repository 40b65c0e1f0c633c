//! The examples of the RFCs through both halves, and everything that must fail.

use crate::testing;
use crate::*;

/// One exchange of an RFC: mechanism, nonces, stored keys' salt, and the four messages.
struct Example {
    hash: ScramHash,
    client_nonce: &'static str,
    server_nonce: &'static str,
    salt: &'static str,
    client_first: &'static str,
    server_first: &'static str,
    client_final: &'static str,
    server_final: &'static str,
}

/// RFC 5802 §5.
const SHA_1: Example = Example {
    hash: ScramHash::Sha1,
    client_nonce: "fyko+d2lbbFgONRv9qkxdawL",
    server_nonce: "3rfcNHYJY1ZVvWVs7j",
    salt: "QSXCR+Q6sek8bf92",
    client_first: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    server_first: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    client_final: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    server_final: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
};

/// RFC 7677 §3.
const SHA_256: Example = Example {
    hash: ScramHash::Sha256,
    client_nonce: "rOprNGfwEbeRWgbNEkqO",
    server_nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
    client_first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    server_first: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    client_final: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    server_final: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};

fn client(example: &Example) -> (ClientExchange, Secret) {
    let context = ClientContext::new(Nonce::parse(example.client_nonce).unwrap(), Channel::Plaintext);
    let credentials = Credentials::password("user", Secret::from("pencil"));
    let (exchange, initial) = ClientExchange::start(&mechanism(example.hash), &credentials, context).unwrap();
    (exchange, initial.unwrap())
}

fn mechanism(hash: ScramHash) -> Mechanism {
    Mechanism::parse(hash.name()).unwrap()
}

#[test]
fn both_halves_follow_the_examples_of_the_rfcs() {
    for example in [&SHA_1, &SHA_256] {
        let (mut client, first) = client(example);
        assert_eq!(first.expose_str(), Some(example.client_first));
        assert_eq!(
            client.step(example.server_first.as_bytes()).unwrap().expose_str(),
            Some(example.client_final)
        );
        assert_eq!(client.finish(), Err(AuthError::PrematureSuccess), "the server has proven nothing yet");
        assert!(client.step(example.server_final.as_bytes()).unwrap().is_empty());
        assert_eq!(client.finish(), Ok(()));

        let salt = line::decode_challenge(example.salt).unwrap();
        let keys = ScramKeys::derive(example.hash, &"pencil".into(), salt.expose(), 4_096).unwrap();
        let decoy = Decoy::new(Secret::from("server")).shared();
        let context =
            ServerContext::new(Nonce::parse(example.server_nonce).unwrap(), Channel::Plaintext, decoy)
                .offered([mechanism(example.hash)]);
        let (mut server, step) =
            ServerExchange::start(&mechanism(example.hash), Some(example.client_first.as_bytes()), context);
        assert!(matches!(step, ServerStep::LookUp(Query::Password { name }) if name == "user"));
        let step = server.answer(Answer::Account(Account::new("user", StoredCredential::scram(keys))));
        assert!(matches!(step, ServerStep::Challenge(c) if c == example.server_first.as_bytes()));
        let step = server.respond(example.client_final.as_bytes());
        assert!(matches!(step, ServerStep::Challenge(c) if c == example.server_final.as_bytes()));
        assert!(
            matches!(server.respond(b""), ServerStep::Done(identity) if identity.authentication() == "user")
        );
    }
}

#[test]
fn client_stops_at_every_bad_challenge() {
    fn first(change: impl Fn(&str) -> String) -> AuthError {
        let (mut client, _) = client(&SHA_256);
        let error = client.step(change(SHA_256.server_first).as_bytes()).err().unwrap();
        assert_eq!(client.finish(), Err(AuthError::PrematureSuccess));
        assert_eq!(client.step(SHA_256.server_first.as_bytes()).err(), Some(AuthError::UnexpectedChallenge));
        error
    }
    let not_continued = AuthError::MalformedChallenge("the nonce does not continue the client's");
    assert_eq!(first(|m| m.replace("r=rO", "r=xO")), not_continued);
    assert_eq!(first(|m| m.replace("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "")), not_continued);
    assert_eq!(first(|m| m.replace("i=4096", "i=4095")), AuthError::Iterations(4_095));
    assert_eq!(first(|m| m.replace("i=4096", "i=4294967296")), AuthError::Iterations(u32::MAX));
    assert!(matches!(first(|_| String::new()), AuthError::MalformedChallenge(_)));

    let last = |message: &str| {
        let (mut client, _) = client(&SHA_256);
        client.step(SHA_256.server_first.as_bytes()).unwrap();
        let error = client.step(message.as_bytes()).err();
        assert_eq!(client.finish(), Err(AuthError::PrematureSuccess));
        (error, client.server_report().map(str::to_owned))
    };
    assert_eq!(last("v=AAAA"), (Some(AuthError::ServerSignature), None));
    assert_eq!(last(&SHA_256.server_final.replace("v=6", "v=7")), (Some(AuthError::ServerSignature), None));
    assert_eq!(last("e=invalid-proof"), (Some(AuthError::Refused), Some("invalid-proof".to_owned())));
    assert_eq!(last("v=").0.map(|error| error.fault()), Some(Fault::Server));
}

#[test]
fn server_refuses_every_bad_message() {
    fn check(change: impl Fn(&str) -> String, expected: Failure) {
        let outcome = testing::serve_scram(&Mechanism::SCRAM_SHA_256, "user", "pencil", change);
        assert_eq!(outcome, Err(expected));
    }
    assert_eq!(
        testing::serve_scram(&Mechanism::SCRAM_SHA_256, "user", "pencil", str::to_owned).as_deref(),
        Ok("user")
    );
    for (user, password) in [("user", "pencils"), ("nobody", "pencil")] {
        let outcome = testing::serve_scram(&Mechanism::SCRAM_SHA_256, user, password, str::to_owned);
        assert_eq!(outcome, Err(Failure::Credentials), "{user} {password}");
    }
    check(
        |m| m.replace("n,,", "p=tls-exporter,,"),
        Failure::Malformed("bound to a channel in a mechanism that does not bind"),
    );
    check(
        |m| m.replace("n,,", "n,a=stranger,").replace("c=biws", "c=bixhPXN0cmFuZ2VyLA=="),
        Failure::Credentials,
    );
    check(|m| m.replace("c=biws", "c=eSws"), Failure::ChannelBinding);
    check(
        |m| if m.starts_with("c=") { m.replace(",p=", "x,p=") } else { m.to_owned() },
        Failure::Malformed("the nonce has changed"),
    );
    check(
        |m| m.split(",p=").next().unwrap().to_owned() + if m.contains(",p=") { ",p=AAAA" } else { "" },
        Failure::Credentials,
    );
}

#[test]
fn unknown_users_look_like_known_ones() {
    let challenge = |name: &str, nonce: u8| {
        let (_, step) = testing::scram_challenge(&Mechanism::SCRAM_SHA_256, name, nonce);
        String::from_utf8(step).unwrap()
    };
    let salt_and_count = |challenge: &str| challenge.split_once(",s=").unwrap().1.to_owned();
    let (one, again) = (challenge("nobody", 1), challenge("nobody", 2));
    assert_ne!(one, again, "nonces are fresh");
    assert_eq!(salt_and_count(&one), salt_and_count(&again), "the salt of nobody never changes");
    assert_eq!(salt_and_count(&one), salt_and_count(&challenge("NOBODY", 1)), "as it would for a known user");
    assert_ne!(salt_and_count(&one), salt_and_count(&challenge("somebody", 1)));
    let shape = |challenge: &str| salt_and_count(challenge).len();
    assert_eq!(shape(&one), shape(&challenge("user", 1)));
}

#[test]
fn binding_ties_both_ends_to_one_channel() {
    let exporter = |octet: u8| Channel::Tls(ChannelBindings::default().with_tls_exporter([octet; 32]));
    let end_point =
        |octet: u8| Channel::Tls(ChannelBindings::default().with_tls_server_end_point([octet; 32]));
    let tls = || Channel::Tls(ChannelBindings::default());
    let plus = [Mechanism::SCRAM_SHA_256_PLUS, Mechanism::SCRAM_SHA_256];
    let bare = [Mechanism::SCRAM_SHA_256];
    let check = |mechanism: &Mechanism,
                 seen: &[Mechanism],
                 client: Channel,
                 server: Channel,
                 expected: Result<(), Failure>| {
        let outcome = testing::bind(mechanism, (seen, client), (&plus, server));
        assert_eq!(outcome.map(|_| ()), expected);
    };
    check(&plus[0], &plus, exporter(1), exporter(1), Ok(()));
    check(&plus[0], &plus, end_point(1), end_point(1), Ok(()));
    check(&plus[0], &plus, exporter(1), exporter(2), Err(Failure::ChannelBinding));
    check(&plus[0], &plus, end_point(1), exporter(1), Err(Failure::ChannelBinding));
    check(&plus[1], &plus, exporter(1), exporter(1), Ok(()));
    check(&plus[1], &bare, tls(), exporter(1), Ok(()));
    // somebody took the -PLUS forms out of the EHLO reply
    check(&plus[1], &bare, exporter(1), exporter(1), Err(Failure::ChannelBinding));
    // this server never offered any
    assert!(testing::bind(&bare[0], (&bare, exporter(1)), (&bare, tls())).is_ok());

    let context = ClientContext::new(Nonce::from_octets(&[1; 24]), tls());
    let refused =
        ClientExchange::start(&plus[0], &Credentials::password("user", Secret::from("pencil")), context);
    assert!(matches!(refused, Err(AuthError::NoChannelBinding(_))));
}

#[test]
fn names_with_commas_and_equals_signs_survive() {
    let credentials = Credentials::password("a,b=c", Secret::from("pencil")).acting_as("=,");
    let first = testing::initial(&Mechanism::SCRAM_SHA_256, &credentials);
    assert!(first.starts_with(b"n,a==3D=2C,n=a=2Cb=3Dc,r="));
}
