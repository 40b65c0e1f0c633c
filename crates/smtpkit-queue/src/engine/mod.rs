//! • Where entries are kept: the only files of this crate that do I/O.

pub(crate) mod folder;
pub(crate) mod memory;
pub(crate) mod redb;
