//! What the unit tests of the mechanisms share: one user, `user` with password `pencil`, and drivers of both halves.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::*;

/// The token of RFC 7628 §4.
pub(crate) const TOKEN: &str = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
/// What the CRAM-MD5 server asks.
pub(crate) const CRAM_CHALLENGE: &str = "<BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH@mx.test>";

/// Runs a future that never waits.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a look-up in memory never waits"),
    }
}

fn tls() -> Channel {
    Channel::Tls(ChannelBindings::default())
}

/// `user`, who may act for `friend`.
pub(crate) fn users() -> Users {
    let credential = StoredCredential::plaintext("pencil".into())
        .unwrap()
        .and(StoredCredential::token(TOKEN.into()).unwrap());
    let mut users =
        Users::new(Secret::from("server secret")).with_cram_md5().with_anonymous(Identity::new("anonymous"));
    users.insert(Account::new("user", credential).with_acts_as(["friend".to_owned()])).unwrap();
    users
}

pub(crate) fn start(
    mechanism: &Mechanism,
    credentials: &Credentials,
) -> Result<(ClientExchange, Option<Secret>), AuthError> {
    ClientExchange::start(mechanism, credentials, ClientContext::new(Nonce::from_octets(&[7; 24]), tls()))
}

pub(crate) fn initial(mechanism: &Mechanism, credentials: &Credentials) -> Vec<u8> {
    start(mechanism, credentials).unwrap().1.expect("an initial response").expose().to_vec()
}

fn context(users: &Users, channel: Channel, nonce: u8) -> ServerContext {
    ServerContext::new(Nonce::from_octets(&[nonce; 24]), channel, users.decoy())
        .offered(users.mechanisms())
        .hostname("mx.test")
        .client_certificate(["user".to_owned()])
}

/// Carries out every step but challenges, which come back.
fn settle(
    exchange: &mut ServerExchange,
    users: &Users,
    mut step: ServerStep,
) -> Result<Vec<u8>, Result<String, Failure>> {
    loop {
        step = match step {
            ServerStep::Challenge(challenge) => return Ok(challenge),
            ServerStep::LookUp(query) => exchange.answer(block_on(users.look_up(query))),
            ServerStep::Work(work) => exchange.worked(work.run()),
            ServerStep::Done(identity) => return Err(Ok(identity.authorization().to_owned())),
            ServerStep::Failed(failure) => return Err(Err(failure)),
        };
    }
}

fn drive(mechanism: &Mechanism, initial: Option<&[u8]>, responses: &[&[u8]]) -> Result<String, Failure> {
    let users = users();
    let (mut exchange, mut step) = ServerExchange::start(mechanism, initial, context(&users, tls(), 7));
    let mut responses = responses.iter();
    loop {
        match settle(&mut exchange, &users, step) {
            Ok(_) => step = exchange.respond(responses.next().expect("one response for each challenge")),
            Err(outcome) => return outcome,
        }
    }
}

/// The outcome of fixed responses, the first of which is the initial one: the authorization identity or the failure.
pub(crate) fn serve(mechanism: &Mechanism, responses: &[&[u8]]) -> Result<String, Failure> {
    let (initial, responses) = responses.split_first().unwrap();
    drive(mechanism, Some(initial), responses)
}

/// The same without an initial response.
pub(crate) fn serve_without_initial(mechanism: &Mechanism, responses: &[&[u8]]) -> Result<String, Failure> {
    drive(mechanism, None, responses)
}

/// Both halves together; `change` falsifies the client's messages.
pub(crate) fn serve_scram(
    mechanism: &Mechanism,
    user: &str,
    password: &str,
    change: impl Fn(&str) -> String,
) -> Result<String, Failure> {
    let users = users();
    let (mut client, first) = start(mechanism, &Credentials::password(user, password.into())).unwrap();
    let first = change(first.unwrap().expose_str().unwrap());
    let (mut server, mut step) =
        ServerExchange::start(mechanism, Some(first.as_bytes()), context(&users, tls(), 9));
    loop {
        match settle(&mut server, &users, step) {
            Ok(challenge) => {
                let response = client.step(&challenge).unwrap();
                step = server.respond(change(response.expose_str().unwrap()).as_bytes());
            }
            Err(outcome) => return outcome,
        }
    }
}

/// The server's first challenge for a name.
pub(crate) fn scram_challenge(mechanism: &Mechanism, name: &str, nonce: u8) -> (ServerExchange, Vec<u8>) {
    let users = users();
    let first = format!("n,,n={name},r=clientnonce");
    let (mut exchange, step) =
        ServerExchange::start(mechanism, Some(first.as_bytes()), context(&users, tls(), nonce));
    let challenge = settle(&mut exchange, &users, step).expect("a challenge");
    (exchange, challenge)
}

/// Both halves, each with its own idea of the channel and of what is offered.
pub(crate) fn bind(
    mechanism: &Mechanism,
    (seen, client_channel): (&[Mechanism], Channel),
    (offered, server_channel): (&[Mechanism], Channel),
) -> Result<String, Failure> {
    let users = users();
    let client_context =
        ClientContext::new(Nonce::from_octets(&[1; 24]), client_channel).offered(seen.iter().cloned());
    let credentials = Credentials::password("user", "pencil".into());
    let (mut client, first) = ClientExchange::start(mechanism, &credentials, client_context).unwrap();
    let server_context = context(&users, server_channel, 2).offered(offered.iter().cloned());
    let (mut server, mut step) =
        ServerExchange::start(mechanism, first.as_ref().map(Secret::expose), server_context);
    loop {
        match settle(&mut server, &users, step) {
            Ok(challenge) => step = server.respond(client.step(&challenge).unwrap().expose()),
            Err(outcome) => return outcome,
        }
    }
}
