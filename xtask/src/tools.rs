//! Other people's programs that the checks need, installed where they are missing.

use std::env;
use std::process::Command;

use crate::shell::{Failed, cargo, failed, run};

/// A program and the Debian package that brings it.
const PROGRAMS: [(&str, &str); 6] = [
    ("curl", "curl"),
    ("swaks", "swaks"),
    ("smtp-sink", "postfix"),
    ("openssl", "openssl"),
    ("aiosmtpd", "python3-aiosmtpd"),
    ("msmtp", "msmtp"),
];

/// Installs what is missing, with apt-get (which needs to run as root) and cargo.
pub(crate) fn install() -> Result<(), Failed> {
    let missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| find(program).is_none()).map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        run(Command::new("apt-get").args(["update", "-q"]))?;
        run(Command::new("apt-get")
            .args(["install", "-q", "-y", "--no-install-recommends"])
            .args(&missing)
            .env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    if find("cargo-fuzz").is_none() {
        run(cargo().args(["install", "cargo-fuzz", "--locked", "--version", "0.13.2"]))?;
    }
    let still: Vec<&str> =
        PROGRAMS.iter().map(|(program, _)| *program).filter(|program| find(program).is_none()).collect();
    if still.is_empty() {
        Ok(())
    } else {
        failed(format!("not found after the installation: {}", still.join(", ")))
    }
}

/// The path of a program; Debian keeps some of them where only root's PATH looks.
pub(crate) fn find(program: &str) -> Option<std::path::PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}
