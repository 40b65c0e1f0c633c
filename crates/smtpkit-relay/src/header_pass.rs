//! The header of a message as it passes through: which fields are dropped, counted and remembered.
//!
//! Accepting counts the Received fields, those of our own host apart, and remembers whom the message was delivered to, to
//! break mail loops (RFC 5321 §6.3); it also sees whether a submission lacks Date or Message-ID (RFC 6409 §8). Final
//! delivery writes exactly one Return-Path, so an incoming one goes (RFC 5321 §4.4). All else passes octet by octet,
//! however the content is cut into pieces, in constant memory.

/// The longest field name that matters here, with its colon.
const NAME_OCTETS_MAX: usize = b"delivered-to:".len();
/// As much of a field is looked into as any honest one has.
const VALUE_OCTETS_MAX: usize = 1_000;
/// Delivered-To fields that are remembered; a message with more of them has too many hops anyway.
const DELIVERED_MAX: usize = 100;

/// What becomes of a Return-Path field that came with the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReturnPath {
    /// It stays: a relay does not touch the header (RFC 5321 §4.4).
    #[default]
    Keep,
    /// Final delivery writes its own.
    Drop,
}

/// A header on its way through.
#[derive(Debug, Default)]
pub(crate) struct HeaderPass {
    return_path: ReturnPath,
    hostname: Box<str>,
    state: State,
    /// The first octets of a line, until its field is known.
    name: Vec<u8>,
    /// The field that is looked into, without its name.
    value: Option<(Watched, Vec<u8>)>,
    hops: usize,
    own_hops: usize,
    delivered_to: Vec<String>,
    has_date: bool,
    has_message_id: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watched {
    Received,
    DeliveredTo,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    LineStart,
    Field(Fate),
    /// At the start of a line behind a field with this fate, which may go on.
    Continuation(Fate),
    Body,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Keep,
    Drop,
}

impl HeaderPass {
    /// For accepting: counts hops, those through `hostname` apart.
    pub(crate) fn counting(hostname: &str) -> Self {
        Self { hostname: hostname.to_ascii_lowercase().into(), ..Self::default() }
    }

    /// For final delivery: an incoming Return-Path goes.
    pub(crate) fn delivering() -> Self {
        Self { return_path: ReturnPath::Drop, ..Self::default() }
    }

    /// How many Received fields came by.
    pub(crate) const fn hops(&self) -> usize {
        self.hops
    }

    /// How many of them are ours.
    pub(crate) const fn own_hops(&self) -> usize {
        self.own_hops
    }

    /// Whether the message was delivered to `mailbox` before, by its own word.
    pub(crate) fn was_delivered_to(&self, mailbox: &str) -> bool {
        self.delivered_to.iter().any(|known| known.eq_ignore_ascii_case(mailbox))
    }

    /// Whether the header is complete.
    pub(crate) fn is_complete(&self) -> bool {
        self.state == State::Body
    }

    /// Whether a Date field came by.
    pub(crate) const fn has_date(&self) -> bool {
        self.has_date
    }

    /// Whether a Message-ID field came by.
    pub(crate) const fn has_message_id(&self) -> bool {
        self.has_message_id
    }

    /// Takes a piece of the content and appends what is kept of its header. Returns what lies behind the end of
    /// the header (the empty line that ends it included), which passes as it is.
    pub(crate) fn push<'a>(&mut self, piece: &'a [u8], kept: &mut Vec<u8>) -> &'a [u8] {
        let mut rest = piece;
        while let Some((&octet, after)) = rest.split_first() {
            match self.state {
                State::Body => return rest,
                State::Field(fate) => rest = self.field(fate, rest, kept),
                State::Continuation(fate) if matches!(octet, b' ' | b'\t') => self.state = State::Field(fate),
                State::Continuation(_) => {
                    self.end_field();
                    self.state = State::LineStart;
                }
                State::LineStart => {
                    self.name.push(octet);
                    rest = after;
                    self.decide(kept);
                }
            }
        }
        rest
    }

    /// The content ended: gives back what was still undecided.
    pub(crate) fn finish(&mut self, kept: &mut Vec<u8>) {
        self.end_field();
        kept.append(&mut self.name);
        self.state = State::Body;
    }

    /// Passes the rest of a line.
    fn field<'a>(&mut self, fate: Fate, rest: &'a [u8], kept: &mut Vec<u8>) -> &'a [u8] {
        let (line, after) = match rest.iter().position(|octet| *octet == b'\n') {
            Some(at) => {
                self.state = State::Continuation(fate);
                rest.split_at(at + 1)
            }
            None => (rest, &[][..]),
        };
        if fate == Fate::Keep {
            kept.extend_from_slice(line);
        }
        if let Some((_, value)) = &mut self.value {
            let room = VALUE_OCTETS_MAX.saturating_sub(value.len());
            value.extend(line.iter().take(room));
        }
        after
    }

    /// Looks into a field that has come to its end.
    fn end_field(&mut self) {
        let Some((watched, value)) = self.value.take() else { return };
        let value = String::from_utf8_lossy(&value);
        match watched {
            Watched::Received => {
                let mut words = value.split_ascii_whitespace();
                let is_ours = words.by_ref().any(|word| word.eq_ignore_ascii_case("by"))
                    && words.next().is_some_and(|name| name.eq_ignore_ascii_case(&self.hostname));
                self.own_hops += usize::from(is_ours);
            }
            Watched::DeliveredTo if self.delivered_to.len() < DELIVERED_MAX => {
                self.delivered_to.push(value.trim().to_owned());
            }
            Watched::DeliveredTo => {}
        }
    }

    /// Looks at the octets of a line so far: the end of the header, a known field, or any other one.
    fn decide(&mut self, kept: &mut Vec<u8>) {
        let ended = self.name.last() == Some(&b'\n');
        if self.name.first() == Some(&b'\r') && !ended && self.name.len() < 2 {
            return;
        }
        if matches!(self.name.as_slice(), b"\r\n" | b"\n") {
            // the empty line belongs to what follows: fields may still be added before it
            self.state = State::Body;
            return;
        }
        let complete = ended || self.name.last() == Some(&b':') || self.name.len() >= NAME_OCTETS_MAX;
        if !complete {
            return;
        }
        let is = |field: &[u8]| self.name.eq_ignore_ascii_case(field);
        self.hops += usize::from(is(b"received:"));
        self.has_date |= is(b"date:");
        self.has_message_id |= is(b"message-id:");
        self.value = if is(b"received:") {
            Some((Watched::Received, Vec::new()))
        } else if is(b"delivered-to:") {
            Some((Watched::DeliveredTo, Vec::new()))
        } else {
            None
        };
        let goes = is(b"return-path:") && self.return_path == ReturnPath::Drop;
        let fate = if goes { Fate::Drop } else { Fate::Keep };
        if fate == Fate::Keep {
            kept.extend_from_slice(&self.name);
        }
        self.name.clear();
        self.state = if ended { State::Continuation(fate) } else { State::Field(fate) };
    }

    /// The empty line that ended the header, to be written when nothing is added any more. `None` if the content
    /// ended without one.
    pub(crate) fn take_separator(&mut self) -> Option<Vec<u8>> {
        (self.is_complete() && !self.name.is_empty()).then(|| std::mem::take(&mut self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes `content` in pieces of `size` octets.
    fn pass(content: &[u8], size: usize) -> (String, HeaderPass) {
        let mut header = HeaderPass { hostname: "us.test".into(), ..HeaderPass::delivering() };
        let mut kept = Vec::new();
        for piece in content.chunks(size) {
            let rest = header.push(piece, &mut kept);
            if header.is_complete() {
                kept.extend(header.take_separator().unwrap_or_default());
            }
            kept.extend_from_slice(rest);
        }
        header.finish(&mut kept);
        (String::from_utf8(kept).unwrap(), header)
    }

    fn check(content: &str, expected: &str) {
        for size in 1..=content.len().max(1) {
            assert_eq!(pass(content.as_bytes(), size).0, expected, "pieces of {size}");
        }
    }

    #[test]
    fn an_incoming_return_path_goes() {
        check("Return-Path: <a@b.test>\r\nSubject: x\r\n\r\nbody\r\n", "Subject: x\r\n\r\nbody\r\n");
        check("A: 1\r\nRETURN-PATH:\r\n <a@b.test>\r\n\t(folded)\r\nB: 2\r\n\r\n", "A: 1\r\nB: 2\r\n\r\n");
    }

    #[test]
    fn all_else_passes_octet_by_octet() {
        for content in [
            "",
            "\r\n",
            "\r\nReturn-Path: in the body\r\n",
            "Subject: x\r\n\r\nReturn-Path: in the body\r\n",
            "Return-Paths: <x>\r\n\r\n",
            "no field at all\r\n",
            "X: 1\r\n folded Return-Path: no\r\n\r\n",
            "Subject: cut off in the header",
            "Sub",
        ] {
            check(content, content);
        }
    }

    #[test]
    fn hops_and_fields_are_seen() {
        let content = b"Received: a\r\nreceived: b\r\n\tReceived: no\r\nDATE: x\r\nMessage-Id: <x>\r\n\r\nReceived: no\r\n";
        for size in 1..content.len() {
            let (_, header) = pass(content, size);
            assert_eq!((header.hops(), header.has_date(), header.has_message_id()), (2, true, true));
        }
        let (_, header) = pass(b"Subject: x\r\n\r\nDate: no\r\n", 4);
        assert!(!header.has_date() && !header.has_message_id());
    }

    #[test]
    fn loops_are_seen() {
        let content = b"Received: from x by US.test\r\n\twith SMTP; now\r\nReceived: from us.test by other.test\r\n\
                        Received: from us.test\r\n by us.test with SMTP\r\nDelivered-To: Bob@example.test\r\n\r\n";
        for size in 1..content.len() {
            let (_, header) = pass(content, size);
            assert_eq!((header.hops(), header.own_hops()), (3, 2), "pieces of {size}");
            assert!(header.was_delivered_to("bob@example.test"));
            assert!(!header.was_delivered_to("alice@example.test"));
        }
    }

    #[test]
    fn a_relay_leaves_the_return_path_alone() {
        let mut header = HeaderPass::counting("us.test");
        let mut kept = Vec::new();
        header.push(b"Return-Path: <a@b.test>\r\nSubject: x\r\n", &mut kept);
        assert_eq!(kept, b"Return-Path: <a@b.test>\r\nSubject: x\r\n");
    }
}
