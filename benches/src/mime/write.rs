//! Writing mail: from values to content that every hop takes.

use std::hint::black_box;

use smtpkit_mime::build::{Mailbox, Message, MessageBuilder, Part, Stamp};
use smtpkit_mime::{DateTime, HopCapabilities};

use super::mails;
use crate::Item;
use crate::text::{keep, text};

/// When the mail is written.
const NOW: i64 = 1_763_000_000;

pub fn items() -> Vec<Item> {
    // blanks at line ends would make the rival encode it
    let letter: &str = string(text(3_600)).replace(" \r\n", "\r\n").leak();
    let (plain, html) = (string(text(15_000)), string(mails::html(54_000).into_bytes()));
    let file = keep(mails::octets(1024 * 1024));
    vec![
        Item::per_octet("build 3.6 KB text", letter.len(), move || write(ours().text(letter)))
            .against("mail-builder", move || write_theirs(theirs().text_body(letter))),
        Item::per_octet("build 69 KB text and HTML", plain.len() + html.len(), move || {
            write(ours().text(plain).html(html));
        })
        .against("mail-builder", move || write_theirs(theirs().text_body(plain).html_body(html))),
        Item::per_octet("build 1 MiB attachment", file.len(), move || {
            let part = Part::octets("application/pdf".parse().expect("a type"), file);
            write(ours().text("See the file.\n").attach(part.attachment("note.pdf").expect("a name")));
        })
        .against("mail-builder", move || {
            let mail = theirs().text_body("See the file.\n");
            write_theirs(mail.attachment("application/pdf", "note.pdf", file));
        }),
        Item::per_octet("build 1 MiB attachment from a reader", file.len(), move || {
            let part = Part::reader("application/pdf".parse().expect("a type"), file);
            let mail = ours().text("See the file.\n").attach(part.attachment("note.pdf").expect("a name"));
            stream(built(mail));
        }),
    ]
}

fn string(text: Vec<u8>) -> &'static str {
    String::from_utf8(text).expect("text").leak()
}

fn ours() -> MessageBuilder<'static> {
    MessageBuilder::new()
        .from(Mailbox::named("Jane Doe", "jane.doe@example.com").expect("a mailbox"))
        .to(Mailbox::named("Bob Smith", "bob@example.org").expect("a mailbox"))
        .subject("Figures of the third quarter")
        .expect("a subject")
}

fn built(mail: MessageBuilder<'_>) -> Message<'_> {
    let stamp = Stamp::new(DateTime::from_unix_seconds(NOW, 0).expect("a time"), [7; 16]);
    mail.build(HopCapabilities::SEVEN_BIT, &stamp).expect("a message")
}

fn write(mail: MessageBuilder<'_>) {
    black_box(built(mail).to_vec()).expect("octets");
}

/// Piece by piece, as it goes to a socket.
fn stream(mut mail: Message<'_>) {
    while let Some(piece) = mail.next_piece().expect("octets") {
        black_box(piece);
    }
}

fn theirs() -> mail_builder::MessageBuilder<'static> {
    mail_builder::MessageBuilder::new()
        .from(("Jane Doe", "jane.doe@example.com"))
        .to(("Bob Smith", "bob@example.org"))
        .subject("Figures of the third quarter")
        .date(NOW)
        .message_id("1234@example.com")
}

fn write_theirs(mail: mail_builder::MessageBuilder<'_>) {
    black_box(mail.write_to_vec()).expect("octets");
}
