//! A message from flags: `--subject`, `--text`, `--html`, `--attach`, `--header`.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use smtpkit_client::Content;
use smtpkit_mime::build::{Field, Mailbox, MessageBuilder, Part, Stamp};
use smtpkit_mime::{DateTime, HopCapabilities};

use super::args::{ContentArgs, EnvelopeArgs};
use super::{Mail, addresses};
use crate::exit::{Exit, Failure};

/// Builds the message. Attachments are read while it is sent, so a large one costs no memory.
pub(crate) fn mail(envelope: &EnvelopeArgs, content: &ContentArgs) -> Result<Mail, Failure> {
    let from = envelope.from.as_deref().filter(|from| *from != "<>").ok_or_else(|| {
        Failure::new(Exit::Usage, "a composed message needs an author; name one with --from")
    })?;
    let bad = |flag: &str, value: &str, error: &dyn std::fmt::Display| {
        Failure::new(Exit::Usage, format!("{flag} `{}`: {error}", value.escape_debug()))
    };
    let mut builder = MessageBuilder::new().from(mailbox(from).map_err(|error| bad("--from", from, &error))?);
    for to in &envelope.to {
        builder = builder.to(mailbox(to.trim_matches(' ')).map_err(|error| bad("--to", to, &error))?);
    }
    if let Some(subject) = &content.subject {
        builder = builder.subject(subject).map_err(|error| bad("--subject", subject, &error))?;
    }
    for header in &content.header {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| bad("--header", header, &"no colon behind the name; write it as `Name: value`"))?;
        let field =
            Field::text(name.trim(), value.trim()).map_err(|error| bad("--header", header, &error))?;
        builder = builder.field(field);
    }
    if let Some(text) = &content.text {
        builder = builder.text(text.clone());
    }
    if let Some(html) = &content.html {
        builder = builder.html(html.clone());
    }
    for path in &content.attach {
        builder = builder.attach(attachment(path)?);
    }
    let mut hop = HopCapabilities::SEVEN_BIT;
    if !from.is_ascii() || envelope.to.iter().any(|to| !to.is_ascii()) {
        hop = HopCapabilities::SMTPUTF8;
    }
    let message = builder.build(hop, &stamp()?).map_err(|error| Failure::new(Exit::Data, error))?;
    let envelope = addresses::envelope(envelope, message.envelope_addresses(), message.needs())?;
    Ok(Mail { envelope, content: Content::from(message) })
}

/// `address`, or `Name <address>`.
pub(crate) fn mailbox(text: &str) -> Result<Mailbox, smtpkit_mime::build::ValueError> {
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

/// The time and a nonce for one message.
pub(crate) fn stamp() -> Result<Stamp, Failure> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|error| Failure::new(Exit::Io, error))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let now =
        DateTime::from_unix_seconds(now.cast_signed(), 0).map_err(|error| Failure::new(Exit::Io, error))?;
    Ok(Stamp::new(now, nonce))
}
