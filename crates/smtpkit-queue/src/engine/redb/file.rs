//! The file of the database, and how it comes into being.
//!
//! A file whose making was broken off by a loss of power is no database yet. It is made under another name, therefore, and
//! gets its own when it is whole.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use redb::Database;

use crate::error::OpenError;

use super::tables;

const FILE: &str = "queue.redb";
/// Nothing is lost with it: a spool that has no file yet has acknowledged nothing.
const DRAFT: &str = "queue.redb.new";

/// Opens the database of a directory; makes it if there is none.
pub(super) fn open(directory: &Path, cache_octets: usize) -> Result<Database, OpenError> {
    let path = directory.join(FILE);
    if !path.try_exists().map_err(failed("cannot look for", &path))? {
        make(directory, cache_octets)?;
    }
    in_file(&path, cache_octets)
}

fn make(directory: &Path, cache_octets: usize) -> Result<(), OpenError> {
    let (path, draft) = (directory.join(FILE), directory.join(DRAFT));
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("cannot remove", &draft)(error));
        }
        _ => {}
    }
    let database = in_file(&draft, cache_octets)?;
    tables::prepare(&database)?;
    drop(database);
    File::open(&draft).and_then(|file| file.sync_all()).map_err(failed("cannot sync", &draft))?;
    fs::rename(&draft, &path).map_err(failed("cannot name", &path))
}

fn in_file(path: &Path, cache_octets: usize) -> Result<Database, OpenError> {
    let database = redb::Builder::new().set_cache_size(cache_octets).create(path);
    database.map_err(|error| match error {
        redb::DatabaseError::DatabaseAlreadyOpen => {
            OpenError::InUse { path: path.parent().unwrap_or(path).to_owned() }
        }
        error => error.into(),
    })
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io { what, path, source }
}
