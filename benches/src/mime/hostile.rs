//! Reading what is meant to hurt: each kind of flood in three sizes, so that growth shows, and that limits on what is
//! read do not hide what it costs below them.
//!
//! Everything is read: each field as what it is, each body decoded.

use std::hint::black_box;

use mail_parser::MessageParser;
use smtpkit_mime::{Field, Message};

use crate::Item;
use crate::text::keep;

/// The sizes, in octets, with the ends of the items' names.
const SIZES: [(usize, &str); 3] = [(16 * 1024, "16 KiB"), (64 * 1024, "64 KiB"), (256 * 1024, "256 KiB")];

/// Each flood: what it is, how it begins, and what is repeated.
const FLOODS: &[(&str, &str, &str)] = &[
    ("boundaries", "Content-Type: multipart/mixed; boundary=b\r\n\r\n", "--b\r\n"),
    ("almost boundaries", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n", "--\r\n--bb\r\n"),
    ("parts", "Content-Type: multipart/mixed; boundary=b\r\n\r\n", "--b\r\nA: b\r\n\r\nc\r\n"),
    ("fields", "", "a:b\r\n"),
    ("empty fields", "", ":\r\n"),
    ("folds", "Subject: x", "\r\n x"),
    ("encoded words", "Subject: ", "=?utf-8?q?=41?= "),
    ("encoded words of one octet", "Subject: ", "=?utf-8?b?w6?= =?utf-8?b?k=?= "),
    ("begun encoded words", "Subject: ", "=?"),
    ("begun encoded words with charset", "Subject: ", "=?a?q?"),
    ("encoded words in addresses", "To: ", "=?utf-8?q?a?= <a@b>,"),
    ("open comments", "To: ", "("),
    ("comments", "To: a", "(b)"),
    ("comments in dates", "Date: ", "(b)"),
    ("groups", "To: ", "a:;"),
    ("open groups", "To: ", "a:"),
    ("mailboxes", "To: ", "a@b,"),
    ("commas", "To: ", ","),
    ("angle brackets", "To: ", "<"),
    ("quotes", "To: ", "\"a\""),
    ("backslashes", "To: \"", "\\\\"),
    ("routes", "To: <", "@a,"),
    ("ids", "References: ", "<a@b>"),
    ("hops", "", "Received: from a by b; 1 Jan 2025 0:0:0 +0000\r\n"),
    ("parameters", "Content-Type: text/plain", ";a=b"),
    ("continued parameters", "Content-Type: text/plain", ";a*1*=%41"),
    ("semicolons", "Content-Disposition: attachment", ";"),
    ("escapes", "Content-Transfer-Encoding: quoted-printable\r\n\r\n", "=41"),
    ("broken escapes", "Content-Transfer-Encoding: quoted-printable\r\n\r\n", "="),
    ("blanks before line ends", "Content-Transfer-Encoding: quoted-printable\r\n\r\n", " \t"),
    ("broken base64", "Content-Transfer-Encoding: base64\r\n\r\n", "*"),
    ("base64 by octets", "Content-Transfer-Encoding: base64\r\n\r\n", "Q\r\n"),
    ("broken uuencode", "Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 a\r\n", "M\r\n"),
    ("broken characters", "Content-Type: text/plain; charset=utf-8\r\n\r\n", "\u{80}"),
    ("empty lines", "\r\n", "\r\n"),
    ("one line of header", "Subject: ", "x"),
    ("one line of body", "\r\n", "x"),
    ("line ends that are none", "\r\n", "\r\r\n\n"),
];

pub fn items() -> Vec<Item> {
    let floods = SIZES.iter().flat_map(|&(size, suffix)| {
        FLOODS.iter().map(move |&(name, head, again)| item(name, suffix, flood(head, again, size)))
    });
    let nested = SIZES.iter().flat_map(|&(size, suffix)| {
        [
            item("nested multiparts", suffix, nested(size, "a")),
            item("nested boundaries", suffix, nested(size, "")),
        ]
    });
    floods.chain(nested).collect()
}

fn flood(head: &str, again: &str, size: usize) -> Vec<u8> {
    let mut mail = [head, &again.repeat((size - head.len()) / again.len())].concat().into_bytes();
    // an octet over 127 in a table of strings stands for itself
    if again == "\u{80}" {
        mail = mail.into_iter().map(|octet| if octet > 127 { 0xC3 } else { octet }).collect();
    }
    mail
}

/// Multiparts in multiparts: with a boundary each, or with ones that begin like those outside of them.
fn nested(size: usize, separator: &str) -> Vec<u8> {
    let mut mail = Vec::new();
    for depth in 0.. {
        let boundary = match separator {
            "" => "b".repeat(depth % 60 + 1),
            _ => format!("{separator}{depth}"),
        };
        let part = format!("Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n--{boundary}\r\n");
        if mail.len() + part.len() > size {
            break;
        }
        mail.extend_from_slice(part.as_bytes());
    }
    mail
}

fn item(name: &str, suffix: &str, mail: Vec<u8>) -> Item {
    let mail = keep(mail);
    let name = format!("hostile {name}, {suffix}").leak();
    let item = Item::per_octet(name, mail.len(), move || {
        let message = Message::parse(black_box(mail));
        for part in message.parts() {
            black_box((part.content_type(), part.file_name()));
            part.header().fields().for_each(read);
            if part.is_leaf() {
                black_box(part.body().text());
            }
        }
        black_box(message.defects());
    });
    item.against("mail-parser", move || {
        let Some(message) = MessageParser::new().parse(black_box(mail)) else { return };
        for part in message.parts() {
            black_box((part.content_type(), part.attachment_name()));
            for header in part.headers() {
                black_box(header.value());
            }
            match part.is_text() {
                true => drop(black_box(part.text())),
                false => drop(black_box(part.decoded())),
            }
        }
    })
}

/// A field as what its name says.
fn read(field: Field<'_>) {
    match field.name() {
        "To" => drop(black_box(field.addresses())),
        "Date" => drop(black_box(field.date())),
        "References" => field.ids().for_each(|id| drop(black_box(id))),
        "Received" => drop(black_box(field.received())),
        "Content-Type" => drop(black_box(field.content_type())),
        "Content-Disposition" => drop(black_box(field.disposition())),
        _ => drop(black_box(field.text())),
    }
}
