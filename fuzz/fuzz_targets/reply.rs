//! Any octets in any pieces: the reply is that of the whole, and put on the wire again it says the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_codec::{BadReply, Encode, Reply, ReplyDecoder, ReplyStep, limits};

fn decode(octets: &[u8], pieces: &[u8]) -> Option<Result<(Reply, usize), (BadReply, usize)>> {
    let mut decoder = ReplyDecoder::new();
    let mut end = 0;
    let mut pieces = pieces.iter().cycle();
    while end < octets.len() {
        end = octets.len().min(end + pieces.next().map_or(usize::MAX / 2, |&piece| usize::from(piece) + 1));
        match decoder.decode(&octets[..end]) {
            ReplyStep::Reply { reply, consumed } => {
                let owned = reply.to_owned();
                assert_eq!((owned.code(), owned.enhanced()), (reply.code(), reply.enhanced()));
                // lines may be folded, and nothing else may happen to the text
                assert!(owned.lines().flatten().eq(reply.text_lines().flatten()));
                return Some(Ok((owned, consumed)));
            }
            ReplyStep::Bad { why, at } => return Some(Err((why, at))),
            ReplyStep::NeedMore => assert!(end <= limits::REPLY_OCTETS_ACCEPTED),
        }
    }
    None
}

fuzz_target!(|input: (&[u8], &[u8])| {
    let (pieces, octets) = input;
    let found = decode(octets, pieces);
    assert_eq!(found, decode(octets, &[]));
    let Some(Ok((reply, _))) = found else { return };
    let wire = reply.to_vec();
    assert_eq!(wire.len(), reply.encoded_len());
    assert!(wire.split_inclusive(|&octet| octet == b'\n').all(|line| line.len() <= limits::REPLY_LINE_OCTETS));
    let back = decode(&wire, pieces).expect("whole").expect("a reply");
    assert_eq!(back, (reply, wire.len()));
});
