//! Drives both halves the way an SMTP driver does, lines included.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use smtpkit_auth::line::{self, ResponseLine};
use smtpkit_auth::*;

/// Runs a future that never waits.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a look-up in memory never waits"),
    }
}

pub(crate) fn tls() -> Channel {
    Channel::Tls(ChannelBindings::default().with_tls_exporter([5; 32]))
}

/// A table with one account.
pub(crate) fn one_user(name: &str, credential: StoredCredential) -> Users {
    let mut users =
        Users::new(Secret::from("server secret")).with_cram_md5().with_anonymous(Identity::new("anonymous"));
    users.insert(Account::new(name, credential)).unwrap();
    users
}

pub(crate) fn client_context(offered: Vec<Mechanism>) -> ClientContext {
    ClientContext::new(Nonce::from_octets(&[1; 24]), tls()).offered(offered)
}

pub(crate) fn server_context(users: &Users) -> ServerContext {
    let name = users.names().next().map(str::to_owned);
    ServerContext::new(Nonce::from_octets(&[2; 24]), tls(), users.decoy())
        .offered(offer(users, &tls(), InsecureAuth::Refused))
        .hostname("mx.test")
        .client_certificate(name)
}

/// Does everything that does not need the client: the next challenge, or the end.
pub(crate) fn settle(
    exchange: &mut ServerExchange,
    users: &Users,
    mut step: ServerStep,
) -> Result<Vec<u8>, Result<Identity, Failure>> {
    loop {
        step = match step {
            ServerStep::Challenge(challenge) => return Ok(challenge),
            ServerStep::LookUp(query) => exchange.answer(block_on(users.look_up(query))),
            ServerStep::Work(work) => exchange.worked(work.run()),
            ServerStep::Done(identity) => return Err(Ok(identity)),
            ServerStep::Failed(failure) => return Err(Err(failure)),
        };
    }
}

/// What came of an exchange, from both sides.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) server: Result<Identity, Failure>,
    pub(crate) client: Result<(), AuthError>,
    /// Every octet that crossed the wire.
    pub(crate) transcript: String,
}

/// A whole exchange, line by line.
pub(crate) fn talk(
    mechanism: &Mechanism,
    credentials: &Credentials,
    context: ClientContext,
    users: &Users,
) -> Outcome {
    let (mut client, initial) = ClientExchange::start(mechanism, credentials, context).unwrap();
    let argument = initial.map(|initial| line::encode_initial(initial.expose()));
    let mut transcript = format!("AUTH {mechanism}");
    if let Some(argument) = &argument {
        transcript = format!("{transcript} {}", argument.expose_str().unwrap());
    }
    assert!(transcript.len() + 2 <= line::COMMAND_OCTETS_MAX, "RFC 4954 §4 limits the AUTH command");
    let initial = argument.map(|argument| line::decode_initial(argument.expose_str().unwrap()).unwrap());
    let (mut server, mut step) =
        ServerExchange::start(mechanism, initial.as_ref().map(Secret::expose), server_context(users));
    loop {
        let challenge = match settle(&mut server, users, step) {
            Ok(challenge) => line::encode_challenge(&challenge),
            Err(outcome) => {
                let client = if outcome.is_ok() { client.finish() } else { Err(AuthError::Refused) };
                return Outcome { server: outcome, client, transcript };
            }
        };
        let sent = match client.step(line::decode_challenge(&challenge).unwrap().expose()) {
            Ok(response) => line::encode_response(response.expose()),
            Err(error) => return Outcome { server: Err(Failure::Cancelled), client: Err(error), transcript },
        };
        let sent = sent.expose_str().unwrap();
        transcript = format!("{transcript}\n334 {challenge}\n{sent}");
        let ResponseLine::Response(response) = line::decode_response(sent).unwrap() else {
            panic!("nobody cancels")
        };
        step = server.respond(response.expose());
    }
}
