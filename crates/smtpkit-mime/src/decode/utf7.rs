//! UTF-7, which no one should send and some still do (RFC 2152).

/// Decodes UTF-7; true if something in it is none.
pub(crate) fn decode(octets: &[u8]) -> (String, bool) {
    let mut text = String::with_capacity(octets.len());
    let mut bad = false;
    let mut rest = octets;
    while let Some((octet, tail)) = rest.split_first() {
        rest = tail;
        match octet {
            b'+' if tail.first() == Some(&b'-') => {
                text.push('+');
                rest = tail.get(1..).unwrap_or_default();
            }
            b'+' => {
                let length = tail.iter().position(|octet| sextet(*octet).is_none()).unwrap_or(tail.len());
                let (run, after) = tail.split_at(length);
                bad |= !shifted(run, &mut text);
                rest = after.strip_prefix(b"-").unwrap_or(after);
            }
            0..128 => text.push(char::from(*octet)),
            _ => {
                bad = true;
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
    }
    (text, bad)
}

/// Decodes a run of base64 that holds UTF-16; false if it is empty, cut off or has lone surrogates.
fn shifted(run: &[u8], text: &mut String) -> bool {
    let mut bits = 0_u32;
    let mut count = 0;
    let units = run.iter().filter_map(|octet| sextet(*octet)).filter_map(|sextet| {
        bits = bits << 6 | sextet;
        count += 6;
        if count < 16 {
            return None;
        }
        count -= 16;
        u16::try_from(bits >> count & 0xffff).ok()
    });
    let mut good = !run.is_empty();
    for character in char::decode_utf16(units) {
        good &= character.is_ok();
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    good && count < 6
}

fn sextet(octet: u8) -> Option<u32> {
    let value = match octet {
        b'A'..=b'Z' => octet - b'A',
        b'a'..=b'z' => octet - b'a' + 26,
        b'0'..=b'9' => octet - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_base64_hold_utf16() {
        for (input, expected, bad) in [
            ("A+ImIDkQ.", "A≢Α.", false),
            ("Hi Mom -+Jjo--!", "Hi Mom -☺-!", false),
            ("+ZeVnLIqe-", "日本語", false),
            ("+2DzdHg-", "\u{1f11e}", false),
            ("1 +- 1", "1 + 1", false),
            ("+", "", true),
            ("+2Dw-", "\u{fffd}", true),
        ] {
            assert_eq!(decode(input.as_bytes()), (expected.to_owned(), bad), "{input}");
        }
    }
}
