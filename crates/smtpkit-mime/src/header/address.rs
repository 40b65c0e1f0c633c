//! Addresses: mailboxes and groups, with everything obsolete that still arrives (RFC 5322 §3.4, §4.4).
//!
//! ```abnf
//! address = mailbox / group
//! mailbox = [ display-name ] "<" [ route ] addr-spec ">" / addr-spec
//! group   = display-name ":" [ mailbox-list ] ";"
//! ```
//!
//! Comments name a mailbox that has no other name. Quoted local parts keep their quotes and address literals
//! their colons, so an address can go back on the wire. Routes are dropped. A phrase without an address stays
//! as a name without one: nothing is made up.

use core::slice::SliceIndex;
use std::borrow::Cow;

use crate::decode::charset;
use crate::defect::{Defect, DefectKind, Defects};
use crate::header::lex::{self, Lexer, is_blank};
use crate::header::text;
use crate::header::usual_mailbox::UsualMailboxes;
use crate::limits::{Limits, MAILBOX_WORDS_MAX};

/// A mailbox of a field: who, and where to (RFC 5322 §3.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox<'a> {
    pub(super) name: Option<Cow<'a, str>>,
    pub(super) address: Option<Cow<'a, str>>,
}

impl Mailbox<'_> {
    /// The display name, decoded; or else the comment that stands in its place.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address as it goes on the wire; none if the field gives only a name.
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// What stands before the last `@` of the address, quotes included.
    pub fn local_part(&self) -> Option<&str> {
        self.address().map(|address| address.rsplit_once('@').map_or(address, |(local_part, _)| local_part))
    }

    /// What stands behind the last `@` of the address.
    pub fn domain(&self) -> Option<&str> {
        self.address()?.rsplit_once('@').map(|(_, domain)| domain)
    }
}

/// One entry of an address list (RFC 5322 §3.4).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5322 §3.4 knows these two")]
pub enum Address<'a> {
    /// A single mailbox.
    Mailbox(Mailbox<'a>),
    /// A named group, perhaps of nobody.
    Group {
        /// The name of the group, decoded.
        name: Cow<'a, str>,
        /// Who belongs to it.
        members: Vec<Mailbox<'a>>,
    },
}

/// The addresses of one field (RFC 5322 §3.4).
///
/// ```
/// use smtpkit_mime::{Limits, header::AddressList};
///
/// let value = b"\"Doe, Jane\" <jane@a.example>, joe@b.example (Joe), friends: \"x y\"@[IPv6:::1];";
/// let list = AddressList::parse(value, &Limits::default());
/// let all: Vec<_> = list.mailboxes().map(|m| (m.name(), m.address().unwrap())).collect();
/// assert_eq!(all, [
///     (Some("Doe, Jane"), "jane@a.example"),
///     (Some("Joe"), "joe@b.example"),
///     (None, "\"x y\"@[IPv6:::1]"),
/// ]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressList<'a> {
    addresses: Vec<Address<'a>>,
    defects: Defects,
}

impl<'a> AddressList<'a> {
    /// Reads the value of a field; what is no address is told by [`defects`](Self::defects).
    pub fn parse(value: &'a [u8], limits: &Limits) -> Self {
        Parser::new(value, limits).run()
    }

    /// The same, with defects counted from where the value stands in the message.
    pub(crate) fn at(mut self, octets: u64) -> Self {
        self.defects.shift(octets);
        self
    }

    /// Mailboxes and groups in order.
    pub fn iter(&self) -> core::slice::Iter<'_, Address<'a>> {
        self.addresses.iter()
    }

    /// All mailboxes in order, those in groups included.
    pub fn mailboxes(&self) -> impl Iterator<Item = &Mailbox<'a>> {
        self.addresses.iter().flat_map(|address| match address {
            Address::Mailbox(mailbox) => core::slice::from_ref(mailbox),
            Address::Group { members, .. } => members,
        })
    }

    /// What is wrong with the field, with offsets within the value, or within the message if it comes from a
    /// [`Field`](crate::header::Field).
    pub fn defects(&self) -> &Defects {
        &self.defects
    }
}

impl<'a, 'l> IntoIterator for &'l AddressList<'a> {
    type Item = &'l Address<'a>;
    type IntoIter = core::slice::Iter<'l, Address<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Reads the mailboxes of a value, those in groups included, to the end of `all`: what [`AddressList::parse`] reads,
/// without the groups and the defects.
pub(crate) fn push_mailboxes<'a>(value: &'a [u8], limits: &Limits, all: &mut Vec<Mailbox<'a>>) {
    let max = usize::from(limits.addresses_max);
    // a mailbox has some octets more than its comma, and room for nobody is not asked for
    let room = memchr::memchr_iter(b',', value).count().min(value.len() / MAILBOX_OCTETS_USUAL) + 1;
    all.reserve(room.min(max));
    let mut usual = UsualMailboxes::new(value);
    all.extend(usual.by_ref().take(max.saturating_sub(all.len())));
    if !usual.is_done() && all.len() < max {
        for address in Parser::new(usual.rest(), limits).run().addresses {
            match address {
                Address::Mailbox(mailbox) => all.push(mailbox),
                Address::Group { members, .. } => all.extend(members),
            }
        }
    }
}

/// Octets that most mailboxes have, or more.
const MAILBOX_OCTETS_USUAL: usize = 16;

/// An atom with its dots and at signs, an address literal, or a quoted string.
#[derive(Debug, Clone, Copy)]
struct Word {
    start: usize,
    end: usize,
    quoted: bool,
}

struct Parser<'a, 'l> {
    lexer: Lexer<'a>,
    usual: UsualMailboxes<'a>,
    words: Vec<Word>,
    comment: Option<&'a [u8]>,
    limits: &'l Limits,
    list: AddressList<'a>,
}

impl<'a, 'l> Parser<'a, 'l> {
    fn new(value: &'a [u8], limits: &'l Limits) -> Self {
        Self {
            lexer: Lexer::new(value),
            usual: UsualMailboxes::new(value),
            words: Vec::new(),
            comment: None,
            limits,
            list: AddressList::default(),
        }
    }

    fn run(mut self) -> AddressList<'a> {
        let mut group: Option<(Cow<'a, str>, Vec<Mailbox<'a>>)> = None;
        let mut count = 0;
        loop {
            // an entry of nothing is nobody
            self.lexer.take_while(|octet| is_blank(octet) || octet == b',');
            let start = self.lexer.at();
            let (mailbox, end) = match self.usual.next_at(start) {
                Some(mailbox) => {
                    self.lexer.go_to(self.usual.at());
                    (Some(mailbox), Some(b','))
                }
                None => self.mailbox(),
            };
            if let Some(mailbox) = mailbox {
                count += 1;
                if count > self.limits.addresses_max {
                    self.defect(DefectKind::TooManyAddresses, start);
                    break;
                }
                match &mut group {
                    Some((_, members)) => members.push(mailbox),
                    None => self.list.addresses.push(Address::Mailbox(mailbox)),
                }
            }
            match end {
                Some(b':') => {
                    // a colon inside of a group opens the next one
                    count += 1;
                    self.close(group.take());
                    let comment = self.comment.map(comment_text);
                    let name = self.phrase(..).or(comment).unwrap_or_default();
                    self.words.clear();
                    self.comment = None;
                    group = Some((name, Vec::new()));
                    if count > self.limits.addresses_max {
                        self.defect(DefectKind::TooManyAddresses, start);
                        break;
                    }
                }
                Some(b';') => self.close(group.take()),
                Some(_) => {}
                None => break,
            }
        }
        self.close(group);
        if let Some(at) = self.lexer.unclosed() {
            self.defect(DefectKind::Unclosed, at);
        }
        self.list
    }

    fn defect(&mut self, kind: DefectKind, at: usize) {
        self.list.defects.push(Defect::new(kind, at as u64), self.limits.defects_max);
    }

    fn close(&mut self, group: Option<(Cow<'a, str>, Vec<Mailbox<'a>>)>) {
        // a group without name and members is what is left of broken text
        if let Some((name, members)) = group.filter(|(name, members)| !name.is_empty() || !members.is_empty())
        {
            self.list.addresses.push(Address::Group { name, members });
        }
    }

    /// Reads up to the next `,`, `;` or `:`; which one it was, or none at the end.
    fn mailbox(&mut self) -> (Option<Mailbox<'a>>, Option<u8>) {
        self.words.clear();
        self.comment = None;
        let mut angle = None;
        let begin = self.lexer.at();
        let end = loop {
            self.lexer.skip_blanks();
            let start = self.lexer.at();
            match self.lexer.peek() {
                None => break None,
                Some(b'(') => self.comment = Some(self.lexer.comment()),
                Some(b'"') => {
                    self.lexer.quoted();
                    self.keep(Word { start, end: self.lexer.at(), quoted: true });
                }
                Some(b'<') if angle.is_none() => angle = Some((self.words.len(), self.angle())),
                Some(end @ (b',' | b';')) => {
                    self.lexer.bump();
                    break Some(end);
                }
                Some(b':') if angle.is_none() => {
                    self.lexer.bump();
                    return (None, Some(b':'));
                }
                Some(b'<' | b'>' | b':') => {
                    self.defect(DefectKind::BadAddress, start);
                    self.lexer.bump();
                }
                Some(b'[') => {
                    self.literal();
                    self.keep(Word { start, end: self.lexer.at(), quoted: false });
                }
                Some(_) => self.atom(),
            }
        };
        (self.assemble(begin, angle), end)
    }

    /// An atom; a backslash hides the octet that follows it.
    fn atom(&mut self) {
        let start = self.lexer.at();
        loop {
            self.lexer.take_while(|octet| {
                !is_blank(octet)
                    && !matches!(octet, b'(' | b'"' | b'<' | b'>' | b',' | b';' | b':' | b'[' | b'\\')
            });
            if !self.lexer.accept(b'\\') {
                break;
            }
            self.lexer.bump();
        }
        self.keep(Word { start, end: self.lexer.at(), quoted: false });
    }

    /// A domain literal up to its bracket, which no blank interrupts (RFC 5321 §4.1.3).
    fn literal(&mut self) {
        self.lexer.bump();
        self.lexer.take_while(|octet| !is_blank(octet) && !matches!(octet, b']' | b',' | b';' | b'<' | b'>'));
        self.lexer.accept(b']');
    }

    /// The address between angle brackets, without blanks, comments and route.
    fn angle(&mut self) -> Option<Cow<'a, str>> {
        let open = self.lexer.at();
        self.lexer.bump();
        let first = self.words.len();
        let mut in_route = self.lexer.peek() == Some(b'@');
        loop {
            self.lexer.skip_blanks();
            let start = self.lexer.at();
            match self.lexer.peek() {
                Some(b'>') => {
                    self.lexer.bump();
                    break;
                }
                Some(b'<') | None => {
                    self.defect(DefectKind::Unclosed, open);
                    break;
                }
                Some(b',' | b';') if !in_route && self.has_at_sign(first) => {
                    self.defect(DefectKind::Unclosed, open);
                    break;
                }
                Some(b'(') => {
                    let comment = self.lexer.comment();
                    self.comment.get_or_insert(comment);
                }
                Some(b':') if in_route => {
                    // RFC 5322 §4.4: the route is ignored
                    self.words.truncate(first);
                    self.lexer.bump();
                    in_route = false;
                }
                Some(b'"') => {
                    self.lexer.quoted();
                    self.keep(Word { start, end: self.lexer.at(), quoted: true });
                }
                Some(b'[') => {
                    self.literal();
                    self.keep(Word { start, end: self.lexer.at(), quoted: false });
                }
                Some(b',' | b';' | b':') => {
                    self.lexer.bump();
                    self.keep(Word { start, end: self.lexer.at(), quoted: false });
                }
                Some(_) => self.atom(),
            }
        }
        let address = self.join(first, self.words.len());
        self.words.truncate(first);
        address
    }

    /// Notes a word; those beyond the limit are skipped.
    fn keep(&mut self, word: Word) {
        if self.words.len() < MAILBOX_WORDS_MAX {
            self.words.push(word);
        } else {
            self.defect(DefectKind::BadAddress, word.start);
        }
    }

    fn has_at_sign(&self, first: usize) -> bool {
        self.words.iter().skip(first).any(|word| !word.quoted && self.word(word).contains(&b'@'))
    }

    fn word(&self, word: &Word) -> &'a [u8] {
        self.lexer.slice(word.start, word.end)
    }

    /// Words `from..to` as an address: as written, without what stands between them.
    fn join(&self, from: usize, to: usize) -> Option<Cow<'a, str>> {
        let words = self.words.get(from..to)?;
        let (first, last) = (words.first()?, words.last()?);
        let touching = words.iter().zip(words.iter().skip(1)).all(|(left, right)| left.end == right.start);
        let quoted_fold = words.iter().any(|word| word.quoted && self.word(word).contains(&b'\n'));
        if touching && !quoted_fold {
            return Some(charset::unlabelled(self.lexer.slice(first.start, last.end)));
        }
        let octets: Vec<u8> = words
            .iter()
            .flat_map(|word| self.word(word).iter().copied())
            .filter(|octet| !matches!(octet, b'\r' | b'\n'))
            .collect();
        Some(Cow::Owned(charset::unlabelled(&octets).into_owned()))
    }

    /// Makes a mailbox of the words and, if there was one, the address in angle brackets.
    fn assemble(
        &mut self,
        begin: usize,
        angle: Option<(usize, Option<Cow<'a, str>>)>,
    ) -> Option<Mailbox<'a>> {
        let (name, address) = match angle {
            Some((before, address)) => {
                // a name behind the address counts only if there is none before it
                let name = self.phrase(..before).or_else(|| self.phrase(before..));
                (name, address)
            }
            None => {
                let (from, to) = self.addr_spec();
                let name = if from > 0 { self.phrase(..from) } else { self.phrase(to..) };
                (name, self.join(from, to))
            }
        };
        let comment = self.comment.filter(|_| name.is_none()).map(comment_text);
        let name = name.or(comment.filter(|text| !text.is_empty()));
        if name.is_none() && address.is_none() {
            return None;
        }
        if !address.as_deref().is_some_and(|address| address.contains('@')) {
            self.defect(DefectKind::BadAddress, begin);
        }
        Some(Mailbox { name, address })
    }

    /// Which of the words are the address: those around an at sign, or a single word without one.
    fn addr_spec(&self) -> (usize, usize) {
        let at_sign = self.words.iter().rposition(|word| !word.quoted && self.word(word).contains(&b'@'));
        let Some(at_sign) = at_sign else {
            return match self.words.as_slice() {
                [word] if !word.quoted => (0, 1),
                _ => (0, 0),
            };
        };
        let joined = |index: usize| {
            let left = self.words.get(index).map(|word| (self.word(word), word.end));
            let right = self.words.get(index + 1).map(|word| (self.word(word), word.start));
            match (left, right) {
                (Some((left, end)), Some((right, start))) => {
                    end == start
                        || matches!(left.last(), Some(b'.' | b'@'))
                        || matches!(right.first(), Some(b'.' | b'@'))
                }
                _ => false,
            }
        };
        let mut from = at_sign;
        while from > 0 && joined(from - 1) {
            from -= 1;
        }
        let mut to = at_sign + 1;
        while joined(to - 1) {
            to += 1;
        }
        (from, to)
    }

    /// Words as the name of somebody: quotes and escapes removed, encoded words decoded.
    fn phrase(&self, words: impl SliceIndex<[Word], Output = [Word]>) -> Option<Cow<'a, str>> {
        let words = self.words.get(words)?;
        let (first, last) = (words.first()?, words.last()?);
        if let [word] = words {
            let octets = self.word(word);
            let inner = if word.quoted { unquote(octets) } else { octets };
            if lex::is_plain(inner) {
                let name =
                    if inner.starts_with(b" ") { charset::unlabelled(inner) } else { text::text(inner) };
                return Some(name);
            }
        }
        let span = self.lexer.slice(first.start, last.end);
        if words.iter().all(|word| !word.quoted) && lex::is_plain(span) && !span.contains(&b'(') {
            return Some(text::text(span));
        }
        let mut octets = Vec::with_capacity(span.len());
        let mut end = first.start;
        for word in words {
            if word.start > end {
                octets.push(b' ');
            }
            let inner = self.word(word);
            lex::unescape(if word.quoted { unquote(inner) } else { inner }, &mut octets);
            end = word.end;
        }
        Some(Cow::Owned(text::text(&octets).into_owned()))
    }
}

fn unquote(word: &[u8]) -> &[u8] {
    let word = word.strip_prefix(b"\"").unwrap_or(word);
    word.strip_suffix(b"\"").unwrap_or(word)
}

fn comment_text(comment: &[u8]) -> Cow<'_, str> {
    if lex::is_plain(comment) {
        return text::text(comment);
    }
    let mut octets = Vec::with_capacity(comment.len());
    lex::unescape(comment, &mut octets);
    Cow::Owned(text::text(&octets).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn mailboxes_are_the_same_with_and_without_their_list(
            entries in prop::collection::vec("[ ]?\\PC{0,3}|a@b|x y <a@b>|\"x, y\" <a@b>|g:a@b|;|\\(c\\)|<a@b", 0..8)
        ) {
            let value = entries.join(",");
            let mut all = Vec::new();
            push_mailboxes(value.as_bytes(), &Limits::DEFAULT, &mut all);
            let list = AddressList::parse(value.as_bytes(), &Limits::DEFAULT);
            prop_assert_eq!(all.iter().collect::<Vec<_>>(), list.mailboxes().collect::<Vec<_>>());
        }
    }
}
