//! The facts of one connection, kept for reports and errors.

use crate::outcome::Timings;
use smtpkit_auth::Mechanism;
use smtpkit_codec::{EhloReply, Reply};
use smtpkit_tls::SessionInfo;
use std::sync::Arc;

/// What is known about the session that a message went over; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Session(Arc<Facts>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) peer: String,
    pub(crate) hello_name: String,
    pub(crate) greeting: Option<Reply>,
    pub(crate) hello: Option<Reply>,
    pub(crate) ehlo: Option<EhloReply>,
    pub(crate) tls: Option<SessionInfo>,
    pub(crate) mechanism: Option<Mechanism>,
    pub(crate) timings: Timings,
}

impl Session {
    pub(crate) fn new(facts: Facts) -> Self {
        Self(Arc::new(facts))
    }

    /// The address that was connected to, as `address:port` or as the path of a socket.
    pub fn peer(&self) -> &str {
        &self.0.peer
    }

    /// The name that was given in EHLO.
    pub fn hello_name(&self) -> &str {
        &self.0.hello_name
    }

    /// The greeting (RFC 5321 §4.2); absent if the connection was lost before it.
    pub fn greeting(&self) -> Option<&Reply> {
        self.0.greeting.as_ref()
    }

    /// The last reply to EHLO, HELO or LHLO.
    pub fn hello(&self) -> Option<&Reply> {
        self.0.hello.as_ref()
    }

    /// What the server offers; absent after HELO.
    pub fn ehlo(&self) -> Option<&EhloReply> {
        self.0.ehlo.as_ref()
    }

    /// The TLS session, if there is one.
    pub fn tls(&self) -> Option<&SessionInfo> {
        self.0.tls.as_ref()
    }

    /// The mechanism of the authentication, if there was one.
    pub fn mechanism(&self) -> Option<&Mechanism> {
        self.0.mechanism.as_ref()
    }

    /// How long the opening of the session took.
    pub fn timings(&self) -> Timings {
        self.0.timings
    }
}
