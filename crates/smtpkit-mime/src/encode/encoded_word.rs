//! Encoded words: text of any script in header fields (RFC 2047).
//!
//! The writing side only. Words are UTF-8, at most 75 octets, and never split a character. Their alphabet is the
//! narrow one that RFC 2047 §5 (3) demands inside a phrase, so that one writer serves every place.

use super::{base64, quoted_printable};

/// Longest encoded word (RFC 2047 §2).
pub(crate) const WORD_OCTETS_MAX: usize = 75;

const SUFFIX: &[u8] = b"?=";
/// Octets of a word that carry no text.
const OVERHEAD: usize = b"=?utf-8?Q?".len() + SUFFIX.len();

/// The two encodings of RFC 2047 §4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// §4.1, base64.
    B,
    /// §4.2, much like quoted-printable.
    Q,
}

impl Scheme {
    /// Q, which people can read, unless it makes `text` more than twice as long as B does.
    pub(crate) fn for_text(text: &str) -> Self {
        let q: usize = text.bytes().map(q_len).sum();
        if q <= text.len().div_ceil(3) * 4 * 2 { Self::Q } else { Self::B }
    }

    /// Appends one word of at most `room` octets with as many whole characters of `text` as fit, and returns
    /// the rest of `text`. At least one character is written, so `room` must be 28 or more to be kept.
    pub(crate) fn word<'t>(self, text: &'t str, room: usize, out: &mut Vec<u8>) -> &'t str {
        let payload = room.min(WORD_OCTETS_MAX).saturating_sub(OVERHEAD);
        let (head, rest) = match self {
            Self::B => text.split_at(fitting(text, payload / 4 * 3, |_| 1)),
            Self::Q => text.split_at(fitting(text, payload, q_len)),
        };
        match self {
            Self::B => {
                out.extend_from_slice(b"=?utf-8?B?");
                base64::digits(head.as_bytes(), out);
            }
            Self::Q => {
                out.extend_from_slice(b"=?utf-8?Q?");
                for octet in head.bytes() {
                    match octet {
                        b' ' => out.push(b'_'),
                        _ if q_len(octet) == 1 => out.push(octet),
                        _ => out.extend_from_slice(&quoted_printable::escaped(octet)),
                    }
                }
            }
        }
        out.extend_from_slice(SUFFIX);
        rest
    }
}

/// Octets that one octet of text becomes in the Q encoding, by the alphabet of RFC 2047 §5 (3).
const fn q_len(octet: u8) -> usize {
    match octet {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'!' | b'*' | b'+' | b'-' | b'/' | b' ' => 1,
        _ => 3,
    }
}

/// Length of the longest run of whole characters whose cost is within `room`; of one character at least.
fn fitting(text: &str, room: usize, cost: impl Fn(u8) -> usize) -> usize {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        let end = at + character.len_utf8();
        used += text.as_bytes().get(at..end).unwrap_or_default().iter().map(|&o| cost(o)).sum::<usize>();
        if used > room && at > 0 {
            return at;
        }
    }
    text.len()
}

/// `text` as encoded words with a space between them (RFC 2047).
///
/// A decoder drops the spaces and gives `text` back, also when `text` itself looks like an encoded word.
///
/// ```
/// use smtpkit_mime::encode::encoded_words;
///
/// assert_eq!(encoded_words("Grüße"), "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=");
/// assert_eq!(encoded_words("日本語"), "=?utf-8?B?5pel5pys6Kqe?=");
/// ```
pub fn encoded_words(text: &str) -> String {
    let scheme = Scheme::for_text(text);
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if !out.is_empty() {
            out.push(b' ');
        }
        rest = scheme.word(rest, WORD_OCTETS_MAX, &mut out);
    }
    String::from_utf8(out).expect("invariant: encoded words are ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::base64::Engine as _;
    use proptest::prelude::*;

    fn decode(words: &str) -> String {
        let mut octets = Vec::new();
        for word in words.split(' ').filter(|w| !w.is_empty()) {
            assert!(word.len() <= 75, "{word}");
            let inner = word.strip_prefix("=?utf-8?").and_then(|w| w.strip_suffix("?=")).unwrap();
            let start = octets.len();
            match inner.split_at(2) {
                ("B?", digits) => {
                    octets.extend(::base64::prelude::BASE64_STANDARD.decode(digits).unwrap());
                }
                (_, digits) => {
                    let mut rest = digits.bytes();
                    while let Some(octet) = rest.next() {
                        octets.push(match octet {
                            b'_' => b' ',
                            b'=' => {
                                let pair = [rest.next().unwrap(), rest.next().unwrap()];
                                u8::from_str_radix(core::str::from_utf8(&pair).unwrap(), 16).unwrap()
                            }
                            _ => octet,
                        });
                    }
                }
            }
            assert!(core::str::from_utf8(&octets[start..]).is_ok(), "a character was split: {words}");
        }
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn text_of_other_scripts_is_base64() {
        assert_eq!(Scheme::for_text("mostly plain é"), Scheme::Q);
        assert_eq!(Scheme::for_text("Привет"), Scheme::B);
    }

    #[test]
    fn text_that_looks_like_an_encoded_word_survives() {
        assert_eq!(encoded_words("=?x?Q?y?="), "=?utf-8?Q?=3D=3Fx=3FQ=3Fy=3F=3D?=");
    }

    proptest! {
        #[test]
        fn words_decode_back(text in "\\PC{0,200}|[a-z =?_\t]{0,200}") {
            let words = encoded_words(&text);
            prop_assert!(words.bytes().all(|o| matches!(o, b' '..=b'~')));
            prop_assert_eq!(decode(&words), text);
        }
    }
}
