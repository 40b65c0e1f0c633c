//! `smtpkit send` delivers to other people's servers, in every TLS mode and with every mechanism that they have; what they
//! stored is compared octet by octet.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::maildir;
use super::samples::{self, Sample};
use super::server::{MAILBOXES, PASSWORD, RECIPIENT, ROBOT, Server, TOKEN, USER};
use super::servers::{
    self, Aiosmtpd, Dovecot, Exim, Hops, Identity, OpenSmtpd, Postfix, SmtpSink, free_port,
};
use crate::shell::{Failed, failed, output};

/// What the submission service of Dovecot offers.
const MECHANISMS: [&str; 6] = ["PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"];

/// Sends every sample to every server; gives how many deliveries were made.
pub(super) fn run() -> Result<usize, Failed> {
    let identity = Identity::new()?;
    let mut deliveries =
        to_smtp_sink(&identity)? + to_aiosmtpd(&identity)? + to_postfix(&identity)? + to_dovecot(&identity)?;
    if servers::isolation_possible() {
        deliveries += to_exim(&identity)? + to_opensmtpd(&identity)?;
    } else {
        println!("{:>10} → Exim, OpenSMTPD: left out, this machine grants no mount namespaces", "send");
    }
    Ok(deliveries)
}

/// Where `send` delivers to.
struct Sending<'a> {
    peer: &'a str,
    url: String,
    trust: PathBuf,
    /// Logs in by one of these mechanisms, if there is one.
    mechanisms: &'a str,
    recipients: Vec<String>,
}

impl Sending<'_> {
    /// Delivers one message and compares what `take` finds for each recipient.
    fn deliver(
        &self,
        sample: &Sample,
        take: &dyn Fn(&str) -> Result<Vec<u8>, Failed>,
    ) -> Result<usize, Failed> {
        let folder = tempfile::tempdir()?;
        let content = folder.path().join("sample.eml");
        fs::write(&content, &sample.content)?;
        output(&mut self.command(&content))?;
        for recipient in &self.recipients {
            let stored = take(recipient.split_once('@').map_or("", |(local_part, _)| local_part))?;
            if stored != sample.arrives() {
                return failed(format!(
                    "{}, {}, {}: stored {} octets that differ from the {} sent",
                    self.peer,
                    self.url,
                    sample.name,
                    stored.len(),
                    sample.content.len()
                ));
            }
        }
        Ok(self.recipients.len())
    }

    /// Delivers every sample.
    fn deliver_all(&self, take: &dyn Fn(&str) -> Result<Vec<u8>, Failed>) -> Result<usize, Failed> {
        let mut deliveries = 0;
        for sample in samples::all() {
            deliveries += self.deliver(&sample, take)?;
        }
        println!("{:>10} → {}, {}: ok", "send", self.peer, self.url);
        Ok(deliveries)
    }

    fn command(&self, content: &Path) -> Command {
        let mut command = Command::new(super::program());
        command.args(["send", &self.url, "--ca"]).arg(&self.trust);
        let user = if self.mechanisms.contains("OAUTH") { ROBOT } else { USER };
        command.args(["--from", user, "--to", &self.recipients.join(",")]);
        if !self.mechanisms.is_empty() {
            command.args(["--user", user, "--auth", self.mechanisms]);
            if user == ROBOT {
                command.args(["--token-cmd", &format!("echo {TOKEN}")]);
            } else {
                command.env("SMTPKIT_PASSWORD", PASSWORD);
            }
        }
        command.arg(content);
        command
    }
}

fn to_smtp_sink(identity: &Identity) -> Result<usize, Failed> {
    let sink = SmtpSink::start(&[])?;
    let sending = Sending {
        peer: "smtp-sink",
        url: format!("smtp://127.0.0.1:{}?tls=off", sink.port),
        trust: identity.authority(),
        mechanisms: "",
        recipients: vec![RECIPIENT.to_owned()],
    };
    sending.deliver_all(&|_| sink.take())
}

fn to_aiosmtpd(identity: &Identity) -> Result<usize, Failed> {
    let mut deliveries = 0;
    for scheme in ["smtp", "smtps"] {
        let server = Aiosmtpd::start(identity, scheme)?;
        let mut sending = Sending {
            peer: "aiosmtpd",
            url: format!("{scheme}://127.0.0.1:{}", server.port),
            trust: identity.authority(),
            mechanisms: "PLAIN,LOGIN",
            recipients: vec![RECIPIENT.to_owned()],
        };
        deliveries += sending.deliver_all(&|_| server.take())?;
        sending.recipients = vec!["δοκιμή@example.test".to_owned()];
        deliveries +=
            sending.deliver(&samples::internationalized("δοκιμή@example.test"), &|_| server.take())?;
    }
    Ok(deliveries)
}

fn to_postfix(identity: &Identity) -> Result<usize, Failed> {
    let postfix = Postfix::start(identity, free_port()?, &Hops::default())?;
    let take = |local_part: &str| postfix.take(local_part);
    let address = |local_part: &str| format!("{local_part}@{}", Postfix::DOMAIN);
    let many = (2..=MAILBOXES).map(|number| address(&format!("{number}bob"))).chain([address("bob")]);
    let many: Vec<String> = many.collect();
    let mut deliveries = 0;
    for url in [
        format!("smtp://127.0.0.1:{}?tls=off", postfix.port),
        format!("smtp://127.0.0.1:{}", postfix.port),
        format!("smtps://127.0.0.1:{}", postfix.implicit_port),
    ] {
        let mut sending = Sending {
            peer: "Postfix",
            url,
            trust: identity.authority(),
            mechanisms: "",
            recipients: vec![address("bob")],
        };
        deliveries += sending.deliver_all(&take)?;
        sending.recipients = vec![address("δοκιμή")];
        deliveries += sending.deliver(&samples::internationalized(&address("δοκιμή")), &take)?;
        sending.recipients.clone_from(&many);
        deliveries += sending.deliver(&samples::plain(), &take)?;
    }
    Ok(deliveries)
}

fn to_dovecot(identity: &Identity) -> Result<usize, Failed> {
    // what is submitted goes on to a server of ours
    let ours = Server::start()?;
    let dovecot = Dovecot::start(identity, ours.port("mx")?)?;
    let mut deliveries = 0;
    let many = (2..=MAILBOXES).map(|number| format!("{number}bob@dovecot.test")).collect::<Vec<_>>();
    for url in [
        format!("lmtp://127.0.0.1:{}?tls=off", dovecot.lmtp),
        format!("lmtp+unix:{}", dovecot.lmtp_socket().display()),
    ] {
        let mut sending = Sending {
            peer: "Dovecot",
            url,
            trust: identity.authority(),
            mechanisms: "",
            recipients: vec!["bob@dovecot.test".to_owned()],
        };
        deliveries += sending.deliver_all(&|local_part| dovecot.take(local_part))?;
        sending.recipients.clone_from(&many);
        deliveries += sending.deliver(&samples::plain(), &|local_part| dovecot.take(local_part))?;
    }
    for (scheme, port) in [("smtp", dovecot.submission), ("smtps", dovecot.submissions)] {
        for mechanisms in MECHANISMS {
            let sending = Sending {
                peer: "Dovecot",
                url: format!("{scheme}://127.0.0.1:{port}"),
                trust: identity.authority(),
                mechanisms,
                recipients: vec![RECIPIENT.to_owned()],
            };
            let take = |_: &str| {
                let message = ours.take_content(RECIPIENT)?;
                maildir::without(&["Received:"], &message).map(<[u8]>::to_vec)
            };
            deliveries += sending.deliver(&samples::plain(), &take)?;
        }
        println!("{:>10} → Dovecot, {scheme}, {}: ok", "send", MECHANISMS.join(" "));
    }
    Ok(deliveries)
}

fn to_exim(identity: &Identity) -> Result<usize, Failed> {
    let exim = Exim::start(identity)?;
    let mut deliveries = 0;
    for url in [
        format!("smtp://127.0.0.1:{}?tls=off", exim.port),
        format!("smtp://127.0.0.1:{}", exim.port),
        format!("smtps://127.0.0.1:{}", exim.implicit_port),
    ] {
        let sending = Sending {
            peer: "Exim",
            url,
            trust: identity.authority(),
            mechanisms: "",
            recipients: vec![format!("bob@{}", Exim::DOMAIN)],
        };
        deliveries += sending.deliver_all(&|_| exim.take())?;
    }
    Ok(deliveries)
}

fn to_opensmtpd(identity: &Identity) -> Result<usize, Failed> {
    let opensmtpd = OpenSmtpd::start()?;
    let sending = Sending {
        peer: "OpenSMTPD",
        url: format!("smtp://127.0.0.1:{}?tls=off", opensmtpd.port),
        trust: identity.authority(),
        mechanisms: "",
        recipients: vec![format!("bob@{}", OpenSmtpd::DOMAIN)],
    };
    sending.deliver_all(&|_| opensmtpd.take())
}
