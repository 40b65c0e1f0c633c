//! The items of the area "auth": TLS handshakes and logins, both halves in one process.

mod handshake;
mod login;

use crate::Item;

/// Every item, in the order of the report.
pub fn items() -> Vec<Item> {
    [handshake::items(), login::items()].into_iter().flatten().collect()
}
