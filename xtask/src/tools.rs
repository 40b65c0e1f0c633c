//! Other people's programs that the checks need, installed where they are missing.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::shell::{Failed, cargo, failed, output, run, target};

/// Programs, or files with their whole paths, and the Debian packages that bring them.
type Parts = [(&'static str, &'static str)];

/// What the gate needs.
const GATE: &Parts = &[
    ("curl", "curl"),
    ("swaks", "swaks"),
    ("smtp-sink", "postfix"),
    ("dovecot", "dovecot-core"),
    ("/usr/lib/dovecot/lmtp", "dovecot-lmtpd"),
    ("/usr/lib/dovecot/submission", "dovecot-submissiond"),
    ("openssl", "openssl"),
    ("aiosmtpd", "python3-aiosmtpd"),
    ("msmtp", "msmtp"),
    ("strace", "strace"),
    ("s-nail", "s-nail"),
    ("/usr/lib/git-core/git-send-email", "git-email"),
    ("/usr/share/perl5/Mail/Address.pm", "libmailtools-perl"),
    ("/usr/share/perl5/IO/Socket/SSL.pm", "libio-socket-ssl-perl"),
    ("/usr/share/perl5/Authen/SASL.pm", "libauthen-sasl-perl"),
    ("/usr/lib/python3/dist-packages/aiosmtplib/__init__.py", "python3-aiosmtplib"),
    ("node", "nodejs"),
    ("/usr/share/nodejs/nodemailer/package.json", "node-nodemailer"),
    ("go", "golang-go"),
    // what the unpacked ones need
    ("libdb-5.3.so", "libdb5.3"),
    ("libevent-2.1.so.7", "libevent-2.1-7"),
    ("libgnutls-dane.so.0", "libgnutls-dane0"),
    ("libidn.so.12", "libidn12"),
    ("libnsl.so.2", "libnsl2"),
];

/// Packages that exclude one of those: unpacked, and laid over the system for the server in question only.
const UNPACKED: [&str; 2] = ["exim4-daemon-light", "opensmtpd"];

/// What the measurements need, which the gate does not wait for.
const BENCH: &Parts = &[
    ("valgrind", "valgrind"),
    ("strace", "strace"),
    ("smtp-sink", "postfix"),
    ("aiosmtpd", "python3-aiosmtpd"),
    ("go", "golang-go"),
    ("/usr/share/gocode/src/github.com/emersion/go-sasl/sasl.go", "golang-github-emersion-go-sasl-dev"),
    ("/usr/share/gocode/src/github.com/emersion/go-smtp/smtp.go", "golang-github-emersion-go-smtp-dev"),
];

/// Installs what is missing for the gate, with apt-get (which needs to run as root) and cargo.
pub(crate) fn install() -> Result<(), Failed> {
    let packed: Vec<&str> = UNPACKED.into_iter().filter(|package| !unpacked(package).is_dir()).collect();
    install_parts(GATE, &packed)?;
    if find("cargo-fuzz").is_none() {
        run(cargo().args(["install", "cargo-fuzz", "--locked", "--version", "0.13.2"]))?;
    }
    let still: Vec<&str> = missing(GATE).map(|(part, _)| part).collect();
    if still.is_empty() {
        Ok(())
    } else {
        failed(format!("not found after the installation: {}", still.join(", ")))
    }
}

/// Installs what is missing for the measurements, as far as this machine lets it: a rival that stays missing is said
/// to be so in its rows.
pub(crate) fn install_rivals() {
    if let Err(Failed(why)) = install_parts(BENCH, &[]) {
        eprintln!("{why}");
    }
}

/// Standard output is left alone: it may be for a program.
fn install_parts(parts: &Parts, packed: &[&str]) -> Result<(), Failed> {
    let missing: Vec<&str> = missing(parts).map(|(_, package)| package).collect();
    if !missing.is_empty() || !packed.is_empty() {
        output(Command::new("apt-get").args(["update", "-q"]))?;
    }
    if !missing.is_empty() {
        output(
            Command::new("apt-get")
                .args(["install", "-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"])
                .args(&missing)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )?;
    }
    packed.iter().try_for_each(|package| unpack(package))
}

fn missing(parts: &Parts) -> impl Iterator<Item = (&'static str, &'static str)> {
    parts.iter().copied().filter(|(part, _)| find(part).is_none())
}

/// Where one of the packages lies that exclude an installed one.
pub(crate) fn unpacked(package: &str) -> PathBuf {
    target().join("interop").join(package).join("tree")
}

fn unpack(package: &str) -> Result<(), Failed> {
    let tree = unpacked(package);
    let Some(folder) = tree.parent() else { return failed("no folder to unpack in") };
    fs::create_dir_all(folder)?;
    output(Command::new("apt-get").args(["download", "-q", package]).current_dir(folder))?;
    // under another name until it is whole
    let script = "dpkg-deb --extract *.deb unfinished && mv unfinished tree";
    output(Command::new("sh").args(["-c", script]).current_dir(folder)).map(drop)
}

/// The path of a program, of a library, or of a file whose path is given; Debian keeps some of them where only root's
/// PATH looks.
pub(crate) fn find(part: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let libraries = format!("/usr/lib/{}-linux-gnu", env::consts::ARCH).into();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into(), libraries]);
    folders.map(|folder| folder.join(part)).find(|file| file.is_file())
}
