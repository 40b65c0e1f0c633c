//! Fields of headers and their values: every grammar of RFC 5322 §3 in one file each.

pub(crate) mod field;
mod fields;
pub(crate) mod lex;

mod address;
mod content_type;
mod date;
mod disposition;
mod encoded_word;
mod ids;
mod parameter;
mod received;
mod text;
mod usual_mailbox;

pub(crate) use address::push_mailboxes;
pub use address::{Address, AddressList, Mailbox};
pub use content_type::ContentType;
pub(crate) use content_type::Shape;
pub use date::date;
pub use disposition::{Disposition, DispositionKind};
pub(crate) use fields::blocks;
pub use fields::{Field, Fields, Header};
pub use ids::ids;
pub use parameter::Parameters;
pub use received::Received;
pub use text::text;
pub(crate) use text::text_defects;
