//! AUTH: an exchange of the auth crate carried over the wire (RFC 4954 §4).

use std::sync::Arc;

use smtpkit_auth::line::{self, ResponseLine};
use smtpkit_auth::{
    Channel, ChannelBindings, DynVerifier, Failure, FailureReply, Identity, Mechanism, Nonce, Secret,
    ServerContext, ServerExchange, ServerStep,
};
use smtpkit_codec::{EnhancedStatusCode, Reply, ReplyCode, StatusClass};
use smtpkit_session::server::{AuthFailure, InitialResponse, Owed, ServerEvent, owed_for};
use smtpkit_tls::{Authentication, ChannelBindingKind};
use tokio::task::spawn_blocking;

use crate::connection::Connection;
use crate::transport::Transport;
use crate::{Handler, Refusal, Session, record};

/// The mechanisms that can be offered on the connection as it is.
pub(crate) fn offered<H: Handler>(connection: &Connection<H>) -> Vec<Mechanism> {
    let Some(accounts) = &connection.shared.accounts else { return Vec::new() };
    let mut offered = smtpkit_auth::offer(&**accounts, &channel(connection), connection.shared.insecure_auth);
    if certificate_names(connection).is_empty() {
        offered.retain(|mechanism| *mechanism != Mechanism::EXTERNAL);
    }
    offered
}

/// What the exchange may know of the connection.
fn channel<H: Handler>(connection: &Connection<H>) -> Channel {
    let Transport::Tls(stream) = connection.link.transport() else { return Channel::Plaintext };
    let mut bindings = ChannelBindings::default();
    if let Some(binding) = stream.channel_binding(ChannelBindingKind::TlsExporter) {
        bindings = bindings.with_tls_exporter(binding.data());
    }
    if let Some(binding) = stream.channel_binding(ChannelBindingKind::TlsServerEndPoint) {
        bindings = bindings.with_tls_server_end_point(binding.data());
    }
    Channel::Tls(bindings)
}

/// The names in a client certificate that was verified, for EXTERNAL (RFC 4422 appendix A).
fn certificate_names<H: Handler>(connection: &Connection<H>) -> Vec<String> {
    let Some(tls) = connection.peer.tls().filter(|tls| tls.authentication() == Authentication::Verified)
    else {
        return Vec::new();
    };
    let Some(certificate) = tls.peer() else { return Vec::new() };
    let own = certificate.email_addresses().iter().map(ToString::to_string);
    own.chain(certificate.common_name().map(str::to_owned)).collect()
}

/// Carries one AUTH command through.
pub(crate) async fn authenticate<H: Handler>(
    connection: &mut Connection<H>,
    mechanism: &str,
    initial: InitialResponse,
    owed: Owed<owed_for::Auth>,
) {
    let Some(accounts) = connection.shared.accounts.clone() else {
        return refuse(connection, owed, Failure::UnknownMechanism.reply(), AuthFailure::Forgiven);
    };
    if connection.counted_address().is_some_and(|ip| connection.shared.gate.has_guessed_too_often(ip)) {
        record::auth_blocked(&connection.peer);
        return refuse(connection, owed, BLOCKED, AuthFailure::Forgiven);
    }
    let initial = match decode_initial(&initial) {
        Ok(initial) => initial,
        Err(reply) => return refuse(connection, owed, reply, AuthFailure::Forgiven),
    };
    let Some((exchange, step)) = start(connection, &accounts, mechanism, initial.as_ref()) else {
        return refuse(connection, owed, Failure::Temporary.reply(), AuthFailure::Forgiven);
    };
    let Some((owed, outcome)) = carry(connection, &accounts, exchange, step, owed).await else { return };
    match outcome {
        Ok(identity) => accept(connection, owed, identity).await,
        Err(failure) => {
            let counts = if failure.counts() { AuthFailure::Counts } else { AuthFailure::Forgiven };
            record::auth_failed(&connection.peer, mechanism);
            if let Some(ip) = connection.counted_address().filter(|_| failure.counts()) {
                connection.shared.gate.count_wrong_guess(ip);
            }
            refuse(connection, owed, failure.reply(), counts);
        }
    }
}

fn decode_initial(initial: &InitialResponse) -> Result<Option<Secret>, FailureReply> {
    match initial {
        InitialResponse::Absent => Ok(None),
        InitialResponse::Empty => Ok(Some(Secret::new([]))),
        InitialResponse::Base64(text) => {
            line::decode_initial(text.expose()).map(Some).map_err(line::LineError::reply)
        }
    }
}

fn start<H: Handler>(
    connection: &Connection<H>,
    accounts: &Arc<dyn DynVerifier>,
    mechanism: &str,
    initial: Option<&Secret>,
) -> Option<(ServerExchange, ServerStep)> {
    let mut random = [0; 24];
    getrandom::fill(&mut random).ok()?;
    // A name that is no mechanism at all is answered like one that is not offered.
    let mechanism = Mechanism::parse(mechanism).unwrap_or(Mechanism::ANONYMOUS);
    let context = ServerContext::new(Nonce::from_octets(&random), channel(connection), accounts.decoy_dyn())
        .offered(offered(connection))
        .hostname(connection.peer.hostname())
        .client_certificate(certificate_names(connection));
    Some(ServerExchange::start(&mechanism, initial.map(Secret::expose), context))
}

/// Takes step after step until the exchange is decided; `None` if the client gave it up or went away.
async fn carry<H: Handler>(
    connection: &mut Connection<H>,
    accounts: &Arc<dyn DynVerifier>,
    mut exchange: ServerExchange,
    mut step: ServerStep,
    mut owed: Owed<owed_for::Auth>,
) -> Option<(Owed<owed_for::Auth>, Result<Identity, Failure>)> {
    loop {
        step = match step {
            ServerStep::Challenge(octets) => {
                connection.link.machine().auth_challenge(owed, &line::encode_challenge(&octets));
                match connection.link.next().await {
                    ServerEvent::AuthResponse { response, owed: next } => {
                        owed = next;
                        match line::decode_response(response.expose()) {
                            Ok(ResponseLine::Response(response)) => exchange.respond(response.expose()),
                            Ok(ResponseLine::Cancel) => return Some((owed, Err(Failure::Cancelled))),
                            Err(error) => {
                                refuse(connection, owed, error.reply(), AuthFailure::Forgiven);
                                return None;
                            }
                        }
                    }
                    ServerEvent::AuthCancelled => return None,
                    event => {
                        connection.pending = Some(event);
                        return None;
                    }
                }
            }
            ServerStep::LookUp(query) => exchange.answer(accounts.look_up_dyn(query).await),
            ServerStep::Work(work) if work.is_expensive() => match spawn_blocking(move || work.run()).await {
                Ok(worked) => exchange.worked(worked),
                Err(_) => return Some((owed, Err(Failure::Temporary))),
            },
            ServerStep::Work(work) => exchange.worked(work.run()),
            ServerStep::Done(identity) => return Some((owed, Ok(identity))),
            ServerStep::Failed(failure) => return Some((owed, Err(failure))),
        };
    }
}

/// Said to an address that guessed too often.
const BLOCKED: FailureReply = FailureReply {
    code: 454,
    enhanced: (4, 7, 0),
    text: "too many authentication failures, try again later",
};

async fn accept<H: Handler>(connection: &mut Connection<H>, owed: Owed<owed_for::Auth>, identity: Identity) {
    if let Some(ip) = connection.counted_address() {
        connection.shared.gate.forgive_guesses(ip);
    }
    connection.peer.identity = Some(Box::new(identity));
    match connection.ask(async |session, peer| session.authenticated(peer).await).await {
        Ok(()) => connection.link.machine().auth_accepted(owed),
        Err(reply) => {
            connection.peer.identity = None;
            connection.link.machine().auth_refused(owed, reply, AuthFailure::Forgiven);
        }
    }
}

fn refuse<H: Handler>(
    connection: &mut Connection<H>,
    owed: Owed<owed_for::Auth>,
    reply: FailureReply,
    failure: AuthFailure,
) {
    let reply = to_reply(reply).unwrap_or_else(|| Refusal::try_later().into_parts().0);
    connection.link.machine().auth_refused(owed, reply, failure);
}

fn to_reply(reply: FailureReply) -> Option<Reply> {
    let code = ReplyCode::new(reply.code)?;
    let (_, subject, detail) = reply.enhanced;
    let enhanced = EnhancedStatusCode::new(StatusClass::of(code.severity())?, subject, detail);
    Reply::new(code, enhanced, reply.text).ok()
}
