//! Folding: writes one header field so that its lines stay within 78 octets (RFC 5322 §2.2.3).
//!
//! Everything arrives as tokens that are not to be broken, each with the white space before it, and a fold can
//! only come before that white space; so unfolding gives back exactly what was written. Text that has a token too
//! long for a line, or anything that is not printable ASCII, goes into encoded words instead, which can be broken
//! between any two characters (RFC 2047).

use core::ops::Range;

use memchr::memchr_iter;

use super::mailbox::is_atom_octet;
use super::{AddrSpec, Address, Mailbox, MediaType, MessageId};
use crate::DateTime;
use crate::encode::{Scheme, WORD_OCTETS_MAX, extended_octet, is_token_octet};

/// Longest line that is not forced by an unbreakable token (RFC 5322 §2.1.1).
const LINE_OCTETS: usize = 78;
/// The same for a line with an encoded word in it (RFC 2047 §2).
const WORD_LINE_OCTETS: usize = 76;
/// Longest token of text that is written as it is: with a space before it and quotes or a comma it fits a line.
const TOKEN_OCTETS_MAX: usize = 72;
/// Longest white space inside text that is written as it is.
const GAP_OCTETS_MAX: usize = 3;
/// Least room that is used for an encoded word at the end of a line.
const WORD_ROOM_MIN: usize = 32;

/// Writes one field, from its name to its CRLF.
#[derive(Debug)]
pub(crate) struct FieldWriter<'o> {
    out: &'o mut Vec<u8>,
    line_start: usize,
    line_has_word: bool,
}

impl<'o> FieldWriter<'o> {
    /// Begins the field `name`, which was checked.
    pub(crate) fn begin(out: &'o mut Vec<u8>, name: &str) -> Self {
        let line_start = out.len();
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        Self { out, line_start, line_has_word: false }
    }

    /// Ends the field.
    pub(crate) fn end(self) {
        self.out.extend_from_slice(b"\r\n");
    }

    fn column(&self) -> usize {
        self.out.len() - self.line_start
    }

    fn fold(&mut self) {
        self.out.extend_from_slice(b"\r\n");
        self.line_start = self.out.len();
        self.line_has_word = false;
    }

    /// Writes `space`, on a new line if `octets` more would not fit this one.
    fn space_for(&mut self, space: &str, octets: usize) {
        let limit = if self.line_has_word { WORD_LINE_OCTETS } else { LINE_OCTETS };
        if self.column() > 0 && !space.is_empty() && self.column() + space.len() + octets > limit {
            self.fold();
        }
        self.out.extend_from_slice(space.as_bytes());
    }

    /// A token that may stand on a line of its own.
    pub(crate) fn token(&mut self, space: &str, token: &str) {
        self.space_for(space, token.len());
        self.out.extend_from_slice(token.as_bytes());
    }

    /// Octets that follow directly, whatever the line's length.
    pub(crate) fn glue(&mut self, octets: &str) {
        self.out.extend_from_slice(octets.as_bytes());
    }

    /// Unstructured text (RFC 5322 §2.2.1), with encoded words where it needs them.
    pub(crate) fn text(&mut self, text: &str) {
        let (Some(first), Some(last)) = (text.bytes().next(), text.bytes().next_back()) else { return };
        if self.column() + 1 + text.len() <= LINE_OCTETS
            && first.is_ascii_graphic()
            && last.is_ascii_graphic()
            && !needs_encoding(text, LINE_OCTETS)
        {
            return self.token(" ", text);
        }
        if text.chars().all(is_white) {
            return self.encoded(" ", text);
        }
        // neighbours that need encoding share their words, white space included: between words it is lost
        let mut run: Option<(&str, Range<usize>)> = None;
        let mut gap = 0..end_of(text, 0, is_white);
        while gap.end < text.len() {
            let token = gap.end..end_of(text, gap.end, |character| !is_white(character));
            let next_gap = token.end..end_of(text, token.end, is_white);
            let is_first = gap.start == 0;
            let is_last = next_gap.end == text.len();
            let gap_lost = gap.len() > GAP_OCTETS_MAX || is_first && !gap.is_empty();
            let next_gap_lost = next_gap.len() > GAP_OCTETS_MAX || is_last && !next_gap.is_empty();
            let space = if is_first { " " } else { slice(text, &gap) };
            if gap_lost || next_gap_lost || needs_encoding(slice(text, &token), TOKEN_OCTETS_MAX) {
                let start = if is_first { 0 } else { token.start };
                let end = if is_last { text.len() } else { token.end };
                run = Some(run.map_or((space, start..end), |(space, run)| (space, run.start..end)));
            } else {
                if let Some((space, run)) = run.take() {
                    self.encoded(space, slice(text, &run));
                }
                self.token(space, slice(text, &token));
            }
            gap = next_gap;
        }
        if let Some((space, run)) = run {
            self.encoded(space, slice(text, &run));
        }
    }

    /// A value that the caller formed, folded where it has white space.
    pub(crate) fn raw(&mut self, value: &str) {
        let value = value.trim_matches(is_white);
        let mut gap = 0..0;
        while gap.end < value.len() {
            let token = gap.end..end_of(value, gap.end, |character| !is_white(character));
            let space = if gap.is_empty() { " " } else { slice(value, &gap) };
            self.token(space, slice(value, &token));
            gap = token.end..end_of(value, token.end, is_white);
        }
    }

    /// A display name (RFC 5322 §3.2.5): atoms, a quoted string, or encoded words.
    pub(crate) fn phrase(&mut self, name: &str) {
        if are_atoms(name) {
            if self.column() + 1 + name.len() <= LINE_OCTETS {
                return self.token(" ", name);
            }
            if short(name) {
                return name.split(' ').for_each(|atom| self.token(" ", atom));
            }
        }
        // readers trim quoted strings, but not encoded words
        let lost_gap = name.contains("    ") || name.starts_with(' ') || name.ends_with(' ');
        if needs_encoding(name, usize::MAX) || name.contains('\t') || lost_gap {
            return self.encoded(" ", name);
        }
        let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
        if short(&escaped) { self.quoted(&escaped) } else { self.encoded(" ", name) }
    }

    /// A quoted string, folded before its spaces, of which there are at most three together and none at the ends.
    fn quoted(&mut self, escaped: &str) {
        let mut tokens = escaped.split(' ');
        let first = tokens.next().unwrap_or_default();
        self.space_for(" ", first.len() + 2);
        self.glue("\"");
        self.glue(first);
        let mut spaces = 0;
        for token in tokens {
            spaces += 1;
            if !token.is_empty() {
                self.space_for("   ".get(..spaces).unwrap_or("   "), token.len() + 1);
                self.glue(token);
                spaces = 0;
            }
        }
        self.glue("\"");
    }

    /// `text` as encoded words, a fold between them.
    fn encoded(&mut self, space: &str, text: &str) {
        let scheme = Scheme::for_text(text);
        let (mut space, mut rest) = (space, text);
        while !rest.is_empty() {
            let used = self.column() + space.len();
            if used + WORD_ROOM_MIN > WORD_LINE_OCTETS {
                self.fold();
            }
            self.out.extend_from_slice(space.as_bytes());
            let room = WORD_LINE_OCTETS.saturating_sub(self.column()).min(WORD_OCTETS_MAX);
            rest = scheme.word(rest, room, self.out);
            self.line_has_word = true;
            space = " ";
        }
    }

    /// A mailbox (RFC 5322 §3.4); `after` is the comma or semicolon that follows it.
    pub(crate) fn mailbox(&mut self, mailbox: &Mailbox, after: &str) {
        let address = mailbox.address().as_str();
        match mailbox.name() {
            Some(name) => {
                self.phrase(name);
                self.space_for(" ", address.len() + 2 + after.len());
                self.glue("<");
                self.glue(address);
                self.glue(">");
            }
            None => {
                self.space_for(" ", address.len() + after.len());
                self.glue(address);
            }
        }
        self.glue(after);
    }

    /// A mailbox list (RFC 5322 §3.4).
    pub(crate) fn mailboxes(&mut self, mailboxes: &[Mailbox]) {
        let mut rest = mailboxes.iter().peekable();
        while let Some(mailbox) = rest.next() {
            self.mailbox(mailbox, if rest.peek().is_some() { "," } else { "" });
        }
    }

    /// An address list (RFC 5322 §3.4).
    pub(crate) fn addresses(&mut self, addresses: &[Address]) {
        let mut rest = addresses.iter().peekable();
        while let Some(address) = rest.next() {
            let after = if rest.peek().is_some() { "," } else { "" };
            match address {
                Address::Mailbox(mailbox) => self.mailbox(mailbox, after),
                Address::Group(group) => {
                    self.phrase(group.name());
                    // RFC 2047 §5 (3): white space parts an encoded word from a special
                    self.token(if self.line_has_word { " " } else { "" }, ":");
                    self.mailboxes(group.members());
                    self.glue(";");
                    self.glue(after);
                }
            }
        }
    }

    /// One identifier that stays on the line of its field name: not every reader unfolds before it looks for one.
    pub(crate) fn message_id(&mut self, id: &MessageId) {
        self.glue(" <");
        self.glue(id.as_str());
        self.glue(">");
    }

    /// A list of identifiers.
    pub(crate) fn message_ids(&mut self, ids: &[MessageId]) {
        let mut ids = ids.iter();
        if let Some(first) = ids.next() {
            self.message_id(first);
        }
        for id in ids {
            self.space_for(" ", id.as_str().len() + 2);
            self.glue("<");
            self.glue(id.as_str());
            self.glue(">");
        }
    }

    /// A date (RFC 5322 §3.3).
    pub(crate) fn date(&mut self, date: &DateTime) {
        self.glue(" ");
        self.out.extend_from_slice(&date.octets());
    }

    /// A media type with its parameters.
    pub(crate) fn media_type(&mut self, media_type: &MediaType) {
        self.token(" ", media_type.essence());
        for (name, value) in media_type.parameters() {
            self.parameter(name, value);
        }
    }

    /// A parameter (RFC 2045 §5.1), extended and in sections where its value needs it (RFC 2231 §3, §4).
    pub(crate) fn parameter(&mut self, name: &str, value: &str) {
        self.glue(";");
        let quoted_max = WORD_LINE_OCTETS - name.len() - "=\"\";".len();
        if !value.is_empty() && value.len() <= quoted_max && value.bytes().all(is_token_octet) {
            self.space_for(" ", name.len() + 2 + value.len());
            self.glue(name);
            self.glue("=");
            return self.glue(value);
        }
        let escapes = value.bytes().filter(|octet| matches!(octet, b'"' | b'\\')).count();
        if value.len() + escapes <= quoted_max && !needs_encoding(value, usize::MAX) && !value.contains('\t')
        {
            self.space_for(" ", name.len() + 4 + value.len() + escapes);
            self.glue(name);
            self.glue("=\"");
            self.glue(&value.replace('\\', "\\\\").replace('"', "\\\""));
            return self.glue("\"");
        }
        self.extended(name, value);
    }

    /// `name*=utf-8''…`, or `name*0*=utf-8''…; name*1*=…` if that is too long for a line.
    fn extended(&mut self, name: &str, value: &str) {
        // the space, `*`, a section number of up to five digits, `*=` and `;`
        let room = LINE_OCTETS - name.len() - 10;
        let mut sections = vec![b"utf-8''".to_vec()];
        for character in value.chars() {
            let mut octets = [0; 4];
            let mut coded = Vec::with_capacity(12);
            character.encode_utf8(&mut octets).bytes().for_each(|octet| extended_octet(octet, &mut coded));
            match sections.last_mut() {
                Some(section) if section.len() + coded.len() <= room => section.append(&mut coded),
                _ => sections.push(coded),
            }
        }
        let is_one = sections.len() == 1;
        for (number, section) in sections.iter().enumerate() {
            if number > 0 {
                self.glue(";");
            }
            let label = if is_one { format!("{name}*=") } else { format!("{name}*{number}*=") };
            self.space_for(" ", label.len() + section.len() + 1);
            self.glue(&label);
            self.out.extend_from_slice(section);
        }
    }
}

/// Whether every token fits a line.
fn short(text: &str) -> bool {
    text.split(' ').all(|token| token.len() <= TOKEN_OCTETS_MAX)
}

const fn is_white(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

/// Where the run of characters of one class ends that begins at `start`.
fn end_of(text: &str, start: usize, in_run: impl Fn(char) -> bool) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    start + rest.find(|character| !in_run(character)).unwrap_or(rest.len())
}

fn slice<'t>(text: &'t str, range: &Range<usize>) -> &'t str {
    text.get(range.clone()).unwrap_or_default()
}

/// Whether text can only be written as encoded words: it is not printable ASCII, or a reader would take it for an
/// encoded word, or it is longer than `octets_max`.
fn needs_encoding(text: &str, octets_max: usize) -> bool {
    text.len() > octets_max
        || text.bytes().fold(false, |any, octet| any | !matches!(octet, b' '..=b'~' | b'\t'))
        || contains_word_start(text)
}

/// Whether `=?` is in the text.
fn contains_word_start(text: &str) -> bool {
    memchr_iter(b'=', text.as_bytes()).any(|at| text.as_bytes().get(at + 1) == Some(&b'?'))
}

/// Whether a name is atoms with one space between them, which nobody can take for an encoded word.
fn are_atoms(name: &str) -> bool {
    let mut before = b' ';
    for octet in name.bytes() {
        let is_atom = is_atom_octet(octet) && octet.is_ascii() && octet != b'=';
        if !is_atom && (octet != b' ' || before == b' ') {
            return false;
        }
        before = octet;
    }
    before != b' '
}

/// Whether an address needs `SMTPUTF8` (RFC 6531).
pub(crate) fn address_is_utf8(address: &AddrSpec) -> bool {
    !address.as_str().is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, write: impl FnOnce(&mut FieldWriter<'_>)) -> String {
        let mut out = Vec::new();
        let mut writer = FieldWriter::begin(&mut out, name);
        write(&mut writer);
        writer.end();
        let field = String::from_utf8(out).unwrap();
        for line in field.split_terminator("\r\n") {
            assert!(line.len() <= LINE_OCTETS, "{} octets: {line}", line.len());
            assert!(!line.trim().is_empty(), "a line of white space in {field:?}");
        }
        field
    }

    fn check_text(text: &str, expected: &str) {
        assert_eq!(written("Subject", |w| w.text(text)), format!("Subject:{expected}\r\n"), "{text:?}");
    }

    #[test]
    fn text_is_encoded_only_where_it_must_be() {
        check_text("", "");
        check_text("Hello, world", " Hello, world");
        check_text("two  spaces\tand a tab", " two  spaces\tand a tab");
        check_text("na\u{ef}ve", " =?utf-8?Q?na=C3=AFve?=");
        check_text(" leading", " =?utf-8?Q?_leading?=");
        check_text("trailing ", " =?utf-8?Q?trailing_?=");
        check_text("  ", " =?utf-8?Q?__?=");
        check_text("bell \u{7}", " bell =?utf-8?Q?=07?=");
        check_text("=?utf-8?Q?x?=", " =?utf-8?Q?=3D=3Futf-8=3FQ=3Fx=3F=3D?=");
    }

    #[test]
    fn long_text_is_folded_before_white_space() {
        let text = "word ".repeat(30);
        let field = written("Subject", |w| w.text(text.trim_end()));
        assert_eq!(field.replace("\r\n", ""), format!("Subject: {}", text.trim_end()));
        assert_eq!(field.lines().count(), 3);
        let mixed = format!("{} {} plain ü ö plain", "a ".repeat(40), "x".repeat(200));
        let field = written("Subject", |w| w.text(&mixed));
        assert!(field.contains(" plain =?utf-8?Q?=C3=BC_=C3=B6?= plain"), "{field}");
    }

    fn check_phrase(name: &str, expected: &str) {
        let mailbox = Mailbox::named(name, "a@b.example").unwrap();
        assert_eq!(
            written("From", |w| w.mailbox(&mailbox, "")),
            format!("From: {expected} <a@b.example>\r\n")
        );
    }

    #[test]
    fn names_are_atoms_or_quoted_or_encoded() {
        check_phrase("Ada Lovelace", "Ada Lovelace");
        check_phrase("John Q. Public", "\"John Q. Public\"");
        check_phrase("say \"hi\" \\", "\"say \\\"hi\\\" \\\\\"");
        check_phrase("gaps  twice", "\"gaps  twice\"");
        check_phrase(" padded ", "=?utf-8?Q?_padded_?=");
        check_phrase(" ", "=?utf-8?Q?_?=");
        check_phrase("Jürgen", "=?utf-8?Q?J=C3=BCrgen?=");
        check_phrase("=?x?Q?y?=", "=?utf-8?Q?=3D=3Fx=3FQ=3Fy=3F=3D?=");
        let long =
            "Hubert, Blaine Wolfe Schlegel Stein Hausen Berger Dorff Senior the seven hundred and forty";
        let field = written("From", |w| w.mailbox(&Mailbox::named(long, "a@b.example").unwrap(), ""));
        assert_eq!(field.replace("\r\n", ""), format!("From: \"{long}\" <a@b.example>"));
        let quotes = "\"".repeat(60);
        let field = written("From", |w| w.mailbox(&Mailbox::named(&quotes, "a@b.example").unwrap(), ""));
        assert!(field.starts_with("From: =?utf-8?B?"), "{field}");
    }

    #[test]
    fn groups_are_written_with_their_members() {
        let group = |name: &str, members: &[&str]| {
            Address::from(
                super::super::Group::new(name, members.iter().map(|a| Mailbox::new(a).unwrap())).unwrap(),
            )
        };
        let list =
            [group("nobody", &[]), group("Bücher", &["a@b", "c@d"]), Mailbox::new("e@f").unwrap().into()];
        assert_eq!(
            written("To", |w| w.addresses(&list)),
            "To: nobody:;, =?utf-8?Q?B=C3=BCcher?= : a@b, c@d;, e@f\r\n"
        );
    }

    fn check_parameter(value: &str, expected: &str) {
        let field = written("X", |w| {
            w.token(" ", "a/b");
            w.parameter("name", value);
        });
        assert_eq!(field, format!("X: a/b;{expected}\r\n"), "{value:?}");
    }

    #[test]
    fn parameters_are_tokens_or_quoted_or_extended() {
        check_parameter("token", " name=token");
        check_parameter("", " name=\"\"");
        check_parameter("two words.txt", " name=\"two words.txt\"");
        check_parameter("a\"b\\c", " name=\"a\\\"b\\\\c\"");
        check_parameter("naïve.txt", " name*=utf-8''na%C3%AFve.txt");
        check_parameter("=?utf-8?Q?x?=", " name*=utf-8''%3D%3Futf-8%3FQ%3Fx%3F%3D");
        check_parameter("tab\t", " name*=utf-8''tab%09");
        let long = "x".repeat(100);
        check_parameter(&long, &format!("\r\n name*0*=utf-8''{};\r\n name*1*={}", &long[..57], &long[57..]));
    }
}
