//! The flags of `smtpkit send`.

use std::io::IsTerminal as _;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use super::rehearsal::Step;
use crate::outbound::ServerArgs;

/// What is sent, from whom, to whom, over which server and how.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER_LONG_HELP)]
pub(crate) struct SendArgs {
    /// The server, and with raw content the file: `URL [FILE|-]`, or only `[FILE|-]` with --host
    #[arg(value_name = "URL|FILE", num_args = 0..=2)]
    pub(crate) positional: Vec<String>,

    /// Print what came of it as one JSON object; of several messages one each, and a summary
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) envelope: EnvelopeArgs,

    #[command(flatten)]
    pub(crate) content: ContentArgs,

    #[command(flatten)]
    pub(crate) server: ServerArgs,

    #[command(flatten)]
    pub(crate) dialogue: DialogueArgs,

    #[command(flatten)]
    pub(crate) bulk: BulkArgs,

    #[command(flatten)]
    pub(crate) merge: MergeArgs,
}

impl SendArgs {
    /// Whether somebody sees a progress bar.
    pub(crate) fn progress_is_seen(&self) -> bool {
        std::io::stderr().is_terminal() && !self.server.verbose
    }
}

/// Who it is from and for.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Envelope")]
pub(crate) struct EnvelopeArgs {
    /// The reverse-path: where a failure is reported to; `<>` for none
    #[arg(long, value_name = "ADDR")]
    pub(crate) from: Option<String>,

    /// A recipient; repeatable, or several with commas between
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    pub(crate) to: Vec<String>,

    /// Take the recipients from To, Cc and Bcc of the content as well
    #[arg(short = 't', long)]
    pub(crate) read_recipients: bool,

    /// Ask for delivery status notifications: never, or of success, failure, delay
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    pub(crate) dsn: Vec<String>,

    /// Add a parameter to MAIL, such as MT-PRIORITY=3; `rcpt:` before it adds it to each RCPT
    #[arg(long, value_name = "KEYWORD[=VALUE]")]
    pub(crate) param: Vec<String>,
}

/// A message from flags.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Content, if it is composed")]
pub(crate) struct ContentArgs {
    /// The subject
    #[arg(long, value_name = "TEXT")]
    pub(crate) subject: Option<String>,

    /// The body as plain text
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,

    /// The body as HTML
    #[arg(long, value_name = "HTML")]
    pub(crate) html: Option<String>,

    /// Attach this file; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) attach: Vec<PathBuf>,

    /// Add a header field, such as `Reply-To: a@b.test`; repeatable
    #[arg(long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,
}

impl ContentArgs {
    /// Whether the message is made from flags.
    pub(crate) fn composes(&self) -> bool {
        self.subject.is_some()
            || self.text.is_some()
            || self.html.is_some()
            || !self.attach.is_empty()
            || !self.header.is_empty()
    }
}

/// How the message is handed over.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Dialogue")]
pub(crate) struct DialogueArgs {
    /// Send the content with BDAT (RFC 3030)
    #[arg(long)]
    pub(crate) bdat: bool,

    /// Wait for each reply before the next command
    #[arg(long)]
    pub(crate) no_pipeline: bool,

    /// Send nothing unless every recipient is accepted
    #[arg(long)]
    pub(crate) all_or_nothing: bool,

    /// Go no further than STEP, say QUIT, and show what the server said; nothing is sent
    #[arg(long, value_name = "STEP", conflicts_with_all = ["count", "csv"])]
    pub(crate) quit_after: Option<Step>,
}

/// The same message often.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Many messages")]
pub(crate) struct BulkArgs {
    /// Send the message N times, each with a Message-ID of its own if it is composed
    #[arg(long, value_name = "N", conflicts_with = "csv")]
    pub(crate) count: Option<NonZeroU64>,

    /// Over so many connections at once [default: 4]
    #[arg(long, value_name = "N")]
    pub(crate) connections: Option<NonZeroUsize>,

    /// Not faster than this: messages per second, or 30/m or 500/h
    #[arg(long, value_name = "N", value_parser = parse_rate)]
    pub(crate) rate: Option<Duration>,
}

/// A message for each row of a table.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Mail merge")]
pub(crate) struct MergeArgs {
    /// Send a message for each row of this table; its first row names the columns
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,

    /// The message, as it would be sent, with `{{column}}` where a value goes; without it --subject, --text, --html,
    /// --header and --attach are templates
    #[arg(long, value_name = "FILE", requires = "csv", conflicts_with_all = ["subject", "text", "html", "attach", "header"])]
    pub(crate) template: Option<PathBuf>,

    /// What stands between the columns
    #[arg(long, value_name = "CHAR", requires = "csv", default_value = ",", value_parser = parse_delimiter)]
    pub(crate) delimiter: u8,

    /// Note each row that was accepted in this file, and leave out those that it already has
    #[arg(long, value_name = "FILE", requires = "csv")]
    pub(crate) resume: Option<PathBuf>,

    /// Write the rows that were not sent, and why, to this file [default: standard error]
    #[arg(long, value_name = "FILE", requires = "csv")]
    pub(crate) errors: Option<PathBuf>,
}

/// The time from one message to the next.
fn parse_rate(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
    let seconds = match unit {
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        _ => return Err(format!("`{unit}` is no unit of time: use s, m or h, such as 30/m")),
    };
    let number = number.parse::<f64>().ok().filter(|number| number.is_normal() && *number > 0.0);
    number
        .and_then(|number| Duration::try_from_secs_f64(seconds / number).ok())
        .ok_or_else(|| format!("`{text}` is no rate; write it as 10, 30/m or 500/h"))
}

fn parse_delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [octet] if octet.is_ascii() && !matches!(octet, b'"' | b'\r' | b'\n') => Ok(*octet),
        _ => Err("use one character, such as `;`, or \\t for a tab".to_owned()),
    }
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
  smtpkit send --host mail.example.test --port 25,587,465 --from me@example.test --to you@example.test note.eml
      port 25 is blocked here? try 587, then 465
  smtpkit send smtp://mail.example.test --from me@example.test --to you@example.test --quit-after rcpt -v
      would the server take it? show the dialogue up to there, send nothing
  smtpkit send smtp://127.0.0.1:2525?tls=off --from me@example.test --to you@example.test \\
      --count 1000 --connections 8 --rate 50 --subject Load --text x
      a thousand messages over eight connections, at most fifty a second
  smtpkit send smtp://me@mail.example.test --password-file pw --from me@example.test --csv people.csv \\
      --to '{{email}}' --subject 'News for {{name}}' --text 'Dear {{name}}, ...' --resume sent.txt
      a message for each row; run it again and only the rest is sent

Passwords:
  from --password-file, --password-stdin, --password-cmd, the variable SMTPKIT_PASSWORD or the terminal;
  never from the command line, where others could see them

Content:
  A file is sent octet by octet; line ends become CRLF. Without FILE and without composing flags,
  standard input is read. Bcc never leaves.

Mail merge:
  The first row of the table names its columns. {{column}} stands for the value of a row, in the
  header and in every text part of the template, and in --from, --to and the composing flags;
  \\{{ is {{. Values cannot add header lines or addresses: in a header field they are encoded as
  the field needs it, in HTML they are escaped, and a line break in one is an error of that row.
  Each message gets a Message-ID of its own. Without --to, the column `email` or `to` has the
  recipient. A row that cannot be used or is refused does not stop the others: it is reported with
  file, line, column and remedy.
  --resume: a row counts as accepted once the server has taken it for one recipient at least. It is
  written down before the next result is looked at, and synced to the disk within a tenth of a
  second; a row whose outcome is unknown is sent again. The table may grow and be sorted anew.

Steps of --quit-after:
  connect, banner, ehlo, tls, auth, mail, rcpt, data

Transcript (-v):
  ->  <-   commands and replies       ~>  <~   the same under TLS
  <** <~*  replies that refuse        ===      what happens
  ***      what failed

Exit codes:
  0 everyone accepted, 79 some accepted, 64 usage, 65 bad message, 67 all recipients refused,
  68 host unknown, 69 refused for good, 74 I/O (an unreadable file), 75 try again (4yz, time-out,
  unknown outcome), 76 protocol, 77 AUTH or TLS verification, 78 configuration";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        assert_eq!(parse_rate("10"), Ok(Duration::from_millis(100)));
        assert_eq!(parse_rate("0.5"), Ok(Duration::from_secs(2)));
        assert_eq!(parse_rate("30/m"), Ok(Duration::from_secs(2)));
        assert_eq!(parse_rate("1/h"), Ok(Duration::from_secs(3_600)));
        for wrong in ["", "0", "-1", "x", "1/d", "inf", "NaN", "1e-300"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn delimiters() {
        assert_eq!(parse_delimiter(";"), Ok(b';'));
        assert_eq!(parse_delimiter("\\t"), Ok(b'\t'));
        for wrong in ["", "\"", "ab", "ü", "\n"] {
            assert!(parse_delimiter(wrong).is_err(), "{wrong}");
        }
    }
}
