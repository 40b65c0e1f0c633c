//! Every message of the collection in `tests/mail` is read, and what its origin says about it holds.

use std::path::Path;

use smtpkit_mime::facts::Inspector;
use smtpkit_mime::{Message, PartKind};

/// Every message of the collection with its name.
pub(crate) fn messages() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "eml" || extension == "msg") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                found.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

pub(crate) fn message(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail").join(name)).unwrap()
}

#[test]
fn the_collection_is_complete() {
    assert_eq!(messages().len(), 236);
}

#[test]
fn parts_lie_within_each_other() {
    for (name, content) in messages() {
        let message = Message::parse(&content);
        let root = message.root();
        assert_eq!(root.raw(), content, "{name}");
        for part in message.parts() {
            assert_eq!(
                [part.raw_header(), part.raw_body()].concat(),
                part.raw(),
                "{name} part {}",
                part.index()
            );
            if let Some(parent) = part.parent() {
                let (start, end) = (part.at(), part.at() + part.raw().len() as u64);
                let parent_end = parent.at() + parent.raw().len() as u64;
                assert!(parent.body_at() <= start && end <= parent_end, "{name} part {}", part.index());
                assert_eq!(part.depth(), parent.depth() + 1, "{name} part {}", part.index());
                assert_ne!(parent.kind(), PartKind::Leaf, "{name} part {}", part.index());
            }
        }
        for defect in message.defects() {
            assert!(defect.at <= content.len() as u64, "{name}: {defect}");
        }
    }
}

#[test]
fn facts_and_view_agree() {
    for (name, content) in messages() {
        let mut inspector = Inspector::<()>::new(1 << 20);
        for piece in content.chunks(1000) {
            inspector.push(piece);
        }
        let facts = inspector.finish();
        let message = Message::parse(&content);
        assert_eq!(facts.subject.as_deref(), message.subject().as_deref(), "{name}");
        assert_eq!(facts.message_id.as_deref(), message.message_id().as_deref(), "{name}");
        let from: Vec<_> = message.from().iter().map(|m| m.address().map(str::to_owned)).collect();
        assert_eq!(facts.from.iter().map(|m| m.address.clone()).collect::<Vec<_>>(), from, "{name}");
        if message.parts().any(|part| part.kind() == PartKind::EncodedMessage) {
            continue;
        }
        assert_eq!(facts.parts.len(), message.parts().count(), "{name}");
        for (facts, part) in facts.parts.iter().zip(message.parts()) {
            assert_eq!(facts.content_type, part.content_type().to_string(), "{name}");
            assert_eq!(facts.file_name, part.file_name(), "{name}");
            assert_eq!(facts.is_leaf, part.is_leaf(), "{name}");
            if part.is_leaf() {
                assert_eq!(facts.octets, part.body().octets().len() as u64, "{name}");
            }
            if let Some(text) = &facts.text {
                assert_eq!(text, &part.body().text(), "{name}");
            }
        }
    }
}
