//! git send-email, which writes a header of its own above the body of the patch that it is given.

use std::fs;
use std::process::Command;

use super::{Addresses, Client, Delivery, Keeps, Mode};
use crate::shell::{Failed, failed};

pub(in crate::interop) const GIT: Client =
    Client { name: "git", command, modes: Mode::ALL, addresses: Addresses::Ascii, keeps: Keeps::Body };

fn command(delivery: &Delivery<'_>) -> Result<Command, Failed> {
    let Some(folder) = delivery.content.parent() else { return failed("the content lies in no folder") };
    // Debian's own, wherever PATH finds another one; the folder is no repository, so nobody's settings matter
    let mut command = Command::new("/usr/bin/git");
    command
        .current_dir(folder)
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .args(["send-email", "--quiet", "--confirm=never", "--suppress-cc=all", "--suppress-from"])
        .args(["--no-validate", "--transfer-encoding=8bit"])
        .args(["--from", &format!("Alice <{}>", delivery.user)])
        .args(["--smtp-server", "127.0.0.1", "--smtp-server-port", &delivery.port.to_string()])
        .args(["--smtp-domain", "client.test"]);
    for recipient in delivery.recipients {
        command.args(["--to", recipient]);
    }
    match delivery.mode {
        Mode::Plain => {}
        Mode::Starttls => drop(command.args(["--smtp-encryption", "tls"])),
        Mode::Implicit => drop(command.args(["--smtp-encryption", "ssl"])),
    }
    if delivery.mode != Mode::Plain {
        command.arg("--smtp-ssl-cert-path").arg(delivery.trust);
    }
    if let Some(mechanism) = delivery.mechanism {
        command.args(["--smtp-auth", mechanism]).args([
            "--smtp-user",
            delivery.user,
            "--smtp-pass",
            delivery.secret,
        ]);
    }
    // it would add the recipients of the header to those of the envelope
    let content = fs::read_to_string(delivery.with_local_line_ends()?)?;
    let patch = delivery.content.with_extension("patch");
    fs::write(&patch, content.replacen("To: bob@example.test\n", "", 1))?;
    command.arg(patch);
    Ok(command)
}
