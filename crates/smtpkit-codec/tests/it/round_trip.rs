//! What is put on the wire comes back as it was: replies, content, trace fields.

use proptest::collection::vec;
use proptest::prelude::*;
use smtpkit_codec::trace::{DateTime, Protocol, Received};
use smtpkit_codec::{
    BareNewline, BodyStep, Clean, ClientName, DataDecoder, DataEncoder, DomainRef, Encode,
    EnhancedStatusCode, Line, LineDecoder, LineStep, MailboxRef, Reply, ReplyCode, ReplyDecoder, ReplyStep,
    StatusClass, limits, normalise,
};

fn code() -> impl Strategy<Value = ReplyCode> {
    (200_u16..600).prop_filter_map("in range", ReplyCode::new)
}

/// An enhanced code that goes with `code`, or none.
fn enhanced(code: ReplyCode) -> impl Strategy<Value = Option<EnhancedStatusCode>> {
    (any::<bool>(), 0_u16..1000, 0_u16..1000).prop_map(move |(some, subject, detail)| {
        let class = StatusClass::of(code.severity()).filter(|_| some)?;
        EnhancedStatusCode::new(class, subject, detail)
    })
}

/// A reply of any code and text, also text that looks like an enhanced code.
fn reply() -> impl Strategy<Value = Reply> {
    let line = prop_oneof![
        3 => "[ -~]{0,60}",
        1 => "[245]\\.[0-9]{1,3}\\.[0-9]{1,4} ?[a-z]{0,3}",
        1 => "[ü€\u{10FFFF} ]{0,900}",
        1 => "[^\r\n\0]{0,40}",
    ];
    let text = vec(line, 0..6).prop_map(|lines| lines.join("\n"));
    code().prop_flat_map(move |code| (Just(code), enhanced(code), text.clone())).prop_map(
        |(code, enhanced, text)| Reply::new(code, enhanced, &text).expect("nothing in it is refused"),
    )
}

fn decoded(wire: &[u8]) -> Reply {
    match ReplyDecoder::new().decode(wire) {
        ReplyStep::Reply { reply, consumed } if consumed == wire.len() => reply.to_owned(),
        step => panic!("{step:?} for {}", wire.escape_ascii()),
    }
}

/// The wire form of `content`, given to the encoder in pieces of `size`.
fn encoded(content: &[u8], size: usize) -> Vec<u8> {
    let mut encoder = DataEncoder::new();
    let mut wire = vec![];
    for piece in content.chunks(size) {
        for segment in encoder.segments(piece) {
            wire.extend_from_slice(segment.expect("clean").of(piece));
        }
    }
    wire.extend_from_slice(encoder.finish().expect("clean"));
    wire
}

proptest! {
    #[test]
    fn a_reply_comes_back(reply in reply()) {
        let wire = reply.to_vec();
        prop_assert_eq!(wire.len(), reply.encoded_len());
        for line in wire.split_inclusive(|&octet| octet == b'\n') {
            prop_assert!(line.len() <= limits::REPLY_LINE_OCTETS);
        }
        let back = decoded(&wire);
        prop_assert_eq!(&back, &reply);
        prop_assert_eq!(back.to_vec(), wire);
    }

    #[test]
    fn a_received_reply_keeps_what_it_says(wire in vec("[ -~\\xE0-\\xFF]{0,40}", 1..5), code in code()) {
        let last = wire.len() - 1;
        let line = |(at, text): (usize, &String)| format!("{code}{}{text}\r\n", if at == last { ' ' } else { '-' });
        let wire: String = wire.iter().enumerate().map(line).collect();
        let ReplyStep::Reply { reply, .. } = ReplyDecoder::new().decode(wire.as_bytes()) else {
            panic!("{wire:?}")
        };
        let owned = reply.to_owned();
        prop_assert_eq!((owned.code(), owned.enhanced()), (reply.code(), reply.enhanced()));
        prop_assert!(owned.lines().eq(reply.text_lines()));
        prop_assert_eq!(owned.to_string(), reply.to_string());
    }

    #[test]
    fn content_comes_back(
        content in "([a-z.]{0,40}(\r\n|\n|\r|\r\n\\.|\\.)){0,20}[a-z.]{0,300}",
        size in 1_usize..50,
    ) {
        let clean = normalise(content.as_bytes()).expect("no NUL");
        let wire = encoded(clean.as_bytes(), size);
        prop_assert_eq!(&encoded(clean.as_bytes(), usize::MAX), &wire);

        let mut encoder = DataEncoder::new();
        let mut checked = vec![];
        for segment in encoder.clean_segments(&clean) {
            checked.extend_from_slice(segment.of(clean.as_bytes()));
        }
        checked.extend_from_slice(encoder.finish().expect("clean"));
        prop_assert_eq!(&checked, &wire);

        let (mut decoder, mut back, mut start) = (DataDecoder::new(BareNewline::Refuse), vec![], 0);
        loop {
            match decoder.decode(&wire[start..]) {
                BodyStep::Chunk { octets, consumed } => {
                    back.extend_from_slice(octets);
                    start += consumed;
                }
                BodyStep::End { consumed, fault } => {
                    prop_assert_eq!((start + consumed, fault), (wire.len(), None));
                    break;
                }
                BodyStep::NeedMore => panic!("no end in {}", wire.escape_ascii()),
            }
        }
        // The end needs a line of its own, so content without a final newline gains one.
        let mut expected = clean.as_bytes().to_vec();
        if !expected.is_empty() && !expected.ends_with(b"\r\n") {
            expected.extend_from_slice(b"\r\n");
        }
        prop_assert_eq!(back, expected);
    }

    #[test]
    fn no_content_makes_an_end_that_is_not_the_end(content in "[a\r\n.\0]{0,12}") {
        let mut encoder = DataEncoder::new();
        let mut wire = vec![];
        for segment in encoder.segments(content.as_bytes()) {
            match segment {
                Ok(segment) => wire.extend_from_slice(segment.of(content.as_bytes())),
                Err(unclean) => prop_assert_eq!(Clean::check(&content), Err(unclean)),
            }
        }
        prop_assert_eq!(encoder.finish().is_ok(), Clean::check(&content).is_ok());
        // A lax receiver takes any of these for the end; none may be on the wire before it.
        let stream = [b"\r\n", wire.as_slice()].concat();
        for end in [&b"\r\n.\r\n"[..], b"\n.\n", b"\n.\r", b"\r.\n", b"\r.\r"] {
            prop_assert!(!stream.windows(end.len()).any(|octets| octets == end), "{}", wire.escape_ascii());
        }
    }

    #[test]
    fn a_line_comes_back(text in "[^\r\n\0]{0,80}") {
        let line = Line::new(&text).expect("a line");
        let wire = format!("{line}\r\n");
        let step = LineDecoder::new(limits::COMMAND_LINE_OCTETS).decode(wire.as_bytes());
        prop_assert_eq!(step, LineStep::Line { line, consumed: wire.len() });
    }

    #[test]
    fn a_trace_field_is_one_field(
        name in "[!-~ü]{1,40}",
        seconds in -2_000_000_000_i64..200_000_000_000,
        utf8 in any::<bool>(),
    ) {
        let protocol = if utf8 { Protocol::ESMTP.internationalized() } else { Protocol::ESMTP };
        let date = DateTime::new(seconds, -300).expect("within the range");
        let mut field = Received::new(DomainRef::parse("mx.example.test").expect("a domain"), protocol, date)
            .recipient(MailboxRef::parse("ü@example.test").expect("a mailbox"));
        if let Ok(name) = ClientName::new(&name) {
            field = field.from(name).peer([192, 0, 2, 1].into());
        }
        let wire = String::from_utf8(field.to_vec()).expect("UTF-8");
        prop_assert_eq!(wire.len(), field.encoded_len());
        prop_assert!(utf8 || wire.is_ascii());
        let (body, end) = wire.split_at(wire.len() - 2);
        prop_assert_eq!(end, "\r\n");
        for (number, line) in body.split("\r\n").enumerate() {
            prop_assert!(!line.contains(['\r', '\n', '\0']));
            prop_assert_eq!(line.starts_with(' '), number > 0, "every line but the first is folded: {:?}", wire);
            prop_assert!(line.len() <= 998);
        }
    }
}
