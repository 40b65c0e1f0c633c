//! Received: the trace that every hop leaves (RFC 5321 §4.4, RFC 5322 §3.6.7).
//!
//! ```abnf
//! received = *( keyword value [ comment ] ) ";" date-time      keyword = from / by / via / with / id / for
//! ```

use std::borrow::Cow;

use crate::DateTime;
use crate::decode::charset;
use crate::header::lex::Lexer;
use crate::header::{date, text};

/// One trace field (RFC 5321 §4.4). Values are what the hop wrote; nothing in it can be trusted.
///
/// ```
/// use smtpkit_mime::header::Received;
///
/// let value = b"from a.example (a.example [192.0.2.1]) by mx.example (Postfix) with ESMTPS id 4711\r\n\
///     \tfor <joe@b.example>; Tue, 1 Jul 2003 10:52:37 +0200";
/// let received = Received::parse(value);
/// assert_eq!(received.from(), Some("a.example"));
/// assert_eq!(received.from_comment(), Some("a.example [192.0.2.1]"));
/// assert_eq!((received.by(), received.with(), received.id()), (Some("mx.example"), Some("ESMTPS"), Some("4711")));
/// assert_eq!(received.for_mailbox(), Some("joe@b.example"));
/// assert_eq!(received.date().unwrap().hour(), 10);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Received<'a> {
    clauses: [Option<Cow<'a, str>>; 6],
    from_comment: Option<Cow<'a, str>>,
    by_comment: Option<Cow<'a, str>>,
    date: Option<DateTime>,
}

const KEYWORDS: [&[u8]; 6] = [b"from", b"by", b"via", b"with", b"id", b"for"];

impl<'a> Received<'a> {
    /// Reads the value of a field.
    pub fn parse(value: &'a [u8]) -> Self {
        let mut received = Self::default();
        let mut lexer = Lexer::new(value);
        let mut clause: Option<usize> = None;
        loop {
            lexer.skip_blanks();
            match lexer.peek() {
                None => return received,
                Some(b';') => {
                    lexer.bump();
                    received.date = date::date(lexer.rest());
                    return received;
                }
                Some(b'(') => received.comment(clause, lexer.comment()),
                Some(_) => {
                    let word = word(&mut lexer);
                    let keyword = KEYWORDS.iter().position(|keyword| word.eq_ignore_ascii_case(keyword));
                    match (keyword, clause) {
                        // a keyword that has its value already is a word like any other
                        (Some(found), _) if received.clause(found).is_none() => clause = Some(found),
                        (_, Some(open)) if received.clause(open).is_none() => received.set(open, word),
                        _ => {}
                    }
                }
            }
        }
    }

    fn clause(&self, index: usize) -> Option<&str> {
        self.clauses.get(index)?.as_deref()
    }

    fn set(&mut self, index: usize, word: &'a [u8]) {
        let word = word.strip_suffix(b",").unwrap_or(word);
        let bare = word.strip_prefix(b"<").and_then(|word| word.strip_suffix(b">")).unwrap_or(word);
        if let Some(slot) = self.clauses.get_mut(index) {
            *slot = Some(charset::unlabelled(bare));
        }
    }

    fn comment(&mut self, clause: Option<usize>, comment: &'a [u8]) {
        let slot = match clause {
            Some(0) => &mut self.from_comment,
            Some(1) => &mut self.by_comment,
            _ => return,
        };
        if slot.is_none() {
            *slot = Some(text::text(comment));
        }
    }

    /// The host that handed the message over, as it named itself.
    pub fn from(&self) -> Option<&str> {
        self.clause(0)
    }

    /// What the receiving host knows about the one that handed over: name and address in most cases.
    pub fn from_comment(&self) -> Option<&str> {
        self.from_comment.as_deref()
    }

    /// The host that took the message.
    pub fn by(&self) -> Option<&str> {
        self.clause(1)
    }

    /// What the receiving host says about itself.
    pub fn by_comment(&self) -> Option<&str> {
        self.by_comment.as_deref()
    }

    /// The link, other than TCP.
    pub fn via(&self) -> Option<&str> {
        self.clause(2)
    }

    /// The protocol (RFC 3848).
    pub fn with(&self) -> Option<&str> {
        self.clause(3)
    }

    /// The name that the receiving host gave to the message.
    pub fn id(&self) -> Option<&str> {
        self.clause(4)
    }

    /// For whom the message was taken, without angle brackets.
    pub fn for_mailbox(&self) -> Option<&str> {
        self.clause(5)
    }

    /// When the message was taken; none if it cannot be read.
    pub fn date(&self) -> Option<DateTime> {
        self.date
    }
}

/// A word, or everything between angle brackets.
fn word<'a>(lexer: &mut Lexer<'a>) -> &'a [u8] {
    let start = lexer.at();
    if lexer.peek() == Some(b'<') {
        lexer.take_while(|octet| !matches!(octet, b'>' | b';'));
        lexer.accept(b'>');
        return lexer.slice(start, lexer.at());
    }
    lexer.take_while(|octet| !matches!(octet, b' ' | b'\t' | b'\r' | b'\n' | b'(' | b';'))
}
