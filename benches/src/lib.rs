//! What is measured: items, each with our side and its rivals, all in one binary.
//!
//! The `probe` program runs the items for instruction and allocation counts, `cargo bench`
//! runs the same items for wall time, and `cargo xtask bench` compares the figures with the
//! targets. Nothing here knows a target or prints a verdict.

pub mod codec;
mod item;

pub use item::{Item, Side};
