//! The items of the area "codec".

mod commands;
mod content;
mod replies;

pub use commands::LINES;

use crate::Item;

/// Every item, in the order of the report.
pub fn items() -> Vec<Item> {
    [commands::items(), replies::items(), content::items()].into_iter().flatten().collect()
}
