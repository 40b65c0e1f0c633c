//! The flags of `smtpkit send`.

use std::path::PathBuf;
use std::time::Duration;

use smtpkit_tls::{Pin, Policy};

/// Send one message, from a file, from standard input or composed from flags.
///
/// The password comes from --password-file, --password-stdin, --password-cmd or the variable SMTPKIT_PASSWORD, never
/// from the command line.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER_LONG_HELP)]
pub(crate) struct SendArgs {
    /// The server, and with raw content the file: `URL [FILE|-]`, or only `[FILE|-]` with --host
    #[arg(value_name = "URL|FILE", num_args = 0..=2)]
    pub(crate) positional: Vec<String>,

    /// The server's name or address, instead of a URL
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,

    /// The server's port, with --host [default: 465 with --tls implicit, else 587]
    #[arg(long, value_name = "PORT", requires = "host")]
    pub(crate) port: Option<u16>,

    /// The reverse-path: where a failure is reported to; `<>` for none
    #[arg(long, value_name = "ADDR")]
    pub(crate) from: Option<String>,

    /// A recipient; repeatable, or several with commas between
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    pub(crate) to: Vec<String>,

    /// Take the recipients from To, Cc and Bcc of the content as well
    #[arg(short = 't', long)]
    pub(crate) read_recipients: bool,

    /// TLS: require (STARTTLS), implicit, opportunistic or off [default: by the URL]
    #[arg(long, value_name = "POLICY", value_parser = parse_policy)]
    pub(crate) tls: Option<Policy>,

    /// Trust the certificates of this file, too
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// Accept any certificate: protects from nobody who can change the traffic
    #[arg(long)]
    pub(crate) insecure: bool,

    /// Show this client certificate (PEM) to the server, which asks for it
    #[arg(long = "cert", value_name = "FILE", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,

    /// The private key of the client certificate
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,

    /// The server's key must be this one, too: SHA-256 of it as 64 hex digits or sha256//BASE64; repeatable
    #[arg(long, value_name = "HASH", value_parser = parse_pin)]
    pub(crate) pin: Vec<Pin>,

    /// The name to log in with [default: the one in the URL]
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,

    /// Read the password from the first line of FILE
    #[arg(long, value_name = "FILE", group = "password")]
    pub(crate) password_file: Option<PathBuf>,

    /// Read the password from the first line of standard input
    #[arg(long, group = "password")]
    pub(crate) password_stdin: bool,

    /// Run COMMAND with sh and read the password from its first line of output
    #[arg(long, value_name = "COMMAND", group = "password")]
    pub(crate) password_cmd: Option<String>,

    /// Run COMMAND with sh and log in with the OAuth access token that it prints; if the server refuses it, once more
    /// with SMTPKIT_TOKEN_REFUSED=1
    #[arg(long, value_name = "COMMAND", group = "password")]
    pub(crate) token_cmd: Option<String>,

    /// Only these SASL mechanisms, such as SCRAM-SHA-256,PLAIN; EXTERNAL alone logs in with --cert
    #[arg(long, value_name = "MECH", value_delimiter = ',')]
    pub(crate) auth: Vec<String>,

    /// Send a password over a connection without TLS
    #[arg(long)]
    pub(crate) allow_cleartext_password: bool,

    /// Greet with this name [default: the host's full name, or its address]
    #[arg(long, value_name = "NAME")]
    pub(crate) helo: Option<String>,

    /// Ask for delivery status notifications: never, or of success, failure, delay
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    pub(crate) dsn: Vec<String>,

    /// Add a parameter to MAIL, such as MT-PRIORITY=3; `rcpt:` before it adds it to each RCPT
    #[arg(long, value_name = "KEYWORD[=VALUE]")]
    pub(crate) param: Vec<String>,

    /// Send the content with BDAT (RFC 3030)
    #[arg(long)]
    pub(crate) bdat: bool,

    /// Wait for each reply before the next command
    #[arg(long)]
    pub(crate) no_pipeline: bool,

    /// Send nothing unless every recipient is accepted
    #[arg(long)]
    pub(crate) all_or_nothing: bool,

    /// Give up after this time, such as 30s or 2m
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) timeout: Option<Duration>,

    /// Compose: the subject
    #[arg(long, value_name = "TEXT")]
    pub(crate) subject: Option<String>,

    /// Compose: the body as plain text
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,

    /// Compose: the body as HTML
    #[arg(long, value_name = "HTML")]
    pub(crate) html: Option<String>,

    /// Compose: attach this file; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) attach: Vec<PathBuf>,

    /// Compose: add a header field, such as `Reply-To: a@b.test`; repeatable
    #[arg(long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,

    /// Print what came of it as one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    /// Show the dialogue, without secrets
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

impl SendArgs {
    /// Whether the message is made from flags.
    pub(crate) fn composes(&self) -> bool {
        self.subject.is_some()
            || self.text.is_some()
            || self.html.is_some()
            || !self.attach.is_empty()
            || !self.header.is_empty()
    }
}

fn parse_policy(text: &str) -> Result<Policy, String> {
    match text {
        // the words of other clients' settings pages
        "starttls" => Ok(Policy::Required),
        "none" => Ok(Policy::Off),
        other => other.parse().map_err(|_| "use require, implicit, opportunistic or off".to_owned()),
    }
}

fn parse_pin(text: &str) -> Result<Pin, String> {
    text.parse().map_err(|error: smtpkit_tls::InvalidPin| error.to_string())
}

/// A number with ms, s, m, h or d.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" | "" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("`{unit}` is no unit of time: use ms, s, m, h or d, such as 30s")),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(milliseconds))
        .map(Duration::from_millis)
        .ok_or_else(|| format!("`{text}` is no time; write it as 30s, 5m or 1h"))
}

const AFTER_LONG_HELP: &str = "\
Servers:
  smtp://[user@]host[:587]    STARTTLS required
  smtps://[user@]host[:465]   TLS from the first octet
  lmtp://host:port            local delivery; lmtp+unix:/path for a socket
  ?tls=off, ?tls=opportunistic, ?tls=require or ?tls=implicit behind it says otherwise

Examples:
  smtpkit send smtp://mail.example.test --from me@example.test --to you@example.test message.eml
      send a file as it is
  smtpkit send smtps://me@mail.example.test --password-file pw --from me@example.test \\
      --to you@example.test --subject Hello --text 'It works.' --attach photo.jpg
      log in and send a composed message
  smtpkit send --host mail.example.test --port 587 --tls require --user me --from me@example.test \\
      -t < message.eml
      recipients from the header; Bcc never leaves

Content:
  A file is sent octet by octet; line ends become CRLF. Without FILE and without composing flags,
  standard input is read. Bcc never leaves.

Exit codes:
  0 everyone accepted, 79 some accepted, 64 usage, 65 bad message, 67 all recipients refused,
  68 host unknown, 69 refused for good, 74 I/O (an unreadable file), 75 try again (4yz, time-out,
  unknown outcome), 76 protocol, 77 AUTH or TLS verification, 78 configuration";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("5"), Ok(Duration::from_secs(5)));
        assert_eq!(parse_duration("2d"), Ok(Duration::from_secs(172_800)));
        for wrong in ["", "s", "1w", "-1s", "1.5s", "99999999999999999999s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
