//! Chunks of any announced size, in any pieces. Of octets exactly so many are content; text is the same however it is
//! cut into chunks and pieces, and has no bare newline.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_codec::{BareNewline, Bdat, BdatDecoder, BodyStep, Clean, TextChunks};

fuzz_target!(|input: (u64, &[u8], &[u8])| {
    let (size, pieces, octets) = input;
    // most sizes near what is there, some as huge as they come
    let size = if pieces.first().is_some_and(|piece| piece % 4 == 0) { size } else { size % 512 };
    let mut chunk = BdatDecoder::new(size);
    let (content, ended) = feed(octets, pieces, |buf| chunk.decode(buf));
    assert_eq!(content, &octets[..content.len()]);
    assert_eq!(ended, content.len() as u64 == size);
    assert_eq!(size - chunk.remaining(), content.len() as u64);

    let whole = text(octets, octets.len().max(1), &[]);
    assert_eq!(text(octets, usize::try_from(size % 64).unwrap_or(0) + 1, pieces), whole);
    assert!(Clean::check(whole.unwrap_or_default()).is_ok());
});

/// What the decoder makes of `octets`, received in `pieces`, and whether it came to the end of the chunk.
fn feed<'a>(
    octets: &'a [u8],
    pieces: &[u8],
    mut step: impl FnMut(&'a [u8]) -> BodyStep<'a>,
) -> (Vec<u8>, bool) {
    let (mut content, mut start, mut end) = (vec![], 0, 0);
    let mut pieces = pieces.iter().cycle();
    loop {
        match step(&octets[start..end]) {
            BodyStep::Chunk { octets, consumed } => {
                content.extend_from_slice(octets);
                start += consumed;
            }
            BodyStep::End { consumed, fault } => {
                assert_eq!(consumed, 0);
                return (if fault.is_some() { vec![0] } else { content }, true);
            }
            BodyStep::NeedMore if end == octets.len() => return (content, false),
            BodyStep::NeedMore => {
                end = octets
                    .len()
                    .min(end + pieces.next().map_or(octets.len(), |&piece| usize::from(piece) + 1));
            }
        }
    }
}

/// All of `octets` as text in chunks of `size`, normalised; `None` if it has a NUL.
fn text(octets: &[u8], size: usize, pieces: &[u8]) -> Option<Vec<u8>> {
    let mut chunks = TextChunks::new(BareNewline::Normalise);
    let (mut whole, mut sizes) = (vec![], octets.chunks(size).peekable());
    while let Some(chunk) = sizes.next() {
        chunks.begin(Bdat { size: chunk.len() as u64, last: sizes.peek().is_none() });
        let (content, ended) = feed(chunk, pieces, |buf| chunks.decode(buf));
        assert!(ended);
        whole.extend_from_slice(&content);
    }
    (!octets.contains(&0)).then_some(whole)
}
