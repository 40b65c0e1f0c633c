//! Why a spool refuses. Each kind knows whether a retry can help and which status it deserves
//! (RFC 3463), so that the relay need not look inside.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use smtpkit_codec::{EnhancedStatusCode, StatusClass};

use crate::queue_id::QueueId;

/// Why the spool did not do it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// A write or sync has failed; nothing is accepted any more until a restart. Our fault.
    #[error("the queue does not take mail any more: {reason}")]
    Unhealthy {
        /// What failed.
        reason: Arc<str>,
    },
    /// The disk is nearly full, or the queue holds as much as it may. Our fault, for now.
    #[error("the queue is full: {what}")]
    Full {
        /// Which bound was met.
        what: &'static str,
    },
    /// An entry of that id is there already. The caller's fault.
    #[error("entry {0} exists already")]
    DuplicateId(QueueId),
    /// Nothing is owed to anybody. The caller's fault.
    #[error("a mail without a recipient that is still owed something")]
    NoRecipients,
    /// More recipients than one entry may have. The caller's fault.
    #[error("{count} recipients are more than one entry may have")]
    TooManyRecipients {
        /// How many there are.
        count: usize,
    },
    /// No such entry, or its content belongs to another spool.
    #[error("no content of that name in this queue")]
    UnknownContent,
    /// The content of an entry that is there is not. Our fault; a retry does not help.
    #[error("entry {id} is damaged: {what}")]
    Damaged {
        /// Which entry.
        id: QueueId,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Reading or writing content has failed. Our fault.
    #[error("{what}: {source}")]
    Io {
        /// What was done.
        what: &'static str,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The spool was closed before this was done.
    #[error("the queue is closed")]
    Closed,
}

impl SpoolError {
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { what: "no space on the disk" }
            }
            _ => Self::Io { what, source: Arc::new(source) },
        }
    }

    /// Can the same be done later?
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unhealthy { .. } | Self::Full { .. } | Self::Io { .. } | Self::Closed)
    }

    /// What the peer is told (RFC 3463 §3.4): 4.3.1 if full, else 4.3.0. It is never permanent, because
    /// a fault of ours is no reason for the peer to give up.
    ///
    /// ```
    /// use smtpkit_queue::SpoolError;
    ///
    /// assert_eq!(SpoolError::Full { what: "disk" }.status().to_string(), "4.3.1");
    /// ```
    #[must_use]
    pub fn status(&self) -> EnhancedStatusCode {
        let detail = if matches!(self, Self::Full { .. }) { 1 } else { 0 };
        EnhancedStatusCode::new(StatusClass::Transient, 3, detail)
            .expect("invariant: 4.3.0 and 4.3.1 are within the limits of RFC 3463")
    }
}

/// Why a spool could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or another spool of this one, has it open.
    #[error("the queue in {} is in use by a running server", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// A newer version of this program has written it.
    #[error("the queue has format {found}, this version knows up to {known}: use the newer version")]
    NewerFormat {
        /// What is on disk.
        found: u64,
        /// What can be read.
        known: u64,
    },
    /// A file or directory could not be opened, made or listed.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was done.
        what: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database cannot be opened or read.
    #[error("the queue database cannot be opened: {0}")]
    Database(#[source] redb::Error),
}

impl<E: Into<redb::Error>> From<E> for OpenError {
    fn from(error: E) -> Self {
        Self::Database(error.into())
    }
}
