//! XCLIENT and XFORWARD (Postfix): a trusted program in front of the server says for whom it speaks.

use std::net::{IpAddr, SocketAddr};

use smtpkit_auth::Identity;
use smtpkit_codec::{AttributeValue, Attributes, Reply};
use smtpkit_session::server::{Hello, Owed, owed_for};

use crate::connection::Connection;
use crate::{Handler, Peer, Session, refusal};

/// Said when an attribute makes no sense.
const BAD_ATTRIBUTE: Reply = refusal::reply(501, 5, 4, "bad attribute value");

impl<H: Handler> Connection<H> {
    /// XCLIENT: from here on the session is that of the client that the proxy names, and starts anew.
    pub(crate) async fn xclient(&mut self, attributes: &str, owed: Owed<owed_for::Proxy>) {
        if !become_client(&mut self.peer, attributes) {
            return self.link.machine().proxied(owed, Err(BAD_ATTRIBUTE));
        }
        self.peer.is_trusted = self.peer.ip().is_some_and(|ip| self.shared.trusts(ip));
        if let Some(old) = &mut self.session {
            old.closed(&self.peer).await;
        }
        let verdict = self.meet().await;
        self.link.machine().proxied(owed, verdict);
    }

    /// XFORWARD: facts for the log of a server behind a filter. They give no rights.
    pub(crate) fn xforward(&mut self, attributes: &str, owed: Owed<owed_for::Proxy>) {
        let verdict = match Attributes::new(attributes) {
            Ok(attributes) => {
                let texts =
                    attributes.iter().map(|(name, value)| (name.to_ascii_uppercase().into(), text(value)));
                self.peer.forwarded = texts.filter_map(|(name, value)| Some((name, value?.into()))).collect();
                Ok(())
            }
            Err(_) => Err(BAD_ATTRIBUTE),
        };
        self.link.machine().proxied(owed, verdict);
    }
}

/// The value in clear; `None` if there is none, or if it is no text.
fn text(value: AttributeValue<'_>) -> Option<String> {
    match value {
        AttributeValue::Text(xtext) => String::from_utf8(xtext.decode().into_owned()).ok(),
        _ => None,
    }
}

/// Takes over what `attributes` tell; `false`, with nothing changed, if one of them makes no sense.
fn become_client(peer: &mut Peer, attributes: &str) -> bool {
    let Ok(attributes) = Attributes::new(attributes) else { return false };
    let get = |name| attributes.get(name).map(text);
    let old = peer.address.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
    let address = match get("ADDR") {
        None => old.ip(),
        Some(None) => IpAddr::from([0, 0, 0, 0]),
        Some(Some(text)) => match parse_address(&text) {
            Some(address) => address,
            None => return false,
        },
    };
    let port = match get("PORT") {
        None => old.port(),
        Some(None) => 0,
        Some(Some(text)) => match text.parse() {
            Ok(port) => port,
            Err(_) => return false,
        },
    };
    peer.address = Some(SocketAddr::new(address, port));
    if let Some(name) = get("HELO") {
        let is_extended =
            get("PROTO").flatten().is_none_or(|protocol| protocol.eq_ignore_ascii_case("ESMTP"));
        let hello = if is_extended { Hello::Ehlo } else { Hello::Helo };
        peer.hello = name.map(|name| (hello, name.into_boxed_str()));
    }
    if let Some(login) = get("LOGIN") {
        peer.identity = login.map(|login| Box::new(Identity::new(login)));
    }
    true
}

fn parse_address(text: &str) -> Option<IpAddr> {
    match text.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("ipv6:") => text.get(5..)?.parse().ok().map(IpAddr::V6),
        _ => text.parse().ok(),
    }
}
