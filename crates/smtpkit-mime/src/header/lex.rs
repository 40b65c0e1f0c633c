//! The lexical layer of structured fields: blanks, comments, quoted strings (RFC 5322 §3.2, with §4.1).
//!
//! A lexer walks over the raw value, folds included, and never allocates. Comments nest without recursion;
//! what is not closed ends with the value and is noted.

/// A position in the raw value of a structured field.
#[derive(Debug, Clone)]
pub(crate) struct Lexer<'a> {
    value: &'a [u8],
    at: usize,
    unclosed: Option<usize>,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(value: &'a [u8]) -> Self {
        Self { value, at: 0, unclosed: None }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Where something began that is not closed.
    pub(crate) fn unclosed(&self) -> Option<usize> {
        self.unclosed
    }

    /// Goes on at `at`.
    pub(crate) fn go_to(&mut self, at: usize) {
        self.at = at.min(self.value.len());
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.value.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn slice(&self, from: usize, to: usize) -> &'a [u8] {
        self.value.get(from..to).unwrap_or_default()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.value.get(self.at).copied()
    }

    pub(crate) fn bump(&mut self) {
        self.at = (self.at + 1).min(self.value.len());
    }

    /// Steps over `octet` if it is next.
    pub(crate) fn accept(&mut self, octet: u8) -> bool {
        let found = self.peek() == Some(octet);
        if found {
            self.at += 1;
        }
        found
    }

    pub(crate) fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|octet| !belongs(*octet)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    pub(crate) fn skip_blanks(&mut self) {
        self.take_while(is_blank);
    }

    /// Steps over blanks and comments.
    pub(crate) fn skip_cfws(&mut self) {
        self.skip_blanks();
        while self.peek() == Some(b'(') {
            self.comment();
            self.skip_blanks();
        }
    }

    /// Steps over the comment that begins here; its text, without the outer parentheses.
    pub(crate) fn comment(&mut self) -> &'a [u8] {
        let start = self.at;
        let mut depth = 0_usize;
        while let Some(octet) = self.peek() {
            self.at += 1;
            match octet {
                b'\\' => self.bump(),
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        return self.slice(start + 1, self.at - 1);
                    }
                }
                _ => {}
            }
        }
        self.unclosed.get_or_insert(start);
        self.slice(start + 1, self.at)
    }

    /// Steps over the quoted string that begins here; its text, without the quotes and still escaped.
    pub(crate) fn quoted(&mut self) -> &'a [u8] {
        let start = self.at;
        self.at += 1;
        while let Some(octet) = self.peek() {
            self.at += 1;
            match octet {
                b'\\' => self.bump(),
                b'"' => return self.slice(start + 1, self.at - 1),
                _ => {}
            }
        }
        self.unclosed.get_or_insert(start);
        self.slice(start + 1, self.at)
    }
}

/// Space, tab and the line ends of folds.
pub(crate) const fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n')
}

/// Whether text of a quoted string or comment can be used as it stands.
pub(crate) fn is_plain(text: &[u8]) -> bool {
    !text.iter().any(|octet| matches!(octet, b'\\' | b'\r' | b'\n'))
}

/// Adds the text of a quoted string or comment without its escapes and line ends.
///
/// A backslash before a letter or digit stays: nobody needs to escape those, while paths with bare
/// backslashes are common.
pub(crate) fn unescape(text: &[u8], out: &mut Vec<u8>) {
    let mut octets = text.iter().copied().peekable();
    while let Some(octet) = octets.next() {
        match octet {
            b'\r' | b'\n' => {}
            b'\\' => match octets.peek() {
                Some(next) if !next.is_ascii_alphanumeric() => {}
                _ => out.push(b'\\'),
            },
            _ => out.push(octet),
        }
        if octet == b'\\'
            && let Some(next) = octets.next_if(|next| !next.is_ascii_alphanumeric())
            && !matches!(next, b'\r' | b'\n')
        {
            out.push(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_nest_and_hide_parentheses() {
        for (text, comment, rest) in [
            ("(a)b", "a", "b"),
            ("(a(b)c)d", "a(b)c", "d"),
            ("(a\\)b)c", "a\\)b", "c"),
            ("(a", "a", ""),
            ("(a\\", "a\\", ""),
        ] {
            let mut lexer = Lexer::new(text.as_bytes());
            assert_eq!(lexer.comment(), comment.as_bytes(), "{text}");
            assert_eq!(lexer.rest(), rest.as_bytes(), "{text}");
            assert_eq!(lexer.unclosed().is_some(), !text.contains(')'), "{text}");
        }
    }

    #[test]
    fn only_needed_escapes_are_removed() {
        for (text, expected) in [
            ("a\\\"b", "a\"b"),
            ("a\\\\b", "a\\b"),
            ("C:\\temp", "C:\\temp"),
            ("a\r\n b", "a b"),
            ("a\\", "a\\"),
            ("a\\\r\n b", "a b"),
        ] {
            let mut out = Vec::new();
            unescape(text.as_bytes(), &mut out);
            assert_eq!(out, expected.as_bytes(), "{text:?}");
        }
    }
}
