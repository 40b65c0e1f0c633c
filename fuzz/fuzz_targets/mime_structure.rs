//! Any content in any pieces: the push parser tells what the view tells, and parts lie within each other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_mime::{Event, Message, PushParser};

/// An event with runs of body octets reduced to their sum.
fn tell(events: &mut Vec<(u8, u64)>, event: Event<'_>) {
    let (kind, number) = match event {
        Event::PartStart { at, .. } => (0, at),
        Event::Field(field) => (1, field.value_at()),
        Event::HeaderEnd(head) => (2, head.body_at),
        Event::PartEnd { at } => (3, at),
        Event::Body(octets) => (4, octets.len() as u64),
        Event::Preamble(octets) => (5, octets.len() as u64),
        Event::Epilogue(octets) => (6, octets.len() as u64),
    };
    match events.last_mut() {
        Some((last, sum)) if kind > 3 && *last == kind => *sum += number,
        _ => events.push((kind, number)),
    }
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, content) = (usize::from(input.0).max(1), input.1);
    let message = Message::parse(content);
    let (mut whole, mut pieces) = (Vec::new(), Vec::new());
    message.events().for_each(|event| tell(&mut whole, event));
    let mut parser = PushParser::new();
    for piece in content.chunks(piece) {
        let mut rest = piece;
        while let Some(event) = parser.next(&mut rest) {
            tell(&mut pieces, event);
        }
    }
    while let Some(event) = parser.finish() {
        tell(&mut pieces, event);
    }
    assert_eq!(whole, pieces);
    assert_eq!(message.defects(), parser.defects());
    for part in message.parts() {
        assert_eq!(part.raw().len(), part.raw_header().len() + part.raw_body().len());
    }
});
