//! A message from a file or from standard input: sent octet by octet, its line ends made CRLF, its Bcc left out.
//!
//! The content is read twice: once to learn what the server has to support and how long it is, once to send it. So a
//! file of any size costs no memory; standard input is kept in a temporary file once it is large.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};

use smtpkit_client::Content;
use smtpkit_mime::HopCapabilities;
use smtpkit_mime::build::{EnvelopeAddresses, sendable};

use super::args::SendArgs;
use super::{Mail, addresses};
use crate::exit::{Exit, Failure};

/// Standard input up to this size stays in memory.
const MEMORY_OCTETS_MAX: usize = 8 * 1024 * 1024;
/// A header longer than this is no header.
const HEADER_OCTETS_MAX: usize = 4 * 1024 * 1024;
const PIECE_OCTETS: usize = 64 * 1024;

/// Reads the message that `file` names, or standard input.
pub(crate) fn mail(args: &SendArgs, file: Option<&str>) -> Result<Mail, Failure> {
    let name = file.filter(|file| *file != "-").unwrap_or("standard input");
    let unreadable = |error: io::Error| Failure::new(Exit::Io, format!("{name}: {error}"));
    let mut source = Source::open(file).map_err(unreadable)?;
    let survey = Survey::of(&mut source).map_err(unreadable)?;
    if survey.octets == 0 {
        return Err(Failure::new(Exit::Data, format!("{name}: is empty; a message has at least a header")));
    }
    source.rewind().map_err(unreadable)?;
    let (header, rest) = read_header(&mut source).map_err(unreadable)?;
    let Some(header) = header else {
        return Err(Failure::new(
            Exit::Data,
            format!(
                "{name}: no empty line ends the header within {HEADER_OCTETS_MAX} octets; is this a message?"
            ),
        ));
    };
    let outgoing = sendable(&header);
    let envelope = addresses::envelope(args, outgoing.envelope_addresses(), survey.needs(&header))?;
    refuse_unaddressed(args, outgoing.envelope_addresses(), name)?;
    let content =
        io::Cursor::new(outgoing.into_content().into_owned()).chain(io::Cursor::new(rest)).chain(source);
    Ok(Mail {
        envelope,
        content: Content::blocking_reader(content).normalised().with_size(survey.sent_octets()),
    })
}

/// `-t` with a header that names nobody is a bad message, not a bad command line.
fn refuse_unaddressed(args: &SendArgs, header: &EnvelopeAddresses, name: &str) -> Result<(), Failure> {
    if args.read_recipients && args.to.is_empty() && header.recipients().is_empty() {
        return Err(Failure::new(Exit::Data, format!("{name}: neither To, Cc nor Bcc names a recipient")));
    }
    Ok(())
}

/// Where the content comes from; it can be read again from its start.
enum Source {
    File(File),
    Kept(tempfile::SpooledTempFile),
}

impl Source {
    fn open(file: Option<&str>) -> io::Result<Self> {
        let Some(path) = file.filter(|file| *file != "-") else {
            let mut kept = tempfile::spooled_tempfile(MEMORY_OCTETS_MAX);
            io::copy(&mut io::stdin().lock(), &mut kept)?;
            kept.rewind()?;
            return Ok(Self::Kept(kept));
        };
        let mut file = File::open(path)?;
        if file.metadata()?.is_file() {
            return Ok(Self::File(file));
        }
        // a pipe or the like cannot be read twice
        let mut kept = tempfile::spooled_tempfile(MEMORY_OCTETS_MAX);
        io::copy(&mut file, &mut kept)?;
        kept.rewind()?;
        Ok(Self::Kept(kept))
    }

    fn rewind(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.seek(SeekFrom::Start(0)).map(drop),
            Self::Kept(kept) => kept.rewind(),
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Kept(kept) => kept.read(buffer),
        }
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

/// The header with the empty line that ends it, and what was read behind it. Content without an empty line is all
/// header; `None` if no end comes within the limit.
fn read_header(source: &mut impl Read) -> io::Result<(Option<Vec<u8>>, Vec<u8>)> {
    let mut read = Vec::new();
    let mut piece = vec![0; PIECE_OCTETS];
    loop {
        let octets = source.read(&mut piece)?;
        let Some(octets) = piece.get(..octets).filter(|octets| !octets.is_empty()) else {
            return Ok((Some(read), Vec::new()));
        };
        // the end may straddle two pieces
        let from = read.len().saturating_sub(3);
        read.extend_from_slice(octets);
        if let Some(end) = header_end(&read, from) {
            let rest = read.split_off(end);
            return Ok((Some(read), rest));
        }
        if read.len() > HEADER_OCTETS_MAX {
            return Ok((None, read));
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
            let (found, rest) = read_header(&mut content.as_bytes()).unwrap();
            assert_eq!(found.as_deref(), Some(header.as_bytes()), "{content:?}");
            assert_eq!([header.as_bytes(), rest.as_slice()].concat(), content.as_bytes(), "{content:?}");
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
            let (header, _) = read_header(&mut content.as_bytes()).unwrap();
            survey.needs(&header.unwrap())
        };
        assert_eq!(needs("Subject: x\r\n\r\nplain\r\n"), HopCapabilities::SEVEN_BIT);
        assert_eq!(needs("Subject: x\r\n\r\nGrüße\r\n"), HopCapabilities::EIGHT_BIT);
        assert_eq!(needs("Subject: Grüße\r\n\r\nx\r\n"), HopCapabilities::SMTPUTF8);
    }
}
