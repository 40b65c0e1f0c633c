//! Gathers facts from a message in pieces.

use crate::decode::{TransferDecoder, TransferEncoding, charset};
use crate::defect::{Defect, Defects};
use crate::facts::{Facts, MailboxFacts, PartFacts};
use crate::header::{AddressList, Field};
use crate::limits::Limits;
use crate::parse::{Event, PartHead, PartKind, PushParser};

/// How many messages may be encoded within each other and are still looked into.
const ENCODED_DEPTH_MAX: u16 = 8;

/// Takes the octets of decoded bodies: a checksum, a counter, or nothing at all.
///
/// ```
/// use smtpkit_mime::facts::{BodyDigest, Inspector};
///
/// #[derive(Default)]
/// struct Sum(u32);
///
/// impl BodyDigest for Sum {
///     fn update(&mut self, octets: &[u8]) {
///         self.0 += octets.iter().map(|octet| u32::from(*octet)).sum::<u32>();
///     }
/// }
///
/// let mut inspector = Inspector::<Sum>::new(0);
/// inspector.push(b"\n\x01\x02");
/// assert_eq!(inspector.finish().parts[0].digest.0, 3);
/// ```
pub trait BodyDigest: Default {
    /// Takes the next octets of one body.
    fn update(&mut self, octets: &[u8]);
}

impl BodyDigest for () {
    fn update(&mut self, _: &[u8]) {}
}

/// Gathers [`Facts`] from a message in pieces.
///
/// ```
/// use smtpkit_mime::facts::Inspector;
///
/// let mut inspector = Inspector::<()>::new(0);
/// inspector.push(b"Date: yesterday\r\n\r\n");
/// let facts = inspector.finish();
/// assert_eq!((facts.date, facts.defects.len()), (None, 1));
/// ```
#[derive(Debug)]
pub struct Inspector<D> {
    layer: Layer,
    facts: Facts<D>,
}

impl<D: BodyDigest> Inspector<D> {
    /// An inspector that keeps up to `text_octets_max` octets of each text.
    pub fn new(text_octets_max: usize) -> Self {
        let facts = Facts {
            subject: None,
            date: None,
            message_id: None,
            from: Vec::new(),
            to: Vec::new(),
            cc: Vec::new(),
            parts: Vec::new(),
            defects: Vec::new(),
            defects_count: 0,
            octets: 0,
        };
        Self { layer: Layer::new(0, text_octets_max, None), facts }
    }

    /// Takes the next piece of the message.
    pub fn push(&mut self, piece: &[u8]) {
        self.facts.octets += piece.len() as u64;
        self.layer.push(piece, &mut self.facts);
    }

    /// Ends the message and gives what was found.
    pub fn finish(mut self) -> Facts<D> {
        self.layer.finish(&mut self.facts);
        self.facts.defects.sort();
        self.facts
    }
}

/// One message: the one given, or one that was encoded inside of another.
#[derive(Debug)]
struct Layer {
    parser: PushParser,
    depth: u16,
    encoded_depth: u16,
    /// Where the body of the part that holds this message begins.
    encoded_at: Option<u64>,
    text_octets_max: usize,
    /// Indexes of the open parts.
    open: Vec<usize>,
    leaf: Option<Leaf>,
    scratch: Vec<u8>,
    inner: Option<Box<Self>>,
}

/// The body that is being read.
#[derive(Debug)]
struct Leaf {
    decoder: TransferDecoder,
    body_at: u64,
    text: Option<Vec<u8>>,
}

impl Layer {
    fn new(depth: u16, text_octets_max: usize, encoded_at: Option<u64>) -> Self {
        Self {
            parser: PushParser::new(),
            depth,
            encoded_depth: 0,
            encoded_at,
            text_octets_max,
            open: Vec::new(),
            leaf: None,
            scratch: Vec::new(),
            inner: None,
        }
    }

    fn push<D: BodyDigest>(&mut self, piece: &[u8], facts: &mut Facts<D>) {
        let mut rest = piece;
        let mut parser = std::mem::take(&mut self.parser);
        while let Some(event) = parser.next(&mut rest) {
            self.take(event, facts);
        }
        self.parser = parser;
    }

    fn finish<D: BodyDigest>(&mut self, facts: &mut Facts<D>) {
        let mut parser = std::mem::take(&mut self.parser);
        while let Some(event) = parser.finish() {
            self.take(event, facts);
        }
        self.defects(parser.defects(), 0, facts);
    }

    fn take<D: BodyDigest>(&mut self, event: Event<'_>, facts: &mut Facts<D>) {
        match event {
            Event::PartStart { depth, at } => self.start(depth, at, facts),
            Event::Field(field) => self.field(&field, facts),
            Event::HeaderEnd(head) => self.header_end(head, facts),
            Event::Body(octets) | Event::Preamble(octets) => self.body(octets, facts),
            Event::Epilogue(_) => {}
            Event::PartEnd { .. } => self.end(facts),
        }
    }

    fn start<D: BodyDigest>(&mut self, depth: u16, at: u64, facts: &mut Facts<D>) {
        self.leaf = None;
        if let Some(parent) = self.open.last().and_then(|index| facts.parts.get_mut(*index)) {
            // what was read before it is a preamble and no body
            (parent.is_leaf, parent.octets, parent.digest, parent.text) = (false, 0, D::default(), None);
        }
        self.open.push(facts.parts.len());
        facts.parts.push(PartFacts {
            depth: self.depth + depth,
            at,
            kind: PartKind::Leaf,
            is_leaf: true,
            content_type: String::new(),
            file_name: None,
            charset: None,
            encoding: TransferEncoding::SevenBit,
            octets: 0,
            digest: D::default(),
            text: None,
            is_text_cut: false,
        });
    }

    fn field<D: BodyDigest>(&mut self, field: &Field<'_>, facts: &mut Facts<D>) {
        if self.open.len() == 1 && self.encoded_at.is_none() {
            self.message_field(field, facts);
        }
        let Some(part) = self.open.last().and_then(|index| facts.parts.get_mut(*index)) else { return };
        let found = if field.is("Content-Type") && part.content_type.is_empty() {
            let content_type = field.content_type();
            part.content_type = content_type.to_string();
            part.charset = content_type.charset().map(|charset| charset.into_owned());
            if part.file_name.is_none() {
                let name = content_type.parameters().get("name").filter(|name| !name.is_empty());
                part.file_name = name.map(|name| name.into_owned());
            }
            content_type.defects().clone()
        } else if field.is("Content-Disposition") {
            let disposition = field.disposition();
            if let Some(name) = disposition.file_name() {
                part.file_name = Some(name.into_owned());
            }
            disposition.defects().clone()
        } else {
            return;
        };
        self.defects(&found, 0, facts);
    }

    fn message_field<D: BodyDigest>(&mut self, field: &Field<'_>, facts: &mut Facts<D>) {
        let list = if field.is("Subject") {
            if facts.subject.is_none() {
                facts.subject = Some(field.text().into_owned());
                self.defects(&field.text_defects(), 0, facts);
            }
            return;
        } else if field.is("Message-ID") {
            facts.message_id =
                facts.message_id.take().or_else(|| field.ids().next().map(|id| id.into_owned()));
            return;
        } else if field.is("Date") {
            match field.date() {
                Ok(date) => facts.date = facts.date.or(Some(date)),
                Err(defect) => self.defect(defect, facts),
            }
            return;
        } else if field.is("From") {
            &mut facts.from
        } else if field.is("To") {
            &mut facts.to
        } else if field.is("Cc") {
            &mut facts.cc
        } else {
            return;
        };
        let addresses = field.addresses();
        extend(list, &addresses);
        self.defects(addresses.defects(), 0, facts);
    }

    fn header_end<D: BodyDigest>(&mut self, head: PartHead, facts: &mut Facts<D>) {
        let Some(part) = self.open.last().and_then(|index| facts.parts.get_mut(*index)) else { return };
        part.kind = head.kind;
        part.encoding = head.encoding;
        if part.content_type.is_empty() {
            let message = matches!(head.kind, PartKind::Message | PartKind::EncodedMessage);
            part.content_type = if message { "message/rfc822" } else { "text/plain" }.to_owned();
        }
        let encoding = match head.kind {
            PartKind::Leaf | PartKind::EncodedMessage => head.encoding,
            PartKind::Multipart | PartKind::Message => TransferEncoding::Binary,
        };
        let wanted = self.text_octets_max > 0 && part.content_type.starts_with("text/");
        self.leaf = Some(Leaf {
            decoder: TransferDecoder::new(encoding),
            body_at: head.body_at,
            text: wanted.then(Vec::new),
        });
        if head.kind == PartKind::EncodedMessage && self.encoded_depth < ENCODED_DEPTH_MAX {
            part.is_leaf = false;
            let at = self.encoded_at.unwrap_or(head.body_at);
            let mut inner = Self::new(part.depth + 1, self.text_octets_max, Some(at));
            inner.encoded_depth = self.encoded_depth + 1;
            self.inner = Some(Box::new(inner));
        }
    }

    fn body<D: BodyDigest>(&mut self, octets: &[u8], facts: &mut Facts<D>) {
        let Some(leaf) = &mut self.leaf else { return };
        self.scratch.clear();
        leaf.decoder.push(octets, &mut self.scratch);
        self.decoded(facts);
    }

    /// Passes on what the decoder left in the scratch space.
    fn decoded<D: BodyDigest>(&mut self, facts: &mut Facts<D>) {
        if let Some(inner) = &mut self.inner {
            inner.push(&self.scratch, facts);
            return;
        }
        let Some(part) = self.open.last().and_then(|index| facts.parts.get_mut(*index)) else { return };
        part.octets += self.scratch.len() as u64;
        part.digest.update(&self.scratch);
        if let Some(text) = self.leaf.as_mut().and_then(|leaf| leaf.text.as_mut()) {
            let room = self.text_octets_max.saturating_sub(text.len());
            part.is_text_cut |= self.scratch.len() > room;
            text.extend_from_slice(self.scratch.get(..room).unwrap_or(&self.scratch));
        }
    }

    fn end<D: BodyDigest>(&mut self, facts: &mut Facts<D>) {
        if let Some(leaf) = &mut self.leaf {
            self.scratch.clear();
            leaf.decoder.finish(&mut self.scratch);
            self.decoded(facts);
        }
        if let Some(mut inner) = self.inner.take() {
            inner.finish(facts);
        }
        if let Some(leaf) = self.leaf.take() {
            self.defects(leaf.decoder.defects(), leaf.body_at, facts);
            let part = self.open.last().and_then(|index| facts.parts.get_mut(*index));
            if let Some((part, octets)) = part.zip(leaf.text) {
                let label = part.charset.as_deref().unwrap_or_default();
                let decoded = charset::decode_or_guess(label, &octets);
                part.text = Some(decoded.text.into_owned());
                if let Some(kind) = decoded.defect {
                    self.defect(Defect::new(kind, leaf.body_at), facts);
                }
            }
        }
        self.open.pop();
    }

    fn defects<D: BodyDigest>(&self, found: &Defects, offset: u64, facts: &mut Facts<D>) {
        for defect in found {
            self.defect(Defect::new(defect.kind, defect.at + offset), facts);
        }
        facts.defects_count += found.count() - found.iter().len() as u64;
    }

    fn defect<D: BodyDigest>(&self, defect: Defect, facts: &mut Facts<D>) {
        facts.defects_count += 1;
        if facts.defects.len() < usize::from(Limits::DEFAULT.defects_max) {
            facts.defects.push(Defect::new(defect.kind, self.encoded_at.unwrap_or(defect.at)));
        }
    }
}

fn extend(list: &mut Vec<MailboxFacts>, addresses: &AddressList<'_>) {
    let room = usize::from(Limits::DEFAULT.addresses_max).saturating_sub(list.len());
    list.extend(addresses.mailboxes().take(room).map(|mailbox| MailboxFacts {
        name: mailbox.name().map(str::to_owned),
        address: mailbox.address().map(str::to_owned),
    }));
}
