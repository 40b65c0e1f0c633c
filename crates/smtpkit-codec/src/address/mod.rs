//! Addresses: the mailboxes, domains and paths of an envelope (RFC 5321 §4.1.2, §4.1.3; RFC 6531).
//!
//! Everything is kept as written. A quoted local-part stays quoted, a U-label stays a U-label, a
//! literal keeps its spelling; the canonical form is given on request. What is compared is what the
//! RFC compares: local-parts by content and case, domains without ASCII case. Source routes are
//! read, ignored and never sent (RFC 5321 §3.3, appendix C).
//!
//! ```
//! use smtpkit_codec::{ForwardPath, Mailbox, ReversePath};
//!
//! let mailbox: Mailbox = "\"Jane Doe\"@Example.COM".parse()?;
//! assert_eq!(mailbox.as_ref().local_part().unquoted(), "Jane Doe");
//! assert_eq!(mailbox, "\"Jane\\ Doe\"@example.com".parse::<Mailbox>()?);
//!
//! assert!("<>".parse::<ReversePath>()?.is_null());
//! assert!("<Postmaster>".parse::<ForwardPath>()?.is_postmaster());
//! # Ok::<(), smtpkit_codec::AddressError>(())
//! ```
//!
//! Not here: whether a domain exists, whether a U-label is allowed by IDNA, and the display names,
//! groups and comments of header fields (RFC 5322); those are the message's, not the envelope's.

mod domain;
mod error;
mod forward_path;
mod literal;
mod local_part;
mod mailbox;
mod path;
mod reverse_path;

pub use self::domain::{Domain, DomainRef};
pub use self::error::AddressError;
pub use self::forward_path::{ForwardPath, ForwardPathRef};
pub use self::literal::{AddressLiteral, GeneralLiteral};
pub use self::local_part::LocalPartRef;
pub use self::mailbox::{Mailbox, MailboxRef};
pub use self::reverse_path::{ReversePath, ReversePathRef};

pub(crate) use self::domain::domain;
pub(crate) use self::forward_path::forward_path;
pub(crate) use self::reverse_path::reverse_path;
