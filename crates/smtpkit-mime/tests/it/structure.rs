//! How the structure of a message is found, and what is repaired on the way (RFC 2046 §5).

use smtpkit_mime::{DefectKind, Limits, Message, PartKind};

/// Every part as `depth type: body`, its body escaped if it is a leaf.
fn outline(message: &Message<'_>) -> Vec<String> {
    message
        .parts()
        .map(|part| {
            let body = if part.is_leaf() { part.raw_body() } else { b"" };
            format!("{} {}: {}", part.depth(), part.content_type(), body.escape_ascii())
        })
        .collect()
}

#[track_caller]
fn check(content: &str, expected: &[&str], defects: &[DefectKind]) {
    let message = Message::parse(content.as_bytes());
    assert_eq!(outline(&message), expected, "{content:?}");
    assert_eq!(
        message.defects().iter().map(|defect| defect.kind).collect::<Vec<_>>(),
        defects,
        "{content:?}"
    );
}

#[test]
fn the_line_end_before_a_delimiter_belongs_to_it() {
    check(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\na\r\n\r\n--b\r\n\r\n\r\n--b--\r\n",
        &["0 multipart/mixed: ", "1 text/plain: a\\r\\n", "1 text/plain: "],
        &[],
    );
}

#[test]
fn preamble_and_epilogue_are_no_parts() {
    let content = "Content-Type: multipart/mixed; boundary=b\n\npre\n\n--b\n\na\n--b--\nepi\n";
    check(content, &["0 multipart/mixed: ", "1 text/plain: a"], &[]);
    let message = Message::parse(content.as_bytes());
    assert_eq!((message.root().preamble(), message.root().epilogue()), (&b"pre\n"[..], &b"epi\n"[..]));
}

#[test]
fn a_digest_holds_messages() {
    check(
        "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\nbody\n--b\nContent-Type: text/html\n\n<p>\n--b--\n",
        &["0 multipart/digest: ", "1 message/rfc822: ", "2 text/plain: body", "1 text/html: <p>"],
        &[],
    );
}

#[test]
fn equal_boundaries_close_from_the_inside() {
    let inner = "Content-Type: multipart/alternative; boundary=b\n\n--b\n\n1\n--b\n\n2\n--b--\n";
    check(
        &format!("Content-Type: multipart/mixed; boundary=b\n\n--b\n{inner}\n--b\n\n3\n--b--\n"),
        &[
            "0 multipart/mixed: ",
            "1 multipart/alternative: ",
            "2 text/plain: 1",
            "2 text/plain: 2",
            "1 text/plain: 3",
        ],
        &[],
    );
}

#[test]
fn an_outer_delimiter_closes_what_is_inside() {
    check(
        "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=ab\n\n--ab\n\n1\n--a\n\n2\n--a--\n",
        &["0 multipart/mixed: ", "1 multipart/mixed: ", "2 text/plain: 1", "1 text/plain: 2"],
        &[DefectKind::MissingCloseDelimiter],
    );
}

#[test]
fn a_header_may_lack_its_empty_line() {
    check(
        "Subject: x\nno field here\n",
        &["0 text/plain: no field here\\n"],
        &[DefectKind::MissingSeparator],
    );
    check(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n--b\n\nok\n--b--\n",
        &["0 multipart/mixed: ", "1 text/html: ", "1 text/plain: ok"],
        &[DefectKind::MissingSeparator],
    );
    check("Subject: x", &["0 text/plain: "], &[]);
    check("", &["0 text/plain: "], &[]);
}

#[test]
fn lines_before_the_first_field_are_skipped() {
    check("From jane Mon Jan  1 00:00:00 2024\nSubject: x\n\nbody", &["0 text/plain: body"], &[]);
    check(" folded\nSubject: x\n\nbody", &["0 text/plain: body"], &[DefectKind::LeadingContinuation]);
    let message = Message::parse(b"From jane Mon Jan  1 00:00:00 2024\nSubject: x\n\nbody");
    assert_eq!(message.subject().as_deref(), Some("x"));
}

#[test]
fn only_whole_names_are_fields() {
    for content in ["Sub ject: x\n\n", "F\u{c}rom: x\n\n", "F\0rom: x\n\n"] {
        let message = Message::parse(content.as_bytes());
        assert_eq!(message.header().fields().count(), 0, "{content:?}");
        assert!(message.defects().contains(DefectKind::MissingSeparator), "{content:?}");
    }
    let message = Message::parse(b": x\nFrom \t: a@b.example\n\n");
    assert_eq!(message.from()[0].address(), Some("a@b.example"));
    assert!(message.defects().contains(DefectKind::EmptyFieldName));
}

#[test]
fn multiparts_that_cannot_be_split_are_leaves() {
    check("Content-Type: multipart/mixed\n\nx", &["0 multipart/mixed: x"], &[DefectKind::MissingBoundary]);
    check(
        "Content-Type: multipart/mixed; boundary=b\n\nx--b--\n",
        &["0 multipart/mixed: x--b--\\n"],
        &[DefectKind::NoDelimiter],
    );
}

#[test]
fn encoded_messages_are_decoded_by_their_reader() {
    let content =
        b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogaW5uZXIKCmJvZHkK";
    let message = Message::parse(content);
    assert_eq!(message.root().kind(), PartKind::EncodedMessage);
    let body = message.root().body();
    assert_eq!(Message::parse(body.octets()).subject().as_deref(), Some("inner"));
}

#[test]
fn limits_stop_the_structure_and_say_where() {
    let nested = "Content-Type: message/rfc822\n\n".repeat(5);
    let message = Message::parse_with(nested.as_bytes(), Limits { depth_max: 3, ..Limits::DEFAULT });
    assert_eq!(message.parts().count(), 3);
    assert_eq!(
        message.defects().iter().map(|d| (d.kind, d.at)).collect::<Vec<_>>(),
        [(DefectKind::TooDeep, 60)]
    );

    let flood = format!("Content-Type: multipart/mixed; boundary=b\n\n{}--b--\n", "--b\n\nx\n".repeat(10));
    let message = Message::parse_with(flood.as_bytes(), Limits { parts_max: 4, ..Limits::DEFAULT });
    assert_eq!(message.parts().count(), 4);
    assert!(message.defects().contains(DefectKind::TooManyParts));
    assert!(message.root().epilogue().starts_with(b"\nx\n--b\n"));
}
