//! OpenSMTPD, which delivers to Maildirs; without TLS.

use std::fs;

use tempfile::TempDir;

use super::{Process, fill, folder_of, free_port, isolation, open_folder, wait_for};
use crate::interop::maildir;
use crate::shell::Failed;

pub(in crate::interop) struct OpenSmtpd {
    _process: Process,
    folder: TempDir,
    pub(in crate::interop) port: u16,
}

impl OpenSmtpd {
    /// The domain whose mailboxes it has.
    pub(in crate::interop) const DOMAIN: &'static str = "opensmtpd.test";

    pub(in crate::interop) fn start() -> Result<Self, Failed> {
        let folder = open_folder()?;
        let at = folder.path();
        folder_of("nobody", &at.join("mail"))?;
        let port = free_port()?;
        let config = fill(CONFIG, &[("folder", &at.display().to_string()), ("port", &port.to_string())]);
        let config_file = at.join("smtpd.conf");
        fs::write(&config_file, config)?;
        let process = isolation::start("opensmtpd", at, SCRIPT, &[&config_file])?;
        wait_for(port, || fs::read_to_string(at.join("log")).unwrap_or_default())?;
        Ok(Self { _process: process, folder, port })
    }

    /// The content of the one message.
    pub(in crate::interop) fn take(&self) -> Result<Vec<u8>, Failed> {
        let message = maildir::take(&self.folder.path().join("mail/bob"))?;
        let fields = ["Return-Path:", "Delivered-To:", "Received:"];
        Ok(maildir::with_crlf(maildir::without(&fields, &message)?))
    }
}

// its control socket has a fixed place below /run
const SCRIPT: &str = r#"
add_user opensmtpd 4002
add_user opensmtpq 4003
mkdir -p /var/spool/smtpd
chmod 711 /var/spool/smtpd
cp "$1" /etc/smtpd.conf
mount -t tmpfs tmpfs /run
mkdir -m 711 /run/opensmtpd
exec /usr/sbin/smtpd -d -f /etc/smtpd.conf
"#;

const CONFIG: &str = r#"
listen on 127.0.0.1 port @port@ hostname opensmtpd.test
action "keep" maildir "@folder@/mail/%{rcpt.user}" virtual { "@" = "nobody" }
match from any for domain "opensmtpd.test" action "keep"
"#;
