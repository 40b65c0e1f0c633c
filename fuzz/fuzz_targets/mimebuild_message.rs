//! Any values: refused, or built into lines that a hop takes, with no field that nobody asked for, and read back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_mime::build::{Field, Mailbox, MessageBuilder, Part, Stamp};
use smtpkit_mime::conformance::Conformance;
use smtpkit_mime::{DateTime, HopCapabilities, Message};

fuzz_target!(|values: (&str, &str, &str, &str, &[u8])| {
    let (name, subject, text, file_name, octets) = values;
    let Ok(author) = Mailbox::named(name, "ada@example.org") else { return };
    let Ok(builder) = MessageBuilder::new().from(author).text(text).subject(subject) else { return };
    let part = Part::octets("application/x-test".parse().expect("a media type"), octets);
    let (Ok(part), Ok(field)) = (part.attachment(file_name), Field::text("X-Text", file_name)) else { return };
    let stamp = Stamp::new(DateTime::from_unix_seconds(0, 0).expect("a date"), [0x5a; 16]);
    let message = builder.attach(part).field(field).build(HopCapabilities::SEVEN_BIT, &stamp).expect("checked values");
    let content = message.to_vec().expect("content in memory");
    assert_eq!(Conformance::of(&content).needs(), HopCapabilities::SEVEN_BIT);
    let read = Message::parse(&content);
    assert_eq!(read.header().fields().count(), 7);
    assert_eq!(read.subject().unwrap_or_default(), subject);
    let leaves: Vec<_> = read.leaves().collect();
    assert_eq!(leaves[1].body().octets(), octets);
    assert_eq!(leaves[1].file_name().as_deref(), Some(file_name));
});
