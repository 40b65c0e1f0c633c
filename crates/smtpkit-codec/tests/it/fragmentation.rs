//! Any fragmentation of the input gives the same events (RFC 5321 says nothing of segments),
//! no octet is looked at twice, and nothing grows beyond its limit.

use proptest::collection::vec;
use proptest::prelude::*;
use smtpkit_codec::{
    BareNewline, Bdat, BdatDecoder, BodyStep, LineDecoder, LineStep, ReplyDecoder, ReplyStep, TextChunks,
    limits, normalise,
};

/// Octets that matter to framing more often than chance would have them.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let octet = prop_oneof![
        4 => Just(b'\r'), 4 => Just(b'\n'), 3 => Just(b'.'), 1 => Just(0), 2 => Just(b'2'), 2 => Just(b'5'),
        2 => Just(b'0'), 2 => Just(b'-'), 2 => Just(b' '), 4 => b'a'..=b'z', 1 => any::<u8>(),
    ];
    let word = prop_oneof![
        3 => vec(octet, 1..4),
        2 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r\n.\r\n".to_vec()),
        1 => Just(b"250-".to_vec()),
        1 => vec(b'a'..=b'z', 30..200),
    ];
    vec(word, 0..30).prop_map(|words| words.concat())
}

fn policy() -> impl Strategy<Value = BareNewline> {
    prop_oneof![Just(BareNewline::Refuse), Just(BareNewline::Normalise)]
}

/// Gives `wire` to `step` in pieces of the `sizes`, which repeat. `step` sees all that is not
/// consumed and says how much it consumes, or `None` when it needs more.
fn feed(wire: &[u8], sizes: &[usize], held_max: usize, mut step: impl FnMut(&[u8]) -> Option<usize>) {
    let (mut start, mut end) = (0, 0);
    let mut sizes = sizes.iter().cycle();
    while end < wire.len() {
        end = (end + sizes.next().expect("cycle")).min(wire.len());
        while let Some(consumed) = step(&wire[start..end]) {
            start += consumed;
        }
        assert!(end - start <= held_max + 200, "{} octets are held", end - start);
    }
}

fn lines(wire: &[u8], sizes: &[usize], policy: BareNewline) -> Vec<String> {
    let mut decoder = LineDecoder::new(64).with_bare_newline(policy);
    let mut events = vec![];
    feed(wire, sizes, 64, |buf| match decoder.decode(buf) {
        LineStep::Line { line, consumed } => {
            assert!(line.as_bytes().iter().all(|octet| !b"\r\n\0".contains(octet)));
            events.push(line.to_string());
            Some(consumed)
        }
        LineStep::Bad { why, at, consumed } => {
            events.push(format!("{why:?} {at}"));
            Some(consumed)
        }
        LineStep::Skip { consumed } => Some(consumed),
        LineStep::NeedMore => None,
    });
    events
}

fn replies(wire: &[u8], sizes: &[usize]) -> Vec<String> {
    let mut decoder = ReplyDecoder::new();
    let (mut events, mut bad) = (vec![], false);
    let mut offset = 0;
    feed(wire, sizes, limits::REPLY_OCTETS_ACCEPTED, |buf| match decoder.decode(buf) {
        ReplyStep::Reply { reply, consumed } if !bad => {
            events.push(format!("{reply} {:?}", reply.lines().collect::<Vec<_>>()));
            offset += consumed;
            Some(consumed)
        }
        ReplyStep::Bad { why, at } if !bad => {
            events.push(format!("{why:?} {}", offset + at));
            bad = true;
            None
        }
        _ => None,
    });
    events
}

/// The content, where the data ends, and the fault.
fn content(wire: &[u8], sizes: &[usize], policy: BareNewline) -> (Vec<u8>, Option<usize>, String) {
    let mut decoder = smtpkit_codec::DataDecoder::new(policy);
    let (mut content, mut end, mut fault, mut offset) = (vec![], None, String::new(), 0);
    feed(wire, sizes, 4, |buf| {
        if end.is_some() {
            return if buf.is_empty() { None } else { Some(buf.len()) };
        }
        match decoder.decode(buf) {
            BodyStep::Chunk { octets, consumed } => {
                assert!(consumed > 0 && octets.len() <= consumed + 1);
                content.extend_from_slice(octets);
                offset += consumed;
                Some(consumed)
            }
            BodyStep::End { consumed, fault: found } => {
                end = Some(offset + consumed);
                fault = format!("{found:?}");
                Some(consumed)
            }
            BodyStep::NeedMore => {
                assert!(buf.len() <= 4);
                None
            }
        }
    });
    (content, end, fault)
}

proptest! {
    #[test]
    fn lines_do_not_depend_on_fragments(wire in octets(), sizes in vec(1_usize..40, 1..20), policy in policy()) {
        prop_assert_eq!(lines(&wire, &sizes, policy), lines(&wire, &[wire.len().max(1)], policy));
    }

    #[test]
    fn replies_do_not_depend_on_fragments(wire in octets(), sizes in vec(1_usize..40, 1..20)) {
        prop_assert_eq!(replies(&wire, &sizes), replies(&wire, &[wire.len().max(1)]));
    }

    #[test]
    fn content_does_not_depend_on_fragments(wire in octets(), sizes in vec(1_usize..40, 1..20), policy in policy()) {
        prop_assert_eq!(content(&wire, &sizes, policy), content(&wire, &[wire.len().max(1)], policy));
    }

    #[test]
    fn data_ends_at_the_first_crlf_dot_crlf(wire in octets(), policy in policy()) {
        // The CRLF of the DATA command counts as the first one.
        let stream = [b"\r\n", wire.as_slice()].concat();
        let expected = stream.windows(5).position(|octets| octets == b"\r\n.\r\n").map(|at| at + 3);
        let (content, end, fault) = content(&wire, &[wire.len().max(1)], policy);
        prop_assert_eq!(end, expected);
        if end.is_some() && fault == "None" {
            prop_assert!(smtpkit_codec::Clean::check(content).is_ok(), "what is taken is clean");
        }
    }

    #[test]
    fn chunks_are_counted(size in 0_u64..200, wire in vec(any::<u8>(), 200..300), sizes in vec(1_usize..40, 1..20)) {
        let mut decoder = BdatDecoder::new(size);
        let (mut content, mut ended) = (vec![], false);
        feed(&wire, &sizes, 0, |buf| match decoder.decode(buf) {
            BodyStep::Chunk { octets, consumed } => {
                content.extend_from_slice(octets);
                Some(consumed)
            }
            BodyStep::End { consumed, fault } => {
                assert_eq!((consumed, fault), (0, None));
                ended = true;
                (!buf.is_empty()).then_some(buf.len())
            }
            BodyStep::NeedMore => None,
        });
        prop_assert!(ended);
        prop_assert_eq!(&content[..], &wire[..content.len()]);
        prop_assert_eq!(content.len() as u64, size);
    }
}

proptest! {
    #[test]
    fn text_in_chunks_is_what_the_whole_text_is(
        text in octets(), chunks in vec(1_usize..40, 1..8), sizes in vec(1_usize..40, 1..20),
    ) {
        let mut decoder = TextChunks::new(BareNewline::Normalise);
        let (mut content, mut unclean, mut rest) = (vec![], None, &text[..]);
        for size in chunks.iter().cycle() {
            let (chunk, after) = rest.split_at((*size).min(rest.len()));
            decoder.begin(Bdat { size: chunk.len() as u64, last: after.is_empty() });
            feed(chunk, &sizes, 1, |buf| match decoder.decode(buf) {
                BodyStep::Chunk { octets, consumed } => {
                    content.extend_from_slice(octets);
                    Some(consumed)
                }
                BodyStep::End { .. } | BodyStep::NeedMore => None,
            });
            let BodyStep::End { fault, .. } = decoder.decode(b"") else { panic!("the chunk is not at its end") };
            unclean = unclean.or(fault);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        match normalise(&text) {
            Ok(normal) => prop_assert_eq!((&content[..], unclean), (normal.as_bytes(), None)),
            Err(fault) => prop_assert_eq!(unclean, Some(fault)),
        }
    }
}

#[test]
fn a_line_without_end_takes_no_room() {
    let mut decoder = LineDecoder::new(limits::COMMAND_LINE_OCTETS);
    let mut held = 0;
    for _ in 0..1000 {
        let buf = vec![b'x'; held + 1000];
        held += 1000;
        while let LineStep::Skip { consumed } = decoder.decode(&buf[buf.len() - held..]) {
            held -= consumed;
        }
        assert!(held <= limits::COMMAND_LINE_OCTETS);
    }
}

#[test]
fn a_reply_without_end_is_refused_within_its_bound() {
    let wire = b"250-x\r\n".repeat(limits::REPLY_OCTETS_ACCEPTED);
    let mut decoder = ReplyDecoder::new();
    let bad_after = (0..wire.len())
        .step_by(100)
        .find(|&end| matches!(decoder.decode(&wire[..end]), ReplyStep::Bad { .. }))
        .expect("bounded");
    assert!(bad_after <= limits::REPLY_OCTETS_ACCEPTED);
}
