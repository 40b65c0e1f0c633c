//! The mechanisms: one file each with both halves, one row each in the table.
//!
//! The table is ordered by strength and is the only place that lists mechanisms; choice, offer and start read it.
//! A new mechanism is one new file and one row.

mod anonymous;
mod cram_md5;
mod external;
mod login;
mod oauthbearer;
mod one_response;
mod password_login;
mod plain;
mod saslname;
pub(crate) mod scram;
mod token_login;
mod xoauth2;

use crate::client::{ClientContext, ClientHalf};
use crate::credentials::{Credentials, ProofKind};
use crate::server::{ServerContext, ServerHalf};
use crate::{AuthError, Mechanism, ScramHash};
use scram::Form;

/// What a listener on the wire would learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exposure {
    Password,
    Token,
    Nothing,
}

/// All that the rest of the crate knows about a mechanism.
pub(crate) struct Row {
    pub(crate) mechanism: Mechanism,
    pub(crate) proof: ProofKind,
    pub(crate) exposure: Exposure,
    /// Whether it can carry an authorization identity.
    pub(crate) says_authorization: bool,
    pub(crate) server_first: bool,
    pub(crate) by_default: bool,
    pub(crate) client: StartClient,
    pub(crate) server: StartServer,
}

type StartClient = fn(&Credentials, &ClientContext) -> Result<Box<dyn ClientHalf>, AuthError>;
type StartServer = fn(ServerContext) -> Box<dyn ServerHalf>;

/// Strongest first.
pub(crate) static ROWS: [Row; 13] = [
    scram_row(
        Mechanism::SCRAM_SHA_512_PLUS,
        |c, x| scram::client::start(Form::Plus(ScramHash::Sha512), c, x),
        |x| scram::server::start(Form::Plus(ScramHash::Sha512), x),
    ),
    scram_row(
        Mechanism::SCRAM_SHA_256_PLUS,
        |c, x| scram::client::start(Form::Plus(ScramHash::Sha256), c, x),
        |x| scram::server::start(Form::Plus(ScramHash::Sha256), x),
    ),
    scram_row(
        Mechanism::SCRAM_SHA_1_PLUS,
        |c, x| scram::client::start(Form::Plus(ScramHash::Sha1), c, x),
        |x| scram::server::start(Form::Plus(ScramHash::Sha1), x),
    ),
    external::ROW,
    scram_row(
        Mechanism::SCRAM_SHA_512,
        |c, x| scram::client::start(Form::Bare(ScramHash::Sha512), c, x),
        |x| scram::server::start(Form::Bare(ScramHash::Sha512), x),
    ),
    scram_row(
        Mechanism::SCRAM_SHA_256,
        |c, x| scram::client::start(Form::Bare(ScramHash::Sha256), c, x),
        |x| scram::server::start(Form::Bare(ScramHash::Sha256), x),
    ),
    scram_row(
        Mechanism::SCRAM_SHA_1,
        |c, x| scram::client::start(Form::Bare(ScramHash::Sha1), c, x),
        |x| scram::server::start(Form::Bare(ScramHash::Sha1), x),
    ),
    oauthbearer::ROW,
    xoauth2::ROW,
    plain::ROW,
    login::ROW,
    cram_md5::ROW,
    anonymous::ROW,
];

const fn scram_row(mechanism: Mechanism, client: StartClient, server: StartServer) -> Row {
    Row {
        mechanism,
        proof: ProofKind::Password,
        exposure: Exposure::Nothing,
        says_authorization: true,
        server_first: false,
        by_default: true,
        client,
        server,
    }
}

/// The row of a mechanism; `None` if this crate does not speak it.
pub(crate) fn row(mechanism: &Mechanism) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.mechanism == *mechanism)
}
