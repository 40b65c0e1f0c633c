//! Canonical forms, checked by the digests that RFC 6376 gives.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use smtpkit_mime::canonical::{BodyCanonicalizer, Canonicalization};

fn check_digest(canonicalization: Canonicalization, body: &str, expected: &str) {
    for size in [1, 3, 1000] {
        let (mut canonical, mut digest) = (BodyCanonicalizer::new(canonicalization), Sha256::new());
        body.as_bytes().chunks(size).for_each(|piece| canonical.push(piece, |octets| digest.update(octets)));
        canonical.finish(|octets| digest.update(octets));
        assert_eq!(BASE64_STANDARD.encode(digest.finalize()), expected, "by {size}");
    }
}

/// RFC 6376 §3.4.3 and §3.4.4.
#[test]
fn the_digests_of_empty_bodies() {
    check_digest(Canonicalization::Simple, "", "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=");
    check_digest(Canonicalization::Relaxed, "", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

/// RFC 6376 appendix A.
#[test]
fn the_digest_of_the_signed_example() {
    let body = "Hi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\nJoe.\r\n";
    for canonicalization in [Canonicalization::Simple, Canonicalization::Relaxed] {
        check_digest(canonicalization, body, "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
    }
}

#[test]
fn a_long_run_of_empty_lines_is_kept_when_something_follows() {
    let mut canonical = BodyCanonicalizer::new(Canonicalization::Simple);
    let (mut octets, mut longest) = (0, 0);
    let mut count = |piece: &[u8]| {
        octets += piece.len();
        longest = longest.max(piece.len());
    };
    let lines = "\r\n".repeat(50_000);
    canonical.push(lines.as_bytes(), &mut count);
    canonical.push(b"end", &mut count);
    canonical.finish(&mut count);
    assert_eq!(octets, 100_000 + 3 + 2);
    assert!(longest < 8192);
}
