//! swaks, which leaves dot-stuffing to its caller.

use std::fs;
use std::process::Command;

use super::{Addresses, Client, Delivery, Keeps, Mode};
use crate::shell::Failed;

pub(in crate::interop) const SWAKS: Client =
    Client { name: "swaks", command, modes: Mode::ALL, addresses: Addresses::Ascii, keeps: Keeps::All };

fn command(delivery: &Delivery<'_>) -> Result<Command, Failed> {
    // swaks changes the end of what it is given unless it is told to send it as it is: then the dots are ours
    let mut stuffed = Vec::new();
    for line in fs::read(delivery.content)?.split_inclusive(|octet| *octet == b'\n') {
        stuffed.extend(line.first().filter(|octet| **octet == b'.'));
        stuffed.extend_from_slice(line);
    }
    if !stuffed.ends_with(b"\r\n") {
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed.extend_from_slice(b".\r\n");
    let data = delivery.content.with_extension("stuffed");
    fs::write(&data, stuffed)?;
    let mut command = Command::new("swaks");
    command
        .args(["--silent", "2", "--server", "127.0.0.1", "--port", &delivery.port.to_string()])
        .args(["--from", delivery.user, "--to", &delivery.recipients.join(",")])
        .args(["--ehlo", "client.test", "--no-data-fixup", "--data"])
        .arg(format!("@{}", data.display()));
    match delivery.mode {
        Mode::Plain => {}
        Mode::Starttls => drop(command.arg("--tls")),
        Mode::Implicit => drop(command.arg("--tls-on-connect")),
    }
    if delivery.mode != Mode::Plain {
        command.args(["--tls-verify", "--tls-ca-path"]).arg(delivery.trust);
    }
    if let Some(mechanism) = delivery.mechanism {
        command.args(["--auth", mechanism, "--auth-user", delivery.user, "--auth-password", delivery.secret]);
    }
    Ok(command)
}
