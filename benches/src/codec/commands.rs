//! Command lines: from octets to a typed command, and back.

use std::hint::black_box;

use smtp_proto::Request;
use smtpkit_codec::{Command, Encode, LineDecoder, LineStep, limits};

use crate::Item;

/// The lines of the geometric mean, by what they show.
pub const LINES: [(&str, &str); 26] = [
    ("parse DATA", "DATA\r\n"),
    ("parse RSET", "RSET\r\n"),
    ("parse QUIT", "QUIT\r\n"),
    ("parse NOOP", "NOOP\r\n"),
    ("parse MAIL", "MAIL FROM:<jane.doe@example.com>\r\n"),
    ("parse MAIL null", "MAIL FROM:<>\r\n"),
    ("parse MAIL SIZE BODY", "MAIL FROM:<jane.doe@example.com> SIZE=12345 BODY=8BITMIME\r\n"),
    (
        "parse MAIL 5 parameters",
        "MAIL FROM:<jane.doe@example.com> SIZE=12345 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ314159265358979323846.26433\r\n",
    ),
    ("parse MAIL SMTPUTF8", "MAIL FROM:<käthe.müller@bücher.example> SMTPUTF8\r\n"),
    ("parse MAIL quoted", "MAIL FROM:<\"jane doe\"@example.com>\r\n"),
    ("parse MAIL dots", "MAIL FROM:<jane.x.doe@mail.dept.example.com> SIZE=1\r\n"),
    ("parse MAIL VERP", "MAIL FROM:<bounces+12345-jane=example.com@mailer.lists.example.org> SIZE=4711\r\n"),
    ("parse RCPT", "RCPT TO:<bob@mx.example.org>\r\n"),
    ("parse RCPT lower case", "rcpt to:<bob.smith+tag@department.example.co.uk>\r\n"),
    (
        "parse RCPT NOTIFY ORCPT",
        "RCPT TO:<bob@mx.example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob@mx.example.org\r\n",
    ),
    ("parse RCPT NOTIFY", "RCPT TO:<bob@mx.example.org> NOTIFY=NEVER\r\n"),
    ("parse EHLO domain", "EHLO mail.client.example.com\r\n"),
    ("parse EHLO literal", "EHLO [192.0.2.1]\r\n"),
    ("parse HELO", "HELO mail.client.example.com\r\n"),
    ("parse AUTH", "AUTH PLAIN AGphbmUAc2VjcmV0\r\n"),
    ("parse AUTH no response", "AUTH SCRAM-SHA-256\r\n"),
    ("parse BDAT", "BDAT 86000 LAST\r\n"),
    ("parse STARTTLS", "STARTTLS\r\n"),
    ("parse VRFY", "VRFY jane\r\n"),
    ("parse LHLO", "LHLO mail.client.example.com\r\n"),
    ("parse unknown verb", "WHAT is this\r\n"),
];

/// A line that no rival can read, so that it is in no mean.
const LITERAL: (&str, &str) = ("parse MAIL literal", "MAIL FROM:<jane@[192.0.2.1]> SIZE=1\r\n");

/// Lines with a fault, for the count of allocations.
const FAULTS: [(&str, &str); 3] = [
    ("refuse MAIL without path", "MAIL FROM:jane SIZE=x\r\n"),
    ("refuse RCPT bad domain", "RCPT TO:<bob@-.example.org>\r\n"),
    ("refuse SIZE overflow", "MAIL FROM:<a@b.c> SIZE=99999999999999999999999\r\n"),
];

/// Lines that are put on the wire.
const SENT: [(&str, &str); 3] = [
    ("serialize MAIL SIZE BODY", LINES[6].1),
    ("serialize RCPT", LINES[12].1),
    ("serialize bare verb", LINES[0].1),
];

pub fn items() -> Vec<Item> {
    let parse = LINES.iter().chain(&FAULTS).map(|&(name, line)| parse(name, line.as_bytes()));
    let own = LINES.iter().map(|&(name, line)| keep(name, line));
    let literal = parse_alone(LITERAL.0, LITERAL.1.as_bytes());
    parse.chain([literal]).chain(own).chain(SENT.iter().map(|&(name, line)| serialize(name, line))).collect()
}

/// Octets to command, framing included, because the rivals find the line end too.
fn parse_alone(name: &'static str, wire: &'static [u8]) -> Item {
    Item::per_round(name, move || {
        let mut decoder = LineDecoder::new(limits::COMMAND_LINE_OCTETS);
        let LineStep::Line { line, .. } = decoder.decode(black_box(wire)) else { unreachable!("a line") };
        let _ = black_box(Command::parse(line));
    })
}

/// The same beside the rivals; smtp-codec only where it can read the line.
fn parse(name: &'static str, wire: &'static [u8]) -> Item {
    let item = parse_alone(name, wire).against("smtp-proto", move || {
        let _ = black_box(Request::parse(&mut black_box(wire).iter()));
    });
    if smtp_codec::parse::command::command(wire).is_err() {
        return item;
    }
    item.against("smtp-codec", move || {
        let _ = black_box(smtp_codec::parse::command::command(black_box(wire)));
    })
}

/// From a borrowed command to one that can be kept.
fn keep(name: &'static str, wire: &'static str) -> Item {
    let name = format!("keep {}", name.trim_start_matches("parse ")).leak();
    let line = smtpkit_codec::Line::new(wire.trim_end()).expect("a line");
    let item = Item::per_round(name, move || {
        if let Ok(command) = Command::parse(black_box(line)) {
            black_box(command.to_owned());
        }
    });
    item.against("smtp-proto", move || {
        if let Ok(command) = Request::parse(&mut black_box(wire).as_bytes().iter()) {
            black_box(command.into_owned());
        }
    })
}

fn serialize(name: &'static str, wire: &'static str) -> Item {
    let command =
        Command::parse(smtpkit_codec::Line::new(wire.trim_end()).expect("a line")).expect("a command");
    let (rest, rival) = smtp_codec::parse::command::command(wire.as_bytes()).expect("a command");
    assert!(rest.is_empty());
    let mut out = [0; 256];
    Item::per_round(name, move || {
        let mut to = &mut out[..];
        black_box(&command).encode(&mut to);
        black_box(&mut out);
    })
    .against("smtp-codec", move || {
        let mut to = &mut out[..];
        black_box(&rival).serialize(&mut to).expect("room");
        black_box(&mut out);
    })
}
