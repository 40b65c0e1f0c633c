//! • Large contents, each a file of its own in one folder.
//!
//! A file is synced and then its directory, before anybody may refer to it. A crash can therefore
//! leave a file that no entry refers to, never an entry without its file; such files are collected
//! when the spool is opened.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::content::ContentReader;
use crate::error::{OpenError, SpoolError};
use crate::queue_id::{IdSource, QueueId};

/// The folder.
#[derive(Debug)]
pub(crate) struct ContentFolder {
    path: PathBuf,
    /// Open for syncing.
    directory: File,
    ids: Arc<IdSource>,
}

/// A file that is being written. Dropped, it is removed.
#[derive(Debug)]
pub(crate) struct Draft {
    file: File,
    stored: ContentFile,
}

/// A file that is on disk. Dropped before it is kept, it is removed.
#[derive(Debug)]
pub(crate) struct ContentFile {
    id: QueueId,
    folder: Arc<ContentFolder>,
    /// Does an entry answer for the file?
    kept: bool,
}

impl ContentFolder {
    pub(crate) fn open(path: PathBuf, ids: Arc<IdSource>) -> Result<Self, OpenError> {
        let failed = |what, path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Io { what, path, source }
        };
        fs::create_dir_all(&path).map_err(failed("cannot make", &path))?;
        let directory = File::open(&path).map_err(failed("cannot open", &path))?;
        Ok(Self { path, directory, ids })
    }

    /// Removes all files but these; tells how many there were.
    pub(crate) fn collect(&self, wanted: &BTreeSet<QueueId>) -> io::Result<usize> {
        let mut collected = 0;
        for file in fs::read_dir(&self.path)? {
            let file = file?;
            let id = file.file_name().to_str().and_then(|name| name.parse::<QueueId>().ok());
            // what is not named like one of ours is none of ours
            if let Some(id) = id
                && !wanted.contains(&id)
            {
                fs::remove_file(file.path())?;
                collected += 1;
            }
        }
        Ok(collected)
    }

    pub(crate) fn draft(self: &Arc<Self>) -> Result<Draft, SpoolError> {
        let id = self.ids.following();
        let path = self.path_of(id);
        let mut options = File::options();
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.write(true).create_new(true).open(&path);
        let file = file.map_err(SpoolError::io("cannot make a spool file"))?;
        Ok(Draft { file, stored: ContentFile { id, folder: Arc::clone(self), kept: false } })
    }

    pub(crate) fn read(&self, id: QueueId, octets: u64) -> io::Result<ContentReader> {
        Ok(ContentReader::file(File::open(self.path_of(id))?, octets))
    }

    /// Removes a file that no entry refers to any more. If that fails, the next start collects it.
    pub(crate) fn remove(&self, id: QueueId) {
        let _ = fs::remove_file(self.path_of(id));
    }

    pub(crate) fn holds(&self, id: QueueId) -> bool {
        self.path_of(id).exists()
    }

    fn path_of(&self, id: QueueId) -> PathBuf {
        self.path.join(id.to_string())
    }
}

impl Draft {
    pub(crate) fn write(&mut self, octets: &[u8]) -> Result<(), SpoolError> {
        self.file.write_all(octets).map_err(SpoolError::io("cannot write a spool file"))
    }

    pub(crate) fn finish(self) -> Result<ContentFile, SpoolError> {
        self.file.sync_all().map_err(SpoolError::io("cannot sync a spool file"))?;
        self.stored.folder.directory.sync_all().map_err(SpoolError::io("cannot sync the spool folder"))?;
        Ok(self.stored)
    }
}

impl ContentFile {
    pub(crate) const fn id(&self) -> QueueId {
        self.id
    }

    pub(crate) fn is_in(&self, folder: Option<&Arc<ContentFolder>>) -> bool {
        folder.is_some_and(|folder| Arc::ptr_eq(folder, &self.folder))
    }

    /// From now on an entry may refer to the file.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for ContentFile {
    fn drop(&mut self) {
        if !self.kept {
            self.folder.remove(self.id);
        }
    }
}
