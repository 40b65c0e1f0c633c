//! Writing messages: typed values in, content out that every hop takes (RFC 5322, RFC 2045 to 2047, RFC 2231).
//!
//! A [`MessageBuilder`] takes values that were checked when they were made, so nothing that reaches it can start
//! a header line of its own. [`build`](MessageBuilder::build) lays the parts out, chooses transfer encodings by
//! what the content is and what the next hop takes, and gives a [`Message`] that is pulled piece by piece.
//!
//! The module reads no clock, no random source and no file: time and nonce are arguments (a [`Stamp`]), files
//! are readers that the caller opened.
//!
//! ```
//! use smtpkit_mime::{DateTime, HopCapabilities};
//! use smtpkit_mime::build::{Mailbox, MessageBuilder, Part, Stamp};
//!
//! let message = MessageBuilder::new()
//!     .from(Mailbox::named("Ada Lovelace", "ada@example.org")?)
//!     .to(Mailbox::new("charles@example.com")?)
//!     .subject("Note G")?
//!     .text("The engine weaves algebraic patterns.\n")
//!     .attach(Part::octets("application/pdf".parse()?, b"%PDF-1.7".as_slice()).attachment("note.pdf")?);
//!
//! let stamp = Stamp::new(DateTime::from_unix_seconds(1_795_000_000, 0)?, [7; 16]);
//! let content = message.build(HopCapabilities::SEVEN_BIT, &stamp)?.to_vec()?;
//! assert!(content.starts_with(b"Date: Wed, 18 Nov 2026 11:06:40 +0000\r\nFrom: Ada Lovelace <ada@example.org>"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod build_error;
mod envelope_addresses;
mod field;
pub(crate) mod field_writer;
mod layout;
mod mailbox;
mod media_type;
mod message;
mod message_builder;
mod message_id;
mod outgoing;
mod part;
mod stamp;
pub(crate) mod transfer;
mod value_error;

pub use self::build_error::BuildError;
pub use self::envelope_addresses::EnvelopeAddresses;
pub use self::field::{Field, FieldName};
pub use self::mailbox::{AddrSpec, Address, Group, Mailbox};
pub use self::media_type::MediaType;
pub use self::message::Message;
pub use self::message_builder::MessageBuilder;
pub use self::message_id::MessageId;
pub use self::outgoing::{Outgoing, sendable};
pub use self::part::Part;
pub use self::stamp::Stamp;
pub use self::value_error::{ValueError, ValueKind, ValueProblem};
