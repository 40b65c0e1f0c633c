//! The mailboxes of nearly all mail, read the short way: `Name <local-part@domain>`, `"Name" <local-part@domain>` or
//! `local-part@domain`, in plain ASCII without anything special, folds only between them.
//!
//! One pass over the octets by a table of what they may be part of. Whatever is not usual is left where it stands,
//! for the parser of `address.rs`, which reads the same from what is.

use std::borrow::Cow;

use crate::header::Mailbox;
use crate::header::lex::is_blank;

/// Reads usual mailboxes from the value of a field, one after the other, as long as they are usual.
#[derive(Debug, Clone)]
pub(super) struct UsualMailboxes<'a> {
    value: &'a [u8],
    /// The value once more, as far as it is ASCII text.
    text: &'a str,
    at: usize,
}

impl<'a> UsualMailboxes<'a> {
    pub(super) fn new(value: &'a [u8]) -> Self {
        // text of other scripts ends what is usual, but not what stands before it
        let text = match simdutf8::basic::from_utf8(value) {
            Ok(text) => text,
            Err(_) => value.utf8_chunks().next().map_or("", |chunk| chunk.valid()),
        };
        Self { value, text, at: 0 }
    }

    /// Where the next mailbox begins, or what is not usual.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What is left of the value.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.value.get(self.at..).unwrap_or_default()
    }

    /// Whether nothing is left.
    pub(super) fn is_done(&self) -> bool {
        self.at >= self.value.len()
    }

    /// The mailbox at `at`, up to and with the comma behind it.
    pub(super) fn next_at(&mut self, at: usize) -> Option<Mailbox<'a>> {
        self.at = at;
        self.next()
    }

    fn octet(&self, at: usize) -> Option<u8> {
        self.value.get(at).copied()
    }

    /// Where the run of octets that are part of `class` ends.
    #[inline]
    fn run_end(&self, from: usize, class: u8) -> usize {
        let run = self.value.get(from..).unwrap_or_default();
        let belongs =
            |octet: &u8| CLASSES.get(usize::from(*octet)).is_some_and(|classes| classes & class != 0);
        from + run.iter().position(|octet| !belongs(octet)).unwrap_or(run.len())
    }
}

/// Ends where a mailbox is not usual.
impl<'a> Iterator for UsualMailboxes<'a> {
    type Item = Mailbox<'a>;

    fn next(&mut self) -> Option<Mailbox<'a>> {
        let start = self.run_end(self.at, BLANK);
        let (name, after) = match self.octet(start)? {
            b'"' => {
                let end = self.run_end(start + 1, IN_QUOTES);
                let open = self.run_end(end + 1, SPACE);
                let name = self.text.get(start + 1..end)?;
                let is_plain = !name.is_empty() && !name.starts_with(' ') && !name.ends_with(' ');
                if !is_plain || self.octet(end)? != b'"' || self.octet(open)? != b'<' {
                    return None;
                }
                (Some(name), open)
            }
            _ => {
                let end = self.run_end(start, IN_ATOMS);
                if self.octet(end) == Some(b'<') {
                    let name = self.text.get(start..end)?.trim_end_matches(' ');
                    ((!name.is_empty()).then_some(name), end)
                } else {
                    (None, start)
                }
            }
        };
        let bracketed = self.octet(after) == Some(b'<');
        let from = after + usize::from(bracketed);
        let at_sign = self.run_end(from, IN_ADDRESS);
        let to = self.run_end(at_sign + 1, IN_ADDRESS);
        let closed = !bracketed || self.octet(to) == Some(b'>');
        if at_sign == from || self.octet(at_sign)? != b'@' || to == at_sign + 1 || !closed {
            return None;
        }
        let end = self.run_end(to + usize::from(bracketed), BLANK);
        if !matches!(self.octet(end), None | Some(b',')) {
            return None;
        }
        let address = self.text.get(from..to)?;
        self.at = (end + 1).min(self.value.len());
        Some(Mailbox { name: name.map(Cow::Borrowed), address: Some(Cow::Borrowed(address)) })
    }
}

const BLANK: u8 = 1;
const SPACE: u8 = 2;
const IN_QUOTES: u8 = 4;
const IN_ATOMS: u8 = 8;
const IN_ADDRESS: u8 = 16;

/// What each octet may be part of.
static CLASSES: [u8; 256] = classes();

#[expect(clippy::indexing_slicing, reason = "a constant: an index out of range would not compile")]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut octet = 0_u8;
    loop {
        table[octet as usize] = match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => IN_QUOTES | IN_ATOMS | IN_ADDRESS,
            b'+' => IN_ADDRESS,
            b' ' => BLANK | SPACE | IN_QUOTES | IN_ATOMS,
            b'\'' | b'&' | b'/' => IN_QUOTES | IN_ATOMS,
            b',' | b'(' | b')' | b'<' | b'>' | b':' | b';' | b'@' => IN_QUOTES,
            _ if is_blank(octet) => BLANK,
            _ => 0,
        };
        if octet == u8::MAX {
            return table;
        }
        octet += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Limits;
    use crate::header::{Address, AddressList};

    fn usual(value: &str) -> Vec<Mailbox<'_>> {
        UsualMailboxes::new(value.as_bytes()).collect()
    }

    proptest! {
        #[test]
        fn what_is_usual_is_read_alike_by_the_parser(
            value in "[ ]?(\"?[A-Za-z@,()<>:;.' -]{0,8}\"?)?[ ]?<?[a-z.@+ ]{0,4}(@[a-z.-]{0,4})?>?[ ]?"
        ) {
            let mut usual = UsualMailboxes::new(value.as_bytes());
            if let Some(mailbox) = usual.next() && usual.is_done() {
                // an empty comment says nothing, but is not usual
                let unusual = format!("{value}()");
                let parsed = AddressList::parse(unusual.as_bytes(), &Limits::DEFAULT);
                prop_assert_eq!(parsed.iter().collect::<Vec<_>>(), [&Address::Mailbox(mailbox)]);
                prop_assert!(parsed.defects().is_empty());
            }
        }
    }

    #[test]
    fn usual_mailboxes_take_the_short_way() {
        for (value, name, address) in [
            (" Jane Doe <jane.doe@a.example>", Some("Jane Doe"), "jane.doe@a.example"),
            ("\"Doe, Jane\" <jane@a.example>\r\n", Some("Doe, Jane"), "jane@a.example"),
            ("<jane@a.example>", None, "jane@a.example"),
            (" jane+tag@a.example,", None, "jane+tag@a.example"),
        ] {
            let found = usual(value);
            let [mailbox] = found.as_slice() else { panic!("{value}: {found:?}") };
            assert_eq!((mailbox.name(), mailbox.address()), (name, Some(address)), "{value}");
        }
        for value in [
            "Jane (x) <j@a>",
            "j@",
            "a b@c",
            "a; b <j@a>",
            "=?utf-8?q?a?= <j@a>",
            "x <j@a> y",
            "<j>",
            "<@a>",
            "j @a",
            "\"a\" b <c@d>",
            "é@a",
        ] {
            assert_eq!(usual(value), [], "{value}");
        }
    }

    #[test]
    fn mailboxes_are_usual_up_to_the_first_that_is_not() {
        let value = "a@b,\r\n\tC D <c@d>,\"E, F\" <e@f> , (x) g@h, i@j";
        let mut mailboxes = UsualMailboxes::new(value.as_bytes());
        let found: Vec<_> = mailboxes.by_ref().collect();
        assert_eq!(found.iter().filter_map(Mailbox::address).collect::<Vec<_>>(), ["a@b", "c@d", "e@f"]);
        assert_eq!(mailboxes.rest(), b" (x) g@h, i@j");
        assert!(!mailboxes.is_done());
    }
}
