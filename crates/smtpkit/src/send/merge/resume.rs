//! Which rows were accepted, kept in a file, so that a second run sends only the rest.
//!
//! ```text
//! smtpkit accepted rows 1
//! 9f86d081884c7d659a2feaa0c55ad015 2 ada@example.test
//! ```
//!
//! A row is known by a digest of its values, so the table may grow and be sorted anew; rows that are equal are counted.
//! The line of the table and the recipients are there for people. Each line is written before the next result is looked
//! at, so that a program that is killed has told all it knew; [`sync`](Resume::sync) makes it survive a loss of power.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::table::Row;
use crate::exit::{Exit, Failure};

const FIRST_LINE: &str = "smtpkit accepted rows 1";
/// How much of a digest is kept.
const DIGEST_OCTETS: usize = 16;

/// What a row is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RowDigest([u8; DIGEST_OCTETS]);

impl RowDigest {
    pub(crate) fn of(row: &Row) -> Self {
        let mut hash = Sha256::new();
        for value in row.values() {
            // with the lengths, no two rows run together to the same octets
            hash.update((value.len() as u64).to_le_bytes());
            hash.update(value);
        }
        let mut digest = [0; DIGEST_OCTETS];
        digest.iter_mut().zip(hash.finalize()).for_each(|(kept, octet)| *kept = octet);
        Self(digest)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut digest = [0; DIGEST_OCTETS];
        if text.len() != 2 * DIGEST_OCTETS {
            return None;
        }
        for (at, octet) in digest.iter_mut().enumerate() {
            *octet = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(Self(digest))
    }
}

/// The file, which no other run can use at the same time.
pub(crate) struct Resume {
    path: PathBuf,
    file: File,
    /// How often each row was accepted by earlier runs and has not been met again.
    accepted: HashMap<RowDigest, u32>,
    is_synced: bool,
}

impl Resume {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let unusable = |error: io::Error| Failure::new(Exit::Io, format!("{}: {error}", path.display()));
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let why = format!("{}: another run is using it; wait for its end", path.display());
                return Err(Failure::new(Exit::Temporary, why));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let mut resume = Self { path: path.to_owned(), file, accepted: HashMap::new(), is_synced: true };
        resume.read()?;
        Ok(resume)
    }

    fn read(&mut self) -> Result<(), Failure> {
        let path = self.path.clone();
        let unusable = |error: io::Error| Failure::new(Exit::Io, format!("{}: {error}", path.display()));
        let foreign = |line: usize, why: &str| {
            Failure::new(Exit::Data, format!("{}:{line}: {why}; name another file", path.display()))
        };
        let mut reader = BufReader::new(&self.file);
        reader.seek(SeekFrom::Start(0)).map_err(unusable)?;
        let mut text = String::new();
        let mut whole = 0;
        for number in 1.. {
            text.clear();
            let read = reader.read_line(&mut text).map_err(|_| foreign(number, "it is not text"))?;
            let Some(line) = text.strip_suffix('\n') else { break };
            if number == 1 && line != FIRST_LINE {
                return Err(foreign(1, "it does not hold accepted rows"));
            }
            if number > 1 {
                let digest = line.split(' ').next().and_then(RowDigest::parse);
                let digest =
                    digest.ok_or_else(|| foreign(number, "the line does not begin with a digest"))?;
                *self.accepted.entry(digest).or_default() += 1;
            }
            whole += read as u64;
        }
        if whole == 0 && !text.is_empty() {
            return Err(foreign(1, "it does not hold accepted rows"));
        }
        // the line at which an earlier run was cut off tells nothing for certain
        self.file.set_len(whole).map_err(unusable)?;
        if whole == 0 {
            self.write(&format!("{FIRST_LINE}\n"))?;
        }
        Ok(())
    }

    /// Whether an earlier run got this row accepted; of rows that are equal it answers for one each time.
    pub(crate) fn take(&mut self, digest: RowDigest) -> bool {
        match self.accepted.get_mut(&digest) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }

    /// The row was accepted.
    pub(crate) fn record(
        &mut self,
        digest: RowDigest,
        line: u64,
        recipients: impl Iterator<Item = String>,
    ) -> Result<(), Failure> {
        let mut text = String::new();
        for octet in digest.0 {
            // a string takes everything
            let _ = write!(text, "{octet:02x}");
        }
        let _ = write!(text, " {line}");
        for recipient in recipients {
            let _ = write!(text, " {recipient}");
        }
        text.push('\n');
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        self.is_synced = false;
        self.file.write_all(text.as_bytes()).map_err(|error| self.lost(&error))
    }

    /// Makes what was recorded survive a loss of power.
    pub(crate) fn sync(&mut self) -> Result<(), Failure> {
        if std::mem::replace(&mut self.is_synced, true) {
            return Ok(());
        }
        self.file.sync_data().map_err(|error| self.lost(&error))
    }

    fn lost(&self, error: &io::Error) -> Failure {
        Failure::new(
            Exit::Io,
            format!("{}: {error}; accepted rows cannot be noted, so no more are sent", self.path.display()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(values: &[&str]) -> RowDigest {
        RowDigest::of(&Row::of(values))
    }

    #[test]
    fn rows_are_told_apart_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sent");
        let (ada, bob) = (digest(&["a", "b"]), digest(&["ab", ""]));
        let mut resume = Resume::open(&path).unwrap();
        assert!(!resume.take(ada));
        for _ in 0..2 {
            resume.record(ada, 2, ["<ada@x.test>".to_owned()].into_iter()).unwrap();
        }
        resume.sync().unwrap();
        assert_eq!(Resume::open(&path).err().unwrap().exit(), Exit::Temporary);
        drop(resume);
        let mut resume = Resume::open(&path).unwrap();
        let taken = [resume.take(ada), resume.take(bob), resume.take(ada), resume.take(ada)];
        assert_eq!(taken, [true, false, true, false]);
    }

    #[test]
    fn a_line_that_was_cut_off_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sent");
        let ada = digest(&["a"]);
        let mut resume = Resume::open(&path).unwrap();
        resume.record(ada, 2, std::iter::empty()).unwrap();
        drop(resume);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], b"9f86d081884c7d659a2feaa0c5"].concat()).unwrap();
        assert!(Resume::open(&path).unwrap().take(ada));
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }

    #[test]
    fn other_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for content in ["email,name\n", "email", "smtpkit accepted rows 1\nx\n"] {
            let path = folder.path().join("table.csv");
            std::fs::write(&path, content).unwrap();
            assert_eq!(Resume::open(&path).err().unwrap().exit(), Exit::Data, "{content}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
    }
}
