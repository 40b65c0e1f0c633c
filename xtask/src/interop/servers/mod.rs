//! Other people's servers, each with a configuration and folders of its own, on loopback and on free ports.

mod aiosmtpd;
mod dovecot;
mod exim;
mod isolation;
mod name_server;
mod opensmtpd;
mod postfix;
mod smtp_sink;

use std::fmt::Display;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::shell::{Failed, failed, output};

pub(super) use aiosmtpd::Aiosmtpd;
pub(super) use dovecot::Dovecot;
pub(super) use exim::Exim;
pub(super) use isolation::possible as isolation_possible;
pub(super) use name_server::NameServer;
pub(super) use opensmtpd::OpenSmtpd;
pub(super) use postfix::{Hops, Postfix};
pub(super) use smtp_sink::SmtpSink;

/// How long a server may take to start, or to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process of ours that ends with its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // politely first, so that it takes its own children along; it may also have ended by itself
        let _ = Command::new("kill").arg(self.0.id().to_string()).output();
        let start = Instant::now();
        while start.elapsed() < PATIENCE && matches!(self.0.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A certificate for loopback, as OpenSSL makes it.
pub(super) struct Identity {
    folder: TempDir,
}

impl Identity {
    pub(super) fn new() -> Result<Self, Failed> {
        let identity = Self { folder: open_folder()? };
        let request = |subject: &str, key: &str, certificate: &str| {
            let mut command = Command::new("openssl");
            command
                .current_dir(identity.folder.path())
                .args(["req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "2"])
                .args(["-subj", subject, "-keyout", key, "-out", certificate]);
            command
        };
        let mut authority = request("/CN=authority", "ca-key.pem", "ca.pem");
        output(authority.args(["-addext", "basicConstraints=critical,CA:TRUE"]))?;
        let mut server = request("/CN=server", "key.pem", "cert.pem");
        output(
            server
                .args(["-CA", "ca.pem", "-CAkey", "ca-key.pem"])
                .args(["-addext", "basicConstraints=critical,CA:FALSE"])
                .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]),
        )?;
        // the servers drop their privileges before they read it
        fs::set_permissions(identity.key(), fs::Permissions::from_mode(0o644))?;
        Ok(identity)
    }

    pub(super) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }
}

/// A configuration with its `@places@` filled in.
fn fill(template: &str, places: &[(&str, &dyn Display)]) -> String {
    places.iter().fold(template.to_owned(), |text, (place, value)| {
        text.replace(&format!("@{place}@"), &value.to_string())
    })
}

/// A temporary folder that other users may enter.
fn open_folder() -> Result<TempDir, Failed> {
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

/// Makes a folder that belongs to a user.
fn folder_of(user: &str, path: &Path) -> Result<(), Failed> {
    fs::create_dir(path)?;
    output(Command::new("chown").arg(user).arg(path)).map(drop)
}

/// A port that was free a moment ago, for servers that cannot say which one they got. None comes twice, and connections
/// get theirs from a range above these.
pub(super) fn free_port() -> Result<u16, Failed> {
    const RANGE: std::ops::Range<u16> = 20_000..32_000;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let count = u32::from(RANGE.end - RANGE.start);
    // where another run of this program does not begin, too
    let start = std::process::id().wrapping_mul(101) % count;
    for _ in RANGE {
        let next = (start + GIVEN.fetch_add(1, Ordering::Relaxed)) % count;
        let port = RANGE.start + u16::try_from(next)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    failed("no port is free")
}

/// Waits until somebody listens; `log` tells why nobody does.
fn wait_for(port: u16, log: impl Fn() -> String) -> Result<(), Failed> {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if start.elapsed() > PATIENCE {
            return failed(format!("nothing listens on port {port}: {}", log()));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}
