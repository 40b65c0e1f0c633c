//! A chunk of any announced size, in any pieces: exactly so many octets are content, and all the others are not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_codec::{BdatDecoder, BodyStep};

fuzz_target!(|input: (u64, &[u8], &[u8])| {
    let (size, pieces, octets) = input;
    // most sizes near what is there, some as huge as they come
    let size = if pieces.first().is_some_and(|piece| piece % 4 == 0) { size } else { size % 512 };
    let mut chunk = BdatDecoder::new(size);
    let (mut content, mut start, mut end) = (vec![], 0, 0);
    let mut pieces = pieces.iter().cycle();
    let ended = loop {
        match chunk.decode(&octets[start..end]) {
            BodyStep::Chunk { octets, consumed } => {
                assert_eq!(octets.len(), consumed);
                content.extend_from_slice(octets);
                start += consumed;
            }
            BodyStep::End { consumed, fault } => {
                assert_eq!((consumed, fault, chunk.remaining()), (0, None, 0));
                break true;
            }
            BodyStep::NeedMore if end == octets.len() => break false,
            BodyStep::NeedMore => {
                end = octets.len().min(end + pieces.next().map_or(octets.len(), |&piece| usize::from(piece) + 1));
            }
        }
    };
    assert_eq!(content, &octets[..start]);
    assert_eq!(ended, content.len() as u64 == size);
    assert_eq!(size - chunk.remaining(), content.len() as u64);
});
