//! `--run-as`: root only as long as it takes to open low ports, another user from then on.
//!
//! Nothing that a stranger sends is read before. The change is for good and for every thread: it comes before there is a
//! second one, and that there is no way back is tried.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, lchown};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, geteuid, initgroups, setgid, setuid};

/// Folders inside folders; a deeper tree is not one that this program made.
const DEPTH_MAX: usize = 64;

/// Whom to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunAs {
    name: String,
    uid: Uid,
    gid: Gid,
}

/// Why a text names nobody to run as.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RunAsError {
    #[error("there is no user `{0}` here")]
    User(String),
    #[error("there is no group `{0}` here")]
    Group(String),
    #[error("`{0}` is root, which is what not to run as")]
    Root(String),
    #[error("only root can become `{0}`")]
    NotRoot(String),
    #[error("the users of this machine cannot be looked up: {0}")]
    LookUp(Errno),
}

/// Why the privileges are still there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrivilegeError {
    #[error("{} cannot be handed over: {source}", path.display())]
    HandOver { path: PathBuf, source: io::Error },
    #[error("{} is nested too deep to be handed over", .0.display())]
    TooDeep(PathBuf),
    #[error("cannot become `{name}`: {source}")]
    Become { name: String, source: Errno },
    #[error("could become root again after all")]
    WayBack,
}

impl RunAs {
    /// `USER` or `USER:GROUP`, by name. Whoever is that user already may say so, too.
    pub(crate) fn look_up(text: &str) -> Result<Self, RunAsError> {
        let (name, group) = text.split_once(':').map_or((text, None), |(name, group)| (name, Some(group)));
        let user = User::from_name(name).map_err(RunAsError::LookUp)?;
        let user = user.ok_or_else(|| RunAsError::User(name.to_owned()))?;
        let gid = match group {
            None => user.gid,
            Some(group) => {
                let found = Group::from_name(group).map_err(RunAsError::LookUp)?;
                found.ok_or_else(|| RunAsError::Group(group.to_owned()))?.gid
            }
        };
        if user.uid.is_root() {
            return Err(RunAsError::Root(name.to_owned()));
        }
        if !is_root() && geteuid() != user.uid {
            return Err(RunAsError::NotRoot(name.to_owned()));
        }
        Ok(Self { name: user.name, uid: user.uid, gid })
    }

    /// Makes the user the owner of a folder and of all that is in it. Links are handed over, not followed.
    pub(crate) fn hand_over(&self, folder: &Path) -> Result<(), PrivilegeError> {
        if is_root() { self.give(folder, 0) } else { Ok(()) }
    }

    fn give(&self, path: &Path, depth: usize) -> Result<(), PrivilegeError> {
        if depth > DEPTH_MAX {
            return Err(PrivilegeError::TooDeep(path.to_owned()));
        }
        let failed = |source| PrivilegeError::HandOver { path: path.to_owned(), source };
        let metadata = fs::symlink_metadata(path).map_err(failed)?;
        if (metadata.uid(), metadata.gid()) != (self.uid.as_raw(), self.gid.as_raw()) {
            lchown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw())).map_err(failed)?;
        }
        if metadata.is_dir() {
            for entry in fs::read_dir(path).map_err(failed)? {
                self.give(&entry.map_err(failed)?.path(), depth + 1)?;
            }
        }
        Ok(())
    }

    /// Becomes the user, with its groups alone.
    pub(crate) fn take_over(&self) -> Result<(), PrivilegeError> {
        if !is_root() {
            return Ok(());
        }
        let failed = |source| PrivilegeError::Become { name: self.name.clone(), source };
        let name = std::ffi::CString::new(self.name.as_str()).map_err(|_| failed(Errno::EINVAL))?;
        initgroups(&name, self.gid).map_err(failed)?;
        setgid(self.gid).map_err(failed)?;
        setuid(self.uid).map_err(failed)?;
        if setuid(Uid::from_raw(0)).is_ok() {
            return Err(PrivilegeError::WayBack);
        }
        Ok(())
    }
}

/// Whether this process may do everything.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_nobody_can_run_as() {
        for (text, expected) in [
            ("no-such-user-here", RunAsError::User("no-such-user-here".into())),
            ("root", RunAsError::Root("root".into())),
            ("root:no-such-group-here", RunAsError::Group("no-such-group-here".into())),
            ("", RunAsError::User(String::new())),
        ] {
            assert_eq!(RunAs::look_up(text).unwrap_err(), expected, "{text}");
        }
    }
}
