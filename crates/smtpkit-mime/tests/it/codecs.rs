//! Transfer encodings against references that are slow and simple, for every split.

use proptest::prelude::*;
use smtpkit_mime::decode::{TransferDecoder, TransferEncoding};

fn decode(encoding: TransferEncoding, input: &[u8], piece: usize) -> Vec<u8> {
    let (mut decoder, mut out) = (TransferDecoder::new(encoding), Vec::new());
    for piece in input.chunks(piece) {
        decoder.push(piece, &mut out);
    }
    decoder.finish(&mut out);
    out
}

/// Base64 by the bit, everything outside of the alphabet skipped, groups ended by padding.
fn base64_reference(input: &[u8]) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut bits) = (Vec::new(), Vec::new());
    let end = |bits: &mut Vec<u8>, out: &mut Vec<u8>| {
        for octet in bits.chunks_exact(8) {
            out.push(octet.iter().fold(0, |value, bit| value << 1 | bit));
        }
        bits.clear();
    };
    for octet in input {
        if let Some(value) = alphabet.iter().position(|letter| letter == octet) {
            bits.extend((0..6).rev().map(|bit| (value >> bit & 1) as u8));
        } else if *octet == b'=' {
            end(&mut bits, &mut out);
        }
        if bits.len() == 24 {
            end(&mut bits, &mut out);
        }
    }
    end(&mut bits, &mut out);
    out
}

/// Quoted-printable line by line.
fn quoted_printable_reference(input: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in input.split_inclusive(|octet| *octet == b'\n') {
        let (text, end): (&[u8], &[u8]) = match line {
            [text @ .., b'\r', b'\n'] => (text, b"\r\n"),
            [text @ .., b'\n'] => (text, b"\n"),
            text => (text, b""),
        };
        let kept = text.iter().rposition(|octet| !matches!(octet, b' ' | b'\t')).map_or(0, |last| last + 1);
        let text = &text[..kept];
        let (text, end) = match text {
            [text @ .., b'='] => (text, &b""[..]),
            text => (text, end),
        };
        let mut at = 0;
        while at < text.len() {
            let escape = text.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
            let value = escape.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
            if let (b'=', Some(digits)) = (text[at], value) {
                out.push(u8::from_str_radix(digits, 16).unwrap());
                at += 3;
            } else {
                out.push(text[at]);
                at += 1;
            }
        }
        out.extend_from_slice(end);
    }
    out
}

fn encode_base64(octets: &[u8], line: usize) -> Vec<u8> {
    use base64_lines::encode;
    encode(octets, line)
}

mod base64_lines {
    /// Base64 in lines of `line` letters.
    pub(super) fn encode(octets: &[u8], line: usize) -> Vec<u8> {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut letters = Vec::new();
        for group in octets.chunks(3) {
            let bits = group.iter().fold(0_u32, |bits, octet| bits << 8 | u32::from(*octet))
                << (8 * (3 - group.len()));
            for index in 0..4 {
                let letter = alphabet[(bits >> (18 - 6 * index) & 63) as usize];
                letters.push(if index > group.len() { b'=' } else { letter });
            }
        }
        letters.chunks(line).flat_map(|line| line.iter().copied().chain(*b"\r\n")).collect()
    }
}

proptest! {
    #[test]
    fn clean_base64_comes_back(octets in prop::collection::vec(any::<u8>(), 0..9000), line in 1_usize..100, piece in 1_usize..6000) {
        let encoded = encode_base64(&octets, line);
        prop_assert!(decode(TransferEncoding::Base64, &encoded, piece) == octets);
    }

    #[test]
    fn strange_base64_is_the_reference(input in "[A-Da-d+/=\\r\\n *-]{0,300}", piece in 1_usize..100) {
        prop_assert_eq!(decode(TransferEncoding::Base64, input.as_bytes(), piece), base64_reference(input.as_bytes()));
    }

    #[test]
    fn long_strange_base64_is_the_reference(
        octets in prop::collection::vec(any::<u8>(), 5000..9000),
        strange in prop::collection::vec((0_usize..9000, prop::sample::select(b"=* \n-A".to_vec())), 0..6),
        piece in 500_usize..9000,
    ) {
        let mut input = encode_base64(&octets, 76);
        for (at, octet) in strange {
            input.insert(at.min(input.len()), octet);
        }
        prop_assert!(decode(TransferEncoding::Base64, &input, piece) == base64_reference(&input));
    }

    #[test]
    fn quoted_printable_is_the_reference(input in "([a-z ]{0,30}|=[0-9A-Fa-f]{2}|=|\t|\r\n|\n|=\r\n|=[G-Z ]| {2,5}){0,40}", piece in 1_usize..60) {
        // a carriage return alone is neither line end nor blank here, so it is left out
        let found = decode(TransferEncoding::QuotedPrintable, input.as_bytes(), piece);
        let expected = quoted_printable_reference(input.as_bytes());
        prop_assert_eq!(found.escape_ascii().to_string(), expected.escape_ascii().to_string());
    }

    #[test]
    fn nothing_panics_and_nothing_grows(input in prop::collection::vec(any::<u8>(), 0..400), piece in 1_usize..50) {
        for encoding in [TransferEncoding::Base64, TransferEncoding::QuotedPrintable, TransferEncoding::Uuencode] {
            let out = decode(encoding, &input, piece);
            prop_assert!(out.len() <= input.len().max(63), "{:?}", encoding);
            prop_assert_eq!(out, decode(encoding, &input, input.len().max(1)));
        }
    }

    #[test]
    fn uuencode_comes_back(octets in prop::collection::vec(any::<u8>(), 0..300), piece in 1_usize..70) {
        let mut input = b"text before\nbegin 644 a b.txt\r\n".to_vec();
        let letter = |value: u32| if value & 63 == 0 { b'`' } else { b' ' + (value & 63) as u8 };
        for line in octets.chunks(45) {
            input.push(letter(line.len() as u32));
            for group in line.chunks(3) {
                let bits = group.iter().fold(0_u32, |bits, octet| bits << 8 | u32::from(*octet)) << (8 * (3 - group.len()));
                input.extend((0..4).map(|index| letter(bits >> (18 - 6 * index))));
            }
            input.extend_from_slice(b"\r\n");
        }
        input.extend_from_slice(b"`\r\nend\r\n");
        prop_assert_eq!(decode(TransferEncoding::Uuencode, &input, piece), octets);
    }
}
