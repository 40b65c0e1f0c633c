//! Octet classes of MIME parameters (RFC 2045 §5.1, RFC 2231 §7).

/// Whether an octet may stand in a `token` (RFC 2045 §5.1): printable and none of the `tspecials`.
pub(crate) const fn is_token_octet(octet: u8) -> bool {
    matches!(octet, b'!'..=b'~')
        && !matches!(
            octet,
            b'(' | b')'
                | b'<'
                | b'>'
                | b'@'
                | b','
                | b';'
                | b':'
                | b'\\'
                | b'"'
                | b'/'
                | b'['
                | b']'
                | b'?'
                | b'='
        )
}

/// One octet of an extended parameter value (RFC 2231 §7): itself if it is an `attribute-char`, else `%XX`.
pub(crate) fn extended_octet(octet: u8, out: &mut Vec<u8>) {
    if is_token_octet(octet) && !matches!(octet, b'*' | b'\'' | b'%') {
        out.push(octet);
    } else {
        let [_, high, low] = super::quoted_printable::escaped(octet);
        out.extend_from_slice(&[b'%', high, low]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        let mut out = Vec::new();
        input.bytes().for_each(|octet| extended_octet(octet, &mut out));
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn only_attribute_characters_stand_for_themselves() {
        check("a-b_c.txt", "a-b_c.txt");
        check("100%", "100%25");
        check("it's *", "it%27s%20%2A");
        check("ü\r\n\0", "%C3%BC%0D%0A%00");
    }
}
