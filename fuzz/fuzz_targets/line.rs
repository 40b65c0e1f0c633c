//! Any octets in any pieces: the lines and faults are those of the whole, and little is held.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_codec::{BareNewline, LineDecoder, LineStep};

const LIMIT: usize = 64;

fn events(octets: &[u8], pieces: &[u8], policy: BareNewline) -> Vec<String> {
    let mut decoder = LineDecoder::new(LIMIT).with_bare_newline(policy);
    let (mut events, mut start, mut end) = (vec![], 0, 0);
    let mut pieces = pieces.iter().cycle();
    while end < octets.len() {
        end = octets.len().min(end + pieces.next().map_or(usize::MAX / 2, |&piece| usize::from(piece) + 1));
        loop {
            start += match decoder.decode(&octets[start..end]) {
                LineStep::Line { line, consumed } => {
                    assert!(consumed <= LIMIT && !line.as_str().contains(['\r', '\n', '\0']));
                    events.push(line.to_string());
                    consumed
                }
                LineStep::Bad { why, at, consumed } => {
                    events.push(format!("{why} {at}"));
                    consumed
                }
                LineStep::Skip { consumed } => consumed,
                LineStep::NeedMore => break,
            };
        }
        assert!(end - start <= LIMIT);
    }
    events
}

fuzz_target!(|input: (&[u8], &[u8])| {
    let (pieces, octets) = input;
    for policy in [BareNewline::Refuse, BareNewline::Normalise] {
        assert_eq!(events(octets, pieces, policy), events(octets, &[], policy));
    }
});
