//! Any content: its facts are those of the view, and their JSON is one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpkit_mime::Message;
use smtpkit_mime::facts::Inspector;

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, content) = (usize::from(input.0).max(1), input.1);
    let mut inspector = Inspector::<()>::new(1 << 16);
    content.chunks(piece).for_each(|piece| inspector.push(piece));
    let facts = inspector.finish();
    let message = Message::parse(content);
    assert_eq!(facts.subject.as_deref(), message.subject().as_deref());
    assert_eq!(facts.octets, content.len() as u64);
    for (facts, part) in facts.parts.iter().zip(message.parts().take(1)) {
        assert_eq!(facts.content_type, part.content_type().to_string());
    }
    assert!(!facts.to_json(|()| String::new()).contains('\n'));
});
