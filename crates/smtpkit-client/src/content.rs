//! The content of a message: where its octets come from, and how they are prepared before a connection is made.
//!
//! Octets and files are measured and checked first, so a message that cannot be sent costs no connection, and the
//! server learns the exact size. Readers are taken as they come. None of them is held in memory as a whole unless it
//! was handed over so.

use crate::error::{ErrorKind, SendError, Stage};
use crate::newline::Normaliser;
use bytes::Bytes;
use smtpkit_codec::{Body, Clean, Unclean, is_ascii};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::PathBuf;

/// Octets that are read from a file or reader at a time.
pub(crate) const PIECE_OCTETS: usize = 64 * 1024;

/// The content of one message (RFC 5321 §2.3.1): header section and body, as they go over the wire.
///
/// ```
/// use smtpkit_client::Content;
///
/// let exact = Content::from("Subject: hi\r\n\r\nHello\r\n");
/// let from_unix = Content::from("Subject: hi\n\nHello\n".to_owned()).normalised();
/// let large = Content::file("report.eml").normalised();
/// ```
pub struct Content {
    source: Source,
    size: Option<u64>,
    newlines: Newlines,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Newlines {
    Exact,
    Normalised,
}

enum Source {
    Octets(Bytes),
    File(PathBuf),
    Blocking(Box<dyn Read + Send>),
    #[cfg(feature = "tokio")]
    Async(Box<dyn tokio::io::AsyncRead + Send + Unpin>),
}

impl Content {
    fn new(source: Source) -> Self {
        Self { source, size: None, newlines: Newlines::Exact }
    }

    /// Octets in memory; shared, not copied.
    pub fn octets(octets: impl Into<Bytes>) -> Self {
        Self::new(Source::Octets(octets.into()))
    }

    /// A file, read in constant memory when the message is sent.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::new(Source::File(path.into()))
    }

    /// A reader of the async runtime, read in constant memory. It can be read once, so nothing is known of its
    /// content before; for a server that takes no 8-bit content up to 1 MiB of it is read ahead, to encode it whole.
    /// Of a longer stream the first octet over 127 then ends the connection, and nothing is delivered.
    #[cfg(feature = "tokio")]
    pub fn reader(reader: impl tokio::io::AsyncRead + Send + Unpin + 'static) -> Self {
        Self::new(Source::Async(Box::new(reader)))
    }

    /// A blocking reader, read in constant memory, by the async client on a thread for blocking work; what holds for
    /// an async reader and 8-bit content holds for it and for files too.
    pub fn blocking_reader(reader: impl Read + Send + 'static) -> Self {
        Self::new(Source::Blocking(Box::new(reader)))
    }

    /// How many octets a reader will give: told to the server and checked against its limit before anything is read.
    #[must_use]
    pub const fn with_size(mut self, octets: u64) -> Self {
        self.size = Some(octets);
        self
    }

    /// Every newline becomes CRLF. Without this a bare CR or LF is an error.
    #[must_use]
    pub const fn normalised(mut self) -> Self {
        self.newlines = Newlines::Normalised;
        self
    }

    /// Opens, measures and checks; blocks on files, so the async client calls it on a thread for blocking work unless
    /// [`is_at_hand`](Self::is_at_hand).
    pub(crate) fn prepare(self) -> Result<Prepared, SendError> {
        let normaliser = (self.newlines == Newlines::Normalised).then(Normaliser::default);
        let feed = match self.source {
            Source::Octets(octets) => return Prepared::octets(octets, self.newlines),
            Source::File(path) => {
                let file = File::open(&path).map_err(|error| unreadable(&path.display(), &error))?;
                return Prepared::file(file, self.newlines).map_err(|error| match error {
                    Fault::Io(error) => unreadable(&path.display(), &error),
                    Fault::Unclean(unclean) => unclean_content(unclean),
                });
            }
            Source::Blocking(reader) => Feed::Blocking(Some(reader), normaliser),
            #[cfg(feature = "tokio")]
            Source::Async(reader) => Feed::Async(reader, normaliser),
        };
        Ok(Prepared { size: self.size, ..Prepared::new(feed) })
    }

    /// Whether preparing it does no I/O.
    #[cfg(feature = "tokio")]
    pub(crate) const fn is_at_hand(&self) -> bool {
        !matches!(self.source, Source::File(_))
    }
}

impl From<Bytes> for Content {
    fn from(octets: Bytes) -> Self {
        Self::octets(octets)
    }
}

impl From<Vec<u8>> for Content {
    fn from(octets: Vec<u8>) -> Self {
        Self::octets(octets)
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::octets(text)
    }
}

impl From<&'static str> for Content {
    fn from(text: &'static str) -> Self {
        Self::octets(text)
    }
}

impl From<&'static [u8]> for Content {
    fn from(octets: &'static [u8]) -> Self {
        Self::octets(octets)
    }
}

/// Content that is ready to go.
pub(crate) struct Prepared {
    pub(crate) feed: Feed,
    pub(crate) size: Option<u64>,
    /// What the octets are, if that is known.
    pub(crate) body: Option<Body>,
    pub(crate) is_signed: bool,
    /// What was read of a stream before its transaction began.
    pub(crate) ahead: Vec<u8>,
    /// The server that it goes to takes no octet over 127.
    pub(crate) seven_bit_alone: bool,
}

/// Where the pieces come from.
pub(crate) enum Feed {
    Octets(Clean<Bytes>),
    Blocking(Option<Box<dyn Read + Send>>, Option<Normaliser>),
    #[cfg(feature = "tokio")]
    Async(Box<dyn tokio::io::AsyncRead + Send + Unpin>, Option<Normaliser>),
}

enum Fault {
    Io(io::Error),
    Unclean(Unclean),
}

pub(crate) fn unreadable(what: &dyn std::fmt::Display, error: &io::Error) -> SendError {
    SendError::new(ErrorKind::ContentUnreadable, Stage::Content, format!("cannot read {what}: {error}"))
}

pub(crate) fn unclean_content(unclean: Unclean) -> SendError {
    SendError::new(ErrorKind::Content, Stage::Content, unclean.to_string())
}

const fn body_of(is_ascii: bool) -> Body {
    if is_ascii { Body::SevenBit } else { Body::EightBitMime }
}

impl Prepared {
    const fn new(feed: Feed) -> Self {
        Self { feed, size: None, body: None, is_signed: false, ahead: Vec::new(), seven_bit_alone: false }
    }

    pub(crate) fn octets(octets: Bytes, newlines: Newlines) -> Result<Self, SendError> {
        let clean = match (Clean::check(octets.clone()), newlines) {
            (Err(_), Newlines::Normalised) => {
                let normal = smtpkit_codec::normalise(&octets).map_err(unclean_content)?;
                Clean::check(normal.into_inner().into_owned().into())
            }
            (checked, _) => checked,
        }
        .map_err(unclean_content)?;
        let (size, body) = (clean.as_bytes().len() as u64, body_of(is_ascii(clean.as_bytes())));
        Ok(Self { size: Some(size), body: Some(body), ..Self::new(Feed::Octets(clean)) })
    }

    /// Reads the file once to measure and check it, then stands at its start again.
    fn file(mut file: File, newlines: Newlines) -> Result<Self, Fault> {
        let normaliser = || (newlines == Newlines::Normalised).then(Normaliser::default);
        let mut feed = Feed::Blocking(Some(Box::new(file.try_clone().map_err(Fault::Io)?)), normaliser());
        let mut encoder = smtpkit_codec::DataEncoder::new();
        let (mut size, mut is_seven_bit) = (0, true);
        loop {
            let piece = feed.next_blocking().map_err(Fault::Io)?;
            if piece.octets.is_empty() && piece.is_last {
                break;
            }
            size += piece.octets.len() as u64;
            is_seven_bit &= is_ascii(&piece.octets);
            for segment in encoder.segments(&piece.octets) {
                segment.map_err(Fault::Unclean)?;
            }
        }
        encoder.finish().map_err(Fault::Unclean)?;
        file.rewind().map_err(Fault::Io)?;
        let feed = Feed::Blocking(Some(Box::new(file)), normaliser());
        Ok(Self { size: Some(size), body: Some(body_of(is_seven_bit)), ..Self::new(feed) })
    }

    /// All of the content, if it is at hand.
    pub(crate) fn whole(&self) -> Option<Clean<Bytes>> {
        match &self.feed {
            Feed::Octets(clean) => Some(clean.clone()),
            _ => None,
        }
    }
}

/// A piece of content and whether it is the last one.
pub(crate) struct Piece {
    pub(crate) octets: Bytes,
    pub(crate) is_last: bool,
}

impl Piece {
    const fn last(octets: Bytes) -> Self {
        Self { octets, is_last: true }
    }

    fn of(read: Bytes, normaliser: Option<&mut Normaliser>) -> Self {
        if read.is_empty() {
            return Self::last(read);
        }
        let octets = match normaliser {
            Some(normaliser) => normaliser.normalise(read),
            None => read,
        };
        Self { octets, is_last: false }
    }
}

impl Feed {
    /// The next piece, by blocking reads.
    pub(crate) fn next_blocking(&mut self) -> io::Result<Piece> {
        match self {
            Self::Octets(clean) => Ok(Piece::last(clean.clone().into_inner())),
            Self::Blocking(reader, normaliser) => {
                let reader = reader.as_mut().ok_or_else(|| io::Error::other("the reader is gone"))?;
                let read = read_piece(reader)?;
                Ok(Piece::of(read, normaliser.as_mut()))
            }
            #[cfg(feature = "tokio")]
            Self::Async(..) => Err(io::Error::other("an async reader needs the async client")),
        }
    }

    /// The next piece; blocking readers are read on a thread for blocking work.
    #[cfg(feature = "tokio")]
    pub(crate) async fn next(&mut self) -> io::Result<Piece> {
        use tokio::io::AsyncReadExt;
        match self {
            Self::Octets(clean) => Ok(Piece::last(clean.clone().into_inner())),
            Self::Blocking(slot, normaliser) => {
                let mut reader = slot.take().ok_or_else(|| io::Error::other("the reader is gone"))?;
                let reading = tokio::task::spawn_blocking(move || (read_piece(&mut reader), reader));
                let (read, reader) = reading.await.map_err(io::Error::other)?;
                *slot = Some(reader);
                Ok(Piece::of(read?, normaliser.as_mut()))
            }
            Self::Async(reader, normaliser) => {
                let mut octets = bytes::BytesMut::with_capacity(PIECE_OCTETS);
                while octets.len() < PIECE_OCTETS && reader.read_buf(&mut octets).await? > 0 {}
                Ok(Piece::of(octets.freeze(), normaliser.as_mut()))
            }
        }
    }
}

/// Up to [`PIECE_OCTETS`]; empty at the end.
fn read_piece(reader: &mut dyn Read) -> io::Result<Bytes> {
    let mut octets = Vec::with_capacity(PIECE_OCTETS);
    reader.take(PIECE_OCTETS as u64).read_to_end(&mut octets)?;
    Ok(octets.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(content: Content) -> Result<(Vec<u8>, Option<u64>), ErrorKind> {
        let mut prepared = content.prepare().map_err(|error| error.kind())?;
        let mut all = Vec::new();
        loop {
            let piece = prepared.feed.next_blocking().expect("readable");
            all.extend_from_slice(&piece.octets);
            if piece.is_last {
                return Ok((all, prepared.size));
            }
        }
    }

    #[test]
    fn octets_are_checked_or_put_right() {
        assert_eq!(drain(Content::from("a\r\nb")), Ok((b"a\r\nb".to_vec(), Some(4))));
        assert_eq!(drain(Content::from("a\nb")), Err(ErrorKind::Content));
        assert_eq!(drain(Content::from("a\nb").normalised()), Ok((b"a\r\nb".to_vec(), Some(4))));
        assert_eq!(drain(Content::from("a\0b").normalised()), Err(ErrorKind::Content));
    }

    #[test]
    fn a_file_is_measured_as_it_will_go_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mail.eml");
        std::fs::write(&path, "a\n".repeat(100_000)).expect("written");
        assert_eq!(
            drain(Content::file(&path).normalised()),
            Ok(("a\r\n".repeat(100_000).into_bytes(), Some(300_000)))
        );
        assert_eq!(drain(Content::file(&path)), Err(ErrorKind::Content));
        assert_eq!(drain(Content::file(folder.path().join("absent"))), Err(ErrorKind::ContentUnreadable));
    }

    #[test]
    fn a_reader_is_taken_as_it_comes() {
        let content = Content::blocking_reader(&b"a\nb"[..]).with_size(5).normalised();
        assert_eq!(drain(content), Ok((b"a\r\nb".to_vec(), Some(5))));
    }
}
