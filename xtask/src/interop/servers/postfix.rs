//! A Postfix of our own: its configuration, queue, data and Maildirs lie below a temporary folder.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use super::{Identity, fill, folder_of, free_port, open_folder, wait_for};
use crate::interop::maildir;
use crate::interop::server::MAILBOXES;
use crate::shell::{Failed, failed, output};
use crate::tools;

pub(in crate::interop) struct Postfix {
    folder: TempDir,
    pub(in crate::interop) port: u16,
    pub(in crate::interop) implicit_port: u16,
}

/// The ports on loopback that it hands mail on to.
#[derive(Default)]
pub(in crate::interop) struct Hops {
    /// For every domain but its own.
    pub(in crate::interop) relay: u16,
    /// For [`ROBOT`](crate::interop::server::ROBOT), by LMTP.
    pub(in crate::interop) lmtp: u16,
    /// For the domain that is refused.
    pub(in crate::interop) refusing: u16,
}

impl Postfix {
    /// The domain whose mailboxes it has: `bob`, `2bob` and so on, and `δοκιμή`.
    pub(in crate::interop) const DOMAIN: &'static str = "postfix.test";

    /// The largest message that it takes, in octets.
    pub(in crate::interop) const SIZE_MAX: usize = 2_000_000;

    /// Starts one. Its port may be chosen before, for a server that has to know it earlier.
    pub(in crate::interop) fn start(identity: &Identity, port: u16, hops: &Hops) -> Result<Self, Failed> {
        let folder = open_folder()?;
        let at = folder.path();
        for name in ["config", "queue"] {
            fs::create_dir(at.join(name))?;
        }
        folder_of("postfix", &at.join("data"))?;
        folder_of("nobody", &at.join("mail"))?;
        let implicit_port = free_port()?;
        let main = fill(
            MAIN,
            &[
                ("folder", &at.display()),
                ("certificate", &identity.certificate().display()),
                ("key", &identity.key().display()),
                ("relay", &hops.relay),
                ("lmtp", &hops.lmtp),
                ("size_max", &Self::SIZE_MAX),
                ("refusing", &hops.refusing),
            ],
        );
        fs::write(at.join("config/main.cf"), main)?;
        let master =
            fill(MASTER, &[("implicit_port", &implicit_port.to_string()), ("port", &port.to_string())]);
        fs::write(at.join("config/master.cf"), master)?;
        let numbered = (2..=MAILBOXES).map(|number| format!("{number}bob"));
        let mailboxes = numbered.chain(["bob".to_owned(), "δοκιμή".to_owned()]);
        let rows: String = mailboxes.map(|name| format!("{name}@{} {name}/\n", Self::DOMAIN)).collect();
        fs::write(at.join("config/mailboxes"), rows)?;

        let postfix = Self { folder, port, implicit_port };
        output(&mut postfix.control("start")?)?;
        for port in [port, implicit_port] {
            wait_for(port, || postfix.log())?;
        }
        Ok(postfix)
    }

    fn control(&self, order: &str) -> Result<Command, Failed> {
        let Some(program) = tools::find("postfix") else { return failed("postfix is missing") };
        let mut command = Command::new(program);
        command.arg("-c").arg(self.folder.path().join("config")).arg(order);
        Ok(command)
    }

    /// What it says about its work.
    pub(in crate::interop) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The one message in a mailbox, below the fields of the final delivery; line ends as on the wire.
    pub(in crate::interop) fn take(&self, local_part: &str) -> Result<Vec<u8>, Failed> {
        let message = maildir::take(&self.folder.path().join("mail").join(local_part))
            .map_err(|Failed(why)| Failed(format!("{why}\n{}", self.log())))?;
        let fields = ["Return-Path:", "X-Original-To:", "Delivered-To:", "Received:"];
        Ok(maildir::with_crlf(maildir::without(&fields, &message)?))
    }

    /// Checks that no message is in a mailbox, nor in the queue on its way there.
    pub(in crate::interop) fn holds_nothing(&self, local_part: &str) -> Result<(), Failed> {
        let new = self.folder.path().join("mail").join(local_part).join("new");
        let queue =
            ["incoming", "active", "deferred"].map(|name| self.folder.path().join("queue").join(name));
        for folder in queue.into_iter().chain([new]) {
            if fs::read_dir(&folder).into_iter().flatten().next().is_some() {
                return failed(format!("{} is not empty\n{}", folder.display(), self.log()));
            }
        }
        Ok(())
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // the processes are ours; they may have ended by themselves
        let _ = self.control("stop").map(|mut command| command.output());
    }
}

const MAIN: &str = "
compatibility_level = 3.6
queue_directory = @folder@/queue
data_directory = @folder@/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = @folder@/log
maillog_file_prefixes = @folder@
myhostname = postfix.test
mydestination =
alias_maps =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtputf8_enable = yes
message_size_limit = @size_max@
virtual_mailbox_domains = postfix.test
virtual_mailbox_maps = texthash:@folder@/config/mailboxes
virtual_mailbox_base = @folder@/mail
virtual_minimum_uid = 1
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_tls_security_level = may
smtpd_tls_cert_file = @certificate@
smtpd_tls_key_file = @key@
disable_dns_lookups = yes
smtp_host_lookup = native
relayhost = [127.0.0.1]:@relay@
transport_maps = inline:{gone.test=smtp:[127.0.0.1]:@refusing@, robot@example.test=lmtp:[127.0.0.1]:@lmtp@}
";

const MASTER: &str = "
127.0.0.1:@port@ inet n - n - - smtpd
127.0.0.1:@implicit_port@ inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
";
