//! Tokens that many rules share: runs of a class, single octets, words in either case, numbers.

use crate::syntax_error::Expected;

use super::{Class, Fault, Parsed};

/// `1*class`
#[inline(always)]
pub(crate) fn run<'a>(class: Class, expected: Expected) -> impl Fn(&'a str) -> Parsed<'a, &'a str> {
    move |input| match class.run(input.as_bytes()) {
        0 => Err(Fault::at(input, expected)),
        octets => split(input, octets, expected),
    }
}

/// The first `octets` of `input`, and what follows them.
#[inline(always)]
pub(crate) fn split(input: &str, octets: usize, expected: Expected) -> Parsed<'_, &str> {
    match input.split_at_checked(octets) {
        Some((head, rest)) => Ok((rest, head)),
        None => Err(Fault::at(input, expected)),
    }
}

/// One given ASCII octet.
#[inline(always)]
pub(crate) fn octet<'a>(wanted: u8, expected: Expected) -> impl Fn(&'a str) -> Parsed<'a, ()> {
    move |input| match input.as_bytes().first() {
        Some(&found) if found == wanted => split(input, 1, expected).map(|(rest, _)| (rest, ())),
        _ => Err(Fault::at(input, expected)),
    }
}

/// A word in either case.
#[inline(always)]
pub(crate) fn word<'a, const N: usize>(
    word: &'static [u8; N],
    expected: Expected,
) -> impl Fn(&'a str) -> Parsed<'a, ()> {
    move |input| {
        if starts_with(input, word) {
            split(input, N, expected).map(|(rest, _)| (rest, ()))
        } else {
            Err(Fault::at(input, expected))
        }
    }
}

/// Does `input` begin with `word`, of 1 to 16 octets, in either case? One comparison of integers:
/// the mask that folds the letters of `word` is known when it is compiled.
#[inline(always)]
pub(crate) fn starts_with<const N: usize>(input: &str, word: &'static [u8; N]) -> bool {
    const { assert!(N <= 16, "a word has at most 16 octets") };
    let mask = wide(&word.map(|octet| if octet.is_ascii_alphabetic() { 0xdf } else { 0xff }));
    input.as_bytes().first_chunk::<N>().is_some_and(|found| wide(found) & mask == wide(word) & mask)
}

/// Octets as one integer.
#[inline(always)]
fn wide<const N: usize>(octets: &[u8; N]) -> u128 {
    let mut wide = [0; 16];
    if let Some(head) = wide.first_chunk_mut::<N>() {
        *head = *octets;
    }
    u128::from_le_bytes(wide)
}

/// Are two keywords the same in either case? Exact for letters, digits and "-", which are all that
/// [`Class::KEYWORD`] holds: clearing bit 5 keeps those apart. Eight octets at a time.
#[inline]
pub(crate) fn same_keyword(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let folded = |octets: &[u8; 8]| u64::from_le_bytes(*octets) & 0xdfdf_dfdf_dfdf_dfdf;
    match (left.last_chunk::<8>(), right.last_chunk::<8>()) {
        (Some(left_end), Some(right_end)) => {
            let (lefts, rights) = (left.as_chunks::<8>().0, right.as_chunks::<8>().0);
            folded(left_end) == folded(right_end)
                && lefts.iter().zip(rights).all(|(left, right)| folded(left) == folded(right))
        }
        _ => left.iter().zip(right).all(|(left, right)| (left ^ right) & 0xdf == 0),
    }
}

/// What is left of `input` without the white space in front of it (RFC 5321 §4.1.1: tolerate it).
#[inline(always)]
pub(crate) fn skip_spaces(input: &str) -> &str {
    match input.as_bytes().first() {
        Some(b' ' | b'\t') => skip_all_spaces(input),
        _ => input,
    }
}

#[inline]
fn skip_all_spaces(input: &str) -> &str {
    let mut rest = input;
    while let Some((b' ' | b'\t', _)) = rest.as_bytes().split_first()
        && let Some(next) = rest.get(1..)
    {
        rest = next;
    }
    rest
}

/// `1*DIGIT`, at most 2⁶⁴ − 1: a greater number is an error, not a wrapped one.
#[inline]
pub(crate) fn number<'a>(expected: Expected) -> impl Fn(&'a str) -> Parsed<'a, u64> {
    move |input| {
        let (rest, digits) = run(Class::DIGIT, expected)(input)?;
        // nineteen digits are less than 2⁶⁴ whatever they are
        if digits.len() < 20 {
            return Ok((rest, digits.bytes().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'))));
        }
        let mut value = 0_u64;
        for digit in digits.bytes() {
            let next = value.checked_mul(10).and_then(|tens| tens.checked_add(u64::from(digit - b'0')));
            value = next.ok_or_else(|| Fault::at(input, Expected::SmallerNumber))?;
        }
        Ok((rest, value))
    }
}

/// `1*9DIGIT`: the number of seconds in several extensions.
#[inline]
pub(crate) fn seconds<'a>(expected: Expected) -> impl Fn(&'a str) -> Parsed<'a, u32> {
    move |input| {
        let (rest, value) = number(expected)(input)?;
        match u32::try_from(value) {
            Ok(value) if input.len() - rest.len() <= 9 => Ok((rest, value)),
            _ => Err(Fault::at(input, expected)),
        }
    }
}

/// base64 of RFC 4648 §4 with its padding, not empty.
#[inline]
pub(crate) fn base64<'a>(expected: Expected) -> impl Fn(&'a str) -> Parsed<'a, &'a str> {
    move |input| {
        let digits = Class::BASE64.run(input.as_bytes());
        let padding = input.bytes().skip(digits).take_while(|&octet| octet == b'=').count();
        if digits == 0 || padding > 2 || !(digits + padding).is_multiple_of(4) {
            return Err(Fault::at(input, expected));
        }
        split(input, digits + padding, expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_takes_64_bits_and_no_more() {
        let check = |input: &str, expected: Option<u64>| {
            assert_eq!(number(Expected::Number)(input).ok().map(|(_, value)| value), expected, "{input}");
        };
        check("0", Some(0));
        check("18446744073709551615", Some(u64::MAX));
        check("000000000000000000000000001", Some(1));
        check("18446744073709551616", None);
        check("", None);
        check("-1", None);
        check("+1", None);
    }

    #[test]
    fn base64_is_padded_to_four() {
        let check = |input: &str, expected: Option<&str>| {
            assert_eq!(base64(Expected::Base64)(input).ok().map(|(_, text)| text), expected, "{input}");
        };
        check("AGE=", Some("AGE="));
        check("AGFi rest", Some("AGFi"));
        check("AA==", Some("AA=="));
        check("A===", None);
        check("=", None);
        check("AGE", None);
        check("AG-E", None);
    }

    #[test]
    fn words_and_keywords_are_compared_in_either_case_and_exactly() {
        let check =
            |input: &str, expected: bool| assert_eq!(starts_with(input, b" From:"), expected, "{input:?}");
        check(" FROM:<", true);
        check(" from:", true);
        check(" FROM", false);
        check("\0FROM:", false);
        check(" FROM\u{1a}", false);
        let words =
            ["DSN", "size", "SIZE", "8BITMIME", "8bitmime", "BINARYMIME", "binarymimE", "MT-PRIORITY", "X-Y"];
        let longer =
            ["ENHANCEDSTATUSCODES", "enhancedstatuscodes", "ENHANCEDsTATUSCODE5", "A-BCDEFG-HIJKLMN"];
        for left in words.into_iter().chain(longer) {
            for right in words.into_iter().chain(longer) {
                let same = same_keyword(left.as_bytes(), right.as_bytes());
                assert_eq!(same, left.eq_ignore_ascii_case(right), "{left} {right}");
            }
        }
    }

    #[test]
    fn spaces_are_skipped_to_the_end() {
        assert_eq!(skip_spaces("  a "), "a ");
        assert_eq!(skip_spaces(" \t "), "");
        assert_eq!(skip_spaces(""), "");
    }
}
