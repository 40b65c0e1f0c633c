//! The items of the area "mime": reading mail, reading what is meant to hurt, writing mail.

mod hostile;
mod mails;
mod read;
mod write;

use crate::Item;

/// Every item, in the order of the report.
pub fn items() -> Vec<Item> {
    [read::items(), hostile::items(), write::items()].into_iter().flatten().collect()
}
