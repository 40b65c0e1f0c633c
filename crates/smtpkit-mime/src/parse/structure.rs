//! The skeleton of a message, found by one automaton (RFC 5322 §2.1, RFC 2046 §5).
//!
//! ```text
//!            ┌──────── next field ────────┐
//!   Open ──► Header ─ empty line ─► leaf or multipart: Body ─ delimiter ─► Closing ─► Open (next part)
//!              ▲                      message: Open (its content)   │          └────► Body (epilogue)
//!              └──────────────────────────┘                         └ end of content ► Closing ─► Done
//! ```
//!
//! It is given a window of octets and says how many it used and what they are, so that a whole message and a
//! message in pieces take the same steps: the view and the push parser cannot disagree. It looks into no field
//! but the two that decide on the structure, decodes nothing, and keeps no octets but the open boundaries.

use crate::decode::TransferEncoding;
use crate::defect::{Defect, DefectKind, Defects};
use crate::header::{
    Shape,
    field::{self, Cursor, Scan},
};
use crate::limits::{BOUNDARY_OCTETS_MAX, Limits};
use crate::parse::PartKind;
use crate::parse::boundary::{Boundaries, Found, Line};
use crate::parse::known::{FieldPlace, KnownField, KnownFields};

/// What a run of body octets belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Body,
    Preamble,
    Epilogue,
}

/// What the octets of one step are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// A part begins.
    Open,
    /// A field with its colon; of the part, if it is the one that counts.
    Field { colon: usize, of_part: Option<PartField> },
    /// The header is over; the separator is among the octets used.
    HeaderEnd { kind: PartKind, encoding: TransferEncoding, fields_end: u64 },
    /// Octets of a body.
    Data(Role),
    /// The innermost open part ends at `end`.
    Close { end: u64 },
    /// More octets are needed.
    NeedMore,
    /// Everything is closed.
    Done,
}

/// A field that says what a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartField {
    Type,
    Disposition,
}

/// One step: the token's octets are `from..to` of the window, and `consumed` of the window are done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) token: Token,
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) consumed: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Header,
    SkipField,
    Body { line_start: bool },
    Closing { keep: u16, then: AfterClose },
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterClose {
    NextPart,
    Epilogue,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Leaf,
    Message,
    Preamble,
    Parts,
    Epilogue,
}

/// What one state does with the octets before it.
enum Move {
    /// Hands out a token of `length` octets and goes on behind `consumed`.
    Token { token: Token, length: usize, consumed: usize },
    /// Goes on behind octets that are nobody's.
    Skip(usize),
}

impl Move {
    const fn token(token: Token) -> Self {
        Self::Token { token, length: 0, consumed: 0 }
    }
}

/// What the header that is being read has said so far.
#[derive(Debug, Default, Clone)]
struct Pending {
    fields: u32,
    octets: usize,
    first_line: bool,
    too_long: bool,
    shape: Option<(Shape, u64)>,
    has_disposition: bool,
    encoding: Option<TransferEncoding>,
}

/// Which fields become tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fields {
    /// All of them.
    All,
    /// Those that say what a part is; fields of the message that readers ask for are noted on the side.
    OfParts,
}

/// The automaton; see the head of this file.
#[derive(Debug, Clone)]
pub(crate) struct Structure {
    limits: Limits,
    fields: Fields,
    known: KnownFields,
    state: State,
    levels: Vec<(Level, bool)>,
    boundaries: Boundaries,
    pending: Pending,
    cursor: Cursor,
    /// Offset of the window in the content.
    at: u64,
    /// Where the body that a delimiter or the end of the content cuts off ends.
    cut: u64,
    parts: u32,
    defects: Defects,
}

impl Structure {
    pub(crate) fn new(limits: Limits, fields: Fields) -> Self {
        Self {
            limits,
            fields,
            known: KnownFields::new(),
            state: State::Open,
            levels: Vec::new(),
            boundaries: Boundaries::default(),
            pending: Pending::default(),
            cursor: Cursor::default(),
            at: 0,
            cut: 0,
            parts: 0,
            defects: Defects::NONE,
        }
    }

    /// The offset of the window of the next step.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// How many levels are open.
    pub(crate) fn depth(&self) -> u16 {
        self.levels.len() as u16
    }

    pub(crate) fn defects(&self) -> &Defects {
        &self.defects
    }

    pub(crate) fn into_findings(self) -> (KnownFields, Defects) {
        (self.known, self.defects)
    }

    fn defect(&mut self, kind: DefectKind, at: u64) {
        // a limit that is reached is told even where other defects filled the list
        let once = kind == DefectKind::TooManyParts;
        self.defects.push(Defect::new(kind, at), if once { u16::MAX } else { self.limits.defects_max });
    }

    /// Takes the next step in `window`; `last` says that nothing follows it.
    pub(crate) fn step(&mut self, window: &[u8], last: bool) -> Step {
        let mut used = 0;
        loop {
            let rest = window.get(used..).unwrap_or_default();
            let found = match self.state {
                State::Open => self.open(),
                State::Header => self.header(rest, last),
                State::SkipField => self.skip_field(rest, last),
                State::Body { line_start } => self.body(rest, line_start, last),
                State::Closing { keep, then } => self.closing(keep, then),
                State::Done => Move::Token { token: Token::Done, length: 0, consumed: 0 },
            };
            match found {
                Move::Token { token, length, consumed } => {
                    self.at += consumed as u64;
                    return Step { token, from: used, to: used + length, consumed: used + consumed };
                }
                Move::Skip(octets) => {
                    self.at += octets as u64;
                    used += octets;
                }
            }
        }
    }

    fn open(&mut self) -> Move {
        self.parts += 1;
        self.levels.push((Level::Leaf, false));
        self.pending = Pending { first_line: true, ..Pending::default() };
        self.cursor = Cursor::default();
        self.state = State::Header;
        Move::token(Token::Open)
    }

    fn header(&mut self, rest: &[u8], last: bool) -> Move {
        if let [b'-', tail @ ..] = rest
            && self.cursor.is_fresh()
            && !self.boundaries.is_empty()
        {
            match tail.first() {
                Some(b'-') => match self.boundaries.match_line(rest, last) {
                    Line::Delimiter { .. } => return self.header_end(0, true),
                    Line::Incomplete => return Move::token(Token::NeedMore),
                    Line::Other { .. } => {}
                },
                None if !last => return Move::token(Token::NeedMore),
                _ => {}
            }
        }
        let max = field::field_octets_max(&self.limits);
        // a whole message is nearly always made of fields that need no more than a glance
        let skimmed = if self.fields == Fields::OfParts { field::skim(rest) } else { None };
        let scanned = match skimmed {
            Some((colon, length)) => Scan::Field { colon, length },
            None => field::scan(rest, &mut self.cursor, last),
        };
        match scanned {
            Scan::Separator { length } => self.header_end(length, false),
            Scan::Field { colon, length } => {
                self.field(rest.get(..length.min(max)).unwrap_or(rest), colon, length)
            }
            Scan::Incomplete if rest.len() > max => {
                self.state = State::SkipField;
                let colon = self.cursor.colon().unwrap_or(0);
                self.field(rest.get(..max).unwrap_or(rest), colon, max)
            }
            Scan::Incomplete => Move::token(Token::NeedMore),
            Scan::NotAField => self.no_field(rest, last),
        }
    }

    /// A line that is no field: the first line of a header may be skipped, any other one belongs to the body.
    fn no_field(&mut self, rest: &[u8], last: bool) -> Move {
        if rest.is_empty() {
            return self.header_end(0, false);
        }
        if self.pending.first_line {
            if !last && rest.len() < 6 && (b"From ".starts_with(rest) || b">From ".starts_with(rest)) {
                return Move::token(Token::NeedMore);
            }
            let fold = matches!(rest.first(), Some(b' ' | b'\t'));
            if fold || field::is_envelope_line(rest) {
                if fold {
                    self.defect(DefectKind::LeadingContinuation, self.at);
                }
                self.pending.first_line = false;
                self.cursor = Cursor::default();
                self.state = State::SkipField;
                return Move::Skip(0);
            }
        }
        self.header_end(0, true)
    }

    fn field(&mut self, field: &[u8], colon: usize, length: usize) -> Move {
        self.cursor = Cursor::default();
        self.pending.first_line = false;
        if field.len() < length || self.state == State::SkipField {
            self.defect(DefectKind::FieldTooLong, self.at);
        }
        let over = self.pending.fields >= self.limits.fields_max
            || self.pending.octets + field.len() > self.limits.header_octets_max as usize;
        if over || self.pending.too_long {
            if !self.pending.too_long {
                self.pending.too_long = true;
                self.defect(DefectKind::HeaderTooLong, self.at);
            }
            return Move::Skip(length);
        }
        self.pending.fields += 1;
        self.pending.octets += field.len();
        if colon == 0 {
            self.defect(DefectKind::EmptyFieldName, self.at);
            return Move::Skip(length);
        }
        let of_part = self.learn(field, colon);
        if self.fields == Fields::OfParts && of_part.is_none() {
            return Move::Skip(length);
        }
        Move::Token { token: Token::Field { colon, of_part }, length: field.len(), consumed: length }
    }

    /// Notes what a field says about the structure, and whether it is one of the part.
    fn learn(&mut self, field: &[u8], colon: usize) -> Option<PartField> {
        let initial = field.first().map_or(0, u8::to_ascii_lowercase);
        if initial != b'c' && (self.fields == Fields::All || !KnownField::may_begin(initial)) {
            return None;
        }
        let (name, value) = field.split_at_checked(colon).unwrap_or((field, b""));
        let name = name.trim_ascii_end();
        if self.fields == Fields::OfParts && self.levels.len() == 1 {
            self.known.note(name, FieldPlace::new(self.at, field.len(), colon));
        }
        if initial != b'c' {
            return None;
        }
        let value = value.get(1..).unwrap_or_default();
        if name.eq_ignore_ascii_case(b"content-type") {
            if self.pending.shape.is_some() {
                self.defect(DefectKind::DuplicateField, self.at);
                return None;
            }
            self.pending.shape = Some((Shape::of(value, &self.limits), self.at));
            return Some(PartField::Type);
        }
        if name.eq_ignore_ascii_case(b"content-disposition") {
            let is_first = !std::mem::replace(&mut self.pending.has_disposition, true);
            return is_first.then_some(PartField::Disposition);
        }
        if name.eq_ignore_ascii_case(b"content-transfer-encoding") {
            if self.pending.encoding.is_some() {
                self.defect(DefectKind::DuplicateField, self.at);
                return None;
            }
            let encoding = TransferEncoding::of(value);
            if encoding == TransferEncoding::Unknown {
                self.defect(DefectKind::UnknownEncoding, self.at);
            }
            self.pending.encoding = Some(encoding);
        }
        None
    }

    /// Skips the rest of a folded line, keeping back the line feed that a fold may follow.
    fn skip_field(&mut self, rest: &[u8], last: bool) -> Move {
        match field::folded_end(rest, 0, last) {
            Ok(length) => {
                self.state = State::Header;
                Move::Skip(length)
            }
            Err(0) => Move::token(Token::NeedMore),
            Err(scanned) => Move::Skip(scanned),
        }
    }

    fn header_end(&mut self, separator: usize, defect: bool) -> Move {
        if defect {
            self.defect(DefectKind::MissingSeparator, self.at);
        }
        let fields_end = self.at;
        let encoding = self.pending.encoding.unwrap_or(TransferEncoding::SevenBit);
        let digest = self.levels.len().checked_sub(2).and_then(|i| self.levels.get(i)).is_some_and(|l| l.1);
        let (shape, type_at) = match self.pending.shape.take() {
            Some(found) => found,
            None if digest => (Shape::Message, self.at),
            None => (Shape::Leaf, self.at),
        };
        let kind = self.enter(shape, type_at, encoding);
        self.state = State::Body { line_start: true };
        if kind == PartKind::Message {
            self.state = State::Open;
        }
        Move::Token { token: Token::HeaderEnd { kind, encoding, fields_end }, length: 0, consumed: separator }
    }

    /// Opens what a header announced, as far as the limits allow.
    fn enter(&mut self, shape: Shape, type_at: u64, encoding: TransferEncoding) -> PartKind {
        let deep = self.levels.len() >= usize::from(self.limits.depth_max);
        let (level, digest, kind) = match shape {
            Shape::Leaf => return PartKind::Leaf,
            Shape::Message if encoding.is_coded() => return PartKind::EncodedMessage,
            _ if deep => {
                self.defect(DefectKind::TooDeep, type_at);
                return PartKind::Leaf;
            }
            Shape::Message if self.parts >= self.limits.parts_max => {
                self.defect(DefectKind::TooManyParts, type_at);
                return PartKind::Leaf;
            }
            Shape::Message => (Level::Message, false, PartKind::Message),
            Shape::Multipart { boundary, digest } => {
                if boundary.is_empty() || boundary.len() > BOUNDARY_OCTETS_MAX {
                    self.defect(DefectKind::MissingBoundary, type_at);
                    return PartKind::Leaf;
                }
                if encoding.is_coded() {
                    self.defect(DefectKind::EncodedMultipart, type_at);
                }
                self.boundaries.open(&boundary, (self.levels.len() - 1) as u16);
                (Level::Preamble, digest, PartKind::Multipart)
            }
        };
        if let Some(top) = self.levels.last_mut() {
            *top = (level, digest);
        }
        kind
    }

    fn body(&mut self, rest: &[u8], line_start: bool, last: bool) -> Move {
        let found = if self.boundaries.is_empty() {
            Found::NotBefore { safe: rest.len() }
        } else {
            self.boundaries.find(rest, line_start, last)
        };
        let role = match self.levels.last() {
            Some((Level::Preamble, _)) => Role::Preamble,
            Some((Level::Epilogue, _)) => Role::Epilogue,
            _ => Role::Body,
        };
        let (length, consumed) = match found {
            Found::Delimiter { data_end, dashes, level, closes, length } => {
                self.cut = self.at + data_end as u64;
                self.delimited(level, closes, self.at + dashes as u64);
                (data_end, dashes + length)
            }
            Found::NotBefore { safe: 0 } if last => {
                self.cut = self.at;
                self.state = State::Closing { keep: 0, then: AfterClose::End };
                return Move::Skip(0);
            }
            Found::NotBefore { safe: 0 } => return Move::token(Token::NeedMore),
            Found::NotBefore { safe } => {
                self.state = State::Body { line_start: false };
                (safe, safe)
            }
        };
        if length == 0 {
            return Move::Skip(consumed);
        }
        Move::Token { token: Token::Data(role), length, consumed }
    }

    fn delimited(&mut self, level: u16, closes: bool, at: u64) {
        let mut then = AfterClose::Epilogue;
        if closes {
            self.boundaries.close(level);
        } else if self.parts >= self.limits.parts_max {
            // all that follows is left as it is
            self.defect(DefectKind::TooManyParts, at);
            self.boundaries.close(0);
        } else {
            self.boundaries.close(level + 1);
            then = AfterClose::NextPart;
        }
        self.state = State::Closing { keep: level + 1, then };
    }

    fn closing(&mut self, keep: u16, then: AfterClose) -> Move {
        if self.levels.len() > usize::from(keep) {
            match self.levels.pop() {
                Some((Level::Preamble, _)) => self.defect(DefectKind::NoDelimiter, self.cut),
                Some((Level::Parts, _)) => self.defect(DefectKind::MissingCloseDelimiter, self.cut),
                _ => {}
            }
            return Move::token(Token::Close { end: self.cut });
        }
        let level = if then == AfterClose::NextPart { Level::Parts } else { Level::Epilogue };
        if let Some(top) = self.levels.last_mut() {
            top.0 = level;
        }
        self.state = match then {
            AfterClose::NextPart => State::Open,
            AfterClose::Epilogue => State::Body { line_start: true },
            AfterClose::End => State::Done,
        };
        Move::Skip(0)
    }
}
