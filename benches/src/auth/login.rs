//! Logins: a SCRAM-SHA-256 exchange beside rsasl's, and what a server pays for each kind of stored password.
//!
//! Both sides know the keys of the account, as a server stores them, and derive the client's from the password, as
//! a client has to: 4,096 rounds of PBKDF2 (RFC 7677 §4).

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use argon2::Argon2;
use rsasl::callback::{Context as SaslContext, Request, SessionCallback, SessionData};
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::prelude::{
    Mechname, MessageSent, SASLClient, SASLConfig, SASLServer, SessionError, State, Validation,
};
use rsasl::property::{AuthId, Password};
use rsasl::validate::{Validate, ValidationError};
use smtpkit_auth::{
    Account, Channel, ChannelBindings, ClientContext, ClientExchange, Credentials, HashCost, Mechanism,
    Nonce, ScramHash, ScramKeys, Secret, ServerContext, ServerExchange, ServerStep, StoredCredential, Users,
    Verifier as _, hash_password, line,
};

use crate::Item;

const USER: &str = "jane@example.test";
const PASSWORD: &str = "pencil";
const SALT: &[u8; 16] = b"salt of the user";
const ITERATIONS: u32 = 4_096;
/// The cost of a hash that `HashCost::default()` has.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

pub fn items() -> Vec<Item> {
    vec![
        Item::per_round("SCRAM-SHA-256, client and server", scram(Arc::new(users(scram_keys()))))
            .against("rsasl", rsasl_scram())
            .few_rounds(),
        Item::per_round("SCRAM-SHA-256, server", scram_server(users(scram_keys()))),
        Item::per_round("PLAIN against argon2id, server", plain_server(users(argon2id())))
            .against("argon2", bare_argon2())
            .few_rounds(),
        Item::per_round("PLAIN against plaintext, server", plain_server(users(plaintext()))),
    ]
}

fn users(credential: StoredCredential) -> Users {
    let mut users = Users::new(Secret::from("server secret"));
    users.insert(Account::new(USER, credential)).expect("one user");
    users
}

fn scram_keys() -> StoredCredential {
    let keys = ScramKeys::derive(ScramHash::Sha256, &PASSWORD.into(), SALT, ITERATIONS);
    StoredCredential::scram(keys.expect("keys"))
}

fn argon2id() -> StoredCredential {
    StoredCredential::hash(
        hash_password(&PASSWORD.into(), SALT, HashCost::new(MEMORY_KIB, PASSES, LANES).expect("a cost"))
            .expect("a hash"),
    )
}

fn plaintext() -> StoredCredential {
    StoredCredential::plaintext(PASSWORD.into()).expect("a password")
}

/// Both halves, message by message.
fn scram(users: Arc<Users>) -> impl FnMut() {
    let credentials = Credentials::password(USER, PASSWORD.into());
    move || {
        let (mut client, initial) = client(&credentials);
        let mut response = initial.expect("the client speaks first");
        let (mut server, mut step) = server(&Mechanism::SCRAM_SHA_256, &users, response.expose());
        while let Some(challenge) = settle(&mut server, &users, step) {
            response = client.step(&challenge).expect("a response");
            step = server.respond(response.expose());
        }
        client.finish().expect("a proof of the server");
    }
}

/// The server's half alone: with the same nonces the client always says the same.
fn scram_server(users: Users) -> impl FnMut() {
    let credentials = Credentials::password(USER, PASSWORD.into());
    let (mut client, initial) = client(&credentials);
    let mut responses = vec![initial.expect("the client speaks first")];
    let (mut exchange, mut step) = server(&Mechanism::SCRAM_SHA_256, &users, responses[0].expose());
    while let Some(challenge) = settle(&mut exchange, &users, step) {
        responses.push(client.step(&challenge).expect("a response"));
        step = exchange.respond(responses[responses.len() - 1].expose());
    }
    move || {
        let (mut exchange, mut step) = server(&Mechanism::SCRAM_SHA_256, &users, responses[0].expose());
        for response in &responses[1..] {
            settle(&mut exchange, &users, step).expect("a challenge");
            step = exchange.respond(response.expose());
        }
        assert!(settle(&mut exchange, &users, step).is_none());
    }
}

fn plain_server(users: Users) -> impl FnMut() {
    let response = format!("\0{USER}\0{PASSWORD}");
    move || {
        let (mut exchange, step) = server(&Mechanism::PLAIN, &users, response.as_bytes());
        assert!(settle(&mut exchange, &users, step).is_none());
    }
}

/// What the hash alone costs, with the same parameters.
fn bare_argon2() -> impl FnMut() {
    let parameters = argon2::Params::new(MEMORY_KIB, PASSES, LANES, None);
    let hasher = Argon2::new(Default::default(), Default::default(), parameters.expect("parameters"));
    move || {
        let mut hash = [0; 32];
        hasher.hash_password_into(black_box(PASSWORD.as_bytes()), SALT, &mut hash).expect("a hash");
        black_box(hash);
    }
}

fn channel() -> Channel {
    Channel::Tls(ChannelBindings::default())
}

fn client(credentials: &Credentials) -> (ClientExchange, Option<Secret>) {
    let context = ClientContext::new(Nonce::from_octets(&[1; 24]), channel());
    ClientExchange::start(&Mechanism::SCRAM_SHA_256, credentials, context).expect("a client")
}

fn server(mechanism: &Mechanism, users: &Users, initial: &[u8]) -> (ServerExchange, ServerStep) {
    let context = ServerContext::new(Nonce::from_octets(&[2; 24]), channel(), users.decoy());
    ServerExchange::start(mechanism, Some(initial), context.offered([mechanism.clone()]))
}

/// Goes on as far as the server can without the client: the next challenge, or none after success.
fn settle(exchange: &mut ServerExchange, users: &Users, mut step: ServerStep) -> Option<Vec<u8>> {
    loop {
        step = match step {
            ServerStep::Challenge(challenge) => return Some(challenge),
            ServerStep::LookUp(query) => exchange.answer(now(users.look_up(query))),
            ServerStep::Work(work) => exchange.worked(work.run()),
            ServerStep::Done(identity) => {
                black_box(identity);
                return None;
            }
            ServerStep::Failed(failure) => unreachable!("the password is right: {failure:?}"),
        };
    }
}

/// The output of a future that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("a look-up in memory never waits"),
    }
}

/// What rsasl asks for, on both sides.
struct Theirs {
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
}

struct Verdict;

impl Validation for Verdict {
    type Value = bool;
}

impl SessionCallback for Theirs {
    fn callback(
        &self,
        _: &SessionData,
        _: &SaslContext<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        if request.is::<ScramStoredPassword<'_>>() {
            let stored = ScramStoredPassword::new(ITERATIONS, SALT, &self.stored_key, &self.server_key);
            request.satisfy::<ScramStoredPassword<'_>>(&stored)?;
        } else {
            request.satisfy::<AuthId>(USER)?.satisfy::<Password>(PASSWORD.as_bytes())?;
        }
        Ok(())
    }

    fn validate(
        &self,
        _: &SessionData,
        context: &SaslContext<'_>,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        validate.with::<Verdict, _>(|| Ok(context.get_ref::<AuthId>() == Some(USER)))?;
        Ok(())
    }
}

fn rsasl_scram() -> impl FnMut() {
    let text =
        ScramKeys::derive(ScramHash::Sha256, &PASSWORD.into(), SALT, ITERATIONS).expect("keys").to_text();
    let fields: Vec<&str> = text.expose_str().expect("ASCII").split(['$', ':']).collect();
    let key = |field: &str| line::decode_challenge(field).expect("base64").expose().to_vec();
    let callback = Theirs { stored_key: key(fields[3]), server_key: key(fields[4]) };
    let config = SASLConfig::builder().with_defaults().with_callback(callback).expect("a configuration");
    let name = Mechname::parse(b"SCRAM-SHA-256").expect("a name");
    move || {
        let mut client = SASLClient::new(Arc::clone(&config)).start_suggested(&[name]).expect("a client");
        let mut server =
            SASLServer::<Verdict>::new(Arc::clone(&config)).start_suggested(name).expect("a server");
        let (mut response, mut challenge) = (Vec::new(), Vec::new());
        client.step(None, &mut response).expect("the client speaks first");
        loop {
            challenge.clear();
            let state = server.step(Some(&response), &mut challenge).expect("a challenge");
            if state != State::Finished(MessageSent::No) {
                response.clear();
                client.step(Some(&challenge), &mut response).expect("a response");
            }
            if !state.is_running() {
                break;
            }
        }
        assert_eq!(server.validation(), Some(true));
    }
}
