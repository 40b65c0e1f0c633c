//! Other people's clients deliver to `smtpkit serve`: without TLS to the mx listener, with STARTTLS and AUTH to
//! submission, with implicit TLS and AUTH to submissions.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::samples;
use super::server::{PASSWORD, RECIPIENT, Server, USER};
use crate::shell::{Failed, failed, output};

/// How a client connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Plain,
    Starttls,
    Implicit,
}

impl Mode {
    const ALL: [Self; 3] = [Self::Plain, Self::Starttls, Self::Implicit];

    const fn scheme(self) -> &'static str {
        match self {
            Self::Plain => "mx",
            Self::Starttls => "submission",
            Self::Implicit => "submissions",
        }
    }
}

/// What a client needs to know for one delivery.
struct Delivery<'a> {
    mode: Mode,
    port: u16,
    trust: &'a Path,
    content: &'a Path,
}

/// A client: its name, and the command that delivers one message.
type Client = (&'static str, fn(&Delivery<'_>) -> Result<Command, Failed>);

const CLIENTS: [Client; 4] = [("smtplib", smtplib), ("curl", curl), ("swaks", swaks), ("msmtp", msmtp)];

/// Runs every client in every mode with every sample; gives how many deliveries were made.
pub(super) fn run() -> Result<usize, Failed> {
    let server = Server::start()?;
    let trust = server.trust();
    let mut deliveries = 0;
    for (name, client) in CLIENTS {
        for mode in Mode::ALL {
            for sample in samples::all() {
                let content = server.scratch().join("sample.eml");
                fs::write(&content, &sample.content)?;
                let delivery =
                    Delivery { mode, port: server.port(mode.scheme())?, trust: &trust, content: &content };
                output(&mut client(&delivery)?)?;
                let stored = server.take_message()?;
                if stored != sample.content {
                    return failed(format!(
                        "{name}, {mode:?}, {}: stored {} octets that differ from the {} sent",
                        sample.name,
                        stored.len(),
                        sample.content.len(),
                    ));
                }
                deliveries += 1;
            }
            println!("{name:>10} → serve, {mode:?}: ok");
        }
    }
    Ok(deliveries)
}

const SMTPLIB: &str = r#"
import smtplib, ssl, sys
mode, port, trust, path, sender, recipient, user, password = sys.argv[1:]
context = ssl.create_default_context(cafile=trust)
if mode == "Implicit":
    client = smtplib.SMTP_SSL("127.0.0.1", int(port), context=context)
else:
    client = smtplib.SMTP("127.0.0.1", int(port))
if mode == "Starttls":
    client.starttls(context=context)
if mode != "Plain":
    client.login(user, password)
with open(path, "rb") as file:
    content = file.read()
options = ["BODY=8BITMIME"] if any(octet > 127 for octet in content) else []
client.sendmail(sender, [recipient], content, mail_options=options)
client.quit()
"#;

fn smtplib(delivery: &Delivery<'_>) -> Result<Command, Failed> {
    let mut command = Command::new("/usr/bin/python3");
    command
        .args(["-c", SMTPLIB, &format!("{:?}", delivery.mode), &delivery.port.to_string()])
        .arg(delivery.trust)
        .arg(delivery.content)
        .args([USER, RECIPIENT, USER, PASSWORD]);
    Ok(command)
}

fn curl(delivery: &Delivery<'_>) -> Result<Command, Failed> {
    let scheme = if delivery.mode == Mode::Implicit { "smtps" } else { "smtp" };
    let mut command = Command::new("curl");
    command
        .args([
            "--silent",
            "--show-error",
            "--url",
            &format!("{scheme}://127.0.0.1:{}/client.test", delivery.port),
        ])
        .args(["--mail-from", USER, "--mail-rcpt", RECIPIENT, "--upload-file"])
        .arg(delivery.content);
    if delivery.mode != Mode::Plain {
        command.args(["--ssl-reqd", "--user", &format!("{USER}:{PASSWORD}"), "--cacert"]).arg(delivery.trust);
    }
    Ok(command)
}

fn swaks(delivery: &Delivery<'_>) -> Result<Command, Failed> {
    // swaks changes the end of what it is given unless it is told to send it as it is: then the dots are ours
    let mut stuffed = Vec::new();
    for line in fs::read(delivery.content)?.split_inclusive(|octet| *octet == b'\n') {
        stuffed.extend(line.first().filter(|octet| **octet == b'.'));
        stuffed.extend_from_slice(line);
    }
    stuffed.extend_from_slice(b".\r\n");
    let data = delivery.content.with_extension("stuffed");
    fs::write(&data, stuffed)?;
    let mut command = Command::new("swaks");
    command
        .args(["--silent", "2", "--server", "127.0.0.1", "--port", &delivery.port.to_string()])
        .args(["--from", USER, "--to", RECIPIENT, "--ehlo", "client.test", "--no-data-fixup", "--data"])
        .arg(format!("@{}", data.display()));
    match delivery.mode {
        Mode::Plain => {}
        Mode::Starttls => drop(command.arg("--tls")),
        Mode::Implicit => drop(command.arg("--tls-on-connect")),
    }
    if delivery.mode != Mode::Plain {
        command
            .args(["--auth", "PLAIN", "--auth-user", USER, "--auth-password", PASSWORD])
            .args(["--tls-verify", "--tls-ca-path"])
            .arg(delivery.trust);
    }
    Ok(command)
}

fn msmtp(delivery: &Delivery<'_>) -> Result<Command, Failed> {
    let flag = |name: &str, on: bool| format!("--{name}={}", if on { "on" } else { "off" });
    let mut script = format!(
        "exec msmtp --host=127.0.0.1 --port={} --from={USER} --domain=client.test {} {}",
        delivery.port,
        flag("tls", delivery.mode != Mode::Plain),
        flag("tls-starttls", delivery.mode == Mode::Starttls),
    );
    if delivery.mode != Mode::Plain {
        script.push_str(&format!(
            " --auth=plain --user={USER} --passwordeval=\"echo '{PASSWORD}'\" --tls-trust-file={}",
            delivery.trust.display(),
        ));
    }
    // msmtp takes local line ends and sends CRLF
    script = format!("tr -d '\\r' < '{}' | ({script} {RECIPIENT})", delivery.content.display());
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    Ok(command)
}
