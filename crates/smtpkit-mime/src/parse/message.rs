//! A message in memory: an index of its parts, and nothing else until somebody asks.

use std::borrow::Cow;

use crate::DateTime;
use crate::decode::TransferEncoding;
use crate::defect::{Defect, DefectKind, Defects};
use crate::header::{self, Field, Header, Mailbox};
use crate::limits::Limits;
use crate::parse::known::{FieldPlace, KnownField, KnownFields};
use crate::parse::structure::{self, PartField, Role, Step, Structure, Token};
use crate::parse::{Events, Part, PartKind};

/// Stands for an offset that a part does not have.
const NONE: u32 = u32::MAX;

/// Where one part lies; all offsets count from the start of the content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) start: u32,
    /// Where the fields end, before the empty line.
    pub(crate) fields_end: u32,
    pub(crate) body: u32,
    pub(crate) end: u32,
    pub(crate) preamble_end: u32,
    pub(crate) epilogue: u32,
    pub(crate) content_type: FieldPlace,
    pub(crate) disposition: FieldPlace,
    pub(crate) parent: u32,
    /// The index behind the last part inside of this one.
    pub(crate) next: u32,
    pub(crate) depth: u16,
    pub(crate) kind: PartKind,
    pub(crate) encoding: TransferEncoding,
}

/// A parsed message (RFC 5322, RFC 2045), borrowing its content.
///
/// Parsing notes where parts begin and end. Fields and bodies are read when they are asked for, each time anew,
/// so keep what is needed twice. Everything is reachable byte by byte as it was sent.
///
/// ```
/// use smtpkit_mime::Message;
///
/// let content = b"From: Jane <jane@a.example>\r\nSubject: Lunch\r\n\r\nAt one?\r\n";
/// let message = Message::parse(content);
/// assert_eq!(message.subject().as_deref(), Some("Lunch"));
/// assert_eq!(message.from()[0].address(), Some("jane@a.example"));
/// assert_eq!(message.root().body().text(), "At one?\r\n");
/// assert!(message.defects().is_empty());
/// ```
#[derive(Debug, Clone)]
pub struct Message<'a> {
    content: &'a [u8],
    entries: Vec<Entry>,
    known: KnownFields,
    limits: Limits,
    defects: Defects,
}

impl<'a> Message<'a> {
    /// Parses `content` within the default [`Limits`].
    pub fn parse(content: &'a [u8]) -> Self {
        Self::parse_with(content, Limits::DEFAULT)
    }

    /// Parses `content` within other limits.
    ///
    /// ```
    /// use smtpkit_mime::{DefectKind, Limits, Message};
    ///
    /// let limits = Limits { depth_max: 1, ..Limits::default() };
    /// let message = Message::parse_with(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--", limits);
    /// assert!(message.defects().contains(DefectKind::TooDeep));
    /// ```
    pub fn parse_with(content: &'a [u8], limits: Limits) -> Self {
        // offsets are kept in 32 bits, the largest of which means none
        let indexed = content.get(..NONE as usize - 1).unwrap_or(content);
        let mut structure = Structure::new(limits, structure::Fields::OfParts);
        let mut index = Index { entries: Vec::with_capacity(2), current: NONE };
        loop {
            let at = structure.at() as usize;
            let step = structure.step(indexed.get(at..).unwrap_or_default(), true);
            if matches!(step.token, Token::Done | Token::NeedMore) {
                break;
            }
            index.take(at, step);
        }
        let (known, mut defects) = structure.into_findings();
        if indexed.len() < content.len() {
            defects.push(Defect::new(DefectKind::ContentTooLong, indexed.len() as u64), limits.defects_max);
        }
        Self { content, entries: index.entries, known, limits, defects }
    }

    /// The message as a part: its header and its body.
    pub fn root(&self) -> Part<'_> {
        Part::new(self, 0)
    }

    /// All parts, each before those inside of it; the first is the message itself.
    pub fn parts(&self) -> Parts<'_> {
        Parts { message: self, next: 0 }
    }

    /// The parts that have no parts inside, in order.
    pub fn leaves(&self) -> impl Iterator<Item = Part<'_>> {
        self.parts().filter(Part::is_leaf)
    }

    /// The header of the message.
    pub fn header(&self) -> Header<'_> {
        self.root().header()
    }

    /// The content as it was given.
    pub fn content(&self) -> &'a [u8] {
        self.content
    }

    /// What is wrong with the structure; values tell about themselves when they are read.
    pub fn defects(&self) -> &Defects {
        &self.defects
    }

    /// The message step by step, as a [`PushParser`](crate::PushParser) would tell it.
    pub fn events(&self) -> Events<'_> {
        Events::new(self)
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn entry(&self, index: u32) -> &Entry {
        self.entries
            .get(index as usize)
            .expect("invariant: indexes are made of entries, and the root always exists")
    }

    pub(crate) fn slice(&self, from: u32, to: u32) -> &'a [u8] {
        self.content.get(from as usize..to as usize).unwrap_or_default()
    }

    /// The first field of a kind, without a walk over the header.
    fn first(&self, field: KnownField) -> Option<Field<'_>> {
        self.known.first(field).field(self.content, &self.limits)
    }

    /// The decoded subject.
    pub fn subject(&self) -> Option<Cow<'_, str>> {
        self.first(KnownField::Subject).map(|field| field.text())
    }

    /// When the message was written; none if the field is missing or cannot be read.
    pub fn date(&self) -> Option<DateTime> {
        self.first(KnownField::Date)?.date().ok()
    }

    /// The identifier of the message, without angle brackets.
    pub fn message_id(&self) -> Option<Cow<'_, str>> {
        self.first(KnownField::MessageId)?.ids().next()
    }

    /// Who wrote the message.
    pub fn from(&self) -> Vec<Mailbox<'_>> {
        self.known_mailboxes(KnownField::From, "From")
    }

    /// Whom it is meant for.
    pub fn to(&self) -> Vec<Mailbox<'_>> {
        self.known_mailboxes(KnownField::To, "To")
    }

    /// Who else gets it.
    pub fn cc(&self) -> Vec<Mailbox<'_>> {
        self.known_mailboxes(KnownField::Cc, "Cc")
    }

    /// The mailboxes of all fields of a name, those in groups included, up to [`Limits::addresses_max`].
    pub fn mailboxes(&self, name: &str) -> Vec<Mailbox<'_>> {
        match KnownField::of(name.as_bytes()) {
            Some(known) => self.known_mailboxes(known, name),
            None => self.mailboxes_of(self.header().all(name)),
        }
    }

    fn known_mailboxes(&self, known: KnownField, name: &str) -> Vec<Mailbox<'_>> {
        if self.known.is_repeated(known) {
            return self.mailboxes_of(self.header().all(name));
        }
        self.mailboxes_of(self.first(known).into_iter())
    }

    fn mailboxes_of<'m>(&self, fields: impl Iterator<Item = Field<'m>>) -> Vec<Mailbox<'m>> {
        let mut all = Vec::new();
        for field in fields {
            if all.len() >= usize::from(self.limits.addresses_max) {
                break;
            }
            header::push_mailboxes(field.value(), &self.limits, &mut all);
        }
        all.truncate(usize::from(self.limits.addresses_max));
        all
    }
}

/// The index while it grows.
struct Index {
    entries: Vec<Entry>,
    current: u32,
}

impl Index {
    fn current(&mut self) -> Option<&mut Entry> {
        self.entries.get_mut(self.current as usize)
    }

    fn take(&mut self, at: usize, step: Step) {
        let offset = |relative: usize| (at + relative) as u32;
        match step.token {
            Token::Open => {
                let start = offset(step.consumed);
                let depth = self.current().map_or(0, |parent| parent.depth + 1);
                let parent = std::mem::replace(&mut self.current, self.entries.len() as u32);
                self.entries.push(Entry {
                    start,
                    fields_end: start,
                    body: start,
                    end: start,
                    preamble_end: NONE,
                    epilogue: NONE,
                    content_type: FieldPlace::NONE,
                    disposition: FieldPlace::NONE,
                    parent,
                    next: 0,
                    depth,
                    kind: PartKind::Leaf,
                    encoding: TransferEncoding::SevenBit,
                });
            }
            Token::Field { colon, of_part: Some(which) } => {
                let place = FieldPlace::new((at + step.from) as u64, step.to - step.from, colon);
                if let Some(entry) = self.current() {
                    match which {
                        PartField::Type => entry.content_type = place,
                        PartField::Disposition => entry.disposition = place,
                    }
                }
            }
            Token::HeaderEnd { kind, encoding, fields_end } => {
                if let Some(entry) = self.current() {
                    entry.kind = kind;
                    entry.encoding = encoding;
                    entry.fields_end = fields_end as u32;
                    entry.body = offset(step.consumed);
                    entry.preamble_end = entry.body;
                }
            }
            Token::Data(Role::Preamble) => {
                if let Some(entry) = self.current() {
                    entry.preamble_end = offset(step.to);
                }
            }
            Token::Data(Role::Epilogue) => {
                if let Some(entry) = self.current() {
                    entry.epilogue = entry.epilogue.min(offset(step.from));
                }
            }
            Token::Close { end } => {
                let next = self.entries.len() as u32;
                if let Some(entry) = self.current() {
                    entry.end = end as u32;
                    entry.epilogue = entry.epilogue.min(entry.end);
                    entry.next = next;
                    self.current = entry.parent;
                }
            }
            _ => {}
        }
    }
}

/// An iterator over all parts of a [`Message`], each before those inside of it.
///
/// ```
/// let message = smtpkit_mime::Message::parse(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n1\n--b\n\n2\n--b--");
/// assert_eq!(message.parts().map(|part| part.depth()).collect::<Vec<_>>(), [0, 1, 1]);
/// ```
#[derive(Debug, Clone)]
pub struct Parts<'m> {
    message: &'m Message<'m>,
    next: u32,
}

impl<'m> Iterator for Parts<'m> {
    type Item = Part<'m>;

    fn next(&mut self) -> Option<Part<'m>> {
        self.message.entries.get(self.next as usize)?;
        self.next += 1;
        Some(Part::new(self.message, self.next - 1))
    }
}

/// An iterator over the parts directly inside of one.
///
/// ```
/// let message = smtpkit_mime::Message::parse(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n1\n--b\n\n2\n--b--");
/// assert_eq!(message.root().children().map(|part| part.raw_body()).collect::<Vec<_>>(), [b"1", b"2"]);
/// ```
#[derive(Debug, Clone)]
pub struct Children<'m> {
    message: &'m Message<'m>,
    next: u32,
    end: u32,
}

impl<'m> Children<'m> {
    pub(crate) fn of(message: &'m Message<'m>, index: u32) -> Self {
        Self { message, next: index + 1, end: message.entry(index).next }
    }
}

impl<'m> Iterator for Children<'m> {
    type Item = Part<'m>;

    fn next(&mut self) -> Option<Part<'m>> {
        if self.next >= self.end {
            return None;
        }
        let found = self.next;
        self.next = self.message.entry(found).next;
        Some(Part::new(self.message, found))
    }
}
