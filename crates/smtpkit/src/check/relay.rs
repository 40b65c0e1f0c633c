//! Does the server pass on mail from strangers to strangers? The forms of address by which relays are abused.
//!
//! Each form is asked with MAIL and RCPT and taken back with RSET; no content is ever sent, so no mail either. Some forms
//! hide the stranger in the local part of an address at the server itself. A server that takes any local part takes
//! these, too, and delivers them locally, so they count only where it refuses a name that nobody has.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};
use smtpkit_client::{Client, Connection, Reply, SendError};
use smtpkit_codec::reply::Severity;

use super::findings::Findings;

/// A domain that is nobody's (RFC 2606 §3), where the mail would go.
const ELSEWHERE: &str = "example.net";
/// Who would send it.
const STRANGER: &str = "relay-test@example.org";
/// An address that is nobody's (RFC 5737).
const ELSEWHERE_ADDRESS: &str = "192.0.2.1";
/// A local part that nobody has.
const NOBODY: &str = "smtpkit-relay-test-no-such-mailbox";
/// How many connections the server may end before the test does.
const RECONNECTS_MAX: usize = 8;

/// One form of address.
struct Form {
    name: &'static str,
    from: String,
    to: String,
    /// Whether the domain is the server's own, so that it may take the address as a mailbox.
    is_local: bool,
}

/// What came of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Refused,
    /// The server would pass it on.
    Relays,
    /// Accepted, but so is every local part.
    Unclear,
    /// The server ended the connection.
    Untested,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Relays => "RELAYS",
            Self::Unclear => "unclear",
            Self::Untested => "untested",
        }
    }
}

/// A form that was tried.
pub(crate) struct Probe {
    form: Form,
    verdict: Verdict,
    reply: Option<Reply>,
}

/// All forms that were tried.
pub(crate) struct Probes(Vec<Probe>);

/// Tries every form.
pub(crate) async fn probe(client: &Client, findings: &mut Findings) -> Result<Probes, SendError> {
    let mut dialogue = Dialogue { client, connection: Some(client.exclusive().await?), reconnects: 0 };
    let session = dialogue.connection.as_ref().map(|connection| connection.session().clone());
    let host = session
        .as_ref()
        .and_then(|session| session.ehlo().and_then(|ehlo| ehlo.as_ref().domain()).map(str::to_owned))
        .filter(|name| name.contains('.'))
        .or_else(|| client.url().host().map(|host| host.parse().map_or_else(|_| host.to_owned(), literal)))
        .unwrap_or_else(|| "localhost".to_owned());
    let peer = session.as_ref().and_then(|session| session.peer().parse().ok());
    let address = peer.map(|peer: SocketAddr| literal(peer.ip()));
    if let Some(session) = session {
        findings.saw_for_relay(session);
    }
    let control = dialogue.ask(STRANGER, &format!("<{NOBODY}@{host}>")).await;
    let takes_any_name = control.as_ref().is_some_and(is_accepted);
    let mut probes = Vec::new();
    for form in forms(&host, address.as_deref()) {
        let reply = dialogue.ask(&form.from, &form.to).await;
        let verdict = match &reply {
            None => Verdict::Untested,
            Some(reply) if !is_accepted(reply) => Verdict::Refused,
            Some(_) if form.is_local && takes_any_name => Verdict::Unclear,
            Some(_) => Verdict::Relays,
        };
        probes.push(Probe { form, verdict, reply });
    }
    if let Some(connection) = dialogue.connection {
        connection.quit().await;
    }
    Ok(Probes(probes))
}

/// A connection that is made anew when the server has had enough of it.
struct Dialogue<'c> {
    client: &'c Client,
    connection: Option<Connection>,
    reconnects: usize,
}

impl Dialogue<'_> {
    /// The reply that decides: to RCPT, or to MAIL if that is refused. `None` if the server says nothing more.
    async fn ask(&mut self, from: &str, to: &str) -> Option<Reply> {
        loop {
            if self.connection.is_none() {
                if self.reconnects == RECONNECTS_MAX {
                    return None;
                }
                self.reconnects += 1;
                self.connection = self.client.exclusive().await.ok();
            }
            let connection = self.connection.as_mut()?;
            match asked(connection, from, to).await {
                // 421 is an end, not an answer
                Ok(reply) if reply.code().get() != 421 => return Some(reply),
                Ok(_) | Err(_) => self.connection = None,
            }
        }
    }
}

async fn asked(connection: &mut Connection, from: &str, to: &str) -> Result<Reply, SendError> {
    let mail = connection.line(&format!("MAIL FROM:<{from}>")).await?;
    if !is_accepted(&mail) {
        return Ok(mail);
    }
    let rcpt = connection.line(&format!("RCPT TO:{to}")).await?;
    if rcpt.code().get() != 421 {
        connection.reset().await?;
    }
    Ok(rcpt)
}

fn is_accepted(reply: &Reply) -> bool {
    reply.severity() == Severity::PositiveCompletion
}

/// An address as a domain literal (RFC 5321 §4.1.3).
fn literal(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("[{address}]"),
        IpAddr::V6(address) => format!("[IPv6:{address}]"),
    }
}

/// The forms, for a server of this name and address.
fn forms(host: &str, address: Option<&str>) -> Vec<Form> {
    let foreign = |name, to: String| Form { name, from: STRANGER.to_owned(), to, is_local: false };
    let local = |name, to: String| Form { name, from: STRANGER.to_owned(), to, is_local: true };
    let from = |name, from: String| Form { name, from, to: format!("<user@{ELSEWHERE}>"), is_local: false };
    let mut forms = vec![
        foreign("plain", format!("<user@{ELSEWHERE}>")),
        from("from nobody", String::new()),
        from("from the server itself", format!("postmaster@{host}")),
        from("from a name without domain", "user".to_owned()),
        foreign("without brackets", format!("user@{ELSEWHERE}")),
        foreign("trailing dot", format!("<user@{ELSEWHERE}.>")),
        foreign("address literal", format!("<user@[{ELSEWHERE_ADDRESS}]>")),
        foreign("quoted whole", format!("<\"user@{ELSEWHERE}\">")),
        foreign("percent, no domain", format!("<user%{ELSEWHERE}>")),
        foreign("bang, no domain", format!("<{ELSEWHERE}!user>")),
        foreign("source route", format!("<@{host}:user@{ELSEWHERE}>")),
        foreign("long source route", format!("<@{host},@relay.example.org:user@{ELSEWHERE}>")),
        foreign("bang, foreign domain", format!("<{host}!user@{ELSEWHERE}>")),
        foreign("percent, foreign domain", format!("<user%{host}@{ELSEWHERE}>")),
        local("percent", format!("<user%{ELSEWHERE}@{host}>")),
        local("two domains", format!("<user@{ELSEWHERE}@{host}>")),
        local("bang", format!("<{ELSEWHERE}!user@{host}>")),
        local("quoted", format!("<\"user@{ELSEWHERE}\"@{host}>")),
        local("quoted percent", format!("<\"user%{ELSEWHERE}\"@{host}>")),
    ];
    if let Some(address) = address {
        forms.extend([
            from("from the server's address", format!("user@{address}")),
            foreign("source route by address", format!("<@{address}:user@{ELSEWHERE}>")),
            local("percent at the address", format!("<user%{ELSEWHERE}@{address}>")),
            local("quoted at the address", format!("<\"user@{ELSEWHERE}\"@{address}>")),
        ]);
    }
    forms
}

impl Probes {
    /// Whether any form was passed on.
    pub(crate) fn relays(&self) -> bool {
        self.0.iter().any(|probe| probe.verdict == Verdict::Relays)
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.0.iter().filter(|probe| probe.verdict == verdict).count()
    }

    /// In one line.
    pub(crate) fn summary(&self) -> String {
        let total = self.0.len();
        let relays = self.count(Verdict::Relays);
        let mut text = match relays {
            0 => format!("no: {} of {total} forms of address refused", self.count(Verdict::Refused)),
            _ => format!("YES: {relays} of {total} forms of address accepted from a stranger to a stranger"),
        };
        for (verdict, why) in [
            (Verdict::Unclear, "unclear (every name at the server is accepted)"),
            (Verdict::Untested, "untested (the server ended the connection)"),
        ] {
            let count = self.count(verdict);
            if count > 0 {
                text.push_str(&format!("; {count} {why}"));
            }
        }
        text
    }

    /// The lines of a table.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |Probe { form, verdict, reply }: &Probe| {
            let reply = reply.as_ref().map_or_else(String::new, |reply| format!("  {reply}"));
            format!("{:8} {:27} <{}> -> {}{reply}", verdict.word(), form.name, form.from, form.to)
        };
        self.0.iter().map(line).collect()
    }

    pub(crate) fn json(&self) -> Value {
        let probe = |Probe { form, verdict, reply }: &Probe| {
            json!({
                "form": form.name,
                "from": form.from,
                "to": form.to,
                "verdict": verdict.word().to_ascii_lowercase(),
                "reply": reply.as_ref().map(ToString::to_string),
            })
        };
        json!({
            "open": self.relays(),
            "refused": self.count(Verdict::Refused),
            "probes": self.0.iter().map(probe).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_classic_forms_are_there() {
        let forms = forms("mx.test", Some("[127.0.0.1]"));
        let all: Vec<&str> = forms.iter().map(|form| form.to.as_str()).collect();
        for form in [
            "<user%example.net@mx.test>",
            "<example.net!user@mx.test>",
            "<\"user@example.net\"@mx.test>",
            "<@mx.test,@relay.example.org:user@example.net>",
            "<user@example.net.>",
            "<user@[192.0.2.1]>",
            "<user%example.net@[127.0.0.1]>",
        ] {
            assert!(all.contains(&form), "{form}");
        }
    }

    #[test]
    fn addresses_are_literals() {
        assert_eq!(literal("127.0.0.1".parse().unwrap()), "[127.0.0.1]");
        assert_eq!(literal("::1".parse().unwrap()), "[IPv6:::1]");
    }
}
