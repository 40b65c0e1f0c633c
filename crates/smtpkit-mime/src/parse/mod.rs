//! From octets to parts: the structure of a message (RFC 5322 §2, RFC 2046 §5).

mod boundary;
mod event;
mod known;
mod message;
mod part;
mod push;
mod structure;
mod walk;

pub use event::{Event, PartHead, PartKind};
pub use message::{Children, Message, Parts};
pub use part::{Body, Part, Partial};
pub use push::PushParser;
pub use walk::Events;
