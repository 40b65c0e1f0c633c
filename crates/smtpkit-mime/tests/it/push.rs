//! A message in pieces and the same message whole are the same message, wherever it is cut.

use proptest::prelude::*;
use smtpkit_mime::{Event, Limits, Message, PushParser};

use crate::corpus;

/// An event as a line, runs of body octets joined.
fn tell(events: &mut Vec<String>, body: &mut Vec<u8>, event: Event<'_>) {
    let (role, octets) = match event {
        Event::Body(octets) => ("body", octets),
        Event::Preamble(octets) => ("preamble", octets),
        Event::Epilogue(octets) => ("epilogue", octets),
        other => {
            let line = match other {
                Event::PartStart { depth, at } => format!("start {depth} {at}"),
                Event::Field(field) => {
                    format!(
                        "field {} {} {:?}",
                        field.at(),
                        field.name(),
                        field.value().escape_ascii().to_string()
                    )
                }
                Event::HeaderEnd(head) => format!("{head:?}"),
                Event::PartEnd { at } => format!("end {at}"),
                _ => unreachable!("bodies were told before"),
            };
            body.clear();
            events.push(line);
            return;
        }
    };
    if !body.is_empty() {
        events.pop();
    }
    body.extend_from_slice(octets);
    events.push(format!("{role} {}", body.escape_ascii()));
}

fn whole(content: &[u8], limits: Limits) -> (Vec<String>, Vec<smtpkit_mime::Defect>) {
    let message = Message::parse_with(content, limits);
    let (mut events, mut body) = (Vec::new(), Vec::new());
    for event in message.events() {
        tell(&mut events, &mut body, event);
    }
    (events, message.defects().iter().copied().collect())
}

fn pieces<'c>(
    pieces: impl Iterator<Item = &'c [u8]>,
    limits: Limits,
) -> (Vec<String>, Vec<smtpkit_mime::Defect>) {
    let mut parser = PushParser::with_limits(limits);
    let (mut events, mut body) = (Vec::new(), Vec::new());
    for piece in pieces {
        let mut rest = piece;
        while let Some(event) = parser.next(&mut rest) {
            tell(&mut events, &mut body, event);
        }
        assert!(rest.is_empty(), "everything is taken");
    }
    while let Some(event) = parser.finish() {
        tell(&mut events, &mut body, event);
    }
    (events, parser.defects().iter().copied().collect())
}

#[test]
fn every_message_reads_the_same_in_pieces_of_any_size() {
    for (name, content) in corpus::messages() {
        let expected = whole(&content, Limits::DEFAULT);
        let sizes: &[usize] = if content.len() < 8_000 { &[1, 2, 7, 64, 1000] } else { &[997] };
        for size in sizes {
            let found = pieces(content.chunks(*size), Limits::DEFAULT);
            for (found, expected) in found.0.iter().zip(&expected.0) {
                assert_eq!(found, expected, "{name} in pieces of {size}");
            }
            assert!(found == expected, "{name} in pieces of {size}");
        }
    }
}

#[test]
fn every_cut_of_a_dense_message_is_the_same() {
    let content = b"From here\r\nA: b\r\n c\r\nContent-Type: multipart/mixed;\r\n boundary=\"b\"\r\n\r\npre\r\n--b\r\n\r\n\r\n--b\r\n\
        Content-Type: multipart/digest; boundary=bb\r\n\r\n--bb\r\n\r\nS: t\r\n--bbb\r\n\r\n-\r\n--\r\n--bb--\r\nx\r\n--b\r\nno field\r\n\
        --b--  \r\nepi\r\n--b\r\n";
    let expected = whole(content, Limits::DEFAULT);
    for left in 0..content.len() {
        for right in [1, 2, 3, 7, 40].map(|length| content.len().min(left + length)) {
            let cuts = [&content[..left], &content[left..right], &content[right..]];
            assert_eq!(pieces(cuts.into_iter(), Limits::DEFAULT), expected, "cut at {left} and {right}");
        }
    }
}

/// Text in which everything that means something to the structure is likely.
fn dense() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "\r\n",
        "\n",
        "\r",
        "--",
        "-",
        "--b",
        "--b--",
        "b",
        "c",
        " ",
        "\t",
        ":",
        "A: ",
        "\n\n",
        "\r\n\r\n",
        "x",
        "From ",
        ">From ",
        "Content-Type: ",
        "multipart/mixed; boundary=b\n",
        "multipart/digest; boundary=\"b c\"\r\n",
        "message/rfc822\n",
        "Content-Transfer-Encoding: base64\n",
        "--b c\n",
        "text",
        "boundary=c",
        "\0",
        "é",
        "\n--b\n",
        "\n--c--\n",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.concat().into_bytes())
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(content in dense(), cuts in prop::collection::vec(1_usize..40, 1..20)) {
        let limits = Limits { depth_max: 4, parts_max: 6, fields_max: 5, header_octets_max: 200, ..Limits::DEFAULT };
        for limits in [Limits::DEFAULT, limits] {
            let mut rest = content.as_slice();
            let mut cut = Vec::new();
            for length in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, tail) = rest.split_at((*length).min(rest.len()));
                cut.push(piece);
                rest = tail;
            }
            prop_assert_eq!(pieces(cut.into_iter(), limits), whole(&content, limits));
        }
    }

    #[test]
    fn long_fields_are_cut_alike(length in 900_usize..1300, size in 1_usize..300) {
        let limits = Limits { field_octets_max: 1000, ..Limits::DEFAULT };
        let mut content = vec![b'x'; length];
        content.splice(0..0, *b"A: ");
        content.extend_from_slice(b"\r\n y\r\nB: c\r\n\r\nbody");
        prop_assert_eq!(pieces(content.chunks(size), limits), whole(&content, limits));
    }
}
