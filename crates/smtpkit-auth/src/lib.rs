//! SASL for mail: every mechanism that SMTP servers and clients speak, both halves, without I/O.
//!
//! An exchange is a value that takes octets and gives steps. It opens no socket, reads no clock, draws no random number, and knows
//! no user: nonces are arguments, credentials are looked up and passwords are hashed by the caller, when and where it likes.
//!
//! | mechanism | client | server | stored credential |
//! |---|---|---|---|
//! | SCRAM-SHA-1, -256, -512, each with -PLUS | [`Credentials::password`] | [`Query::Password`] | SCRAM keys, plain text |
//! | PLAIN, LOGIN | [`Credentials::password`] | [`Query::Password`] | argon2id, SCRAM keys, plain text |
//! | CRAM-MD5 (off unless asked for) | [`Credentials::password`] | [`Query::Password`] | plain text |
//! | OAUTHBEARER, XOAUTH2 | [`Credentials::token`] | [`Query::Token`] | the verifier's |
//! | EXTERNAL | [`Credentials::external`] | [`Query::External`] | the client certificate |
//! | ANONYMOUS (off unless asked for) | [`Credentials::anonymous`] | [`Query::Anonymous`] | none |
//!
//! What it refuses: a password or token without TLS, success before the server has proven itself, base64 with two spellings,
//! an argon2id hash that would take all memory, and every way to print a secret. RFC 4422, 4954, and one RFC a mechanism.
//!
//! # Both halves, talking
//!
//! ```
//! use smtpkit_auth::*;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # let (client_random, server_random, secret) = ([1; 24], [2; 24], [3; 32]);
//! let users = Users::parse("alice@example.test:pencil", Secret::new(secret))?;
//! let channel = Channel::Tls(ChannelBindings::default());
//! let offered = offer(&users, &channel, InsecureAuth::Refused);
//!
//! let alice = Credentials::password("alice@example.test", Secret::from("pencil"));
//! let mechanism = select(&offered, &alice, &channel, &Mechanism::defaults())?;
//! let context = ClientContext::new(Nonce::from_octets(&client_random), channel.clone()).offered(offered.clone());
//! let (mut client, initial) = ClientExchange::start(&mechanism, &alice, context)?;
//!
//! let context = ServerContext::new(Nonce::from_octets(&server_random), channel, users.decoy()).offered(offered);
//! let (mut server, mut step) = ServerExchange::start(&mechanism, initial.as_ref().map(Secret::expose), context);
//! let identity = loop {
//!     step = match step {
//!         ServerStep::Challenge(challenge) => server.respond(client.step(&challenge)?.expose()),
//!         ServerStep::LookUp(query) => server.answer(users.look_up(query).await),
//!         ServerStep::Work(work) => server.worked(work.run()), // on a blocking thread, if it is expensive
//!         ServerStep::Done(identity) => break identity,
//!         ServerStep::Failed(failure) => return Err(failure.into()),
//!     };
//! };
//! client.finish()?;
//! assert_eq!(identity.authorization(), "alice@example.test");
//! # Ok(())
//! # }
//! # use std::{pin::pin, task::{Context, Poll, Waker}};
//! # let Poll::Ready(Ok(())) = pin!(example()).poll(&mut Context::from_waker(Waker::noop())) else { panic!("refused") };
//! ```

// words
mod channel;
mod identity;
mod mechanism;
mod nonce;
mod saslprep;
mod secret;

// lines
pub mod line;

// mechanisms: one file each, both halves
mod mechanisms;

// client half
mod auth_error;
mod client;
mod credentials;
mod select;
mod token;

// server half
mod account;
mod decoy;
mod failure;
mod limiter;
mod server;
mod stored;
mod users;
mod verifier;
mod work;

#[cfg(test)]
mod testing;

pub use account::Account;
pub use auth_error::{AuthError, Fault};
pub use channel::{Channel, ChannelBindings};
pub use client::{ClientContext, ClientExchange};
pub use credentials::Credentials;
pub use decoy::{Decoy, DecoyCost};
pub use failure::{Failure, FailureReply};
pub use identity::{Identity, InvalidSendAs, SendAs};
pub use limiter::{FailureLimiter, FailurePolicy};
pub use mechanism::{InvalidMechanism, Mechanism};
pub use mechanisms::scram::ScramHash;
pub use nonce::{InvalidNonce, Nonce};
pub use secret::Secret;
pub use select::{NoMechanism, Unfit, select};
pub use server::{ServerContext, ServerExchange, ServerStep};
pub use stored::argon2id::{HashCost, PasswordHash, hash_password};
pub use stored::scram_keys::ScramKeys;
pub use stored::{CredentialError, StoredCredential};
pub use token::{AccessToken, TokenCache, TokenError, TokenFuture, TokenSource};
pub use users::{DuplicateUser, Users, UsersError, UsersProblem};
pub use verifier::{Answer, DynVerifier, InsecureAuth, LookUpFuture, Query, Verifier, offer};
pub use work::{Work, Worked};
