//! Content on its way in and out. Up to a limit it is kept in memory and becomes a row of the spool;
//! what is larger is streamed to a file, which is on disk, with its directory, before the row is.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::engine::folder::{ContentFile, ContentFolder, Draft};
use crate::error::SpoolError;
use crate::queue_id::QueueId;

/// Above how many octets content becomes a file of its own.
pub const INLINE_OCTETS: usize = 64 * 1024;

/// Takes the content of one mail, piece by piece. Made by [`Spool::begin`](crate::Spool::begin);
/// dropped unfinished, it leaves nothing behind.
///
/// ```
/// use smtpkit_queue::{MemorySpool, Spool};
///
/// let mut writer = MemorySpool::new(0).begin()?;
/// writer.write(b"Subject: hi\r\n\r\n")?;
/// writer.write(b"ho\r\n")?;
/// assert_eq!(writer.finish()?.len(), 19);
/// # Ok::<(), smtpkit_queue::SpoolError>(())
/// ```
#[derive(Debug)]
pub struct ContentWriter {
    /// What is not in the draft yet.
    buffer: BytesMut,
    overflow: Overflow,
    octets: u64,
}

#[derive(Debug)]
enum Overflow {
    /// All of it stays in memory.
    Never,
    /// What exceeds the limit goes to a new file of this folder.
    Into { folder: Arc<ContentFolder>, limit: usize },
    /// It has.
    Begun(Draft),
}

impl ContentWriter {
    pub(crate) fn in_memory() -> Self {
        Self { buffer: BytesMut::new(), overflow: Overflow::Never, octets: 0 }
    }

    pub(crate) fn with_folder(folder: Arc<ContentFolder>, limit: usize) -> Self {
        Self { buffer: BytesMut::new(), overflow: Overflow::Into { folder, limit }, octets: 0 }
    }

    /// Adds `piece`. Above the limit it writes to a file, which may block for a moment.
    ///
    /// # Errors
    /// [`SpoolError::Full`] if the disk is, [`SpoolError::Io`] if it fails; the content is then of no
    /// use any more.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), SpoolError> {
        self.octets += piece.len() as u64;
        if let Overflow::Into { folder, limit } = &self.overflow
            && self.buffer.len() + piece.len() > *limit
        {
            self.overflow = Overflow::Begun(folder.draft()?);
        }
        let Overflow::Begun(draft) = &mut self.overflow else {
            self.buffer.extend_from_slice(piece);
            return Ok(());
        };
        // small pieces are gathered, so that a file costs one system call for each 64 KiB
        if self.buffer.len() + piece.len() > INLINE_OCTETS {
            draft.write(&self.buffer)?;
            self.buffer.clear();
        }
        if piece.len() > INLINE_OCTETS {
            draft.write(piece)
        } else {
            self.buffer.extend_from_slice(piece);
            Ok(())
        }
    }

    /// Octets so far.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.octets
    }

    /// Is there nothing yet?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.octets == 0
    }

    /// Is all of it in memory, so that [`finish`](Self::finish) cannot block?
    #[must_use]
    pub const fn is_inline(&self) -> bool {
        !matches!(self.overflow, Overflow::Begun(_))
    }

    /// Ends the content. A file is synced, and its directory: this blocks.
    ///
    /// # Errors
    /// [`SpoolError::Full`] or [`SpoolError::Io`].
    pub fn finish(self) -> Result<Staged, SpoolError> {
        let kept = match self.overflow {
            Overflow::Begun(mut draft) => {
                draft.write(&self.buffer)?;
                Kept::File(draft.finish()?)
            }
            _ => Kept::Inline(self.buffer.freeze()),
        };
        Ok(Staged { kept, octets: self.octets })
    }
}

/// Content that is stored and waits for the entry it belongs to. Dropped before that, it is
/// discarded.
#[derive(Debug)]
pub struct Staged {
    pub(crate) kept: Kept,
    octets: u64,
}

#[derive(Debug)]
pub(crate) enum Kept {
    Inline(Bytes),
    File(ContentFile),
}

impl Staged {
    /// Content that was made here and is small: a report.
    ///
    /// ```
    /// assert_eq!(smtpkit_queue::Staged::inline("To: joe@example.org\r\n").len(), 21);
    /// ```
    #[must_use]
    pub fn inline(content: impl Into<Bytes>) -> Self {
        let content = content.into();
        Self { octets: content.len() as u64, kept: Kept::Inline(content) }
    }

    /// Octets.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.octets
    }

    /// Is there nothing in it?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.octets == 0
    }
}

/// Where stored content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum ContentId {
    /// A row, named after the first entry that was owed it.
    Row(QueueId),
    /// A file with a name of its own.
    File(QueueId),
}

/// Reads the content of one entry. It stays readable when the entry is gone.
///
/// ```
/// use smtpkit_queue::{Batch, Entry, MemorySpool, Recipient, Site, Spool, Staged, Timestamp};
///
/// let spool = MemorySpool::new(0);
/// let id = spool.next_id(Timestamp::new(1));
/// let entry = Entry::new(id, "joe@example.org".parse()?)
///     .with_recipient(Recipient::new("jane@example.com".parse()?, Site::new("mx:example.com")));
/// spool.commit(Batch::default().accept(Staged::inline("0123456789"), [entry])).wait()?;
/// let content = spool.content(id)?;
/// assert_eq!(content.len(), 10);
/// assert_eq!(&content.chunk(7, 100)?[..], b"789");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ContentReader {
    stored: Stored,
    octets: u64,
    /// How far [`io::Read`] has come.
    position: u64,
}

enum Stored {
    Inline(Bytes),
    File(Arc<std::fs::File>),
}

impl ContentReader {
    pub(crate) fn inline(content: Bytes) -> Self {
        Self { octets: content.len() as u64, stored: Stored::Inline(content), position: 0 }
    }

    pub(crate) fn file(file: std::fs::File, octets: u64) -> Self {
        Self { stored: Stored::File(Arc::new(file)), octets, position: 0 }
    }

    /// Octets.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.octets
    }

    /// Is there nothing in it?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.octets == 0
    }

    /// All of it, if it is in memory.
    #[must_use]
    pub const fn as_inline(&self) -> Option<&Bytes> {
        match &self.stored {
            Stored::Inline(content) => Some(content),
            Stored::File(_) => None,
        }
    }

    /// Up to `octets_max` octets from `offset` on; none at the end.
    ///
    /// # Errors
    /// If the file cannot be read, or is shorter than it was.
    pub fn chunk(&self, offset: u64, octets_max: usize) -> io::Result<Bytes> {
        let left = usize::try_from(self.octets.saturating_sub(offset)).unwrap_or(usize::MAX);
        let octets = left.min(octets_max);
        match &self.stored {
            Stored::Inline(content) => {
                let start = content.len() - left;
                Ok(content.slice(start..start + octets))
            }
            Stored::File(file) => {
                let mut chunk = BytesMut::zeroed(octets);
                std::os::unix::fs::FileExt::read_exact_at(&**file, &mut chunk, offset)?;
                Ok(chunk.freeze())
            }
        }
    }
}

impl io::Read for ContentReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = match &self.stored {
            Stored::Inline(content) => {
                let start = usize::try_from(self.position).unwrap_or(usize::MAX);
                content.get(start..).unwrap_or_default().read(out)?
            }
            Stored::File(file) => std::os::unix::fs::FileExt::read_at(&**file, out, self.position)?,
        };
        self.position += count as u64;
        Ok(count)
    }
}

impl fmt::Debug for ContentReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentReader").field("octets", &self.octets).finish_non_exhaustive()
    }
}
