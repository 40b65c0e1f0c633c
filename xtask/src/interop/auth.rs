//! Every SASL mechanism that other people's clients speak, against `smtpkit serve`, over STARTTLS and over TLS from the
//! first octet. A mechanism that is off has to be refused, and nothing be delivered.
//!
//! msmtp brings SCRAM by the GNU SASL library, and so an implementation that shares nothing with ours. Debian's curl is
//! built without it: there SCRAM is no case.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::server::{PASSWORD, RECIPIENT, ROBOT, Server, TOKEN, USER};
use crate::shell::{Failed, failed, output};

/// Has every field that a submission would be given.
const CONTENT: &str = "From: robot@example.test\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n\
                       Message-ID: <authenticated@example.test>\r\nSubject: authenticated\r\n\r\nhello\r\n";

/// Where a client finds the server, and whether TLS comes by STARTTLS.
struct Place<'a> {
    port: u16,
    trust: &'a Path,
    content: &'a Path,
    starttls: bool,
}

/// What the server is to make of a login.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Taken,
    Refused,
}

type Client = fn(&Place<'_>, &str) -> Command;

/// Client, mechanism, verdict.
const CASES: [(&str, Client, &str, Verdict); 19] = [
    ("swaks", swaks, "PLAIN", Verdict::Taken),
    ("swaks", swaks, "LOGIN", Verdict::Taken),
    ("swaks", swaks, "CRAM-MD5", Verdict::Refused),
    ("curl", curl, "PLAIN", Verdict::Taken),
    ("curl", curl, "LOGIN", Verdict::Taken),
    ("curl", curl, "CRAM-MD5", Verdict::Refused),
    ("curl", curl, "OAUTHBEARER", Verdict::Taken),
    ("curl", curl, "XOAUTH2", Verdict::Taken),
    ("msmtp", msmtp, "plain", Verdict::Taken),
    ("msmtp", msmtp, "login", Verdict::Taken),
    ("msmtp", msmtp, "scram-sha-1", Verdict::Taken),
    ("msmtp", msmtp, "scram-sha-256", Verdict::Taken),
    ("msmtp", msmtp, "cram-md5", Verdict::Refused),
    ("msmtp", msmtp, "digest-md5", Verdict::Refused),
    ("msmtp", msmtp, "oauthbearer", Verdict::Taken),
    ("msmtp", msmtp, "xoauth2", Verdict::Taken),
    ("smtplib", smtplib, "PLAIN", Verdict::Taken),
    ("smtplib", smtplib, "LOGIN", Verdict::Taken),
    ("smtplib", smtplib, "CRAM-MD5", Verdict::Refused),
];

/// Runs every case both ways; gives how many logins there were.
pub(super) fn run() -> Result<usize, Failed> {
    let server = Server::start()?;
    let content = server.scratch().join("authenticated.eml");
    fs::write(&content, CONTENT)?;
    for (scheme, starttls) in [("submission", true), ("submissions", false)] {
        let place = Place { port: server.port(scheme)?, trust: &server.trust(), content: &content, starttls };
        for (name, client, mechanism, verdict) in CASES {
            let outcome = output(&mut client(&place, mechanism));
            match (verdict, outcome) {
                (Verdict::Taken, Ok(_)) => {
                    if server.take_message()? != CONTENT.as_bytes() {
                        return failed(format!("{name}, {mechanism}, {scheme}: the content differs"));
                    }
                }
                (Verdict::Refused, Err(_)) => {}
                (Verdict::Taken, Err(error)) => return Err(error),
                (Verdict::Refused, Ok(_)) => {
                    return failed(format!("{name}, {mechanism}, {scheme}: taken, although it is off"));
                }
            }
        }
        println!("{:>10}   logins of swaks, curl, msmtp and smtplib over {scheme}: ok", "serve");
    }
    Ok(2 * CASES.len())
}

/// The user and the secret that a mechanism takes.
fn account(mechanism: &str) -> (&'static str, &'static str) {
    if mechanism.to_ascii_uppercase().contains("OAUTH") { (ROBOT, TOKEN) } else { (USER, PASSWORD) }
}

fn swaks(place: &Place<'_>, mechanism: &str) -> Command {
    let mut command = Command::new("swaks");
    command
        .args(["--silent", "2", "--server", "127.0.0.1", "--port", &place.port.to_string()])
        .args(["--from", USER, "--to", RECIPIENT, "--ehlo", "client.test"])
        .args(["--auth", mechanism, "--auth-user", USER, "--auth-password", PASSWORD])
        .args([if place.starttls { "--tls" } else { "--tls-on-connect" }, "--tls-verify", "--tls-ca-path"])
        .arg(place.trust)
        .args(["--no-data-fixup", "--data", &format!("{CONTENT}.\r\n")]);
    command
}

fn curl(place: &Place<'_>, mechanism: &str) -> Command {
    let scheme = if place.starttls { "smtp" } else { "smtps" };
    let (user, secret) = account(mechanism);
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--ssl-reqd", "--cacert"])
        .arg(place.trust)
        .args(["--url", &format!("{scheme}://127.0.0.1:{}/client.test", place.port)])
        .args(["--login-options", &format!("AUTH={mechanism}")])
        .args(["--mail-from", user, "--mail-rcpt", RECIPIENT, "--upload-file"])
        .arg(place.content);
    if user == ROBOT {
        command.args(["--user", user, "--oauth2-bearer", secret]);
    } else {
        command.args(["--user", &format!("{user}:{secret}")]);
    }
    command
}

fn msmtp(place: &Place<'_>, mechanism: &str) -> Command {
    let (user, secret) = account(mechanism);
    let starttls = if place.starttls { "on" } else { "off" };
    // msmtp takes local line ends and sends CRLF
    let script = format!(
        "tr -d '\\r' < '{}' | msmtp --host=127.0.0.1 --port={} --from={user} --domain=client.test --tls=on \
         --tls-starttls={starttls} --tls-trust-file='{}' --auth={mechanism} --user={user} \
         --passwordeval=\"echo '{secret}'\" {RECIPIENT}",
        place.content.display(),
        place.port,
        place.trust.display(),
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    command
}

const SMTPLIB: &str = r#"
import smtplib, ssl, sys
starttls, port, trust, path, mechanism, user, recipient, password = sys.argv[1:]
context = ssl.create_default_context(cafile=trust)
if starttls == "true":
    client = smtplib.SMTP("127.0.0.1", int(port))
    client.starttls(context=context)
else:
    client = smtplib.SMTP_SSL("127.0.0.1", int(port), context=context)
client.ehlo()
client.user, client.password = user, password
client.auth(mechanism, getattr(client, "auth_" + mechanism.lower().replace("-", "_")))
with open(path, "rb") as file:
    client.sendmail(user, [recipient], file.read())
client.quit()
"#;

fn smtplib(place: &Place<'_>, mechanism: &str) -> Command {
    let mut command = Command::new("/usr/bin/python3");
    command
        .args(["-c", SMTPLIB, &place.starttls.to_string(), &place.port.to_string()])
        .arg(place.trust)
        .arg(place.content)
        .args([mechanism, USER, RECIPIENT, PASSWORD]);
    command
}
