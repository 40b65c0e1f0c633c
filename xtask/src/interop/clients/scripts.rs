//! Clients that are libraries: a script beside this file uses each as its documentation says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Addresses, Client, Delivery, Keeps, Mode};
use crate::shell::{Failed, output, root, target};

pub(in crate::interop) const SMTPLIB: Client = Client {
    name: "smtplib",
    command: |delivery| interpreted("/usr/bin/python3", "python_smtplib.py", delivery),
    modes: Mode::ALL,
    addresses: Addresses::Utf8,
    keeps: Keeps::All,
};

pub(in crate::interop) const AIOSMTPLIB: Client = Client {
    name: "aiosmtplib",
    command: |delivery| interpreted("/usr/bin/python3", "python_aiosmtplib.py", delivery),
    ..SMTPLIB
};

pub(in crate::interop) const NODEMAILER: Client = Client {
    name: "nodemailer",
    command: |delivery| interpreted("node", "nodemailer.js", delivery),
    ..SMTPLIB
};

pub(in crate::interop) const PERL: Client = Client {
    name: "Net::SMTP",
    command: |delivery| interpreted("/usr/bin/perl", "perl_net_smtp.pl", delivery),
    addresses: Addresses::Ascii,
    ..SMTPLIB
};

pub(in crate::interop) const GO: Client = Client {
    name: "net/smtp",
    command: |delivery| with(Command::new(built("go_net_smtp.go")?), delivery),
    ..SMTPLIB
};

fn script(name: &str) -> PathBuf {
    root().join("xtask/src/interop/clients").join(name)
}

fn interpreted(interpreter: &str, name: &str, delivery: &Delivery<'_>) -> Result<Command, Failed> {
    let mut command = Command::new(interpreter);
    command.arg(script(name));
    with(command, delivery)
}

fn with(mut command: Command, delivery: &Delivery<'_>) -> Result<Command, Failed> {
    command.arg(serde_json::to_string(delivery)?);
    Ok(command)
}

/// The program that Go makes of a script, made anew if the script is.
fn built(name: &str) -> Result<PathBuf, Failed> {
    let source = script(name);
    let program = target().join("interop").join(name).with_extension("");
    let changed = |file: &Path| fs::metadata(file).and_then(|facts| facts.modified()).ok();
    if changed(&program) < changed(&source) {
        output(Command::new("go").args(["build", "-o"]).arg(&program).arg(&source))?;
    }
    Ok(program)
}
