//! Hosts that have done TLS once, and have to do it ever after: who strips STARTTLS from the dialogue gets no mail.
//!
//! The memory outlives the process if it has a file: one name a line, added as they are learned. To forget a host that gave
//! TLS up for good, take its line out while the server is stopped.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Hosts that are remembered; beyond that none is added.
const HOSTS_MAX: usize = 50_000;

/// The memory.
#[derive(Debug, Default)]
pub(crate) struct SecureHosts {
    names: HashSet<Box<str>>,
    file: Option<PathBuf>,
}

impl SecureHosts {
    /// Reads the file, if there is to be one; it need not be there yet.
    pub(crate) fn open(file: Option<&Path>) -> Self {
        let text = match file.map(fs::read_to_string) {
            Some(Ok(text)) => text,
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
                tracing::error!(target: "smtpkit::relay", %error, "which hosts do TLS cannot be read; it is learned anew");
                String::new()
            }
            _ => String::new(),
        };
        let names = text.lines().map(str::trim).filter(|line| !line.is_empty());
        Self { names: names.take(HOSTS_MAX).map(Box::from).collect(), file: file.map(Path::to_owned) }
    }

    /// Whether the host did TLS before.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The host does TLS.
    pub(crate) fn remember(&mut self, name: &str) {
        if self.names.contains(name) || self.names.len() >= HOSTS_MAX {
            return;
        }
        self.names.insert(name.into());
        let Some(file) = &self.file else { return };
        let append = || -> io::Result<()> {
            let mut file = OpenOptions::new().create(true).append(true).open(file)?;
            file.write_all(format!("{name}\n").as_bytes())
        };
        if let Err(error) = append() {
            tracing::error!(target: "smtpkit::relay", host = name, %error, "that a host does TLS is forgotten at the next start");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learned_is_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tls-hosts");
        let mut hosts = SecureHosts::open(Some(&file));
        assert!(!hosts.contains("mx.a.test"));
        for name in ["mx.a.test", "mx.b.test", "mx.a.test"] {
            hosts.remember(name);
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "mx.a.test\nmx.b.test\n");
        let again = SecureHosts::open(Some(&file));
        assert!(again.contains("mx.a.test") && again.contains("mx.b.test") && !again.contains("mx.c.test"));
    }

    #[test]
    fn without_a_file_it_is_known_for_now() {
        let mut hosts = SecureHosts::open(None);
        hosts.remember("mx.a.test");
        assert!(hosts.contains("mx.a.test"));
    }
}
