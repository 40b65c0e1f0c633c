//! Any text: as a mailbox, path or domain it is refused, or kept as it is, and its canonical form is equal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_codec::{DomainRef, ForwardPath, Mailbox, ReversePath};

fuzz_target!(|text: &str| {
    if let Ok(mailbox) = text.parse::<Mailbox>() {
        let view = mailbox.as_ref();
        assert_eq!(view.as_str(), text);
        assert!(view.domain().is_some() != view.literal().is_some());
        let canonical = format!("{}@{}", view.local_part().canonical(), view.domain_text());
        assert_eq!(canonical.parse::<Mailbox>().as_ref(), Ok(&mailbox));
        let rebuilt = Mailbox::from_parts(&view.local_part().unquoted(), view.domain_text());
        assert_eq!(rebuilt.as_ref(), Ok(&mailbox));
    }
    if let Ok(path) = text.parse::<ReversePath>() {
        assert_eq!(path.to_string().parse().as_ref(), Ok(&path));
    }
    if let Ok(path) = text.parse::<ForwardPath>() {
        assert_eq!(path.to_string().parse().as_ref(), Ok(&path));
    }
    assert!(DomainRef::parse(text).is_ok() <= text.bytes().all(|octet| octet > b' '));
});
