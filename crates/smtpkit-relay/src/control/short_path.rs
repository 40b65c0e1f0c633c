//! A path to the socket that the operating system takes.
//!
//! The address of a Unix socket holds some hundred octets (sun_path of unix(7)); folders may lie deeper. On Linux the
//! folder is opened, and named by its number in /proc; elsewhere a long path is refused with the limit.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The longest path that every system takes: 104 octets with the NUL on the BSDs, 108 on Linux.
const SUN_PATH_OCTETS: usize = 103;

/// A path to a socket, good as long as this lives.
#[derive(Debug)]
pub(crate) struct ShortPath {
    path: PathBuf,
    _folder: Option<File>,
}

impl ShortPath {
    /// The path to `name` in `folder`.
    pub(crate) fn new(folder: &Path, name: &str) -> io::Result<Self> {
        let path = folder.join(name);
        if path.as_os_str().len() <= SUN_PATH_OCTETS {
            return Ok(Self { path, _folder: None });
        }
        if !cfg!(target_os = "linux") {
            let octets = path.as_os_str().len();
            let what = format!(
                "{} has {octets} octets, and the path of a socket at most {SUN_PATH_OCTETS}: take a shorter folder",
                path.display()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        let folder = File::open(folder)?;
        let number = std::os::fd::AsRawFd::as_raw_fd(&folder);
        Ok(Self { path: PathBuf::from(format!("/proc/self/fd/{number}")).join(name), _folder: Some(folder) })
    }

    pub(crate) fn as_path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_path_stays_and_a_long_one_leads_to_the_same_place() {
        let folder = tempfile::tempdir().unwrap();
        let short = ShortPath::new(folder.path(), "a.sock").unwrap();
        assert_eq!(short.as_path(), folder.path().join("a.sock"));
        if cfg!(target_os = "linux") {
            let deep = folder.path().join("x".repeat(120)).join("y".repeat(120));
            std::fs::create_dir_all(&deep).unwrap();
            std::fs::write(deep.join("a.sock"), "here").unwrap();
            let long = ShortPath::new(&deep, "a.sock").unwrap();
            assert!(long.as_path().as_os_str().len() <= SUN_PATH_OCTETS);
            assert_eq!(std::fs::read_to_string(long.as_path()).unwrap(), "here");
        }
    }
}
