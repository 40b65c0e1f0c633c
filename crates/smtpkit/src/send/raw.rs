//! A message from a file or from standard input: sent octet by octet, its line ends made CRLF, its Bcc left out.
//!
//! The content is read twice: once to learn what the server has to support and how long it is, once to send it. So a
//! large file costs no memory; standard input is kept in a temporary file once it is large.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use smtpkit_client::Content;
use smtpkit_mime::build::{AddrSpec, EnvelopeAddresses, sendable};
use smtpkit_mime::{Header, HopCapabilities};

use super::args::EnvelopeArgs;
use super::{Mail, addresses};
use crate::exit::{Exit, Failure};

/// Content up to this size stays in memory.
const MEMORY_OCTETS_MAX: u64 = 1024 * 1024;
/// A header longer than this is no header.
const HEADER_OCTETS_MAX: usize = 4 * 1024 * 1024;
const PIECE_OCTETS: usize = 64 * 1024;

/// A message that is there and can be sent again and again.
pub(crate) struct RawMessage {
    addresses: EnvelopeAddresses,
    /// What To, Cc and Bcc name and nobody can send to.
    unusable: Vec<String>,
    needs: HopCapabilities,
    sent_octets: u64,
    body: Body,
}

enum Body {
    /// All of it, header included, as it leaves but for its line ends.
    Memory(Bytes),
    /// The header as it leaves, and where in the file the rest begins.
    File { header: Bytes, file: Arc<File>, from: u64 },
}

impl RawMessage {
    /// Reads the message that `file` names, or standard input.
    pub(crate) fn read(file: Option<&str>) -> Result<Self, Failure> {
        let file = file.filter(|file| *file != "-");
        let name = file.unwrap_or("standard input");
        let unreadable = |error: io::Error| Failure::new(Exit::Io, format!("{name}: {error}"));
        let stored = Stored::read(file).map_err(unreadable)?;
        Self::of(name, stored)
    }

    /// The message that these octets are; `name` is what a person knows them by.
    pub(crate) fn of(name: &str, stored: Stored) -> Result<Self, Failure> {
        let unreadable = |error: io::Error| Failure::new(Exit::Io, format!("{name}: {error}"));
        let survey = Survey::of(&mut stored.reader(0)).map_err(unreadable)?;
        if survey.octets == 0 {
            return Err(Failure::new(
                Exit::Data,
                format!("{name}: is empty; a message has at least a header"),
            ));
        }
        let Some(header) = read_header(&mut stored.reader(0)).map_err(unreadable)? else {
            return Err(Failure::new(
                Exit::Data,
                format!(
                    "{name}: no empty line ends the header within {HEADER_OCTETS_MAX} octets; is this a message?"
                ),
            ));
        };
        let from = header.len() as u64;
        let needs = survey.needs(&header);
        let unusable = unusable_recipients(&header);
        let outgoing = sendable(&header);
        let addresses = outgoing.envelope_addresses().clone();
        let header = Bytes::from(outgoing.into_content().into_owned());
        let body = match stored {
            Stored::Memory(all) => {
                let rest = all.get(usize::try_from(from).unwrap_or(usize::MAX)..).unwrap_or_default();
                Body::Memory([&header, rest].concat().into())
            }
            Stored::File(file) => Body::File { header, file, from },
        };
        Ok(Self { addresses, unusable, needs, sent_octets: survey.sent_octets(), body })
    }

    /// What To, Cc and Bcc name and nobody can send to, such as a name without a domain; the caller sees to it.
    pub(crate) fn take_unusable(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unusable)
    }

    /// The header, and maybe more behind it.
    pub(crate) fn header(&self) -> &[u8] {
        match &self.body {
            Body::Memory(all) => all,
            Body::File { header, .. } => header,
        }
    }

    /// The same message with more fields, in front of its own.
    pub(crate) fn with_fields(mut self, fields: &[u8]) -> Self {
        self.sent_octets += fields.len() as u64;
        let (Body::Memory(start) | Body::File { header: start, .. }) = &mut self.body;
        *start = [fields, start].concat().into();
        self
    }

    /// The message with its envelope.
    pub(crate) fn mail(&self, args: &EnvelopeArgs) -> Result<Mail, Failure> {
        if let Some(unusable) = self.unusable.first().filter(|_| args.read_recipients) {
            let unusable = unusable.escape_debug();
            return Err(Failure::new(
                Exit::Data,
                format!(
                    "the header names `{unusable}`, which is no address; complete it, or name all with --to"
                ),
            ));
        }
        // what is in memory the client encodes for a server that takes no 8-bit content; a stream it cannot
        let needs = match (&self.body, self.needs) {
            (Body::Memory(_), HopCapabilities::EIGHT_BIT) => HopCapabilities::SEVEN_BIT,
            (_, needs) => needs,
        };
        let envelope = addresses::envelope(args, &self.addresses, needs)?;
        Ok(Mail { envelope, content: self.content() })
    }

    fn content(&self) -> Content {
        match &self.body {
            Body::Memory(all) => Content::octets(all.clone()).normalised(),
            Body::File { header, file, from } => {
                let rest = StoredReader { stored: Stored::File(Arc::clone(file)), at: *from };
                let content = io::Cursor::new(header.clone()).chain(rest);
                Content::blocking_reader(content).normalised().with_size(self.sent_octets)
            }
        }
    }
}

fn unusable_recipients(header: &[u8]) -> Vec<String> {
    let header = Header::parse(header);
    let lists = ["To", "Cc", "Bcc"].into_iter().flat_map(|name| header.all(name));
    let mut unusable = Vec::new();
    for list in lists.map(|field| field.addresses()) {
        for mailbox in list.mailboxes() {
            let is_usable = mailbox.address().is_some_and(|address| AddrSpec::new(address).is_ok());
            unusable.extend(mailbox.address().or(mailbox.name()).filter(|_| !is_usable).map(str::to_owned));
        }
    }
    unusable
}

/// Content that can be read again from anywhere, also by several at once.
#[derive(Clone)]
pub(crate) enum Stored {
    Memory(Bytes),
    File(Arc<File>),
}

impl Stored {
    fn read(path: Option<&str>) -> io::Result<Self> {
        let Some(path) = path else { return Self::keep(io::stdin().lock()) };
        let file = File::open(path)?;
        let about = file.metadata()?;
        if about.is_file() && about.len() > MEMORY_OCTETS_MAX {
            return Ok(Self::File(Arc::new(file)));
        }
        Self::keep(file)
    }

    /// Keeps what may not be readable twice, such as a pipe: in memory, or in a temporary file that has no name.
    pub(crate) fn keep(mut input: impl Read) -> io::Result<Self> {
        let mut start = Vec::new();
        (&mut input).take(MEMORY_OCTETS_MAX + 1).read_to_end(&mut start)?;
        if start.len() as u64 <= MEMORY_OCTETS_MAX {
            return Ok(Self::Memory(start.into()));
        }
        let mut file = tempfile::tempfile()?;
        file.write_all(&start)?;
        io::copy(&mut input, &mut file)?;
        Ok(Self::File(Arc::new(file)))
    }

    fn reader(&self, at: u64) -> StoredReader {
        StoredReader { stored: self.clone(), at }
    }
}

struct StoredReader {
    stored: Stored,
    at: u64,
}

impl Read for StoredReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &self.stored {
            Stored::Memory(octets) => {
                let rest = usize::try_from(self.at).ok().and_then(|at| octets.get(at..)).unwrap_or_default();
                io::Read::read(&mut &*rest, buffer)?
            }
            Stored::File(file) => file.read_at(buffer, self.at)?,
        };
        self.at += read as u64;
        Ok(read)
    }
}

/// What one pass over the content tells.
#[derive(Debug, Default, PartialEq, Eq)]
struct Survey {
    octets: u64,
    /// Line ends that become one octet longer.
    bare_newlines: u64,
    has_eight_bit: bool,
    last: u8,
}

impl Survey {
    fn of(source: &mut impl Read) -> io::Result<Self> {
        let mut survey = Self::default();
        let mut piece = vec![0; PIECE_OCTETS];
        loop {
            let read = source.read(&mut piece)?;
            let Some(octets) = piece.get(..read).filter(|octets| !octets.is_empty()) else {
                return Ok(survey);
            };
            survey.take(octets);
        }
    }

    fn take(&mut self, octets: &[u8]) {
        self.has_eight_bit |= !octets.is_ascii();
        for &octet in octets {
            // a CR was counted as bare before its LF was seen
            match (self.last, octet) {
                (b'\r', b'\n') => self.bare_newlines -= 1,
                (_, b'\n' | b'\r') => self.bare_newlines += 1,
                _ => {}
            }
            self.last = octet;
        }
        self.octets += octets.len() as u64;
    }

    /// How long the content is when it leaves.
    fn sent_octets(&self) -> u64 {
        let missing_end = if matches!(self.last, b'\r' | b'\n') { 0 } else { 2 };
        self.octets + self.bare_newlines + missing_end
    }

    fn needs(&self, header: &[u8]) -> HopCapabilities {
        if !header.is_ascii() {
            HopCapabilities::SMTPUTF8
        } else if self.has_eight_bit {
            HopCapabilities::EIGHT_BIT
        } else {
            HopCapabilities::SEVEN_BIT
        }
    }
}

/// The header with the empty line that ends it. Content without an empty line is all header; `None` if no end comes
/// within the limit.
fn read_header(source: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut read = Vec::new();
    let mut piece = vec![0; PIECE_OCTETS];
    loop {
        let octets = source.read(&mut piece)?;
        let Some(octets) = piece.get(..octets).filter(|octets| !octets.is_empty()) else {
            return Ok(Some(read));
        };
        // the end may straddle two pieces
        let from = read.len().saturating_sub(3);
        read.extend_from_slice(octets);
        if let Some(end) = header_end(&read, from) {
            read.truncate(end);
            return Ok(Some(read));
        }
        if read.len() > HEADER_OCTETS_MAX {
            return Ok(None);
        }
    }
}

/// Where the body starts: behind the first empty line, whatever its line ends are.
fn header_end(content: &[u8], from: usize) -> Option<usize> {
    if content.starts_with(b"\r\n") {
        return Some(2);
    }
    if content.starts_with(b"\n") {
        return Some(1);
    }
    let tail = content.get(from..)?;
    let at = |pattern: &[u8]| tail.windows(pattern.len()).position(|window| window == pattern);
    let ends = [(at(b"\n\r\n"), 3), (at(b"\n\n"), 2)];
    ends.into_iter().filter_map(|(at, length)| at.map(|at| from + at + length)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_ends_at_the_first_empty_line() {
        for (content, header) in [
            ("A: 1\r\n\r\nbody", "A: 1\r\n\r\n"),
            ("A: 1\n\nbody\n\n", "A: 1\n\n"),
            ("\r\nbody", "\r\n"),
            ("\nbody", "\n"),
            ("A: 1\r\n", "A: 1\r\n"),
            ("A: 1\n\r\nbody\n\n", "A: 1\n\r\n"),
        ] {
            let found = read_header(&mut content.as_bytes()).unwrap();
            assert_eq!(found.as_deref(), Some(header.as_bytes()), "{content:?}");
        }
    }

    #[test]
    fn a_survey_knows_the_length_after_normalisation() {
        for (content, expected) in
            [("a\r\nb\r\n", 6), ("a\nb\n", 6), ("a\rb\r", 6), ("a\r\r\nb\n", 8), ("a", 3), ("\n\r\n", 4)]
        {
            for size in 1..=content.len() {
                let mut survey = Survey::default();
                content.as_bytes().chunks(size).for_each(|piece| survey.take(piece));
                assert_eq!(survey.sent_octets(), expected, "{content:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn a_survey_knows_what_the_server_has_to_support() {
        let needs = |content: &str| {
            let mut survey = Survey::default();
            survey.take(content.as_bytes());
            let header = read_header(&mut content.as_bytes()).unwrap();
            survey.needs(&header.unwrap())
        };
        assert_eq!(needs("Subject: x\r\n\r\nplain\r\n"), HopCapabilities::SEVEN_BIT);
        assert_eq!(needs("Subject: x\r\n\r\nGrüße\r\n"), HopCapabilities::EIGHT_BIT);
        assert_eq!(needs("Subject: Grüße\r\n\r\nx\r\n"), HopCapabilities::SMTPUTF8);
    }
}
