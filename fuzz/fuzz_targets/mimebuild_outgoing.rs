//! Any raw message: what leaves has CRLF line ends and no blind recipients.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_mime::Header;
use smtpkit_mime::build::sendable;
use smtpkit_mime::conformance::Conformance;

fuzz_target!(|raw: &[u8]| {
    let outgoing = sendable(raw);
    let found = Conformance::of(outgoing.content());
    assert!(found.bare_cr_at.is_none() && found.bare_lf_at.is_none());
    let header = Header::parse(outgoing.content());
    assert!(header.first("Bcc").is_none() && header.first("Resent-Bcc").is_none());
    assert!(outgoing.content().len() <= 2 * raw.len());
});
