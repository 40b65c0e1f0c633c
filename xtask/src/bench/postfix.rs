//! A Postfix of its own: configuration, queue, data and log in a temporary folder, ports that are free.
//!
//! Nothing of an installed Postfix is read or written. Everything that it does not need to relay is left out:
//! no name look-ups, no databases, no content filters; connections to the next hop are kept.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::process::{Of, descendants, free_port, processor, until, wait_for};
use crate::shell::{Failed, output};
use crate::tools;

/// The services that a relay needs, as `master.cf` lists them: name, type, program, and who may use it.
const SERVICES: &str = "\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
";

/// A running instance; dropped, it is stopped and its folder removed.
pub(super) struct Postfix {
    folder: tempfile::TempDir,
    port: u16,
    master: u32,
}

impl Postfix {
    /// Starts one that passes all mail on to `next_hop`; none if Postfix is missing.
    pub(super) fn start(next_hop: &str) -> Result<Option<Self>, Failed> {
        if tools::find("postfix").is_none() {
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        // its processes run as another user
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let port = free_port()?;
        for name in ["etc", "queue", "data"] {
            fs::create_dir(folder.path().join(name))?;
        }
        output(Command::new("chown").arg("postfix").arg(folder.path().join("data")))?;
        let etc = folder.path().join("etc");
        fs::write(etc.join("main.cf"), main_cf(folder.path(), next_hop))?;
        fs::write(etc.join("master.cf"), format!("127.0.0.1:{port} inet n - n - - smtpd\n{SERVICES}"))?;
        let mut postfix = Self { folder, port, master: 0 };
        postfix.control("start")?;
        wait_for(port)?;
        let pid = postfix.folder.path().join("queue/pid/master.pid");
        until(|| Ok(fs::read_to_string(&pid).is_ok_and(|pid| !pid.trim().is_empty())))?;
        postfix.master = fs::read_to_string(&pid)?.trim().parse()?;
        Ok(Some(postfix))
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its processes.
    pub(super) fn processes(&self) -> Result<Vec<u32>, Failed> {
        descendants(self.master)
    }

    /// User and system time so far, in seconds, of all processes that there were.
    pub(super) fn processor(&self) -> Result<f64, Failed> {
        let of = |id| processor(id, Of::ItselfAndEndedChildren).unwrap_or_default();
        Ok(self.processes()?.into_iter().map(of).sum())
    }

    fn control(&self, what: &str) -> Result<String, Failed> {
        output(Command::new("postfix").arg("-c").arg(self.folder.path().join("etc")).arg(what))
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // it says so itself when it cannot stop
        if let Err(Failed(why)) = self.control("stop") {
            eprintln!("{why}");
        }
    }
}

fn main_cf(folder: &Path, next_hop: &str) -> String {
    let folder = folder.display();
    let (host, port) = next_hop.split_once(':').unwrap_or((next_hop, "25"));
    format!(
        "compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file_prefixes = {folder}
maillog_file = {folder}/log
myhostname = relay.bench.test
mydestination =
alias_maps =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtpd_tls_security_level = none
smtp_tls_security_level = none
smtp_tls_session_cache_database =
relayhost = [{host}]:{port}
disable_dns_lookups = yes
smtp_host_lookup = native
smtp_connection_cache_destinations = {host}
default_process_limit = 100
smtpd_client_connection_count_limit = 0
"
    )
}
