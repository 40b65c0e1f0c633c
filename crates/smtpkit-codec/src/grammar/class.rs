//! Octet classes: one table of 256 entries, one bit per class.
//!
//! No class contains CR, LF, NUL or another control, so a rule built from classes cannot let one
//! through. Classes that RFC 6531 widens contain every octet of a multi-octet character.

/// A set of octets, one bit of the table.
#[derive(Clone, Copy)]
pub(crate) struct Class(u16);

impl Class {
    /// `atext` of RFC 5322 §3.2.3, widened by RFC 6531 §3.3 with UTF8-non-ascii.
    pub(crate) const ATEXT: Self = Self(1 << 0);
    /// `qtextSMTP` of RFC 5321 §4.1.2, widened by RFC 6531 §3.3.
    pub(crate) const QTEXT: Self = Self(1 << 1);
    /// `Let-dig` and "-" of RFC 5321 §4.1.2, widened by RFC 6531 §3.3 with U-labels.
    pub(crate) const LDH: Self = Self(1 << 2);
    /// `dcontent` of RFC 5321 §4.1.3.
    pub(crate) const DCONTENT: Self = Self(1 << 3);
    /// `esmtp-value` octets of RFC 5321 §4.1.2, widened by RFC 6531 §3.4.
    pub(crate) const VALUE: Self = Self(1 << 4);
    /// `xchar` of RFC 3461 §4: printable ASCII without "+" and "=".
    pub(crate) const XCHAR: Self = Self(1 << 5);
    /// The alphabet of base64, without its padding (RFC 4648 §4).
    pub(crate) const BASE64: Self = Self(1 << 6);
    /// ASCII digits.
    pub(crate) const DIGIT: Self = Self(1 << 7);
    /// ASCII letters and digits.
    pub(crate) const ALPHANUMERIC: Self = Self(1 << 8);
    /// ASCII letters, digits, "-": `esmtp-keyword` and `ehlo-keyword` of RFC 5321.
    pub(crate) const KEYWORD: Self = Self(1 << 9);
    /// `sasl-mech` octets of RFC 4422 §3.1, in either case.
    pub(crate) const MECHANISM: Self = Self(1 << 10);
    /// Everything that can be seen: printable ASCII without space, and UTF8-non-ascii.
    pub(crate) const GRAPHIC: Self = Self(1 << 11);
    /// `wordchar` of RFC 3865 §3.
    pub(crate) const SOLICITATION: Self = Self(1 << 12);
    /// Octets of a `transid-token` of RFC 1845 §5.
    pub(crate) const TRANSID: Self = Self(1 << 13);

    /// `addr-type` of RFC 3461 §4.2: `atext` in ASCII.
    pub(crate) const ADDRESS_TYPE: Self = Self(1 << 14);

    /// Everything that can be seen, and space between it.
    pub(crate) const TEXT: Self = Self(1 << 15);

    /// Is `octet` in this class?
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a table of 256 entries indexed by one octet")]
    pub(crate) const fn has(self, octet: u8) -> bool {
        TABLE[octet as usize] & self.0 != 0
    }

    /// How many octets at the start of `text` are in this class. Four at a time: most of the cost of
    /// reading a word is the end-of-text test between its octets.
    #[inline(always)]
    pub(crate) fn run(self, text: &[u8]) -> usize {
        let (fours, rest) = text.as_chunks::<4>();
        let mut octets = 0;
        for &[first, second, third, fourth] in fours {
            if !self.has(first) {
                return octets;
            }
            if !self.has(second) {
                return octets + 1;
            }
            if !self.has(third) {
                return octets + 2;
            }
            if !self.has(fourth) {
                return octets + 3;
            }
            octets += 4;
        }
        octets + rest.iter().position(|&octet| !self.has(octet)).unwrap_or(rest.len())
    }

    /// Are all octets of `text` in this class? True of the empty text.
    #[inline]
    pub(crate) fn all(self, text: &str) -> bool {
        text.bytes().all(|octet| self.has(octet))
    }
}

static TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut octet = 0u8;
    loop {
        #[expect(clippy::indexing_slicing, reason = "a table of 256 entries indexed by one octet")]
        {
            table[octet as usize] = classes_of(octet);
        }
        if octet == u8::MAX {
            break table;
        }
        octet += 1;
    }
};

const fn classes_of(octet: u8) -> u16 {
    let non_ascii = octet >= 0x80;
    let graphic = matches!(octet, b'!'..=b'~');
    let alphanumeric = octet.is_ascii_alphanumeric();
    let mut classes = 0;
    if alphanumeric
        || non_ascii
        || matches!(octet, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'/')
        || matches!(octet, b'=' | b'?' | b'^' | b'_' | b'`' | b'{'..=b'~')
    {
        classes |= Class::ATEXT.0;
    }
    if non_ascii || (matches!(octet, b' '..=b'~') && !matches!(octet, b'"' | b'\\')) {
        classes |= Class::QTEXT.0;
    }
    if alphanumeric || non_ascii || octet == b'-' {
        classes |= Class::LDH.0;
    }
    if graphic && !matches!(octet, b'[' | b'\\' | b']') {
        classes |= Class::DCONTENT.0;
    }
    if non_ascii || (graphic && octet != b'=') {
        classes |= Class::VALUE.0;
    }
    if graphic && !matches!(octet, b'+' | b'=') {
        classes |= Class::XCHAR.0;
    }
    if alphanumeric || matches!(octet, b'+' | b'/') {
        classes |= Class::BASE64.0;
    }
    if octet.is_ascii_digit() {
        classes |= Class::DIGIT.0;
    }
    if alphanumeric {
        classes |= Class::ALPHANUMERIC.0;
    }
    if alphanumeric || octet == b'-' {
        classes |= Class::KEYWORD.0;
    }
    if alphanumeric || matches!(octet, b'-' | b'_') {
        classes |= Class::MECHANISM.0;
    }
    if graphic || non_ascii {
        classes |= Class::GRAPHIC.0;
    }
    if alphanumeric || matches!(octet, b'.' | b'-' | b'_' | b':') {
        classes |= Class::SOLICITATION.0;
    }
    if graphic && !matches!(octet, b'<' | b'>' | b'@' | b'=') {
        classes |= Class::TRANSID.0;
    }
    if graphic || non_ascii || octet == b' ' {
        classes |= Class::TEXT.0;
    }
    if classes & Class::ATEXT.0 != 0 && !non_ascii {
        classes |= Class::ADDRESS_TYPE.0;
    }
    classes
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::Class;

    #[test]
    fn classes_hold_what_the_abnf_says() {
        let check = |class: Class, expected: &str| {
            let found: String = (0..=0x7f_u8).filter(|&octet| class.has(octet)).map(char::from).collect();
            assert_eq!(found, expected);
        };
        let alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        check(Class::ALPHANUMERIC, alphanumeric);
        check(Class::DIGIT, "0123456789");
        check(Class::KEYWORD, &format!("-{alphanumeric}"));
        check(Class::LDH, &format!("-{alphanumeric}"));
        check(Class::BASE64, &format!("+/{alphanumeric}"));
        check(
            Class::ATEXT,
            "!#$%&'*+-/0123456789=?ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz{|}~",
        );
    }

    #[test]
    fn no_class_holds_a_control() {
        for bit in 0..16 {
            for octet in (0..0x20).chain([0x7f]) {
                assert!(!Class(1 << bit).has(octet), "class {bit} holds {octet:#04x}");
            }
        }
    }
}
