//! Input that was made to be expensive costs no more than its length allows: results are bounded and counted.

use smtpkit_mime::facts::Inspector;
use smtpkit_mime::header::{AddressList, ContentType, Received, date, ids, text};
use smtpkit_mime::{DefectKind, Event, Limits, Message, PushParser};

const OCTETS: usize = 1 << 18;

fn repeat(head: &str, unit: &str) -> Vec<u8> {
    let mut content = head.as_bytes().to_vec();
    content.extend(unit.bytes().cycle().take(OCTETS - head.len()));
    content
}

/// Content by the name of what it attacks.
fn floods() -> Vec<(&'static str, Vec<u8>)> {
    let nested: String =
        (0..20_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    let multipart = "Content-Type: multipart/mixed; boundary=b\n\n";
    vec![
        ("nested multiparts", nested.into_bytes()),
        ("nested messages", repeat("", "Content-Type: message/rfc822\n\n")),
        ("delimiters", repeat(multipart, "--b\n")),
        ("almost delimiters", repeat(multipart, "--c\n")),
        ("dashes", repeat(multipart, "\n--")),
        ("fields", repeat("", "a:\n")),
        ("one field", repeat("Subject: ", "x\n ")),
        ("one name", repeat("", "x")),
        ("one line", repeat("\n", "x")),
        ("encoded words", repeat("Subject: ", "=?a?q?x")),
        ("encoded word starts", repeat("Subject: ", "=?")),
        ("encoded words that are good", repeat("Subject: ", "=?utf-8?q?=C3?= ")),
        ("comments", repeat("From: ", "(")),
        ("comments and ends", repeat("From: ", "(a)")),
        ("groups", repeat("To: ", "a:b@c;")),
        ("addresses", repeat("To: ", "a@b,")),
        ("angles", repeat("To: ", "<")),
        ("quotes", repeat("To: ", "\"")),
        ("at signs", repeat("To: ", "@ ")),
        ("parameters", repeat("Content-Type: a/b", ";a=b")),
        ("sections", repeat("Content-Type: a/b", ";a*1*=%41")),
        ("words in a value", repeat("Content-Type: a/b; a=", "b ")),
        ("identifiers", repeat("References: ", "<")),
        ("base64 strange", repeat("Content-Transfer-Encoding: base64\n\n", "A*=\n")),
        ("quoted-printable strange", repeat("Content-Transfer-Encoding: quoted-printable\n\n", "= ")),
        ("quoted-printable blanks", repeat("Content-Transfer-Encoding: quoted-printable\n\n", " \t")),
        ("uuencode strange", repeat("Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n", "!\n")),
        ("uuencode without blanks", repeat("Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n", "M\n")),
        ("utf-7", repeat("Content-Type: text/plain; charset=utf-7\n\n", "+2D")),
    ]
}

/// Reads everything that a message offers; how many octets and items came out.
fn read_all(content: &[u8]) -> usize {
    let message = Message::parse(content);
    let mut produced = 0;
    for part in message.parts() {
        for field in part.header().fields() {
            produced += 1;
            let value = field.value();
            produced += text(value).len();
            produced += AddressList::parse(value, &Limits::DEFAULT).mailboxes().count();
            produced += ids(value).count();
            produced += usize::from(date(value).is_some());
            produced += usize::from(Received::parse(value).date().is_some());
            let content_type = ContentType::parse(value, &Limits::DEFAULT);
            let names: Vec<_> = content_type.parameters().names().collect();
            for name in &names {
                produced += usize::from(content_type.parameters().get(name).is_some());
            }
            assert!(names.len() <= usize::from(Limits::DEFAULT.parameters_max));
        }
        if part.is_leaf() {
            produced += part.body().text().len();
        }
        produced += 1;
    }
    produced
}

#[test]
fn what_comes_out_is_bounded_by_what_went_in() {
    for (name, content) in floods() {
        let message = Message::parse(&content);
        assert!(message.parts().count() <= Limits::DEFAULT.parts_max as usize, "{name}");
        assert!(message.defects().iter().len() <= usize::from(Limits::DEFAULT.defects_max) + 1, "{name}");
        assert!(read_all(&content) <= 4 * content.len(), "{name}");
    }
}

#[test]
fn limits_that_are_reached_are_told() {
    for (name, kind) in [
        ("nested multiparts", DefectKind::TooDeep),
        ("nested messages", DefectKind::TooDeep),
        ("delimiters", DefectKind::TooManyParts),
        ("fields", DefectKind::HeaderTooLong),
        ("one field", DefectKind::FieldTooLong),
        ("one name", DefectKind::MissingSeparator),
    ] {
        let (_, content) = floods().into_iter().find(|(flood, _)| *flood == name).unwrap();
        assert!(Message::parse(&content).defects().contains(kind), "{name}");
    }
    let flood = repeat("", "a@b,");
    let list = AddressList::parse(&flood, &Limits::DEFAULT);
    assert_eq!(list.mailboxes().count(), usize::from(Limits::DEFAULT.addresses_max));
    assert!(list.defects().contains(DefectKind::TooManyAddresses));
    for unit in ["\"a\"", "a ", "<@a,"] {
        let flood = repeat("", unit);
        assert!(
            AddressList::parse(&flood, &Limits::DEFAULT).defects().contains(DefectKind::BadAddress),
            "{unit}"
        );
    }
    let content_type =
        ContentType::parse(b"a/b;a=b;a=b;a=b", &Limits { parameters_max: 2, ..Limits::DEFAULT });
    assert!(content_type.defects().contains(DefectKind::TooManyParameters));
}

#[test]
fn the_push_parser_keeps_its_memory_and_its_number_of_events() {
    for (name, content) in floods() {
        let mut parser = PushParser::new();
        let (mut events, mut body) = (0, 0);
        for piece in content.chunks(4096) {
            let mut rest = piece;
            while let Some(event) = parser.next(&mut rest) {
                match event {
                    Event::Body(octets) | Event::Preamble(octets) | Event::Epilogue(octets) => {
                        body += octets.len()
                    }
                    _ => events += 1,
                }
            }
        }
        assert!(body <= content.len(), "{name}");
        assert!(
            events <= 3 * Limits::DEFAULT.parts_max as usize + Limits::DEFAULT.fields_max as usize,
            "{name}"
        );
    }
}

#[test]
fn one_line_of_a_hundred_megabytes_passes_through() {
    let mut inspector = Inspector::<()>::new(0);
    inspector.push(b"Subject: long\n\n");
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        inspector.push(&piece);
    }
    let facts = inspector.finish();
    assert_eq!((facts.parts.len(), facts.parts[0].octets), (1, 100 << 20));
}
