//! s-nail, which composes the message from a body and greets with HELO where it does not log in.

use std::fs::{self, File};
use std::process::Command;

use super::{Addresses, Client, Delivery, Keeps, Mode};
use crate::shell::Failed;

pub(in crate::interop) const S_NAIL: Client =
    Client { name: "s-nail", command, modes: Mode::ALL, addresses: Addresses::Ascii, keeps: Keeps::Body };

fn command(delivery: &Delivery<'_>) -> Result<Command, Failed> {
    let content = fs::read_to_string(delivery.with_local_line_ends()?)?;
    let body = content.split_once("\n\n").map_or("", |(_, body)| body);
    let body_file = delivery.content.with_extension("body");
    fs::write(&body_file, body)?;

    let scheme = if delivery.mode == Mode::Implicit { "submissions" } else { "smtp" };
    let login = match delivery.mechanism {
        Some(_) => format!("{}:{}@", in_url(delivery.user), in_url(delivery.secret)),
        None => String::new(),
    };
    let mechanism = delivery.mechanism.unwrap_or("none").to_ascii_lowercase();
    let mut command = Command::new("s-nail");
    let mut set = |setting: &str| {
        command.args(["-S", setting]);
    };
    set("v15-compat");
    set("sendwait");
    set("nosave");
    set("mime-encoding=8b");
    set("ttycharset=utf-8");
    set("sendcharsets=utf-8");
    set(&format!("from={}", delivery.user));
    // it compares names with the certificate, not addresses
    set(&format!("mta={scheme}://{login}localhost:{}", delivery.port));
    set(&format!("smtp-auth={mechanism}"));
    if delivery.mode == Mode::Starttls {
        set("smtp-use-starttls");
    }
    if delivery.mode != Mode::Plain {
        set("tls-verify=strict");
        set("tls-ca-no-defaults");
        set(&format!("tls-ca-file={}", delivery.trust.display()));
    }
    command.args(["-:/", "-s", "sample"]).args(delivery.recipients).stdin(File::open(body_file)?);
    Ok(command)
}

/// What may not stand in the user information of a URL, in hexadecimal.
fn in_url(text: &str) -> String {
    text.bytes()
        .map(|octet| match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' => char::from(octet).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
