//! A message from flags: `--subject`, `--text`, `--html`, `--attach`, `--header`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use smtpkit_client::Content;
use smtpkit_mime::build::{Field, Mailbox, Message, MessageBuilder, Part, Stamp};
use smtpkit_mime::{DateTime, HopCapabilities};

use super::args::SendArgs;
use super::{Mail, addresses};
use crate::exit::{Exit, Failure};

/// Builds the message. Attachments are read while it is sent, so a large one costs no memory.
pub(crate) fn mail(args: &SendArgs) -> Result<Mail, Failure> {
    let from = args.from.as_deref().filter(|from| *from != "<>").ok_or_else(|| {
        Failure::new(Exit::Usage, "a composed message needs an author; name one with --from")
    })?;
    let bad = |flag: &str, value: &str, error: &dyn std::fmt::Display| {
        Failure::new(Exit::Usage, format!("{flag} `{}`: {error}", value.escape_debug()))
    };
    let mut builder = MessageBuilder::new().from(mailbox(from).map_err(|error| bad("--from", from, &error))?);
    for to in &args.to {
        builder = builder.to(mailbox(to.trim_matches(' ')).map_err(|error| bad("--to", to, &error))?);
    }
    if let Some(subject) = &args.subject {
        builder = builder.subject(subject).map_err(|error| bad("--subject", subject, &error))?;
    }
    for header in &args.header {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| bad("--header", header, &"no colon behind the name; write it as `Name: value`"))?;
        let field =
            Field::text(name.trim(), value.trim()).map_err(|error| bad("--header", header, &error))?;
        builder = builder.field(field);
    }
    if let Some(text) = &args.text {
        builder = builder.text(text.clone());
    }
    if let Some(html) = &args.html {
        builder = builder.html(html.clone());
    }
    for path in &args.attach {
        builder = builder.attach(attachment(path)?);
    }
    let mut hop = HopCapabilities::SEVEN_BIT;
    if !from.is_ascii() || args.to.iter().any(|to| !to.is_ascii()) {
        hop = HopCapabilities::SMTPUTF8;
    }
    let message = builder.build(hop, &stamp()?).map_err(|error| Failure::new(Exit::Data, error))?;
    let envelope = addresses::envelope(args, message.envelope_addresses(), message.needs())?;
    let size = message.size_estimate();
    let content = Content::blocking_reader(MessageReader::new(message));
    let content = match size {
        Some(size) => content.with_size(size),
        None => content,
    };
    Ok(Mail { envelope, content })
}

/// `address`, or `Name <address>`.
fn mailbox(text: &str) -> Result<Mailbox, smtpkit_mime::build::ValueError> {
    match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) if !name.trim().is_empty() => {
            Mailbox::named(name.trim().trim_matches('"'), address)
        }
        Some((_, address)) => Mailbox::new(address),
        None => Mailbox::new(text),
    }
}

fn attachment(path: &Path) -> Result<Part<'static>, Failure> {
    let unreadable = |error: io::Error| Failure::new(Exit::Io, format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if about.is_dir() {
        return Err(Failure::new(Exit::Io, format!("{}: is a folder; attach files", path.display())));
    }
    let name =
        path.file_name().map_or_else(|| "attachment".to_owned(), |name| name.to_string_lossy().into_owned());
    let media_type = mime_guess::from_path(path).first_raw().unwrap_or("application/octet-stream");
    // text would be sent as text and its line ends made CRLF; an attached file stays what it is, octet by octet
    let media_type = media_type
        .parse()
        .map_err(|error| Failure::new(Exit::Data, format!("{}: {error}", path.display())))?;
    Part::sized_reader(media_type, file, about.len())
        .attachment(&name)
        .map_err(|error| Failure::new(Exit::Data, format!("{}: {error}", path.display())))
}

fn stamp() -> Result<Stamp, Failure> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|error| Failure::new(Exit::Io, error))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let now =
        DateTime::from_unix_seconds(now.cast_signed(), 0).map_err(|error| Failure::new(Exit::Io, error))?;
    Ok(Stamp::new(now, nonce))
}

/// A message that is pulled, as something that is read.
struct MessageReader {
    message: Message<'static>,
    piece: Vec<u8>,
    at: usize,
}

impl MessageReader {
    fn new(message: Message<'static>) -> Self {
        Self { message, piece: Vec::new(), at: 0 }
    }
}

impl Read for MessageReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            let Some(piece) = self.message.next_piece()? else { return Ok(0) };
            self.piece.clear();
            self.piece.extend_from_slice(piece);
            self.at = 0;
        }
        let mut rest = self.piece.get(self.at..).unwrap_or_default();
        let read = rest.read(buffer)?;
        self.at += read;
        Ok(read)
    }
}
