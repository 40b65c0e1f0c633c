//! What is measured: items, each with our side and its rivals, all in one binary.
//!
//! The `probe` program runs the items for instruction and allocation counts, `cargo bench`
//! runs the same items for wall time, and `cargo xtask bench` compares the figures with the
//! targets. Nothing here knows a target or prints a verdict.

pub mod auth;
pub mod codec;
pub mod mime;

mod certificate;
mod item;
mod text;

pub use certificate::Certificates;
pub use item::{Item, Side};

/// The items of an area that is counted here, by its name; none if there is no such area.
pub fn items(area: &str) -> Option<Vec<Item>> {
    match area {
        "codec" => Some(codec::items()),
        "mime" => Some(mime::items()),
        "auth" => Some(auth::items()),
        _ => None,
    }
}
