//! What was seen of a server, as a table for a person and as an object for a script.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};
use smtpkit_client::{SendError, ServerUrl, Session};
use smtpkit_codec::EhloReplyRef;
use smtpkit_tls::Authentication;

use super::certificate::Shown;
use super::relay::Probes;
use crate::exit::Exit;
use crate::outbound::exit_of;

/// What was seen.
pub(crate) struct Findings {
    url: ServerUrl,
    session: Option<Session>,
    /// What ended the check, and the exit code for it.
    fault: Option<(String, Exit)>,
    pub(crate) relay: Option<Probes>,
    warnings: Vec<String>,
    now: SystemTime,
}

impl Findings {
    pub(crate) fn new(url: &ServerUrl) -> Self {
        Self {
            url: url.clone(),
            session: None,
            fault: None,
            relay: None,
            warnings: Vec::new(),
            now: SystemTime::now(),
        }
    }

    /// A session was opened.
    pub(crate) fn saw(&mut self, session: Session) {
        self.session = Some(session);
    }

    /// The relay test has opened a session; it counts where there was none before.
    pub(crate) fn saw_for_relay(&mut self, session: Session) {
        self.session.get_or_insert(session);
    }

    /// Something that is no fault and ought to be known.
    pub(crate) fn warn(&mut self, what: String) {
        self.warnings.push(what);
    }

    /// The check has come to an end too early.
    pub(crate) fn failed(&mut self, error: &SendError) {
        if let Some(session) = error.session() {
            self.session.get_or_insert_with(|| session.clone());
        }
        self.fault = Some((error.to_string(), exit_of(error)));
    }

    /// Relaying for strangers is worse than anything else.
    pub(crate) fn exit(&self) -> Exit {
        match (&self.relay, &self.fault) {
            (Some(probes), _) if probes.relays() => Exit::Unavailable,
            (_, Some((_, exit))) => *exit,
            _ => Exit::Ok,
        }
    }

    fn chain(&self) -> Vec<Shown> {
        let tls = self.session.as_ref().and_then(Session::tls);
        let chain = tls.map(|tls| tls.chain()).unwrap_or_default();
        chain.into_iter().map(|certificate| Shown::new(certificate, self.now)).collect()
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        warnings.extend(self.chain().iter().filter_map(Shown::warning));
        if let Some(session) = &self.session {
            match session.tls() {
                None => warnings.push("nothing protects what is said: no TLS".to_owned()),
                Some(tls) if tls.authentication() != Authentication::Verified => {
                    warnings.push("the certificate was not verified".to_owned());
                }
                Some(_) => {}
            }
        }
        warnings
    }

    /// What the session took, step by step.
    fn latency(&self) -> Vec<(&'static str, Duration)> {
        let Some(session) = &self.session else { return Vec::new() };
        let timings = session.timings();
        let steps = [
            ("connect", Some(timings.connect)),
            ("greeting", session.greeting().map(|_| timings.greeting)),
            ("tls", session.tls().map(|_| timings.tls)),
            ("ehlo", session.hello().map(|_| timings.hello)),
            ("auth", session.mechanism().map(|_| timings.auth)),
        ];
        steps.into_iter().filter_map(|(step, took)| took.map(|took| (step, took))).collect()
    }

    fn ehlo(&self) -> Option<EhloReplyRef<'_>> {
        Some(self.session.as_ref()?.ehlo()?.as_ref())
    }

    /// Each limit that the server announces.
    fn limits(&self) -> Vec<(String, Value)> {
        let Some(ehlo) = self.ehlo() else { return Vec::new() };
        let mut limits = Vec::new();
        if let Some(size) = ehlo.size() {
            limits.push(("SIZE".to_owned(), json!(size.octets())));
        }
        for (name, value) in ehlo.limits().into_iter().flat_map(|limits| limits.iter().collect::<Vec<_>>()) {
            limits.push((name.to_owned(), json!(value)));
        }
        limits
    }

    fn extensions(&self) -> Vec<String> {
        let ehlo = self.ehlo();
        ehlo.into_iter().flat_map(EhloReplyRef::extensions).map(|extension| extension.to_string()).collect()
    }

    fn mechanisms(&self) -> Vec<String> {
        let ehlo = self.ehlo();
        ehlo.into_iter()
            .flat_map(EhloReplyRef::auth_mechanisms)
            .map(|mechanism| mechanism.as_str().to_owned())
            .collect()
    }

    /// The table, or with `whole` unset what concerns the relay test alone.
    pub(crate) fn table(&self, whole: bool) -> String {
        let mut table = Table::default();
        table.row("server", [self.url.to_string()]);
        if let Some(session) = self.session.as_ref().filter(|_| whole) {
            self.describe(session, &mut table);
        }
        if let Some(probes) = &self.relay {
            table.row("relays", std::iter::once(probes.summary()).chain(probes.lines()));
        }
        if whole {
            table.row("warning", self.warnings());
        }
        table.row("failed", self.fault.iter().map(|(why, _)| why.clone()));
        table.0
    }

    fn describe(&self, session: &Session, table: &mut Table) {
        table.row("peer", [session.peer().to_owned()]);
        table.row("greeting", session.greeting().map(ToString::to_string));
        table.row("hello", session.hello().map(|reply| reply.lines().next().map(lossy).unwrap_or_default()));
        table.row("extensions", self.extensions());
        table.row("mechanisms", Some(self.mechanisms().join(" ")).filter(|list| !list.is_empty()));
        let limits = self.limits();
        let limit = |(name, value): &(String, Value)| match value {
            Value::Null => format!("{name}: none told"),
            Value::String(value) => format!("{name}: {value}"),
            value => format!("{name}: {value}"),
        };
        table.row("limits", limits.iter().map(limit));
        match session.tls() {
            None => table.row("tls", ["none".to_owned()]),
            Some(tls) => {
                let group = tls.key_exchange().map(|group| format!(", {group}")).unwrap_or_default();
                let verified = match tls.authentication() {
                    Authentication::Verified => "verified",
                    Authentication::Unverified => "NOT verified",
                    Authentication::Anonymous => "no certificate",
                };
                table.row("tls", [format!("{tls}{group}; {verified}")]);
                table.row("chain", self.chain().iter().flat_map(Shown::lines));
            }
        }
        table.row("logged in", session.mechanism().map(|mechanism| format!("with {mechanism}")));
        let step = |(step, took): (&str, Duration)| format!("{step} {:.1} ms", took.as_secs_f64() * 1e3);
        table.row("latency", Some(self.latency().into_iter().map(step).collect::<Vec<_>>().join(", ")));
    }

    pub(crate) fn json(&self) -> Value {
        let exit = self.exit();
        let session = self.session.as_ref();
        let tls = session.and_then(Session::tls);
        let latency: Map<String, Value> = self
            .latency()
            .into_iter()
            .map(|(step, took)| (step.to_owned(), json!(took.as_secs_f64() * 1e3)))
            .collect();
        let limits: Map<String, Value> = self.limits().into_iter().collect();
        json!({
            "ok": exit == Exit::Ok,
            "exit": exit as u8,
            "server": self.url.to_string(),
            "peer": session.map(Session::peer),
            "greeting": session.and_then(Session::greeting).map(ToString::to_string),
            "extensions": self.extensions(),
            "mechanisms": self.mechanisms(),
            "limits": limits,
            "tls": tls.map(|tls| json!({
                "version": tls.version().to_string(),
                "cipher_suite": tls.cipher_suite(),
                "key_exchange": tls.key_exchange(),
                "verified": tls.authentication() == Authentication::Verified,
                "chain": self.chain().iter().map(Shown::json).collect::<Vec<_>>(),
            })),
            "mechanism": session.and_then(Session::mechanism).map(ToString::to_string),
            "latency_ms": latency,
            "relay": self.relay.as_ref().map(Probes::json),
            "warnings": self.warnings(),
            "error": self.fault.as_ref().map(|(why, _)| why),
        })
    }
}

fn lossy(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// Rows of a name and what is said under it.
#[derive(Default)]
struct Table(String);

impl Table {
    fn row(&mut self, name: &str, lines: impl IntoIterator<Item = String>) {
        for (at, line) in lines.into_iter().enumerate() {
            let name = if at == 0 { name } else { "" };
            self.0.push_str(&format!("{name:12}{line}\n"));
        }
    }
}
