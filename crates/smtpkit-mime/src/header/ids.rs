//! Message identifiers: Message-ID, In-Reply-To, References, Content-ID (RFC 5322 §3.6.4).

use std::borrow::Cow;

use crate::decode::charset;
use crate::header::lex::{Lexer, is_blank};

/// The identifiers of a field, without their angle brackets (RFC 5322 §3.6.4).
///
/// Blanks and comments inside of an identifier are obsolete and dropped. A field without any brackets is one
/// identifier, as far as it is a single word.
///
/// ```
/// use smtpkit_mime::header::ids;
///
/// let all: Vec<_> = ids(b" <1@a.example>\r\n (see) <2 @ b.example>").collect();
/// assert_eq!(all, ["1@a.example", "2@b.example"]);
/// ```
pub fn ids(value: &[u8]) -> impl Iterator<Item = Cow<'_, str>> {
    let bracketed = memchr::memchr(b'<', value).is_some();
    let bare = (!bracketed).then(|| value.trim_ascii()).filter(|value| is_word(value));
    bare.map(charset::unlabelled).into_iter().chain(Ids { lexer: Lexer::new(value) })
}

fn is_word(value: &[u8]) -> bool {
    value.iter().any(u8::is_ascii_alphanumeric) && !value.iter().any(u8::is_ascii_whitespace)
}

struct Ids<'a> {
    lexer: Lexer<'a>,
}

impl<'a> Iterator for Ids<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.lexer.take_while(|octet| !matches!(octet, b'<' | b'('));
            if self.lexer.peek()? == b'(' {
                self.lexer.comment();
                continue;
            }
            self.lexer.bump();
            let from = self.lexer.at();
            let clean = self.lexer.take_while(|octet| !is_odd(octet) && !matches!(octet, b'>' | b'<'));
            let is_clean = self.lexer.peek() == Some(b'>');
            self.lexer.take_while(|octet| !matches!(octet, b'>' | b'<'));
            let to = self.lexer.at();
            if !self.lexer.accept(b'>') {
                continue;
            }
            match if is_clean { whole(clean) } else { compact(self.lexer.slice(from, to)) } {
                None => continue,
                found => return found,
            }
        }
    }
}

/// Whether an octet begins what does not belong to an identifier: blanks and comments.
const fn is_odd(octet: u8) -> bool {
    is_blank(octet) || octet == b'('
}

/// An identifier; none if nothing is there.
fn whole(id: &[u8]) -> Option<Cow<'_, str>> {
    (!id.is_empty()).then(|| charset::unlabelled(id))
}

/// An identifier without blanks and comments; none if nothing is left.
fn compact(inner: &[u8]) -> Option<Cow<'_, str>> {
    let mut octets = Vec::with_capacity(inner.len());
    let mut lexer = Lexer::new(inner);
    loop {
        lexer.skip_cfws();
        if lexer.peek().is_none() {
            break;
        }
        octets.extend_from_slice(lexer.take_while(|octet| !is_odd(octet)));
    }
    whole(&octets).map(|id| Cow::Owned(id.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_stand_in_brackets() {
        let cases: [(&str, &[&str]); 9] = [
            ("<1@a>", &["1@a"]),
            ("<1@a> <2@b>", &["1@a", "2@b"]),
            ("<1@a>,<2@b>", &["1@a", "2@b"]),
            ("<1 @ a(c) . b>", &["1@a.b"]),
            ("bare@id ", &["bare@id"]),
            ("two words", &[]),
            ("<>", &[]),
            ("<open", &[]),
            ("x <1@a> y", &["1@a"]),
        ];
        for (value, expected) in cases {
            assert_eq!(ids(value.as_bytes()).collect::<Vec<_>>(), expected, "{value}");
        }
    }
}
