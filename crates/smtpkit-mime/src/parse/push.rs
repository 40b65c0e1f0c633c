//! A message that arrives in pieces: octets in, events out, nothing kept but what a piece cut off.
//!
//! The parser reads pieces where they lie. What cannot be decided at the end of one (half a field, the
//! beginning of a delimiter) is carried over, and the next piece is peeked at until it can; then reading goes
//! on in the piece itself. Memory is bounded by [`Limits::field_octets_max`], whatever arrives.

use crate::defect::Defects;
use crate::header::Field;
use crate::header::field::field_octets_max;
use crate::limits::Limits;
use crate::parse::structure::{Fields, Role, Step, Structure, Token};
use crate::parse::{Event, PartHead};

/// How many octets of the next piece are peeked at in one go.
const PEEK_OCTETS: usize = 256;

/// Parses a message in pieces (RFC 5322, RFC 2046); see [`Event`] for what comes out.
///
/// ```
/// use smtpkit_mime::{Event, PushParser};
///
/// let mut parser = PushParser::new();
/// let mut body = Vec::new();
/// for piece in [&b"Subject: hi\r"[..], b"\n\r\nbo", b"dy"] {
///     let mut rest = piece;
///     while let Some(event) = parser.next(&mut rest) {
///         if let Event::Body(octets) = event {
///             body.extend_from_slice(octets);
///         }
///     }
/// }
/// while let Some(event) = parser.finish() {
///     assert!(matches!(event, Event::PartEnd { at: 19 }));
/// }
/// assert_eq!(body, b"body");
/// ```
#[derive(Debug, Clone)]
pub struct PushParser {
    structure: Structure,
    limits: Limits,
    carry: Vec<u8>,
    /// Octets of `carry` that are done with.
    taken: usize,
    /// Octets of `carry` that are not merely a peek at the next piece.
    owned: usize,
}

impl Default for PushParser {
    fn default() -> Self {
        Self::new()
    }
}

impl PushParser {
    /// A parser within the default [`Limits`].
    pub fn new() -> Self {
        Self::with_limits(Limits::DEFAULT)
    }

    /// A parser within other limits.
    pub fn with_limits(limits: Limits) -> Self {
        Self { structure: Structure::new(limits, Fields::All), limits, carry: Vec::new(), taken: 0, owned: 0 }
    }

    /// The next event in `input`, which moves on; none when more input is needed and `input` is empty.
    pub fn next<'e, 'c: 'e>(&'e mut self, input: &mut &'c [u8]) -> Option<Event<'e>> {
        self.settle();
        while self.owned > 0 {
            let at = self.structure.at();
            let step = self.structure.step(self.carry.get(self.taken..).unwrap_or_default(), false);
            self.taken += step.consumed;
            if self.taken >= self.owned {
                // what was carried is used up: go on in the piece, behind what was used of it
                *input = input.get(self.taken - self.owned..).unwrap_or_default();
                self.owned = 0;
            }
            if step.token != Token::NeedMore {
                let from = self.taken - step.consumed;
                return self.event(at, step, self.carry.get(from..).unwrap_or_default());
            }
            if self.owned > 0 && !self.peek_further(input) {
                return None;
            }
        }
        self.carry.clear();
        self.taken = 0;
        let at = self.structure.at();
        let window = *input;
        let step = self.structure.step(window, false);
        *input = window.get(step.consumed..).unwrap_or_default();
        if step.token == Token::NeedMore {
            self.carry.extend_from_slice(input);
            self.owned = self.carry.len();
            *input = &[];
            return None;
        }
        self.event(at, step, window)
    }

    /// The next event after the end of the input; none when the message is over.
    pub fn finish(&mut self) -> Option<Event<'_>> {
        self.settle();
        let at = self.structure.at();
        let step = self.structure.step(self.carry.get(self.taken..).unwrap_or_default(), true);
        let from = self.taken;
        self.taken += step.consumed;
        self.event(at, step, self.carry.get(from..).unwrap_or_default())
    }

    /// Forgets what was peeked at and what is done with.
    fn settle(&mut self) {
        self.carry.truncate(self.owned);
        if self.taken > 0 {
            self.carry.drain(..self.taken.min(self.owned));
            self.owned = self.carry.len();
            self.taken = 0;
        }
    }

    /// Adds to the carry what was peeked at, and peeks at what follows; false if nothing does.
    fn peek_further(&mut self, input: &mut &[u8]) -> bool {
        let peeked = self.carry.len() - self.owned;
        *input = input.get(peeked..).unwrap_or_default();
        self.carry.drain(..self.taken);
        self.taken = 0;
        self.owned = self.carry.len();
        // a long carry is a long field: larger steps keep the number of attempts small
        let next = input.get(..PEEK_OCTETS.max(self.owned)).unwrap_or(input);
        self.carry.extend_from_slice(next);
        !next.is_empty()
    }

    fn event<'e>(&self, at: u64, step: Step, window: &'e [u8]) -> Option<Event<'e>> {
        let octets = window.get(step.from..step.to).unwrap_or_default();
        let end = at + step.consumed as u64;
        Some(match step.token {
            Token::Open => Event::PartStart { depth: self.structure.depth() - 1, at: end },
            Token::Field { colon, .. } => {
                Event::Field(Field::new(octets, colon, at + step.from as u64, self.limits))
            }
            Token::HeaderEnd { kind, encoding, .. } => {
                Event::HeaderEnd(PartHead { kind, encoding, body_at: end })
            }
            Token::Data(Role::Body) => Event::Body(octets),
            Token::Data(Role::Preamble) => Event::Preamble(octets),
            Token::Data(Role::Epilogue) => Event::Epilogue(octets),
            Token::Close { end } => Event::PartEnd { at: end },
            Token::NeedMore | Token::Done => return None,
        })
    }

    /// What is wrong with the structure so far.
    pub fn defects(&self) -> &Defects {
        self.structure.defects()
    }

    /// How many octets at most are kept between two pieces.
    pub fn memory_octets_max(&self) -> usize {
        field_octets_max(&self.limits) + 1
    }
}
