//! Unstructured text: Subject, Comments, anything a person wrote (RFC 5322 §2.2.1, RFC 2047, RFC 6532).

use std::borrow::Cow;

use crate::defect::Defects;
use crate::header::encoded_word::Joiner;

/// The text of an unstructured field: unfolded, encoded words decoded, blanks at both ends removed.
///
/// Octets outside of ASCII are UTF-8, or windows-1252 where they are not.
///
/// ```
/// use smtpkit_mime::header::text;
///
/// assert_eq!(text(b" =?utf-8?q?caf=C3?=\r\n =?utf-8?q?=A9?= au lait\r\n"), "café au lait");
/// ```
pub fn text(value: &[u8]) -> Cow<'_, str> {
    let value = value.trim_ascii();
    if value.len() < SHORT_OCTETS
        && value.iter().all(|octet| matches!(octet, b' '..=b'~') && *octet != b'=')
        && let Ok(text) = std::str::from_utf8(value)
    {
        return Cow::Borrowed(text);
    }
    let special = memchr::memchr3(b'\r', b'\n', b'=', value).is_some_and(|at| {
        let rest = value.get(at..).unwrap_or_default();
        memchr::memchr2(b'\r', b'\n', rest).is_some() || memchr::memmem::find(rest, b"=?").is_some()
    });
    if !special && let Ok(text) = simdutf8::basic::from_utf8(value) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(Joiner::of(value).text())
}

/// Shorter values are not worth the call of a search.
const SHORT_OCTETS: usize = 16;

/// What is wrong with the encoded words of a text, with offsets within the value.
pub(crate) fn text_defects(value: &[u8]) -> Defects {
    match memchr::memmem::find(value, b"=?") {
        Some(_) => Joiner::of(value).defects(),
        None => Defects::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_vanish_and_their_blanks_stay() {
        for (value, expected) in [
            (" Saying\r\n Hello\r\n", "Saying Hello"),
            ("a\r\n\tb", "a\tb"),
            ("", ""),
            (" \r\n ", ""),
            ("a   b", "a   b"),
            ("ハロー", "ハロー"),
        ] {
            assert_eq!(text(value.as_bytes()), expected, "{value:?}");
        }
        assert_eq!(text(b"caf\xe9"), "café");
    }
}
