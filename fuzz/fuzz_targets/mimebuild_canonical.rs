//! Any body, cut anywhere: canonical forms are the same as of the whole, and canonical again when they are done twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_mime::canonical::{BodyCanonicalizer, Canonicalization};
use smtpkit_mime::conformance::{Conformance, Sweep};

fn canonical(canonicalization: Canonicalization, pieces: &[&[u8]]) -> Vec<u8> {
    let (mut body, mut out) = (BodyCanonicalizer::new(canonicalization), Vec::new());
    pieces.iter().for_each(|piece| body.push(piece, |octets| out.extend_from_slice(octets)));
    body.finish(|octets| out.extend_from_slice(octets));
    out
}

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, body) = input;
    let (head, tail) = body.split_at(usize::from(cut).min(body.len()));
    for canonicalization in [Canonicalization::Simple, Canonicalization::Relaxed] {
        let whole = canonical(canonicalization, &[body]);
        assert_eq!(canonical(canonicalization, &[head, tail]), whole);
        assert_eq!(canonical(canonicalization, &[&whole]), whole);
    }
    let mut sweep = Sweep::new();
    sweep.push(head);
    sweep.push(tail);
    assert_eq!(sweep.finish(), Conformance::of(body));
});
