//! Other people's clients deliver to `smtpkit serve`: without TLS to the mx listener, with STARTTLS and AUTH to
//! submission, with implicit TLS and AUTH to submissions.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::clients::{self, Addresses, Client, Delivery, Keeps, Mode};
use super::samples::{self, Sample};
use super::server::{INTERNATIONAL, MAILBOXES, PASSWORD, RECIPIENT, Server, USER, mailbox};
use crate::shell::{Failed, failed, output};

/// Runs every client in every mode with every sample; gives how many deliveries were made.
pub(super) fn run() -> Result<usize, Failed> {
    let server = Server::start()?;
    let one = [RECIPIENT.to_owned()];
    let many: Vec<String> = (1..=MAILBOXES).map(mailbox).collect();
    let international = [INTERNATIONAL.to_owned()];
    let mut deliveries = 0;
    for client in clients::ALL {
        for &mode in client.modes {
            let receiving = Receiving { server: &server, client, mode };
            for sample in samples::all() {
                deliveries += receiving.deliver(&sample, &one)?;
            }
            deliveries += receiving.deliver(&samples::plain(), &many)?;
            if client.addresses == Addresses::Utf8 {
                deliveries +=
                    receiving.deliver(&samples::internationalized(INTERNATIONAL), &international)?;
            }
            println!("{:>11} → serve, {mode:?}: ok", client.name);
        }
    }
    Ok(deliveries)
}

/// A client that delivers to a server.
struct Receiving<'a> {
    server: &'a Server,
    client: &'a Client,
    mode: Mode,
}

impl Receiving<'_> {
    /// One transaction, and a look into the mailbox of each recipient; gives how many these are.
    fn deliver(&self, sample: &Sample, recipients: &[String]) -> Result<usize, Failed> {
        let content = self.server.scratch().join("sample.eml");
        fs::write(&content, &sample.content)?;
        let trust = self.server.trust();
        let delivery = Delivery {
            mode: self.mode,
            port: self.server.port(self.mode.scheme())?,
            trust: &trust,
            content: &content,
            mechanism: (self.mode != Mode::Plain).then_some("PLAIN"),
            user: USER,
            secret: PASSWORD,
            recipients,
        };
        output(&mut (self.client.command)(&delivery)?)?;
        for recipient in recipients {
            let stored = self.server.take_content(recipient)?;
            if !self.same(&stored, sample)? {
                return failed(format!(
                    "{}, {:?}, {}: stored {} octets that differ from the {} sent",
                    self.client.name,
                    self.mode,
                    sample.name,
                    stored.len(),
                    sample.content.len(),
                ));
            }
        }
        Ok(recipients.len())
    }

    fn same(&self, stored: &[u8], sample: &Sample) -> Result<bool, Failed> {
        let sent = sample.arrives();
        Ok(match self.client.keeps {
            Keeps::All => stored == sent,
            Keeps::AllAndEmptyLine => stored.strip_suffix(b"\r\n").is_some_and(|stored| stored == sent),
            Keeps::Body => {
                let folder = self.server.scratch();
                body(stored, &folder.join("stored.eml"))? == body(&sent, &folder.join("sent.eml"))?
            }
        })
    }
}

/// The text of a message of one part without its transfer encoding and its last line end, as Python sees it.
fn body(content: &[u8], file: &Path) -> Result<String, Failed> {
    const PYTHON: &str = r#"
import email, sys
with open(sys.argv[1], "rb") as file:
    body = email.message_from_bytes(file.read()).get_payload(decode=True)
sys.stdout.buffer.write(body.replace(b"\r\n", b"\n").removesuffix(b"\n"))
"#;
    fs::write(file, content)?;
    output(Command::new("/usr/bin/python3").args(["-c", PYTHON]).arg(file))
}
