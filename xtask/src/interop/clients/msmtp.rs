//! msmtp. It brings SCRAM by the GNU SASL library, and so an implementation that shares nothing with ours.

use std::fs::File;
use std::process::Command;

use super::{Addresses, Client, Delivery, Keeps, Mode};
use crate::shell::Failed;

pub(in crate::interop) const MSMTP: Client =
    Client { name: "msmtp", command, modes: Mode::ALL, addresses: Addresses::Ascii, keeps: Keeps::All };

fn command(delivery: &Delivery<'_>) -> Result<Command, Failed> {
    let flag = |name: &str, on: bool| format!("--{name}={}", if on { "on" } else { "off" });
    let mut command = Command::new("msmtp");
    command
        .args(["--host=127.0.0.1", "--domain=client.test", &format!("--port={}", delivery.port)])
        .arg(format!("--from={}", delivery.user))
        .arg(flag("tls", delivery.mode != Mode::Plain))
        .arg(flag("tls-starttls", delivery.mode == Mode::Starttls));
    if delivery.mode != Mode::Plain {
        command.arg(format!("--tls-trust-file={}", delivery.trust.display()));
    }
    if let Some(mechanism) = delivery.mechanism {
        command
            .arg(format!("--auth={}", mechanism.to_ascii_lowercase()))
            .arg(format!("--user={}", delivery.user))
            .arg(format!("--passwordeval=echo '{}'", delivery.secret));
    }
    command.args(delivery.recipients).stdin(File::open(delivery.with_local_line_ends()?)?);
    Ok(command)
}
