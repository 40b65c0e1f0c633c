//! Addresses of type `utf-8` in reports: characters as `\x{HEX}` (RFC 6533 §3).

/// `address` in the form for ASCII fields (`utf-8-addr-xtext`), or the one for UTF-8 fields (`utf-8-addr-unitext`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Ascii,
    Utf8,
}

/// Writes an address.
pub(super) fn encode(address: &str, form: Form) -> String {
    let mut out = String::with_capacity(address.len());
    for character in address.chars() {
        match character {
            '\\' | '+' | '=' => push_escape(character, &mut out),
            '!'..='~' => out.push(character),
            '\u{80}'.. if form == Form::Utf8 => out.push(character),
            _ => push_escape(character, &mut out),
        }
    }
    out
}

fn push_escape(character: char, out: &mut String) {
    out.push_str("\\x{");
    let digits = format!("{:02X}", u32::from(character));
    out.push_str(&digits);
    out.push('}');
}

/// Reads an address; what is no escape stands for itself.
pub(super) fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once("\\x{") {
        out.push_str(head);
        let escape = tail.split_once('}').and_then(|(digits, tail)| {
            let is_hex = digits.len() <= 6 && digits.bytes().all(|octet| octet.is_ascii_hexdigit());
            let value = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
            Some((char::from_u32(value)?, tail))
        });
        match escape {
            Some((character, after)) => {
                out.push(character);
                rest = after;
            }
            None => {
                out.push_str("\\x{");
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn characters_are_escaped_by_their_code_point() {
        assert_eq!(encode("jürgen+x@例.de", Form::Ascii), "j\\x{FC}rgen\\x{2B}x@\\x{4F8B}.de");
        assert_eq!(encode("jürgen+x@例.de", Form::Utf8), "jürgen\\x{2B}x@例.de");
        assert_eq!(decode("a\\x{}b\\x{110000}\\x{+1}\\x{41"), "a\\x{}b\\x{110000}\\x{+1}\\x{41");
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(address in any::<String>()) {
            for form in [Form::Ascii, Form::Utf8] {
                prop_assert_eq!(decode(&encode(&address, form)), address.as_str());
            }
            prop_assert!(encode(&address, Form::Ascii).is_ascii());
        }
    }
}
