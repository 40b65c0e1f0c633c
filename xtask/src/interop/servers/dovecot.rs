//! Dovecot: its LMTP service delivers to Maildirs; its submission service asks for a login and relays.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{Identity, Process, fill, folder_of, free_port, open_folder, wait_for};
use crate::interop::maildir;
use crate::interop::server::{PASSWORD, ROBOT, TOKEN, USER};
use crate::shell::{Failed, failed};
use crate::tools;

pub(in crate::interop) struct Dovecot {
    _process: Process,
    folder: TempDir,
    pub(in crate::interop) lmtp: u16,
    pub(in crate::interop) submission: u16,
    pub(in crate::interop) submissions: u16,
}

impl Dovecot {
    /// Starts one that hands submissions to the server on the port `relay`.
    pub(in crate::interop) fn start(identity: &Identity, relay: u16) -> Result<Self, Failed> {
        let Some(program) = tools::find("dovecot") else { return failed("dovecot is missing") };
        let folder = open_folder()?;
        let at = folder.path();
        folder_of("nobody", &at.join("mail"))?;
        folder_of("nobody", &at.join("home"))?;
        // a token is to it what a password is
        fs::write(at.join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n{ROBOT}:{{PLAIN}}{TOKEN}\n"))?;
        let [lmtp, submission, submissions] = [free_port()?, free_port()?, free_port()?];
        let config = fill(
            CONFIG,
            &[
                ("folder", &at.display()),
                ("certificate", &identity.certificate().display()),
                ("key", &identity.key().display()),
                ("relay_port", &relay),
                ("lmtp_port", &lmtp),
                ("submission_port", &submission),
                ("submissions_port", &submissions),
            ],
        );
        let config_file = at.join("dovecot.conf");
        fs::write(&config_file, config)?;
        let process = Command::new(program)
            .args(["-F", "-c"])
            .arg(&config_file)
            .stdout(Stdio::null())
            .stderr(fs::File::create(at.join("errors"))?)
            .spawn()?;
        let log =
            || ["errors", "log"].map(|name| fs::read_to_string(at.join(name)).unwrap_or_default()).concat();
        let process = Process(process);
        for port in [lmtp, submission, submissions] {
            wait_for(port, log)?;
        }
        Ok(Self { _process: process, folder, lmtp, submission, submissions })
    }

    /// The socket of its LMTP service.
    pub(in crate::interop) fn lmtp_socket(&self) -> PathBuf {
        self.folder.path().join("run/lmtp")
    }

    /// The content of the one message that LMTP delivered to a user.
    pub(in crate::interop) fn take(&self, local_part: &str) -> Result<Vec<u8>, Failed> {
        let message = maildir::take(&self.folder.path().join("mail").join(local_part))?;
        maildir::without(&["Return-Path:"], &message).map(<[u8]>::to_vec)
    }
}

const CONFIG: &str = "
base_dir = @folder@/run
state_dir = @folder@/state
log_path = @folder@/log
protocols = lmtp submission
ssl = required
ssl_cert = <@certificate@
ssl_key = <@key@
auth_mechanisms = plain login scram-sha-1 scram-sha-256 xoauth2 oauthbearer
passdb {
  driver = passwd-file
  args = scheme=plain @folder@/users
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=@folder@/home/%u allow_all_users=yes
}
mail_location = maildir:@folder@/mail/%n
mail_save_crlf = yes
hostname = dovecot.test
lmtp_add_received_header = no
lmtp_hdr_delivery_address = none
submission_relay_host = 127.0.0.1
submission_relay_port = @relay_port@
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = @lmtp_port@
  }
  unix_listener lmtp {
    mode = 0666
  }
}
service submission-login {
  inet_listener submission {
    address = 127.0.0.1
    port = @submission_port@
  }
  inet_listener submissions {
    address = 127.0.0.1
    port = @submissions_port@
    ssl = yes
  }
}
";
