//! Replies: taken off the wire, put on the wire.

use std::hint::black_box;

use smtp_proto::response::parser::ResponseReceiver;
use smtp_proto::{EhloResponse, Response};
use smtpkit_codec::{EhloReplyRef, Encode, EnhancedStatusCode, Reply, ReplyCode, ReplyDecoder, ReplyStep};

use crate::Item;

const ONE: &[u8] = b"250 2.1.5 recipient <bob@example.org> ok\r\n";
const THREE: &[u8] = b"550-5.7.1 Our system has detected that this message is\r\n\
    550-5.7.1 likely unsolicited mail. To reduce the amount of spam\r\n\
    550 5.7.1 this message has been blocked.\r\n";
const EHLO: &[u8] = b"250-mx.example.org at your service\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n\
    250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-SMTPUTF8\r\n\
    250-DSN\r\n250-REQUIRETLS\r\n250-BINARYMIME\r\n250 AUTH PLAIN LOGIN SCRAM-SHA-256\r\n";

pub fn items() -> Vec<Item> {
    vec![
        parse("reply parse, 1 line", ONE),
        parse("reply parse, 3 lines", THREE),
        parse_ehlo("reply parse, EHLO of 12 lines", Asked::Keywords),
        parse_ehlo("reply parse, EHLO with its values", Asked::Values),
        serialize_one(),
        serialize_ehlo(),
    ]
}

fn parse(name: &'static str, wire: &'static [u8]) -> Item {
    Item::per_round(name, move || {
        let ReplyStep::Reply { reply, .. } = ReplyDecoder::new().decode(black_box(wire)) else {
            unreachable!("a whole reply")
        };
        black_box((reply, reply.enhanced()));
    })
    .against("smtp-proto", move || {
        let reply = ResponseReceiver::default().parse(&mut black_box(wire).iter());
        black_box(reply).expect("a whole reply");
    })
}

/// What is asked of a reply to EHLO.
#[derive(Clone, Copy)]
enum Asked {
    /// Which extensions it announces.
    Keywords,
    /// The size limit and the mechanisms too, which the rival reads on the way.
    Values,
}

fn parse_ehlo(name: &'static str, asked: Asked) -> Item {
    Item::per_round(name, move || {
        let ReplyStep::Reply { reply, .. } = ReplyDecoder::new().decode(black_box(EHLO)) else {
            unreachable!("a whole reply")
        };
        let ehlo = EhloReplyRef::parse(reply).expect("announcements");
        if matches!(asked, Asked::Values) {
            black_box((ehlo.domain(), ehlo.size(), ehlo.auth_mechanisms().count()));
        }
        black_box(ehlo);
    })
    .against("smtp-proto", || {
        let reply = EhloResponse::parse(&mut black_box(EHLO).iter());
        black_box(reply).expect("a whole reply");
    })
}

fn serialize_one() -> Item {
    let reply =
        Reply::new(ReplyCode::OK, Some(EnhancedStatusCode::RECIPIENT_OK), "recipient <bob@example.org> ok")
            .expect("valid");
    let rival = Response::new(250, 2, 1, 5, String::from("recipient <bob@example.org> ok"));
    let mut out = [0; 64];
    Item::per_round("serialize reply", move || {
        let mut to = &mut out[..];
        black_box(&reply).encode(&mut to);
        black_box(&mut out);
    })
    .against("smtp-proto", move || {
        let mut to = &mut out[..];
        black_box(&rival).write(&mut to).expect("room");
        black_box(&mut out);
    })
}

fn serialize_ehlo() -> Item {
    let lines = EHLO
        .split(|&octet| octet == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| &line[4..line.len() - 1]);
    let reply = Reply::from_lines(ReplyCode::OK, None, lines).expect("valid");
    let rival = EhloResponse::parse(&mut EHLO.iter()).expect("valid");
    let mut out = [0; 512];
    Item::per_round("serialize EHLO reply of 12 lines", move || {
        let mut to = &mut out[..];
        black_box(&reply).encode(&mut to);
        black_box(&mut out);
    })
    .against("smtp-proto", move || {
        let mut to = &mut out[..];
        black_box(&rival).write(&mut to).expect("room");
        black_box(&mut out);
    })
}
