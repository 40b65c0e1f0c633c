//! Postfix's smtp-source, which tests servers; it speaks neither TLS nor AUTH.

use std::process::Command;

use super::{Addresses, Client, Delivery, Keeps, Mode};
use crate::shell::{Failed, failed};
use crate::tools;

pub(in crate::interop) const SMTP_SOURCE: Client = Client {
    name: "smtp-source",
    command,
    modes: &[Mode::Plain],
    addresses: Addresses::Ascii,
    keeps: Keeps::AllAndEmptyLine,
};

fn command(delivery: &Delivery<'_>) -> Result<Command, Failed> {
    let Some(program) = tools::find("smtp-source") else { return failed("smtp-source is missing") };
    let Some(first) = delivery.recipients.first() else { return failed("a delivery to nobody") };
    let mut command = Command::new(program);
    command.args(["-M", "client.test", "-f", delivery.user]);
    // it numbers the others by itself, in front of the address
    command.args(["-r", &delivery.recipients.len().to_string(), "-t", first]);
    command.arg("-F").arg(delivery.with_local_line_ends()?).arg(format!("127.0.0.1:{}", delivery.port));
    Ok(command)
}
