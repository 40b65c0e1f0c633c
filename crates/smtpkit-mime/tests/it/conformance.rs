//! The sweep agrees with the plain rules, whatever the content and however it is cut.

use proptest::prelude::*;
use smtpkit_mime::HopCapabilities;
use smtpkit_mime::conformance::{Conformance, Sweep};

/// The rules, octet by octet.
fn reference(content: &[u8]) -> Conformance {
    let mut expected = Conformance::default();
    let set = |place: &mut Option<u64>, at: usize| {
        place.get_or_insert(at as u64);
    };
    let lines: Vec<&[u8]> = content.split_inclusive(|octet| *octet == b'\n').collect();
    let is_field = |line: &&[u8]| {
        let Some(colon) = line.iter().position(|octet| *octet == b':') else { return false };
        let name = line[..colon].trim_ascii_end();
        let blanks = &line[name.len()..colon];
        name.iter().all(u8::is_ascii_graphic)
            && blanks.iter().all(|octet| matches!(octet, b' ' | b'\t'))
            && (blanks.is_empty() || !name.is_empty())
    };
    let is_fold = |line: &&[u8]| matches!(line, [b' ' | b'\t', ..]);
    let ends = |(number, line): (usize, &&[u8])| !(is_field(line) || number > 0 && is_fold(line));
    let header_lines = lines.iter().enumerate().position(ends).unwrap_or(lines.len());
    let header: Vec<u8> = lines[..header_lines].concat();
    let name = |line: &&[u8]| {
        if is_fold(line) {
            return None;
        }
        let colon = line.iter().position(|octet| *octet == b':')?;
        let name = core::str::from_utf8(&line[..colon]).ok()?;
        Some(name.trim_end_matches([' ', '\t']).to_ascii_lowercase())
    };
    let names: Vec<String> = lines[..header_lines].iter().filter_map(name).collect();
    expected.octets = content.len() as u64;
    expected.header_octets = header.len() as u64;
    expected.has_date = names.iter().any(|name| name == "date");
    expected.has_from = names.iter().any(|name| name == "from");
    expected.has_message_id = names.iter().any(|name| name == "message-id");
    expected.received = names.iter().filter(|name| *name == "received").count() as u32;
    expected.longest_line = lines.iter().map(|line| line.len() as u64).max().unwrap_or(0);
    for (at, octet) in content.iter().enumerate() {
        match octet {
            b'\r' if content.get(at + 1) != Some(&b'\n') => set(&mut expected.bare_cr_at, at),
            b'\n' if at == 0 || content[at - 1] != b'\r' => set(&mut expected.bare_lf_at, at),
            0 => set(&mut expected.nul_at, at),
            128.. if at < header.len() => set(&mut expected.eight_bit_header_at, at),
            128.. => set(&mut expected.eight_bit_body_at, at),
            _ => {}
        }
    }
    expected
}

fn swept(pieces: &[&[u8]]) -> Conformance {
    let mut sweep = Sweep::new();
    pieces.iter().for_each(|piece| sweep.push(piece));
    sweep.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_split_finds_what_the_rules_say(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                &b"Date: x"[..], b"FROM", b": ", b"Message-ID:", b"Received :", b"received: y", b"\r\n", b"\r\n", b"\n",
                b"\r", b"\0", b"\xc3", b"text", b" ", b"\t", b"a very long line of text",
            ]),
            0..20,
        ),
    ) {
        let whole = pieces.concat();
        let expected = reference(&whole);
        prop_assert_eq!(swept(&pieces), expected, "{:?}", String::from_utf8_lossy(&whole));
        prop_assert_eq!(Conformance::of(&whole), expected);
        let octets: Vec<&[u8]> = whole.chunks(1).collect();
        prop_assert_eq!(swept(&octets), expected);
    }
}

#[test]
fn what_a_hop_must_take_follows_from_the_findings() {
    let utf8 = Conformance::of("Subject: ü\r\n\r\nü\r\n".as_bytes());
    assert_eq!(utf8.needs(), HopCapabilities::SMTPUTF8);
    assert!(HopCapabilities::SMTPUTF8.covers(HopCapabilities::EIGHT_BIT));
    assert!(!HopCapabilities::EIGHT_BIT.covers(utf8.needs()));
}
