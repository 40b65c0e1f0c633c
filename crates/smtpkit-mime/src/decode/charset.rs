//! Charsets: octets to Unicode, for every label of the WHATWG encoding standard and for UTF-7.
//!
//! Nothing is refused. An unknown label is taken as UTF-8, or as windows-1252 where the octets are not UTF-8;
//! octets that a charset does not have become U+FFFD. Both are told.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use crate::decode::utf7;
use crate::defect::DefectKind;

/// Text that was decoded, and what was wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// [`UnknownCharset`](DefectKind::UnknownCharset) or [`BadCharacter`](DefectKind::BadCharacter).
    pub defect: Option<DefectKind>,
}

/// Decodes octets in the charset that `label` names.
///
/// ```
/// use smtpkit_mime::decode::charset;
///
/// assert_eq!(charset::decode("koi8-r", b"\xd0\xd2\xc9\xd7\xc5\xd4").text, "привет");
/// assert_eq!(charset::decode("utf-7", b"Hi Mom -+Jjo--!").text, "Hi Mom -☺-!");
/// assert!(charset::decode("x-nonsense", b"abc").defect.is_some());
/// ```
pub fn decode<'a>(label: &str, octets: &'a [u8]) -> Decoded<'a> {
    let label = label.trim_matches(|c: char| c.is_ascii_whitespace() || matches!(c, '"' | '\''));
    if let Some(encoding) = encoding_of(label) {
        if encoding == UTF_8 {
            let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets);
            return match simdutf8::basic::from_utf8(octets) {
                Ok(text) => Decoded { text: Cow::Borrowed(text), defect: None },
                Err(_) => {
                    Decoded { text: Cow::Owned(broken_utf8(octets)), defect: Some(DefectKind::BadCharacter) }
                }
            };
        }
        let (text, _, bad) = encoding.decode(octets);
        return Decoded { text, defect: bad.then_some(DefectKind::BadCharacter) };
    }
    if is_utf7(label) {
        let (text, bad) = utf7::decode(octets);
        return Decoded { text: Cow::Owned(text), defect: bad.then_some(DefectKind::BadCharacter) };
    }
    Decoded { text: unlabelled(octets), defect: Some(DefectKind::UnknownCharset) }
}

/// UTF-8 with U+FFFD for what is none, in memory that is asked for once: each octet that may be none needs two more.
fn broken_utf8(octets: &[u8]) -> String {
    const REPLACEMENT: &str = "\u{fffd}";
    let foreign = octets.iter().filter(|octet| !octet.is_ascii()).count();
    let mut text = String::with_capacity(octets.len() + foreign * (REPLACEMENT.len() - 1));
    for chunk in octets.utf8_chunks() {
        text.push_str(chunk.valid());
        text.push_str(if chunk.invalid().is_empty() { "" } else { REPLACEMENT });
    }
    text
}

/// Decodes the octets of a part whose `label` may be missing: without one, or under the name of ASCII, they are
/// UTF-8 (RFC 6532), or else windows-1252.
pub(crate) fn decode_or_guess<'a>(label: &str, octets: &'a [u8]) -> Decoded<'a> {
    if label.is_empty() || label.eq_ignore_ascii_case("us-ascii") {
        return Decoded { text: unlabelled(octets), defect: None };
    }
    decode(label, octets)
}

/// Whether `label` names UTF-7, which encoding_rs leaves out.
pub(crate) fn is_utf7(label: &str) -> bool {
    ["utf-7", "utf7", "unicode-1-1-utf-7", "csunicode11utf7", "x-unicode-1-1-utf-7"]
        .iter()
        .any(|name| label.eq_ignore_ascii_case(name))
}

/// Octets without a label: UTF-8 (RFC 6532), or else windows-1252.
pub(crate) fn unlabelled(octets: &[u8]) -> Cow<'_, str> {
    match simdutf8::basic::from_utf8(octets) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(octets).0,
    }
}

/// Labels that mail uses and the encoding standard does not list.
const ALIASES: [(&str, &str); 14] = [
    ("cp932", "shift_jis"),
    ("ms932", "shift_jis"),
    ("cp936", "gbk"),
    ("ms936", "gbk"),
    ("cp949", "euc-kr"),
    ("ms949", "euc-kr"),
    ("cp950", "big5"),
    ("ms950", "big5"),
    ("gb_1988-80", "gbk"),
    ("iso-10646-ucs-2", "utf-16"),
    ("ansi_x3.110-1983", "windows-1252"),
    ("8bit", "utf-8"),
    ("utf_8", "utf-8"),
    ("iso-8859-1-windows-3.1-latin-1", "windows-1252"),
];

/// The encoding that a label names.
pub(crate) fn encoding_of(label: &str) -> Option<&'static Encoding> {
    // nearly all mail; the table of all labels takes far longer to search
    if label.eq_ignore_ascii_case("utf-8") {
        return Some(UTF_8);
    }
    if let Some(encoding) = Encoding::for_label_no_replacement(label.as_bytes()) {
        return Some(encoding);
    }
    let known = ALIASES.iter().find(|(alias, _)| label.eq_ignore_ascii_case(alias)).map(|(_, name)| *name);
    // `cp1252` is known, `cp-1252`, `win-1252` and `windows1252` are not
    let digits = label.trim_start_matches(|c: char| !c.is_ascii_digit());
    let windows = label.len() > digits.len()
        && matches!(digits, "1250" | "1251" | "1252" | "1253" | "1254" | "1255" | "1256" | "1257" | "1258");
    match known {
        Some(name) => Encoding::for_label(name.as_bytes()),
        None if windows => Encoding::for_label(format!("windows-{digits}").as_bytes()),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_whatever_their_spelling() {
        for (label, octets, expected, defect) in [
            ("utf-8", "é".as_bytes(), "é", None),
            ("\"UTF-8\"", "é".as_bytes(), "é", None),
            ("utf-8", b"\xef\xbb\xbfa", "a", None),
            ("utf-8", b"a\xff", "a\u{fffd}", Some(DefectKind::BadCharacter)),
            ("iso-8859-1", b"caf\xe9", "café", None),
            ("us-ascii", b"caf\xe9", "café", None),
            ("iso-2022-jp", b"\x1b$B$3$s\x1b(B", "こん", None),
            ("cp932", b"\x82\xb1", "こ", None),
            ("win-1251", b"\xcf", "П", None),
            ("utf-16le", b"a\0", "a", None),
            ("utf-7", b"+AOk-", "é", None),
            ("x-none", b"caf\xe9", "café", Some(DefectKind::UnknownCharset)),
        ] {
            let decoded = decode(label, octets);
            assert_eq!((&*decoded.text, decoded.defect), (expected, defect), "{label}");
        }
    }
}
