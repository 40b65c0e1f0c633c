//! The client half: responses to a server's challenges, for any mechanism.
//!
//! ```text
//!   start ──► initial response or none ──► step(challenge) ──► response … ──► 235: finish ──► Ok: both are proven
//!                                             │ Err: send "*"                      │ Err: not the server: close
//! ```
//!
//! It owns the rules that all mechanisms share: no secret without TLS, an initial response that would make the
//! AUTH command too long is given on an empty challenge instead (RFC 4954 §4), and no success before the end.

use std::fmt;

use crate::{AuthError, Channel, Credentials, Mechanism, Nonce, Secret, line, mechanisms};

/// What a client half must know besides its credentials.
///
/// ```
/// use smtpkit_auth::{Channel, ClientContext, Mechanism, Nonce};
/// let context = ClientContext::new(Nonce::from_octets(&[7; 24]), Channel::Plaintext).offered([Mechanism::SCRAM_SHA_256]);
/// ```
#[derive(Clone)]
pub struct ClientContext {
    pub(crate) nonce: Nonce,
    pub(crate) channel: Channel,
    pub(crate) offered: Vec<Mechanism>,
    withhold: bool,
}

impl ClientContext {
    /// A fresh nonce and what is known of the connection.
    pub fn new(nonce: Nonce, channel: Channel) -> Self {
        Self { nonce, channel, offered: Vec::new(), withhold: false }
    }

    /// What the server offered. SCRAM needs it to tell the server that no `-PLUS` form was seen, so that a server
    /// that did offer one notices the downgrade (RFC 5802 §6).
    #[must_use]
    pub fn offered(mut self, mechanisms: impl IntoIterator<Item = Mechanism>) -> Self {
        self.offered = mechanisms.into_iter().collect();
        self
    }

    /// Never sends an initial response in the AUTH command, for servers that cannot take one.
    #[must_use]
    pub fn withhold_initial_response(mut self) -> Self {
        self.withhold = true;
        self
    }
}

/// One mechanism's client half.
pub(crate) trait ClientHalf: Send + Sync {
    /// The initial response; `None` if the server speaks first.
    fn initial(&mut self) -> Option<Secret>;
    /// The response to a challenge.
    fn step(&mut self, challenge: &[u8]) -> Result<Secret, AuthError>;
    /// Whether success is believable now.
    fn finish(&self) -> Result<(), AuthError>;
    /// What the server said about a failure, unfiltered.
    fn server_report(&self) -> Option<&str> {
        None
    }
}

/// A client's side of one authentication exchange (RFC 4422 §3).
///
/// ```
/// use smtpkit_auth::{Channel, ChannelBindings, ClientContext, ClientExchange, Credentials, Mechanism, Nonce, Secret};
///
/// let credentials = Credentials::password("tim", Secret::from("tanstaaftanstaaf"));
/// let context = ClientContext::new(Nonce::from_octets(&[7; 24]), Channel::Tls(ChannelBindings::default()));
/// let (mut exchange, initial) = ClientExchange::start(&Mechanism::PLAIN, &credentials, context)?;
/// assert_eq!(initial.as_ref().map(Secret::expose), Some(&b"\0tim\0tanstaaftanstaaf"[..]));
/// exchange.finish()?; // the server said 235
/// # Ok::<(), smtpkit_auth::AuthError>(())
/// ```
pub struct ClientExchange {
    mechanism: Mechanism,
    half: Box<dyn ClientHalf>,
    withheld: Option<Secret>,
    report: Option<String>,
}

impl ClientExchange {
    /// Starts an exchange; the second value is the initial response for the AUTH command, if there is one.
    ///
    /// # Errors
    /// [`AuthError`] with [`Fault::Caller`](crate::Fault::Caller) if the mechanism is unknown or unsafe here or the credentials are of
    /// another kind; [`AuthError::Unusable`] if a name, password or token cannot be carried.
    pub fn start(
        mechanism: &Mechanism,
        credentials: &Credentials,
        context: ClientContext,
    ) -> Result<(Self, Option<Secret>), AuthError> {
        let row = mechanisms::row(mechanism).ok_or_else(|| AuthError::Unsupported(mechanism.clone()))?;
        let unfit = credentials.kind() != row.proof
            || (credentials.authorization.is_some() && !row.says_authorization);
        if unfit {
            return Err(AuthError::WrongCredentials(mechanism.clone()));
        }
        if mechanism.sends_secret() && !context.channel.is_tls() {
            return Err(AuthError::NeedsTls(mechanism.clone()));
        }
        let mut half = (row.client)(credentials, &context)?;
        let (initial, withheld) = match half.initial() {
            Some(response)
                if context.withhold || !line::fits_command(mechanism.as_str(), response.expose()) =>
            {
                (None, Some(response))
            }
            initial => (initial, None),
        };
        Ok((Self { mechanism: mechanism.clone(), half, withheld, report: None }, initial))
    }

    /// The response to one challenge, decoded from a 334 reply. SCRAM hashes the password here, which takes milliseconds.
    ///
    /// # Errors
    /// [`AuthError`] if the challenge is malformed or unexpected, or the server is not who it should be; send `*` then.
    pub fn step(&mut self, challenge: &[u8]) -> Result<Secret, AuthError> {
        let Some(initial) = self.withheld.take() else {
            let response = self.half.step(challenge);
            self.report = self.half.server_report().map(printable);
            return response;
        };
        if challenge.is_empty() { Ok(initial) } else { Err(AuthError::UnexpectedChallenge) }
    }

    /// Accepts the server's claim of success (reply 235).
    ///
    /// # Errors
    /// [`AuthError::PrematureSuccess`] if the server has not done its part yet; with SCRAM that means it never proved that it
    /// knows the password. Do not use the connection.
    pub fn finish(&mut self) -> Result<(), AuthError> {
        if self.withheld.is_some() { Err(AuthError::PrematureSuccess) } else { self.half.finish() }
    }

    /// What the server said about a failure inside the exchange: the JSON of OAUTHBEARER and XOAUTH2 or the error of SCRAM,
    /// at most [`ClientExchange::REPORT_OCTETS_MAX`] octets, without control characters.
    pub fn server_report(&self) -> Option<&str> {
        self.report.as_deref()
    }

    /// The longest report that is kept, in octets.
    pub const REPORT_OCTETS_MAX: usize = 1_024;

    /// The mechanism in use.
    pub fn mechanism(&self) -> &Mechanism {
        &self.mechanism
    }
}

impl fmt::Debug for ClientExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientExchange").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

fn printable(report: &str) -> String {
    let mut kept: String = report.chars().filter(|c| !c.is_control()).collect();
    kept.truncate(kept.floor_char_boundary(ClientExchange::REPORT_OCTETS_MAX));
    kept
}
