//! curl. Debian's is built without SCRAM.

use std::process::Command;

use super::{Addresses, Client, Delivery, Keeps, Mode};
use crate::shell::Failed;

pub(in crate::interop) const CURL: Client =
    Client { name: "curl", command, modes: Mode::ALL, addresses: Addresses::Utf8, keeps: Keeps::All };

fn command(delivery: &Delivery<'_>) -> Result<Command, Failed> {
    let scheme = if delivery.mode == Mode::Implicit { "smtps" } else { "smtp" };
    let url = format!("{scheme}://127.0.0.1:{}/client.test", delivery.port);
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--url", &url]).args(["--mail-from", delivery.user]);
    for recipient in delivery.recipients {
        command.args(["--mail-rcpt", recipient]);
    }
    command.arg("--upload-file").arg(delivery.content);
    if delivery.mode != Mode::Plain {
        command.args(["--ssl-reqd", "--cacert"]).arg(delivery.trust);
    }
    if let Some(mechanism) = delivery.mechanism {
        command.args(["--login-options", &format!("AUTH={mechanism}")]);
        if mechanism.contains("OAUTH") {
            command.args(["--user", delivery.user, "--oauth2-bearer", delivery.secret]);
        } else {
            command.args(["--user", &format!("{}:{}", delivery.user, delivery.secret)]);
        }
    }
    Ok(command)
}
