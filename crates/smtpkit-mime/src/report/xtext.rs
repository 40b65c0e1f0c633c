//! xtext: how envelope identifiers and original recipients travel in SMTP parameters (RFC 3461 §4).
//!
//! Reports carry the decoded text; a relay that writes one decodes what the parameter said.

/// `text` as xtext: `+XX` for `+`, `=` and everything that is not printable ASCII.
///
/// ```
/// use smtpkit_mime::report::xtext;
///
/// assert_eq!(xtext::encode("a+b=c d"), "a+2Bb+3Dc+20d");
/// ```
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'+' | b'=' => push_escape(octet, &mut out),
            b'!'..=b'~' => out.push(char::from(octet)),
            _ => push_escape(octet, &mut out),
        }
    }
    out
}

fn push_escape(octet: u8, out: &mut String) {
    out.push('+');
    for nibble in [octet >> 4, octet & 15] {
        out.extend(char::from_digit(nibble.into(), 16).map(|digit| digit.to_ascii_uppercase()));
    }
}

/// The text that xtext stands for; none if it is not xtext, or not UTF-8 when decoded.
///
/// ```
/// use smtpkit_mime::report::xtext;
///
/// assert_eq!(xtext::decode("a+2Bb+3Dc+20d").as_deref(), Some("a+b=c d"));
/// assert_eq!(xtext::decode("a+2b"), None);
/// ```
pub fn decode(xtext: &str) -> Option<String> {
    let mut out = Vec::with_capacity(xtext.len());
    let mut octets = xtext.bytes();
    while let Some(octet) = octets.next() {
        match octet {
            b'+' => out.push(hex(octets.next()?)? << 4 | hex(octets.next()?)?),
            b'=' => return None,
            b'!'..=b'~' => out.push(octet),
            _ => return None,
        }
    }
    String::from_utf8(out).ok()
}

/// RFC 3461 §4 knows upper-case digits only.
const fn hex(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'A'..=b'F' => Some(octet - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_xtext_is_refused() {
        for text in ["a b", "a=b", "+", "+4", "+zz", "+FF", "ü", "a\n"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(text in any::<String>()) {
            let encoded = encode(&text);
            prop_assert!(encoded.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'='));
            prop_assert_eq!(decode(&encoded), Some(text));
        }
    }
}
