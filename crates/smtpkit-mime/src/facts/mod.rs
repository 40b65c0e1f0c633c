//! What a message says, in one value: for programs that list mail, not for those that show it.
//!
//! The facts are gathered from a message in pieces, so a message of any size costs what its fields and its
//! number of parts cost. Messages that are themselves encoded are looked into as well.

mod inspector;
mod json;

use crate::DateTime;
use crate::decode::TransferEncoding;
use crate::defect::Defect;
use crate::parse::PartKind;

pub use inspector::{BodyDigest, Inspector};

/// What a message says about itself, gathered by an [`Inspector`].
///
/// ```
/// use smtpkit_mime::facts::Inspector;
///
/// let mut inspector = Inspector::<()>::new(1024);
/// inspector.push(b"From: Jane <jane@a.example>\r\nSubject: hi\r\n\r\nHel");
/// inspector.push(b"lo");
/// let facts = inspector.finish();
/// assert_eq!(facts.subject.as_deref(), Some("hi"));
/// assert_eq!(facts.from[0].address.as_deref(), Some("jane@a.example"));
/// assert_eq!(facts.parts[0].text.as_deref(), Some("Hello"));
/// assert_eq!(facts.parts[0].octets, 5);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts<D> {
    /// The decoded subject.
    pub subject: Option<String>,
    /// When it was written; none if that is missing or cannot be read.
    pub date: Option<DateTime>,
    /// Its identifier, without angle brackets.
    pub message_id: Option<String>,
    /// Who wrote it.
    pub from: Vec<MailboxFacts>,
    /// Whom it is meant for.
    pub to: Vec<MailboxFacts>,
    /// Who else gets it.
    pub cc: Vec<MailboxFacts>,
    /// All parts, each before those inside of it; the first is the message itself.
    pub parts: Vec<PartFacts<D>>,
    /// What is wrong with it, by offset; within an encoded message, the offset of its body.
    pub defects: Vec<Defect>,
    /// How many defects there are in all, those beyond the limit included.
    pub defects_count: u64,
    /// How long the content is.
    pub octets: u64,
}

/// A mailbox of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailboxFacts {
    /// The decoded name.
    pub name: Option<String>,
    /// The address as it goes on the wire.
    pub address: Option<String>,
}

/// What a part says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartFacts<D> {
    /// How many parts it is inside of.
    pub depth: u16,
    /// The octet at which it begins; within an encoded message, the offset in that.
    pub at: u64,
    /// What it holds.
    pub kind: PartKind,
    /// Whether no part is inside of it.
    pub is_leaf: bool,
    /// Its media type, lower case.
    pub content_type: String,
    /// The name of its file, decoded.
    pub file_name: Option<String>,
    /// The charset that it names.
    pub charset: Option<String>,
    /// How its body is encoded.
    pub encoding: TransferEncoding,
    /// How many octets its decoded body has; of a part with parts inside, 0.
    pub octets: u64,
    /// What the digest made of its decoded body.
    pub digest: D,
    /// Its text, if it is one and texts are wanted.
    pub text: Option<String>,
    /// Whether the text is longer than what was wanted.
    pub is_text_cut: bool,
}

impl<D> Facts<D> {
    /// The parts that have no parts inside, in order.
    pub fn leaves(&self) -> impl Iterator<Item = &PartFacts<D>> {
        self.parts.iter().filter(|part| part.is_leaf)
    }
}
