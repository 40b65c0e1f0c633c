//! Encoded words: text of any charset inside of ASCII fields (RFC 2047).
//!
//! Words that follow each other are joined before their charset is decoded, so a character that a careless
//! program split between two words is whole again. Words are found wherever they stand, also inside of other
//! words and quoted strings, as mail programs do. Nothing here scans further than a bounded distance.

use crate::decode::{Base64Decoder, charset, hex_pair};

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
    /// The encoded word at the start of `rest`, which begins with `=?`.
    pub(crate) fn parse(rest: &'a [u8]) -> Option<Self> {
        let after = rest.strip_prefix(b"=?")?;
        let charset_end = after.iter().take(64).position(|octet| *octet == b'?')?;
        let (charset, after) = after.split_at_checked(charset_end)?;
        // RFC 2231 §5: a language may follow the charset
        let charset = charset.split(|octet| *octet == b'*').next()?;
        if charset.is_empty() || charset.iter().any(|octet| *octet <= b' ' || *octet == b'=') {
            return None;
        }
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

/// Joins plain text and encoded words into one string.
#[derive(Debug, Default)]
pub(crate) struct Joiner<'a> {
    text: String,
    /// Octets of the words that follow each other, and their charset.
    run: Vec<u8>,
    charset: &'a [u8],
}

impl<'a> Joiner<'a> {
    /// Adds `value`: encoded words are decoded, line ends dropped, the rest is kept.
    pub(crate) fn push(&mut self, value: &'a [u8]) {
        let mut plain = 0;
        let mut at = 0;
        while let Some(found) = memchr::memchr(b'=', value.get(at..).unwrap_or_default()) {
            at += found;
            let rest = value.get(at..).unwrap_or_default();
            let Some(word) = rest.starts_with(b"=?").then(|| EncodedWord::parse(rest)).flatten() else {
                at += 1;
                continue;
            };
            let between = value.get(plain..at).unwrap_or_default();
            if self.charset.is_empty() || !between.trim_ascii().is_empty() {
                self.plain(between);
            }
            self.word(&word);
            at += word.length;
            plain = at;
        }
        self.plain(value.get(plain..).unwrap_or_default());
    }

    fn word(&mut self, word: &EncodedWord<'a>) {
        if !self.charset.eq_ignore_ascii_case(word.charset) {
            self.flush();
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
            self.text.push_str(&charset::decode(label, &self.run).text);
            self.run.clear();
        }
    }

    pub(crate) fn finish(mut self) -> String {
        self.flush();
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(value: &str) -> String {
        let mut joiner = Joiner::default();
        joiner.push(value.as_bytes());
        joiner.finish()
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
}
