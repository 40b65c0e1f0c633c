//! Reading mail: where its parts lie, what its header says, all of it.
//!
//! Each side reads the same: "structure" is what its parser does by itself, "headers" adds the subject, the date,
//! the Message-ID and the mailboxes of From, To and Cc, "full" adds every body, decoded, and texts as characters.

use std::hint::black_box;

use mail_parser::MessageParser;
use mailparse::{MailHeaderMap as _, ParsedMail};
use smtpkit_mime::decode::TransferDecoder;
use smtpkit_mime::{Event, Message, PushParser};

use super::mails;
use crate::Item;

/// Octets of a piece, as a server would read them.
const PIECE: usize = 16 * 1024;

pub fn items() -> Vec<Item> {
    let shapes = [
        ("4 KiB text", mails::text_mail()),
        ("75 KB alternative", mails::alternative()),
        ("1 MiB attachment", mails::attachment()),
        ("120 KB quoted-printable", mails::dense_quoted_printable()),
        ("22 KB header", mails::header_heavy()),
    ];
    let read = shapes
        .into_iter()
        .flat_map(|(name, mail)| [structure(name, mail), headers(name, mail), full(name, mail)]);
    let recipients = headers("60 recipients", mails::many_recipients());
    read.chain([recipients, push("push, 1 MiB attachment", 1), push("push, 8 MiB attachment", 8)]).collect()
}

fn structure(name: &str, mail: &'static [u8]) -> Item {
    item(name, "structure", mail, move || {
        black_box(Message::parse(black_box(mail)));
    })
    .against("mail-parser", move || {
        black_box(MessageParser::new().parse(black_box(mail)));
    })
    .against("mailparse", move || {
        let _ = black_box(mailparse::parse_mail(black_box(mail)));
    })
}

fn headers(name: &str, mail: &'static [u8]) -> Item {
    item(name, "headers", mail, move || our_headers(&Message::parse(black_box(mail))))
        .against("mail-parser", move || {
            their_headers(&MessageParser::new().parse(black_box(mail)).expect("a message"));
        })
        .against("mailparse", move || {
            mailparse_headers(&mailparse::parse_mail(black_box(mail)).expect("a message"));
        })
}

fn full(name: &str, mail: &'static [u8]) -> Item {
    item(name, "full", mail, move || {
        let message = Message::parse(black_box(mail));
        our_headers(&message);
        for part in message.leaves() {
            let body = part.body();
            match body.charset() {
                Some(_) => drop(black_box(body.text())),
                None => drop(black_box(body.octets())),
            }
        }
    })
    .against("mail-parser", move || {
        let message = MessageParser::new().parse(black_box(mail)).expect("a message");
        their_headers(&message);
        for part in message.parts().filter(|part| !part.is_multipart()) {
            match part.is_text() {
                true => drop(black_box(part.text())),
                false => drop(black_box(part.decoded())),
            }
        }
    })
    .against("mailparse", move || {
        let message = mailparse::parse_mail(black_box(mail)).expect("a message");
        mailparse_headers(&message);
        for part in message.parts().filter(|part| part.subparts.is_empty()) {
            match part.ctype.mimetype.starts_with("text/") {
                true => drop(black_box(part.get_body())),
                false => drop(black_box(part.get_body_raw())),
            }
        }
    })
}

fn our_headers(message: &Message<'_>) {
    black_box((message.subject(), message.date(), message.message_id()));
    black_box((message.from(), message.to(), message.cc()));
}

fn their_headers(message: &mail_parser::Message<'_>) {
    black_box((message.subject(), message.date(), message.message_id()));
    for list in [message.from(), message.to(), message.cc()].into_iter().flatten() {
        for mailbox in list.mailboxes() {
            black_box((mailbox.name(), mailbox.address()));
        }
    }
}

fn mailparse_headers(message: &ParsedMail<'_>) {
    let value = |name: &str| message.headers.get_first_value(name);
    black_box((value("Subject"), value("Message-ID")));
    black_box(value("Date").map(|date| mailparse::dateparse(&date).ok()));
    for name in ["From", "To", "Cc"] {
        black_box(
            message.headers.get_first_header(name).map(|field| mailparse::addrparse_header(field).ok()),
        );
    }
}

/// A message in pieces, its attachment decoded as it comes. The piece is the reader's, the decoded octets are
/// thrown away; no rival reads that way.
fn push(name: &'static str, times: usize) -> Item {
    let mail = mails::attachment();
    let (end, head) = (mail.len() - "--=_mixed_91bc--\r\n".len(), mail.len() - 1024 * 1024);
    // all but the end, and then the lines of the attachment again
    let pieces: Vec<&[u8]> = std::iter::once(&mail[..end])
        .chain(std::iter::repeat_n(&mail[head / 78 * 78..end], times - 1))
        .chain([&mail[end..]])
        .collect();
    let octets = pieces.iter().map(|piece| piece.len()).sum();
    Item::per_octet(name, octets, move || {
        let mut parser = PushParser::new();
        let (mut decoder, mut decoded) = (None, Vec::new());
        for piece in pieces.iter().flat_map(|piece| piece.chunks(PIECE)) {
            let mut rest = black_box(piece);
            while let Some(event) = parser.next(&mut rest) {
                match event {
                    Event::HeaderEnd(head) => decoder = Some(TransferDecoder::new(head.encoding)),
                    Event::Body(octets) => {
                        if let Some(decoder) = &mut decoder {
                            decoded.clear();
                            decoder.push(octets, &mut decoded);
                            black_box(&decoded);
                        }
                    }
                    _ => {}
                }
            }
        }
        while let Some(event) = parser.finish() {
            black_box(event);
        }
    })
}

fn item(name: &str, what: &str, mail: &[u8], ours: impl FnMut() + 'static) -> Item {
    Item::per_octet(format!("{name}: {what}").leak(), mail.len(), ours)
}
