//! `smtpkit serve` between other people's servers: mail passes a private Postfix in both directions and goes to Dovecot,
//! octet by octet and with one Received field for each hop; the reports that come back can be read.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::maildir;
use super::samples::{self, Sample};
use super::server::{PASSWORD, RECIPIENT, ROBOT, Server, USER};
use super::servers::{Dovecot, Hops, Identity, NameServer, Postfix, SmtpSink, free_port};
use crate::shell::{Failed, failed, output, root};

/// Where each message waits for its report.
const REPORTED: [Reported; 4] = [
    // refused by Postfix, so the report is ours
    Reported { recipient: "nobody@postfix.test", action: "failed", status: "5.1.1" },
    // refused behind Postfix, so the report is Postfix's
    Reported { recipient: "nobody@gone.test", action: "failed", status: "5.3.0" },
    // delivered by us, and by Postfix, to whom the wish for a report was handed on
    Reported { recipient: RECIPIENT, action: "delivered", status: "2." },
    Reported { recipient: "bob@postfix.test", action: "delivered", status: "2." },
];

/// Passes every sample each way; gives how many messages arrived.
pub(super) fn run() -> Result<usize, Failed> {
    let identity = Identity::new()?;
    let names = NameServer::start()?;
    let refusing = SmtpSink::start(&["-f", "rcpt"])?;
    // each of the two has to know the other's port
    let port = free_port()?;
    let dovecot = Dovecot::start(&identity, port)?;
    let by_smarthost = Server::start_with(
        &["--smarthost", &format!("smtp://127.0.0.1:{port}?tls=off")],
        &format!("[[route]]\nmatch = \"*@dovecot.test\"\nlmtp = \"lmtp://127.0.0.1:{}\"\n", dovecot.lmtp),
    )?;
    let dns = format!("127.0.0.1:{}", names.port);
    let by_mx = Server::start_with(&["--dns", &dns, "--mx-port", &port.to_string()], "")?;
    let by_login = logging_in(&identity, &dovecot)?;
    let hops =
        Hops { relay: by_smarthost.port("mx")?, lmtp: by_smarthost.port("lmtp")?, refusing: refusing.port };
    let postfix = Postfix::start(&identity, port, &hops)?;

    let mut arrived = 0;
    for sample in samples::all() {
        arrived += 6;
        let from_postfix = |recipient: &str| {
            let message = by_smarthost.take_content(recipient)?;
            maildir::without(&["Received:"], &message).map(<[u8]>::to_vec)
        };
        for (route, server) in [("smarthost", &by_smarthost), ("MX", &by_mx)] {
            submit(server, &sample.content, "bob@postfix.test", &[])?;
            same(route, &sample, maildir::without(&["Received:"], &postfix.take("bob")?)?)?;
        }
        submit(&by_smarthost, &sample.content, "bob@dovecot.test", &[])?;
        same("LMTP to Dovecot", &sample, maildir::without(&["Received:"], &dovecot.take("bob")?)?)?;
        submit(&by_login, &sample.content, "bob@postfix.test", &[])?;
        let message = postfix.take("bob")?;
        same("submission to Dovecot", &sample, maildir::without(&["Received:", "Received:"], &message)?)?;
        for recipient in [RECIPIENT, ROBOT] {
            to_postfix(&postfix, &sample, recipient)?;
            same("Postfix, SMTP and LMTP", &sample, &from_postfix(recipient)?)?;
        }
    }
    println!("{:>10} → Postfix by smarthost and by MX: ok", "serve");
    println!("{:>10} → Dovecot by LMTP, and by submission with TLS and AUTH: ok", "serve");
    println!("{:>10} ← Postfix by SMTP and by LMTP: ok", "serve");
    for reported in &REPORTED {
        let wish = if reported.action == "failed" { "failure" } else { "success" };
        submit(&by_smarthost, &samples::plain().content, reported.recipient, &["--dsn", wish])?;
        if reported.recipient == RECIPIENT {
            by_smarthost.take(RECIPIENT)?;
        }
        reported.check(&by_smarthost).map_err(|Failed(why)| Failed(format!("{why}\n{}", postfix.log())))?;
        arrived += 1;
    }
    println!("{:>10} ← reports of ours and of Postfix, as Python reads them: ok", "serve");
    Ok(arrived)
}

/// A server whose smarthost wants TLS and AUTH.
fn logging_in(identity: &Identity, dovecot: &Dovecot) -> Result<Server, Failed> {
    let folder = tempfile::tempdir()?;
    let password = folder.path().join("password");
    fs::write(&password, PASSWORD)?;
    let smarthost = format!("smtps://{USER}@127.0.0.1:{}", dovecot.submissions);
    let (password, authority) = (password.display().to_string(), identity.authority().display().to_string());
    let flags =
        ["--smarthost", &smarthost, "--smarthost-password-file", &password, "--smarthost-ca", &authority];
    Server::start_with(&flags, "")
}

fn same(route: &str, sample: &Sample, arrived: &[u8]) -> Result<(), Failed> {
    if arrived == sample.arrives() {
        return Ok(());
    }
    failed(format!(
        "{route}, {}: {} octets arrived that differ from the {} sent",
        sample.name,
        arrived.len(),
        sample.content.len()
    ))
}

/// Hands a message to Postfix.
fn to_postfix(postfix: &Postfix, sample: &Sample, recipient: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("sample.eml");
    fs::write(&file, &sample.content)?;
    let url = format!("smtp://127.0.0.1:{}?tls=off", postfix.port);
    let mut send = Command::new(super::program());
    output(send.args(["send", &url, "--from", USER, "--to", recipient]).arg(&file)).map(drop)
}

/// Hands a message to the submission listener.
fn submit(server: &Server, content: &[u8], recipient: &str, flags: &[&str]) -> Result<(), Failed> {
    let file = server.scratch().join("submitted.eml");
    fs::write(&file, content)?;
    let url = format!("smtp://127.0.0.1:{}", server.port("submission")?);
    let mut send = Command::new(super::program());
    send.args(["send", &url, "--from", USER, "--to", recipient, "--user", USER]).args(flags);
    send.arg("--ca").arg(server.trust()).arg(&file).env("SMTPKIT_PASSWORD", PASSWORD);
    output(&mut send).map(drop)
}

/// What a report has to say (RFC 3464).
struct Reported {
    recipient: &'static str,
    action: &'static str,
    /// How the status begins.
    status: &'static str,
}

impl Reported {
    /// Waits for the report in the sender's mailbox, and checks what Python finds in it.
    fn check(&self, server: &Server) -> Result<(), Failed> {
        let file = server.scratch().join("report.eml");
        fs::write(&file, server.take(USER)?)?;
        let script = root().join("xtask/src/interop/report.py");
        let found = output(Command::new("/usr/bin/python3").arg(script).arg(&file))?;
        let found: Value = serde_json::from_str(&found)?;
        let text = |pointer: &str| found.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let failure = self.action == "failed";
        let facts = [
            text("/type") == "multipart/report",
            text("/report") == "delivery-status",
            text("/parts/0") == "text/plain",
            text("/parts/1") == "message/delivery-status",
            ["message/rfc822", "text/rfc822-headers"].contains(&text("/parts/2")),
            text("/reverse_path") == "<>",
            text("/to").contains(USER),
            text("/auto_submitted") == "auto-replied",
            text("/groups/0/reporting-mta").starts_with("dns;"),
            text("/groups/1/final-recipient").replace("; ", ";") == format!("rfc822;{}", self.recipient),
            text("/groups/1/action") == self.action,
            text("/groups/1/status").starts_with(self.status),
            !failure || text("/groups/1/remote-mta").starts_with("dns;"),
            !failure || text("/groups/1/diagnostic-code").starts_with("smtp; 5"),
            found.pointer("/groups/2").is_none(),
            text("/original") == "<sample@example.test>",
            found.pointer("/defects").and_then(Value::as_array).is_some_and(Vec::is_empty),
        ];
        match facts.iter().position(|fact| !fact) {
            None => Ok(()),
            Some(at) => failed(format!(
                "fact {at} of the report about {} is not as expected: {found:#}\n{}",
                self.recipient,
                fs::read_to_string(&file)?
            )),
        }
    }
}
