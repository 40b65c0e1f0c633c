//! Content after DATA: taken off the wire, put on the wire, checked.

use std::hint::black_box;

use memchr::memmem;
use smtp_proto::request::receiver::DataReceiver;
use smtpkit_codec::{
    BareNewline, BodyStep, Clean, DataDecoder, DataEncoder, LineDecoder, LineStep, ReplyDecoder, ReplyStep,
};

use crate::Item;
use crate::text::text;

/// Octets per read, as a driver would do it.
const READ: usize = 16 * 1024;

pub fn items() -> Vec<Item> {
    let content = text(64 * 1024);
    let wire = stuffed(&content);
    vec![
        decode("DATA decode, 64 KiB of text, strict, borrowed", wire.clone()),
        encode_clean(content.clone()),
        encode_checked(content.clone()),
        check(content),
        line_by_octets(),
        reply_by_octets(),
        data_by_octets(wire[..4096].to_vec()),
    ]
}

/// The wire form of content.
fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut encoder = DataEncoder::new();
    let mut wire = Vec::new();
    for segment in encoder.segments(content) {
        wire.extend_from_slice(segment.expect("clean").of(content));
    }
    wire.extend_from_slice(encoder.finish().expect("clean"));
    wire
}

fn decode(name: &'static str, wire: Vec<u8>) -> Item {
    let (octets, lax, floor) = (wire.len(), wire.clone(), wire.clone());
    Item::per_octet(name, octets, move || {
        let mut decoder = DataDecoder::new(BareNewline::Refuse);
        let (mut start, mut end) = (0, READ.min(wire.len()));
        loop {
            match decoder.decode(black_box(&wire[start..end])) {
                BodyStep::Chunk { octets, consumed } => {
                    black_box(octets);
                    start += consumed;
                }
                BodyStep::End { fault, .. } => return assert!(fault.is_none()),
                BodyStep::NeedMore => end = (end + READ).min(wire.len()),
            }
        }
    })
    .against("smtp-proto (lax, copies)", move || {
        let mut receiver = DataReceiver::new();
        let mut content = Vec::with_capacity(lax.len());
        for piece in lax.chunks(READ) {
            if receiver.ingest(&mut black_box(piece).iter(), &mut content) {
                break;
            }
        }
        black_box(&content);
    })
    .against("memmem CRLF.CRLF (floor)", move || {
        black_box(memmem::find(black_box(&floor), b"\r\n.\r\n"));
    })
}

fn encode_clean(content: Vec<u8>) -> Item {
    let floor = content.clone();
    let content = Clean::check(content).expect("clean");
    Item::per_octet("DATA encode from clean", content.as_bytes().len(), move || {
        let mut encoder = DataEncoder::new();
        for segment in encoder.clean_segments(black_box(&content)) {
            black_box(segment);
        }
        black_box(encoder.finish()).expect("clean");
    })
    .against("memmem LF. (floor)", move || {
        for dot in memmem::find_iter(black_box(&floor), b"\n.") {
            black_box(dot);
        }
    })
}

fn encode_checked(content: Vec<u8>) -> Item {
    Item::per_octet("DATA encode, checked", content.len(), move || {
        let mut encoder = DataEncoder::new();
        for segment in encoder.segments(black_box(&content)) {
            black_box(segment).expect("clean");
        }
        black_box(encoder.finish()).expect("clean");
    })
}

fn check(content: Vec<u8>) -> Item {
    Item::per_octet("content check", content.len(), move || {
        black_box(Clean::check(black_box(&content))).expect("clean");
    })
}

fn line_by_octets() -> Item {
    let wire = b"MAIL FROM:<jane.doe@example.com> SIZE=12345 BODY=8BITMIME RET=HDRS ENVID=QQ314159\r\n";
    Item::per_octet("command line, one octet at a time", wire.len(), move || {
        let mut decoder = LineDecoder::new(4096);
        for end in 1..=wire.len() {
            if let LineStep::Line { line, .. } = decoder.decode(black_box(&wire[..end])) {
                black_box(line);
            }
        }
    })
}

fn reply_by_octets() -> Item {
    let wire = b"250-mx.example.test\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250 SMTPUTF8\r\n";
    Item::per_octet("reply of 4 lines, one octet at a time", wire.len(), move || {
        let mut decoder = ReplyDecoder::new();
        for end in 1..=wire.len() {
            if let ReplyStep::Reply { reply, .. } = decoder.decode(black_box(&wire[..end])) {
                black_box(reply);
            }
        }
    })
}

fn data_by_octets(wire: Vec<u8>) -> Item {
    Item::per_octet("DATA decode, one octet at a time", wire.len(), move || {
        let mut decoder = DataDecoder::new(BareNewline::Refuse);
        let mut start = 0;
        for end in 1..=wire.len() {
            if let BodyStep::Chunk { octets, consumed } = decoder.decode(black_box(&wire[start..end])) {
                black_box(octets);
                start += consumed;
            }
        }
    })
}
