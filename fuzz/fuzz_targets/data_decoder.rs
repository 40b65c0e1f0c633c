//! Any octets in any pieces after DATA: the end is the first CRLF.CRLF, the content does not depend on the
//! pieces, and what is taken goes onto the wire and comes back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_codec::{BareNewline, BodyStep, Clean, DataDecoder, DataEncoder, Unclean};

type Outcome = (Vec<u8>, Option<(usize, Option<Unclean>)>);

fn decode(octets: &[u8], pieces: &[u8], policy: BareNewline) -> Outcome {
    let mut decoder = DataDecoder::new(policy);
    let (mut content, mut start, mut end) = (vec![], 0, 0);
    let mut pieces = pieces.iter().cycle();
    while end < octets.len() {
        end = octets.len().min(end + pieces.next().map_or(usize::MAX / 2, |&piece| usize::from(piece) + 1));
        loop {
            match decoder.decode(&octets[start..end]) {
                BodyStep::Chunk { octets, consumed } => {
                    content.extend_from_slice(octets);
                    start += consumed;
                }
                BodyStep::End { consumed, fault } => return (content, Some((start + consumed, fault))),
                BodyStep::NeedMore => break,
            }
        }
        assert!(end - start <= 4);
    }
    (content, None)
}

fuzz_target!(|input: (&[u8], &[u8])| {
    let (pieces, octets) = input;
    let stream = [b"\r\n", octets].concat();
    let true_end = stream.windows(5).position(|five| five == b"\r\n.\r\n").map(|at| at + 3);
    for policy in [BareNewline::Refuse, BareNewline::Normalise] {
        let outcome = decode(octets, pieces, policy);
        assert_eq!(outcome, decode(octets, &[], policy));
        let (content, end) = outcome;
        assert_eq!(end.map(|(at, _)| at), true_end);
        let Some((_, None)) = end else { continue };
        let clean = Clean::check(content).expect("what is taken without fault is clean");
        let mut encoder = DataEncoder::new();
        let mut wire = vec![];
        for segment in encoder.clean_segments(&clean) {
            wire.extend_from_slice(segment.of(clean.as_bytes()));
        }
        wire.extend_from_slice(encoder.finish().expect("clean"));
        assert_eq!(decode(&wire, &[], BareNewline::Refuse), (clean.as_bytes().to_vec(), Some((wire.len(), None))));
    }
});
