//! Encoded words: text of any charset inside of ASCII fields (RFC 2047).
//!
//! Words that follow each other are joined before their charset is decoded, so a character that a careless
//! program split between two words is whole again. Words are found wherever they stand, also inside of other
//! words and quoted strings, as mail programs do. Nothing here scans further than a bounded distance.

use crate::decode::{Base64Decoder, charset, hex_pair};
use crate::defect::{Defect, DefectKind, Defects};
use crate::limits::Limits;

/// How many `?` inside of the encoded text are tolerated, and how far from each other.
const STRAY_MARKS_MAX: usize = 4;
const STRAY_MARK_OCTETS_MAX: usize = 256;

/// `=?charset?encoding?text?=`, not yet decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EncodedWord<'a> {
    pub(crate) charset: &'a [u8],
    base64: bool,
    text: &'a [u8],
    /// Octets from the `=?` to behind the `?=`.
    pub(crate) length: usize,
}

impl<'a> EncodedWord<'a> {
    /// The encoded word at the start of `rest`, whose `charset` and what is `after` it are known from [`announced`].
    fn parse(rest: &'a [u8], charset: &'a [u8], after: &'a [u8]) -> Option<Self> {
        let (base64, text) = match after {
            [b'?', b'b' | b'B', b'?', text @ ..] => (true, text),
            [b'?', b'q' | b'Q', b'?', text @ ..] => (false, text),
            _ => return None,
        };
        let mut end = memchr::memchr(b'?', text)?;
        let mut stray = 0;
        while text.get(end + 1) != Some(&b'=') {
            stray += 1;
            if base64 || stray > STRAY_MARKS_MAX {
                return None;
            }
            let next = end + 1;
            let seen = text.get(next..text.len().min(next + STRAY_MARK_OCTETS_MAX))?;
            end = next + memchr::memchr(b'?', seen)?;
        }
        let length = rest.len() - text.len() + end + 2;
        Some(Self { charset, base64, text: text.get(..end)?, length })
    }

    /// Adds the octets that the word stands for.
    fn decode(&self, out: &mut Vec<u8>) {
        if self.base64 {
            let mut decoder = Base64Decoder::new();
            decoder.push(self.text, out);
            decoder.finish(out);
            return;
        }
        let mut rest = self.text;
        while let Some((octet, tail)) = rest.split_first() {
            rest = tail;
            match octet {
                b'_' => out.push(b' '),
                b'=' => {
                    if let [high, low, after @ ..] = tail
                        && let Some(octet) = hex_pair(*high, *low)
                    {
                        out.push(octet);
                        rest = after;
                    } else {
                        out.push(b'=');
                    }
                }
                // the word was folded: the blanks of the fold are not its own
                b'\r' | b'\n' => rest = tail.trim_ascii_start(),
                _ => out.push(*octet),
            }
        }
    }
}

/// The charset that `rest` begins with, and what follows it, if it looks as if an encoded word begins there.
fn announced(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let after = rest.strip_prefix(b"=?")?;
    let charset_end = after.iter().take(64).position(|octet| *octet == b'?')?;
    let (charset, after) = after.split_at_checked(charset_end)?;
    // RFC 2231 §5: a language may follow the charset
    let charset = charset.split(|octet| *octet == b'*').next()?;
    if charset.is_empty() || charset.iter().any(|octet| *octet <= b' ' || *octet == b'=') {
        return None;
    }
    Some((charset, after))
}

/// Joins plain text and encoded words into one string.
#[derive(Debug, Default)]
pub(crate) struct Joiner<'a> {
    text: String,
    /// Octets of the words that follow each other, their charset, and where the first of them stands.
    run: Vec<u8>,
    charset: &'a [u8],
    run_at: usize,
    defects: Defects,
}

impl<'a> Joiner<'a> {
    /// Joins `value`: encoded words are decoded, line ends dropped, the rest is kept.
    pub(crate) fn of(value: &'a [u8]) -> Self {
        let mut joiner = Self::default();
        joiner.join(value);
        joiner.flush();
        joiner
    }

    /// The text.
    pub(crate) fn text(self) -> String {
        self.text
    }

    /// What is wrong with the words, with offsets within the value.
    pub(crate) fn defects(self) -> Defects {
        self.defects
    }

    fn join(&mut self, value: &'a [u8]) {
        let mut plain = 0;
        let mut at = 0;
        while let Some(found) = memchr::memchr(b'=', value.get(at..).unwrap_or_default()) {
            at += found;
            let rest = value.get(at..).unwrap_or_default();
            let Some((charset, after)) = announced(rest) else {
                at += 1;
                continue;
            };
            let Some(word) = EncodedWord::parse(rest, charset, after) else {
                self.defect(DefectKind::BadEncodedWord, at);
                at += 1;
                continue;
            };
            let between = value.get(plain..at).unwrap_or_default();
            if self.charset.is_empty() || !between.trim_ascii().is_empty() {
                self.plain(between);
            }
            self.word(&word, at);
            at += word.length;
            plain = at;
        }
        self.plain(value.get(plain..).unwrap_or_default());
    }

    fn word(&mut self, word: &EncodedWord<'a>, at: usize) {
        if !self.charset.eq_ignore_ascii_case(word.charset) {
            self.flush();
        }
        if self.run.is_empty() {
            self.run_at = at;
        }
        self.charset = word.charset;
        word.decode(&mut self.run);
    }

    /// Adds text that is no encoded word.
    fn plain(&mut self, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        self.flush();
        self.charset = b"";
        for line in charset::unlabelled(text).split('\n') {
            // a carriage return on its own is no line end, and nothing that text should hold
            for (index, part) in line.strip_suffix('\r').unwrap_or(line).split('\r').enumerate() {
                self.text.push_str(if index > 0 { " " } else { "" });
                self.text.push_str(part);
            }
        }
    }

    fn flush(&mut self) {
        if !self.run.is_empty() {
            let label = std::str::from_utf8(self.charset).unwrap_or_default();
            let decoded = charset::decode(label, &self.run);
            self.text.push_str(&decoded.text);
            if let Some(kind) = decoded.defect {
                self.defect(kind, self.run_at);
            }
            self.run.clear();
        }
    }

    fn defect(&mut self, kind: DefectKind, at: usize) {
        self.defects.push(Defect::new(kind, at as u64), Limits::DEFAULT.defects_max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(value: &str) -> String {
        Joiner::of(value.as_bytes()).text()
    }

    #[test]
    fn words_are_joined_before_their_charset_is_decoded() {
        for (value, expected) in [
            ("=?utf-8?q?caf=C3?= =?UTF-8?q?=A9?=", "café"),
            ("=?utf-8?b?w6k?=", "é"),
            ("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
            ("a =?utf-8?q?b?= c", "a b c"),
            ("[x]=?utf-8?q?b?=c", "[x]bc"),
            ("=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab"),
            ("=?utf-8*en?q?a?=", "a"),
            ("=?utf-8?Q?why?_not?=", "why? not"),
            ("=?utf-8?Q?Hello\r\n  _there!?=", "Hello there!"),
        ] {
            assert_eq!(join(value), expected, "{value}");
        }
    }

    #[test]
    fn what_is_no_word_stays_as_it_is() {
        for value in
            ["=?", "=?utf-8?", "=?utf-8?x?a?=", "=?utf-8?b?a", "=? the", "a = b", "=??q?a?=", "=?u u?q?a?="]
        {
            assert_eq!(join(value), value);
        }
    }

    #[test]
    fn what_is_wrong_with_words_is_told() {
        let cases: [(&str, &[(DefectKind, u64)]); 6] = [
            ("=?utf-8?q?caf=C3?= =?utf-8?q?=A9?=", &[]),
            ("a =?utf-8?x?b?= c", &[(DefectKind::BadEncodedWord, 2)]),
            ("=?utf-8?b?YQ==", &[(DefectKind::BadEncodedWord, 0)]),
            ("a =?x-none?q?b?=", &[(DefectKind::UnknownCharset, 2)]),
            ("=?utf-8?q?a?= =?utf-8?q?=FF?=", &[(DefectKind::BadCharacter, 0)]),
            ("what =? the", &[]),
        ];
        for (value, expected) in cases {
            let found = Joiner::of(value.as_bytes()).defects();
            let found: Vec<_> = found.iter().map(|defect| (defect.kind, defect.at)).collect();
            assert_eq!(found, expected, "{value}");
        }
    }
}
