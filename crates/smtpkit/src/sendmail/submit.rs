//! One message from standard input to the server.

use std::io::{self, BufRead, Read};

use smtpkit_client::Delivered;
use smtpkit_mime::Header;
use smtpkit_mime::build::{AddrSpec, Field, Mailbox, MessageId, ValueError};

use super::arguments::Arguments;
use super::config::Config;
use super::{client, runtime};
use crate::exit::{Exit, Failure};
use crate::outbound::exit_of;
use crate::send::{CLOSE_GRACE, EnvelopeArgs, Mail, RawMessage, Stored, compose, outcome};

/// Reads it, completes it, and hands it over.
pub(crate) fn run(arguments: &Arguments, config: &Config) -> Result<Exit, Failure> {
    let unreadable = |error: io::Error| Failure::new(Exit::Io, format!("standard input: {error}"));
    let input = io::stdin().lock();
    let stored =
        if arguments.ignores_dots { Stored::keep(input) } else { Stored::keep(UntilDot::new(input)) };
    let stored = stored.map_err(unreadable)?;
    let mut message = RawMessage::of("standard input", stored)?;
    let mut envelope = envelope(arguments, config);
    for name in message.take_unusable().iter().filter(|_| arguments.reads_recipients) {
        // `To: root` is somebody at this domain
        envelope.to.push(config.qualified(name));
    }
    let added = missing_fields(&message, &envelope, arguments)?;
    let Mail { envelope, content } = message.with_fields(&added).mail(&envelope)?;
    runtime()?.block_on(async {
        let client = client(config).await?;
        let outcome = client.send(&envelope, content).await;
        client.close(CLOSE_GRACE).await;
        Ok(match outcome {
            Ok(report) if report.all_accepted() => Exit::Ok,
            Ok(report) => {
                outcome::say_report(&envelope, &report);
                Exit::NoUser
            }
            Err(error) => {
                outcome::say_error(&envelope, &error);
                // a caller that tries again because of 75 may send it twice, one that does not may lose it
                if error.delivered() == Delivered::Unknown { Exit::Temporary } else { exit_of(&error) }
            }
        })
    })
}

fn envelope(arguments: &Arguments, config: &Config) -> EnvelopeArgs {
    let from = match arguments.from.as_ref().or(config.from.as_ref()) {
        Some(from) if from.is_empty() => "<>".to_owned(),
        Some(from) => config.qualified(from),
        None => config.qualified(&user_name()),
    };
    let returned = arguments.returned.iter().map(|value| format!("RET={}", value.to_ascii_uppercase()));
    let envelope_id = arguments.envelope_id.iter().map(|value| format!("ENVID={value}"));
    EnvelopeArgs {
        from: Some(from),
        to: arguments.recipients.iter().map(|name| config.qualified(name)).collect(),
        read_recipients: arguments.reads_recipients,
        dsn: arguments.notify.iter().flat_map(|events| events.split(',')).map(str::to_owned).collect(),
        param: returned.chain(envelope_id).collect(),
    }
}

/// The fields that a message needs (RFC 5322 §3.6) and programs leave to sendmail.
fn missing_fields(
    message: &RawMessage,
    envelope: &EnvelopeArgs,
    arguments: &Arguments,
) -> Result<Vec<u8>, Failure> {
    let header = Header::parse(message.header());
    let lacks = |name: &str| header.first(name).is_none();
    let stamp = compose::stamp()?;
    let author = envelope.from.as_deref().filter(|from| *from != "<>");
    let mut added = Vec::new();
    let mut add = |field: Result<Field, ValueError>| {
        let field = field.map_err(|error| Failure::new(Exit::Usage, error))?;
        added.extend_from_slice(field.to_string().as_bytes());
        Ok::<(), Failure>(())
    };
    if lacks("Date") {
        add(Field::date("Date", stamp.now()))?;
    }
    if let (true, Some(author)) = (lacks("From"), author) {
        let mailbox = match &arguments.full_name {
            Some(name) => Mailbox::named(name, author),
            None => Mailbox::new(author),
        };
        let mailbox = mailbox
            .map_err(|error| Failure::new(Exit::Usage, format!("-f {}: {error}", author.escape_debug())))?;
        add(Field::addresses("From", [mailbox]))?;
    }
    if let (true, Some(author)) = (lacks("Message-ID"), author.and_then(|author| AddrSpec::new(author).ok()))
    {
        add(Field::message_ids("Message-ID", [MessageId::generate(&stamp, &author)]))?;
    }
    Ok(added)
}

/// Who calls, by the variables that login sets, else by number.
fn user_name() -> String {
    let named = ["LOGNAME", "USER"].iter().find_map(|variable| std::env::var(variable).ok());
    named
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| format!("uid-{}", rustix::process::getuid().as_raw()))
}

/// Input up to a line that holds a single dot, or to its end.
struct UntilDot<R> {
    input: R,
    line: Vec<u8>,
    at: usize,
    is_over: bool,
}

impl<R: BufRead> UntilDot<R> {
    const fn new(input: R) -> Self {
        Self { input, line: Vec::new(), at: 0, is_over: false }
    }
}

/// A line is taken in pieces of this size, so that one without an end costs no memory.
const PIECE_OCTETS: u64 = 64 * 1024;

impl<R: BufRead> Read for UntilDot<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.line.len() && !self.is_over {
            let starts_line = self.line.last().is_none_or(|&octet| octet == b'\n');
            self.line.clear();
            self.at = 0;
            (&mut self.input).take(PIECE_OCTETS).read_until(b'\n', &mut self.line)?;
            if starts_line && matches!(self.line.as_slice(), b".\n" | b".\r\n" | b".") {
                self.line.clear();
            }
            self.is_over = self.line.is_empty();
        }
        let rest = self.line.get(self.at..).unwrap_or_default();
        let read = io::Read::read(&mut &*rest, buffer)?;
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_dot_ends_the_message() {
        for (input, expected) in [
            ("a\n.\nb\n", "a\n"),
            ("a\r\n.\r\nb\n", "a\r\n"),
            (".\n", ""),
            ("a\n.", "a\n"),
            ("..\n.a\na.\n", "..\n.a\na.\n"),
            ("a", "a"),
        ] {
            let mut read = String::new();
            UntilDot::new(input.as_bytes()).read_to_string(&mut read).unwrap();
            assert_eq!(read, expected, "{input:?}");
        }
    }

    #[test]
    fn a_long_line_is_not_cut_where_a_dot_follows() {
        let mut input = vec![b'x'; usize::try_from(PIECE_OCTETS).unwrap()];
        input.extend_from_slice(b".\nend\n");
        let mut read = Vec::new();
        UntilDot::new(input.as_slice()).read_to_end(&mut read).unwrap();
        assert_eq!(read, input);
    }
}
