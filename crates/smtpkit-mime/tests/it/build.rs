//! Building: whatever the values, the octets are lines that every hop takes, and reading gives the values back.

use std::io::Read;

use proptest::prelude::*;
use smtpkit_mime::build::{
    AddrSpec, BuildError, Field, Group, Mailbox, MediaType, MessageBuilder, MessageId, Part, Stamp, sendable,
};
use smtpkit_mime::conformance::Conformance;
use smtpkit_mime::{DateTime, HopCapabilities, Message};

const HOP_7: HopCapabilities = HopCapabilities::SEVEN_BIT;

fn stamp() -> Stamp {
    Stamp::new(DateTime::from_unix_seconds(1_795_000_000, 60).unwrap(), [0x5a; 16])
}

fn author() -> Mailbox {
    Mailbox::new("ada@example.org").unwrap()
}

fn media_type(essence: &str) -> MediaType {
    MediaType::new(essence).unwrap()
}

/// Builds, and checks what must hold for every message of lines.
fn built(builder: MessageBuilder<'_>, hop: HopCapabilities) -> Vec<u8> {
    let message = builder.build(hop, &stamp()).unwrap();
    let needs = message.needs();
    assert!(hop.covers(needs));
    let content = message.to_vec().unwrap();
    let found = Conformance::of(&content);
    assert!(needs.covers(found.needs()), "{found:?}\n{}", String::from_utf8_lossy(&content));
    assert!(found.has_date && found.has_from && found.has_message_id, "{found:?}");
    assert!(content.ends_with(b"\r\n"));
    content
}

/// The media types of all parts, indented by depth.
fn outline(content: &[u8]) -> String {
    let message = Message::parse(content);
    assert!(message.defects().is_empty(), "{:?}", message.defects());
    let line =
        |part: smtpkit_mime::Part<'_>| format!("{}{}", " ".repeat(part.depth().into()), part.content_type());
    message.parts().map(line).collect::<Vec<_>>().join("\n")
}

fn check_outline(builder: MessageBuilder<'_>, expected: &[&str]) {
    assert_eq!(outline(&built(builder.from(author()), HOP_7)), expected.join("\n"));
}

#[test]
fn multiparts_nest_only_where_they_are_needed() {
    let builder = MessageBuilder::new;
    let image = || Part::octets(media_type("image/png"), b"png".as_slice());
    let inline = || image().content_id(MessageId::new("i@example.org").unwrap());
    check_outline(builder(), &["text/plain"]);
    check_outline(builder().text("a"), &["text/plain"]);
    check_outline(builder().html("a"), &["text/html"]);
    check_outline(builder().text("a").html("b"), &["multipart/alternative", " text/plain", " text/html"]);
    check_outline(builder().attach(image()), &["multipart/mixed", " image/png"]);
    check_outline(builder().html("a").inline(inline()), &["multipart/related", " text/html", " image/png"]);
    check_outline(
        builder().text("a").html("b").inline(inline()).attach(image()).attach(image()),
        &[
            "multipart/mixed",
            " multipart/related",
            "  multipart/alternative",
            "   text/plain",
            "   text/html",
            "  image/png",
            " image/png",
            " image/png",
        ],
    );
    let texts = ["one", "two"].map(|text| Part::text(media_type("text/plain"), text));
    let body = Part::multipart("parallel", texts).unwrap();
    check_outline(builder().body(body), &["multipart/parallel", " text/plain", " text/plain"]);
}

#[test]
fn the_same_stamp_gives_the_same_octets() {
    let builder = || {
        MessageBuilder::new()
            .from(Mailbox::named("Ada Lovelace", "ada@example.org").unwrap())
            .to(Mailbox::new("charles@example.com").unwrap())
            .subject("Note G")
            .unwrap()
            .text("One.\n")
            .attach(
                Part::octets(media_type("application/octet-stream"), vec![0, 1, 2])
                    .attachment("a.bin")
                    .unwrap(),
            )
    };
    let content = built(builder(), HOP_7);
    assert_eq!(content, built(builder(), HOP_7));
    let expected = "Date: Wed, 18 Nov 2026 12:06:40 +0100\r\n\
        From: Ada Lovelace <ada@example.org>\r\n\
        To: charles@example.com\r\n\
        Subject: Note G\r\n\
        Message-ID: <5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a@example.org>\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed;\r\n boundary=\"=_5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a_0001\"\r\n\
        \r\n\
        --=_5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a_0001\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        \r\n\
        One.\r\n\
        \r\n\
        --=_5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a_0001\r\n\
        Content-Type: application/octet-stream\r\n\
        Content-Transfer-Encoding: base64\r\n\
        Content-Disposition: attachment; filename=a.bin\r\n\
        \r\n\
        AAEC\r\n\
        --=_5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a_0001--\r\n";
    assert_eq!(String::from_utf8(content).unwrap(), expected);
}

#[test]
fn bcc_is_in_the_envelope_and_nowhere_else() {
    let hidden = Mailbox::named("Hidden", "hidden@example.net").unwrap();
    let group = Group::new("team", [Mailbox::new("b@example.com").unwrap(), author()]).unwrap();
    let builder = MessageBuilder::new().from(author()).to(group).cc(author()).bcc(hidden).text("x");
    let message = builder.build(HOP_7, &stamp()).unwrap();
    let addresses = message.envelope_addresses().clone();
    let recipients: Vec<&str> = addresses.recipients().iter().map(AddrSpec::as_str).collect();
    assert_eq!(recipients, ["b@example.com", "ada@example.org", "hidden@example.net"]);
    assert_eq!(addresses.reverse_path().map(AddrSpec::as_str), Some("ada@example.org"));
    let content = String::from_utf8(message.to_vec().unwrap()).unwrap().to_lowercase();
    assert!(!content.contains("bcc") && !content.contains("hidden"));
}

fn check_refused(builder: MessageBuilder<'_>, expected: BuildError) {
    assert_eq!(builder.build(HopCapabilities::EIGHT_BIT, &stamp()).unwrap_err(), expected);
}

#[test]
fn what_no_single_value_can_rule_out_is_refused() {
    let builder = || MessageBuilder::new().from(author());
    let field = |name: &str| Field::raw(name, "x").unwrap();
    check_refused(MessageBuilder::new(), BuildError::NoAuthor);
    check_refused(builder().from(author()), BuildError::NoSender);
    check_refused(builder().text("a").text("b"), BuildError::Twice("the plain text"));
    check_refused(builder().subject("a").unwrap().subject("b").unwrap(), BuildError::Twice("Subject"));
    check_refused(builder().sender(author()).sender(author()), BuildError::Twice("Sender"));
    let part = || Part::octets(media_type("image/png"), vec![]);
    check_refused(builder().body(part()).text("a"), BuildError::Twice("the body"));
    check_refused(builder().html("a").inline(part()), BuildError::InlineWithoutId);
    for name in ["bcc", "Resent-BCC", "From", "content-type", "Content-X", "MIME-Version", "message-id"] {
        check_refused(builder().field(field(name)), BuildError::ReservedField(name.to_owned()));
    }
    let utf8 = Mailbox::new("jürgen@example.org").unwrap();
    check_refused(builder().to(utf8.clone()), BuildError::NeedsSmtputf8("To".to_owned()));
    let resent = Field::addresses("Resent-To", [utf8]).unwrap();
    check_refused(builder().field(resent), BuildError::NeedsSmtputf8("Resent-To".to_owned()));
}

#[test]
fn utf_8_addresses_are_written_for_hops_that_take_them() {
    let builder =
        MessageBuilder::new().from(Mailbox::named("Jürgen", "jürgen@例.example").unwrap()).text("ü");
    let hop = HopCapabilities::SMTPUTF8;
    let message = builder.build(hop, &stamp()).unwrap();
    assert_eq!(message.needs(), hop);
    let content = message.to_vec().unwrap();
    let read = Message::parse(&content);
    assert_eq!(read.from()[0].address(), Some("jürgen@例.example"));
    assert_eq!(read.from()[0].name(), Some("Jürgen"));
    assert_eq!(read.message_id().as_deref(), Some("5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a@例.example"));
}

fn check_encoding(part: Part<'_>, hop: HopCapabilities, expected: &str) {
    let content = built(MessageBuilder::new().from(author()).body(part), hop);
    let message = Message::parse(&content);
    let field = message.header().first("Content-Transfer-Encoding").unwrap().text().into_owned();
    assert_eq!(field, expected);
}

#[test]
fn the_hop_decides_on_the_transfer_encoding() {
    let eight = HopCapabilities::EIGHT_BIT;
    let text = |text: &'static str| Part::text(media_type("text/plain"), text);
    check_encoding(text("plain\n"), eight, "7bit");
    check_encoding(text("A na\u{ef}ve approach to a problem.\n"), HOP_7, "quoted-printable");
    check_encoding(text("A na\u{ef}ve approach to a problem.\n"), eight, "8bit");
    check_encoding(text("日本語\n"), HOP_7, "base64");
    let octets = |essence: &str, octets: &'static [u8]| Part::octets(media_type(essence), octets);
    check_encoding(octets("text/csv", b"a,b\r\n"), HOP_7, "7bit");
    check_encoding(octets("text/csv", b"a,b\n"), eight, "base64");
    check_encoding(octets("image/png", b"\0\xff"), eight, "base64");
    let binary = octets("image/png", b"\0\xff\n");
    let message =
        MessageBuilder::new().from(author()).body(binary).build(HopCapabilities::BINARY, &stamp()).unwrap();
    assert_eq!(message.needs(), HopCapabilities::BINARY);
    assert!(message.to_vec().unwrap().ends_with(b"binary\r\n\r\n\0\xff\n\r\n"));
}

#[test]
fn a_multipart_says_what_its_parts_need() {
    let builder = || MessageBuilder::new().from(author()).text("na\u{ef}ve text").html("<p>plain");
    let content = built(builder(), HopCapabilities::EIGHT_BIT);
    let message = Message::parse(&content);
    assert_eq!(message.header().first("Content-Transfer-Encoding").unwrap().text(), "8bit");
    let content = built(builder(), HOP_7);
    assert!(Message::parse(&content).header().first("Content-Transfer-Encoding").is_none());
}

#[test]
fn text_that_contains_the_boundary_is_encoded() {
    let marker = format!("--=_{}_0001", "5a".repeat(16));
    let text = format!("a\n{marker}\nb\n{marker}--\n");
    let content =
        built(MessageBuilder::new().from(author()).text(text.as_str()).html("x"), HopCapabilities::EIGHT_BIT);
    assert_eq!(outline(&content), "multipart/alternative\n text/plain\n text/html");
    let message = Message::parse(&content);
    let read = message.leaves().next().unwrap().body().text().replace("\r\n", "\n");
    assert_eq!(read, text);
}

#[test]
fn embedded_messages_keep_their_octets_and_move_the_boundary() {
    let inner = format!("From: a@example.org\r\n\r\n--=_{}_0001\r\n", "5a".repeat(16));
    let builder =
        || MessageBuilder::new().from(author()).text("see below").attach(Part::message(inner.as_bytes()));
    let content = built(builder(), HOP_7);
    assert_eq!(outline(&content), "multipart/mixed\n text/plain\n message/rfc822\n  text/plain");
    let message = Message::parse(&content);
    let embedded = message.parts().find(|part| part.content_type().is("message", "rfc822")).unwrap();
    assert_eq!(embedded.raw_body(), inner.as_bytes());

    let every: String = (0..16).map(|n| format!("=_{}{:02x}\n", "5a".repeat(15), 0x5a + n)).collect();
    let raw = format!("From: a@example.org\n\n{every}");
    let builder = MessageBuilder::new().from(author()).attach(Part::message(raw.as_bytes()));
    assert_eq!(builder.build(HOP_7, &stamp()).unwrap_err(), BuildError::Boundary);

    let eight_bit = "From: a@example.org\n\nA na\u{ef}ve approach to a problem.\n";
    let attach = || MessageBuilder::new().from(author()).attach(Part::message(eight_bit.as_bytes()));
    assert!(String::from_utf8(built(attach(), HOP_7)).unwrap().contains("na=C3=AFve"));
    assert!(String::from_utf8(built(attach(), HopCapabilities::EIGHT_BIT)).unwrap().contains("na\u{ef}ve"));
}

#[test]
fn pieces_and_reads_of_any_size_give_the_same_octets() {
    let bytes: Vec<u8> = (0..100_000u32).map(|n| (n * 7 + n / 251) as u8).collect();
    let builder = || {
        MessageBuilder::new()
            .from(author())
            .text("A na\u{ef}ve text.\n".repeat(2_000))
            .html("<p>lines\n".repeat(2_000))
            .attach(Part::reader(media_type("video/mp4"), bytes.as_slice()).attachment("a.mp4").unwrap())
            .attach(Part::octets(media_type("video/mp4"), bytes.as_slice()))
    };
    let whole = built(builder(), HOP_7);
    let mut message = builder().build(HOP_7, &stamp()).unwrap();
    let mut pieces = Vec::new();
    let mut longest = 0;
    while let Some(piece) = message.next_piece().unwrap() {
        assert!(!piece.is_empty());
        longest = longest.max(piece.len());
        pieces.extend_from_slice(piece);
    }
    assert!(pieces == whole);
    assert!(longest < 32 * 1024);
    for size in [1, 7, 8192] {
        let mut message = builder().build(HOP_7, &stamp()).unwrap();
        let mut read = Vec::new();
        let mut buffer = vec![0; size];
        loop {
            match message.read(&mut buffer).unwrap() {
                0 => break,
                n => read.extend_from_slice(&buffer[..n]),
            }
        }
        assert!(read == whole, "by {size}");
    }
    let mut written = Vec::new();
    let count = builder().build(HOP_7, &stamp()).unwrap().write_to(&mut written).unwrap();
    assert!(written == whole && count == whole.len() as u64);
    let message = Message::parse(&whole);
    let attached: Vec<_> = message.leaves().filter(|part| part.content_type().is("video", "mp4")).collect();
    assert!(attached.iter().all(|part| part.body().octets() == bytes));
    assert_eq!(attached.len(), 2);
}

#[test]
fn a_reader_that_lies_about_its_size_is_an_error() {
    let message = |octets: u64| {
        let part = Part::sized_reader(media_type("image/png"), [0u8; 100].as_slice(), octets);
        MessageBuilder::new().from(author()).attach(part).build(HOP_7, &stamp()).unwrap()
    };
    let estimate = message(100).size_estimate();
    assert_eq!(estimate, Some(message(100).to_vec().unwrap().len() as u64));
    assert_eq!(message(99).to_vec().unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    assert_eq!(message(101).to_vec().unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
}

fn check_sendable(raw: &str, content: &str, reverse_path: Option<&str>, recipients: &[&str]) {
    let outgoing = sendable(raw.as_bytes());
    assert_eq!(String::from_utf8_lossy(outgoing.content()), content);
    let addresses = outgoing.envelope_addresses();
    assert_eq!(addresses.reverse_path().map(AddrSpec::as_str), reverse_path, "{raw:?}");
    let found: Vec<&str> = addresses.recipients().iter().map(AddrSpec::as_str).collect();
    assert_eq!(found, recipients, "{raw:?}");
}

/// RFC 5322 §3.6.3 and §3.6.6.
#[test]
fn a_raw_message_leaves_without_its_blind_recipients() {
    check_sendable(
        "From: a@x.example\nTo: b@x.example, \"C, D\" <c@x.example>\nBCC : d@x.example,\n e@x.example\n\nBcc: body\n",
        "From: a@x.example\r\nTo: b@x.example, \"C, D\" <c@x.example>\r\n\r\nBcc: body\r\n",
        Some("a@x.example"),
        &["b@x.example", "c@x.example", "d@x.example", "e@x.example"],
    );
    check_sendable(
        "Sender: s@x.example\r\nFrom: a@x.example, b@x.example\r\nCc: g: b@x.example;\r\n\r\n",
        "Sender: s@x.example\r\nFrom: a@x.example, b@x.example\r\nCc: g: b@x.example;\r\n\r\n",
        Some("s@x.example"),
        &["b@x.example"],
    );
    check_sendable(
        "Resent-From: new@x.example\r\nResent-Bcc: one@x.example\r\n\
         Resent-From: old@x.example\r\nResent-To: two@x.example\r\nFrom: a@x.example\r\nTo: b@x.example\r\n\r\n",
        "Resent-From: new@x.example\r\n\
         Resent-From: old@x.example\r\nResent-To: two@x.example\r\nFrom: a@x.example\r\nTo: b@x.example\r\n\r\n",
        Some("new@x.example"),
        &["one@x.example"],
    );
    check_sendable("From mbox line\nTo: b@x.example\n", "To: b@x.example\r\n", None, &["b@x.example"]);
    check_sendable("bcc: b@x.example", "", None, &["b@x.example"]);
    // readers forgive a first line that is no field, also one that is first only because another was removed
    check_sendable("garbage\nBcc: b@x.example\n\n", "garbage\r\n\r\n", None, &["b@x.example"]);
    check_sendable("Bcc: b@x.example\ngarbage\nBcc: c@x.example\n", "garbage\r\n", None, &["b@x.example"]);
    check_sendable("", "", None, &[]);
}

#[test]
fn an_address_that_cannot_be_used_is_told() {
    let outgoing = sendable(b"To: undisclosed, a@x.example, b@\r\n\r\n");
    assert_eq!(outgoing.envelope_addresses().recipients().len(), 1);
    assert_eq!(outgoing.unusable_addresses().len(), 2);
}

/// Text that mixes what every layer of the format treats specially.
fn any_text() -> impl Strategy<Value = String> {
    let tricky = prop::sample::select(vec![
        "=?utf-8?Q?a?=",
        "=?",
        "?=",
        "\r\n",
        "\n",
        "\r",
        "\0",
        "\u{2028}",
        "\t",
        "  ",
        " ",
        "\"",
        "\\",
        "<",
        ">",
        "(",
        ")",
        ",",
        ";",
        ":",
        "@",
        ".",
        "=",
        "--",
        "ü",
        "日本",
        "🚀",
        "\u{7f}",
        "\u{1b}",
        "Bcc: x@y",
        "word",
        "%41",
        "'",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ]);
    prop_oneof![
        prop::collection::vec(tricky, 0..14).prop_map(|pieces| pieces.concat()),
        any::<String>(),
        "[ -~]{0,300}",
    ]
}

/// The same without what is refused.
fn line_text() -> impl Strategy<Value = String> {
    any_text().prop_map(|text| text.replace(['\r', '\n', '\0'], ""))
}

fn normal_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn reading_gives_back_what_was_built(
        (name, subject, file_name, description) in (line_text(), line_text(), line_text(), line_text()),
        (text, html) in (any_text(), any_text()),
        attached in prop::collection::vec(any::<u8>(), 0..300),
        hop in prop::sample::select(vec![HOP_7, HopCapabilities::EIGHT_BIT, HopCapabilities::SMTPUTF8]),
    ) {
        let file_name = if file_name.is_empty() { "x".to_owned() } else { file_name };
        let part = Part::octets(media_type("application/x-test"), attached.as_slice());
        let builder = MessageBuilder::new()
            .from(Mailbox::named(&name, "ada@example.org").unwrap())
            .to(Mailbox::new("\"a b\"@[192.0.2.1]").unwrap())
            .subject(&subject).unwrap()
            .text(text.as_str())
            .html(html.as_str())
            .attach(part.attachment(&file_name).unwrap().description(&description).unwrap());
        let content = built(builder, hop);
        let message = Message::parse(&content);
        prop_assert!(message.defects().is_empty(), "{:?}", message.defects());
        prop_assert_eq!(message.subject().unwrap_or_default(), subject);
        let from = message.from();
        prop_assert_eq!(from[0].name().unwrap_or_default(), name.as_str());
        prop_assert_eq!(from[0].address(), Some("ada@example.org"));
        let to = message.to();
        prop_assert_eq!(to[0].address(), Some("\"a b\"@[192.0.2.1]"));
        let leaves: Vec<_> = message.leaves().collect();
        prop_assert_eq!(leaves.len(), 3);
        let bodies: Vec<_> = leaves.iter().map(|part| part.body()).collect();
        prop_assert_eq!(bodies[0].text(), normal_lines(&text));
        prop_assert_eq!(bodies[1].text(), normal_lines(&html));
        prop_assert_eq!(bodies[2].octets(), attached.as_slice());
        prop_assert_eq!(leaves[2].file_name(), Some(file_name));
        let described = leaves[2].header().first("Content-Description").unwrap().text().into_owned();
        prop_assert_eq!(described, description);
    }

    #[test]
    fn no_value_starts_a_line_of_its_own(
        values in prop::collection::vec(any_text(), 8),
    ) {
        let mut builder = MessageBuilder::new().from(author());
        if let Ok(mailbox) = Mailbox::named(&values[0], "b@example.org") {
            builder = builder.to(mailbox);
        }
        if let Ok(mailbox) = values[1].parse::<Mailbox>() {
            builder = builder.cc(mailbox);
        }
        if let Ok(id) = MessageId::new(&values[2]) {
            builder = builder.message_id(id.clone()).in_reply_to(id.clone()).reference(id);
        }
        if let Ok(field) = Field::text(&values[3], &values[4]) {
            builder = builder.field(field);
        }
        if let Ok(field) = Field::raw("X-Raw", &values[5]) {
            builder = builder.field(field);
        }
        if let Ok(media_type) = MediaType::new(&values[6]).and_then(|m| m.with("p", &values[7])) {
            builder = builder.attach(Part::octets(media_type, b"x".as_slice()));
        }
        // only the unquestionable names may be refused here
        if let Ok(message) = builder.build(HopCapabilities::SMTPUTF8, &stamp()) {
            let content = message.to_vec().unwrap();
            let found = Conformance::of(&content);
            prop_assert!(HopCapabilities::SMTPUTF8.covers(found.needs()), "{:?}", found);
            let message = Message::parse(&content);
            let known = [
                "Date", "From", "To", "Cc", "Message-ID", "In-Reply-To", "References", "X-Raw", "MIME-Version",
                "Content-Type", "Content-Transfer-Encoding", values[3].as_str(),
            ];
            for field in message.header().fields() {
                prop_assert!(known.contains(&field.name()), "{:?}", field.name());
            }
        }
    }

    #[test]
    fn a_sendable_message_has_no_blind_recipients_and_good_lines(raw in any_text(), more in any_text()) {
        let raw = format!("To: a@x.example\n{raw}\nBcc: b@x.example\n{more}");
        let outgoing = sendable(raw.as_bytes());
        let found = Conformance::of(outgoing.content());
        prop_assert!(found.bare_cr_at.is_none() && found.bare_lf_at.is_none());
        let read = Message::parse(outgoing.content());
        prop_assert!(read.header().first("Bcc").is_none());
    }
}
