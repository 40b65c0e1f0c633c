//! Maildir: one file a message, delivered so that a crash leaves either the whole message or none.
//!
//! The content is written below `tmp`, synced, then linked into the `new` folder of every mailbox that is to have
//! it, and each `new` folder is synced; only then does [`Incoming::deliver`] return. A reader never sees half a message
//! and a power cut after the return loses nothing. All calls block on the disk: an async handler runs them on a
//! blocking thread.
//!
//! It reads no mail, expires none and knows nothing of flags: that is the mail reader's side of the format.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// One mailbox folder with its `tmp`, `new` and `cur`.
///
/// ```
/// use smtpkit_server::maildir::{Incoming, Maildir};
///
/// let folder = tempfile::tempdir()?;
/// let maildir = Maildir::create(folder.path().join("example.test/alice"))?;
/// let mut message = Incoming::begin(&maildir)?;
/// message.write(b"Subject: hello\r\n\r\nhi\r\n")?;
/// message.deliver(&[maildir])?;
/// assert_eq!(std::fs::read_dir(folder.path().join("example.test/alice/new"))?.count(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Maildir {
    root: PathBuf,
}

impl Maildir {
    /// Makes the folder at `root` with its three subfolders, readable by the owner alone, and syncs what it made.
    /// A folder that exists is taken as it is.
    ///
    /// # Errors
    /// What the file system says: no permission, no space, a file in the way.
    pub fn create(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        for folder in ["tmp", "new", "cur"] {
            create_synced(&root.join(folder))?;
        }
        Ok(Self { root })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.root
    }
}

/// A message on its way into one or more mailboxes. Dropped before [`deliver`](Self::deliver), it leaves nothing.
#[derive(Debug)]
pub struct Incoming {
    file: File,
    temporary: PathBuf,
    name: String,
    octets: u64,
}

impl Incoming {
    /// Opens a new file below the `tmp` folder of `maildir`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn begin(maildir: &Maildir) -> io::Result<Self> {
        let name = unique_name();
        let temporary = maildir.root.join("tmp").join(&name);
        let file = private_file().open(&temporary)?;
        Ok(Self { file, temporary, name, octets: 0 })
    }

    /// Appends octets of the message, as they are to stand in the file.
    ///
    /// # Errors
    /// What the file system says; the message cannot be delivered any more then, drop it.
    pub fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.file.write_all(octets)?;
        self.octets += octets.len() as u64;
        Ok(())
    }

    /// Puts the message into every one of `mailboxes` and returns when all of it is on the disk. They have to lie on
    /// one file system.
    ///
    /// # Errors
    /// What the file system says. Nothing is delivered then: what had been linked already is removed again.
    pub fn deliver(self, mailboxes: &[Maildir]) -> io::Result<()> {
        self.file.sync_all()?;
        let name = format!("{},S={}", self.name, self.octets);
        let mut linked = Vec::with_capacity(mailboxes.len());
        let outcome = mailboxes.iter().try_for_each(|mailbox| {
            let folder = mailbox.root.join("new");
            let message = folder.join(&name);
            match fs::hard_link(&self.temporary, &message) {
                // the same mailbox twice in one transaction gets the message once
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && linked.contains(&message) => {
                    Ok(())
                }
                Err(error) => Err(error),
                Ok(()) => {
                    linked.push(message);
                    sync_folder(&folder)
                }
            }
        });
        if outcome.is_err() {
            for message in &linked {
                // best effort: the error that is returned already says that nothing counts as delivered
                let _ = fs::remove_file(message);
            }
        }
        outcome
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // a left-over below `tmp` is harmless: readers ignore it and remove it after 36 hours
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Seconds, a counter and random octets: unique on this host, and sorted by arrival.
fn unique_name() -> String {
    static DELIVERIES: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let delivery = DELIVERIES.fetch_add(1, Ordering::Relaxed);
    let random = getrandom::u64().unwrap_or(delivery);
    format!(
        "{}.M{}P{}Q{delivery}R{random:016x}.smtpkit",
        now.as_secs(),
        now.subsec_micros(),
        std::process::id()
    )
}

/// `create_dir_all` that syncs the parent of each folder that it makes.
fn create_synced(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or(Ok(()), create_synced)?;
    match private_folder().create(folder) {
        Ok(()) => parent.map_or(Ok(()), sync_folder),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(unix)]
fn private_folder() -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

#[cfg(not(unix))]
fn private_folder() -> DirBuilder {
    DirBuilder::new()
}

#[cfg(unix)]
fn private_file() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(maildir: &Maildir) -> Vec<Vec<u8>> {
        fs::read_dir(maildir.path().join("new"))
            .unwrap()
            .map(|entry| fs::read(entry.unwrap().path()).unwrap())
            .collect()
    }

    #[test]
    fn every_mailbox_gets_the_same_octets_once() {
        let folder = tempfile::tempdir().unwrap();
        let alice = Maildir::create(folder.path().join("alice")).unwrap();
        let bob = Maildir::create(folder.path().join("bob")).unwrap();
        let mut incoming = Incoming::begin(&alice).unwrap();
        incoming.write(b"one ").unwrap();
        incoming.write(b"two").unwrap();
        incoming.deliver(&[alice.clone(), bob.clone(), alice.clone()]).unwrap();
        assert_eq!(messages(&alice), [b"one two".to_vec()]);
        assert_eq!(messages(&bob), [b"one two".to_vec()]);
        assert_eq!(fs::read_dir(alice.path().join("tmp")).unwrap().count(), 0, "tmp is clean");
    }

    #[test]
    fn a_message_that_is_not_delivered_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let alice = Maildir::create(folder.path().join("alice")).unwrap();
        let mut incoming = Incoming::begin(&alice).unwrap();
        incoming.write(b"half a mess").unwrap();
        drop(incoming);
        assert!(messages(&alice).is_empty());
        assert_eq!(fs::read_dir(alice.path().join("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn one_mailbox_that_cannot_take_it_means_that_none_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let alice = Maildir::create(folder.path().join("alice")).unwrap();
        let gone = Maildir { root: folder.path().join("gone") };
        let mut incoming = Incoming::begin(&alice).unwrap();
        incoming.write(b"all or nothing").unwrap();
        incoming.deliver(&[alice.clone(), gone]).unwrap_err();
        assert!(messages(&alice).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn mail_is_readable_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let alice = Maildir::create(folder.path().join("alice")).unwrap();
        Incoming::begin(&alice).unwrap().deliver(std::slice::from_ref(&alice)).unwrap();
        let message = fs::read_dir(alice.path().join("new")).unwrap().next().unwrap().unwrap();
        assert_eq!(message.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(alice.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
