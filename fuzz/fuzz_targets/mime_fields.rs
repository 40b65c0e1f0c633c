//! Any octets as the value of every kind of field: something comes out, and no more than went in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_mime::Limits;
use smtpkit_mime::header::{AddressList, ContentType, Disposition, Received, date, ids, text};

fuzz_target!(|value: &[u8]| {
    let limits = Limits::default();
    // an octet of windows-1252 takes up to three of UTF-8
    let longest = 3 * value.len();
    assert!(text(value).len() <= longest);
    for mailbox in AddressList::parse(value, &limits).mailboxes() {
        assert!(mailbox.name().is_some() || mailbox.address().is_some());
        assert!(mailbox.address().is_none_or(|address| address.len() <= longest));
    }
    assert!(ids(value).all(|id| !id.is_empty() && id.len() <= longest));
    assert!(date(value).is_none_or(|date| date.year() >= 1900));
    assert!(Received::parse(value).by().is_none_or(|by| by.len() <= longest));
    let content_type = ContentType::parse(value, &limits);
    assert!(!content_type.kind().is_empty() && !content_type.subtype().is_empty());
    for name in content_type.parameters().names() {
        assert!(content_type.parameters().get(name).is_some());
    }
    assert!(Disposition::parse(value, &limits).file_name().is_none_or(|name| !name.is_empty()));
});
