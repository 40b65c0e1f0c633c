//! Exim, which delivers to Maildirs.

use std::fs;

use tempfile::TempDir;

use super::{Identity, Process, fill, folder_of, free_port, isolation, open_folder, wait_for};
use crate::interop::maildir;
use crate::shell::Failed;

pub(in crate::interop) struct Exim {
    _process: Process,
    folder: TempDir,
    pub(in crate::interop) port: u16,
    pub(in crate::interop) implicit_port: u16,
}

impl Exim {
    /// The domain whose mailbox `bob` it has.
    pub(in crate::interop) const DOMAIN: &'static str = "exim.test";

    pub(in crate::interop) fn start(identity: &Identity) -> Result<Self, Failed> {
        let folder = open_folder()?;
        let at = folder.path();
        folder_of("nobody", &at.join("mail"))?;
        let [port, implicit_port] = [free_port()?, free_port()?];
        let config = fill(
            CONFIG,
            &[
                ("folder", &at.display()),
                ("certificate", &identity.certificate().display()),
                ("key", &identity.key().display()),
                ("implicit_port", &implicit_port),
                ("port", &port),
            ],
        );
        let config_file = at.join("exim4.conf");
        fs::write(&config_file, config)?;
        let process = isolation::start("exim4-daemon-light", at, SCRIPT, &[&config_file])?;
        for port in [port, implicit_port] {
            wait_for(port, || fs::read_to_string(at.join("log")).unwrap_or_default())?;
        }
        Ok(Self { _process: process, folder, port, implicit_port })
    }

    /// The content of the one message.
    pub(in crate::interop) fn take(&self) -> Result<Vec<u8>, Failed> {
        let message = maildir::take(&self.folder.path().join("mail/bob"))?;
        let fields = ["Return-Path:", "Envelope-To:", "Delivery-Date:", "Received:"];
        Ok(maildir::with_crlf(maildir::without(&fields, &message)?))
    }
}

const SCRIPT: &str = r#"
add_user Debian-exim 4001
mkdir -p /etc/exim4 /var/spool/exim4 /var/log/exim4
cp "$1" /etc/exim4/exim4.conf
chown Debian-exim:Debian-exim /var/spool/exim4 /var/log/exim4
exec /usr/sbin/exim4 -bdf
"#;

const CONFIG: &str = "
keep_environment =
primary_hostname = exim.test
daemon_smtp_ports = @port@ : @implicit_port@
local_interfaces = 127.0.0.1
tls_on_connect_ports = @implicit_port@
tls_advertise_hosts = *
tls_certificate = @certificate@
tls_privatekey = @key@
smtputf8_advertise_hosts = *
domainlist local_domains = exim.test
acl_smtp_rcpt = rcpt
acl_smtp_data = accept

begin acl
rcpt:
  accept domains = +local_domains
  deny message = no relay

begin routers
mailboxes:
  driver = accept
  domains = +local_domains
  local_parts = bob
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = @folder@/mail/$local_part_data
  maildir_format
  create_directory
  user = nobody
  group = nogroup
  return_path_add
  envelope_to_add
  delivery_date_add
";
