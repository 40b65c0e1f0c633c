//! Any reply: read as one to EHLO, its announcements come back through the builder.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_codec::{DomainRef, EhloReply, EhloReplyRef, Extension, Keyword, ReplyDecoder, ReplyStep};

fuzz_target!(|octets: &[u8]| {
    let ReplyStep::Reply { reply, .. } = ReplyDecoder::new().decode(octets) else { return };
    let Ok(read) = EhloReplyRef::parse(reply) else { return };
    let _ = (read.domain(), read.greeting(), read.size(), read.limits(), read.auth_mechanisms().count());
    let mut builder = EhloReply::builder(DomainRef::parse("mx.example.com").unwrap());
    for extension in read.extensions() {
        assert_eq!(Extension::parse(&extension.to_string()), Ok(extension));
        assert!(extension.keyword().is_none_or(|keyword| read.has(keyword)));
        builder = builder.push(extension);
    }
    // a line may be longer than a server may send
    let Ok(built) = builder.build() else { return };
    assert!(built.as_ref().extensions().eq(read.extensions()));
    for &keyword in Keyword::ALL {
        assert!(read.has(keyword) || !built.as_ref().has(keyword));
    }
});
