//! Addresses against a corpus of verdicts, and against themselves.

use proptest::prelude::*;
use smtpkit_codec::{
    AddressLiteral, Domain, DomainRef, ForwardPath, ForwardPathRef, Mailbox, MailboxRef, ReversePath,
    ReversePathRef,
};

use super::words;

/// One case a line: verdict, address, reason. The head of the file says where they come from.
const CORPUS: &str = include_str!("../data/addresses.tsv");

#[test]
fn every_verdict_of_the_corpus_is_ours() {
    let mut cases = 0;
    for line in CORPUS.lines().filter(|line| !line.starts_with('#')) {
        let [verdict, address, reason] =
            line.split('\t').collect::<Vec<_>>().try_into().expect("three columns");
        let address = unescape(address);
        let found = MailboxRef::parse(&address);
        assert_eq!(found.is_ok(), verdict == "yes", "{address:?}: {reason}; found {found:?}");
        if let Ok(mailbox) = found {
            assert_eq!(mailbox.to_string(), address, "kept as written");
            let path = format!("<{address}>");
            assert_eq!(ReversePathRef::parse(&path).unwrap().mailbox(), Some(mailbox));
            assert_eq!(ForwardPathRef::parse(&path).unwrap().mailbox(), Some(mailbox));
        }
        cases += 1;
    }
    assert!(cases > 200, "{cases}");
}

fn unescape(text: &str) -> String {
    let mut unescaped = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        unescaped.push_str(before);
        if let Some(hex) = after.strip_prefix('x') {
            unescaped.push(char::from(u8::from_str_radix(&hex[..2], 16).expect("two hexadecimal digits")));
            rest = &hex[2..];
        } else {
            unescaped.push('\\');
            rest = after.strip_prefix('\\').expect("a doubled backslash");
        }
    }
    unescaped + rest
}

proptest! {
    #[test]
    fn mailboxes_come_back_as_they_were_written(text in words::mailbox()) {
        let mailbox: Mailbox = text.parse().unwrap();
        prop_assert_eq!(mailbox.as_str(), &text);
        prop_assert_eq!(mailbox.as_ref(), MailboxRef::parse(&text).unwrap());
        let canonical = format!("{}@{}", mailbox.as_ref().local_part().canonical(), mailbox.as_ref().domain_text());
        prop_assert_eq!(canonical.parse::<Mailbox>().unwrap(), mailbox);
    }

    #[test]
    fn any_local_part_that_can_be_quoted_comes_back(content in "[ -~é用]{0,20}", domain in words::domain()) {
        let mailbox = Mailbox::from_parts(&content, &domain).unwrap();
        prop_assert_eq!(mailbox.as_ref().local_part().unquoted(), content);
        prop_assert_eq!(mailbox.as_ref().domain_text(), domain);
    }

    #[test]
    fn paths_come_back(text in words::mailbox(), route in words::route()) {
        let routed = format!("<{route}{text}>");
        prop_assert_eq!(routed.parse::<ReversePath>().unwrap().to_string(), format!("<{text}>"));
        prop_assert_eq!(routed.parse::<ForwardPath>().unwrap().to_string(), format!("<{text}>"));
    }

    #[test]
    fn literals_come_back(address: std::net::IpAddr) {
        let text = AddressLiteral::from(address).to_string();
        // a zero run of one group is written without "::" by both sides
        prop_assert_eq!(AddressLiteral::parse(&text).unwrap().ip(), Some(address));
    }

    #[test]
    fn no_text_makes_a_parser_panic_and_what_is_read_is_the_text(text in any::<String>()) {
        let whole = |found: Option<String>| found.is_none_or(|found| found == text);
        prop_assert!(whole(MailboxRef::parse(&text).ok().map(|found| found.to_string())));
        prop_assert!(whole(DomainRef::parse(&text).ok().map(|found| found.to_string())));
        prop_assert!(AddressLiteral::parse(&text).is_ok_and(|_| text.starts_with('[')) || AddressLiteral::parse(&text).is_err());
        for error in [ReversePathRef::parse(&text).err(), ForwardPathRef::parse(&text).err()].into_iter().flatten() {
            prop_assert!(error.offset() <= text.len());
        }
    }

    #[test]
    fn equality_order_and_hash_agree(left in words::close_mailbox(), right in words::close_mailbox()) {
        use std::hash::{BuildHasher, RandomState};
        let (left, right): (Mailbox, Mailbox) = (left.parse().unwrap(), right.parse().unwrap());
        prop_assert_eq!(left == right, left.cmp(&right).is_eq());
        let state = RandomState::new();
        if left == right {
            prop_assert_eq!(state.hash_one(&left), state.hash_one(&right));
        }
    }
}

#[cfg(feature = "serde")]
#[test]
fn stored_words_are_their_text_and_are_checked_when_read() {
    let path: ForwardPath = serde_json::from_str("\"jane@example.com\"").unwrap();
    assert_eq!(serde_json::to_string(&path).unwrap(), "\"<jane@example.com>\"");
    assert_eq!(serde_json::to_string(&ReversePath::null()).unwrap(), "\"<>\"");
    let error = serde_json::from_str::<Domain>("\"a_b.example\"").unwrap_err();
    assert!(
        error.to_string().starts_with("expected a domain") || error.to_string().contains("at octet 1"),
        "{error}"
    );
    assert!(serde_json::from_str::<Mailbox>("\"a@b\\r\\nQUIT\"").is_err());
}

#[test]
fn owned_words_keep_their_order() {
    let mut domains: Vec<Domain> =
        ["b.example", "A.example", "a.Example", "C"].map(|text| text.parse().unwrap()).into();
    domains.sort();
    domains.dedup();
    assert_eq!(domains.iter().map(Domain::as_str).collect::<Vec<_>>(), ["A.example", "b.example", "C"]);
}

#[cfg(feature = "arbitrary")]
#[test]
fn arbitrary_words_are_words() {
    use arbitrary::{Arbitrary, Unstructured};
    let mut octets: Vec<u8> = (0..4096_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for round in 0..200 {
        octets.rotate_left(7);
        let mut source = Unstructured::new(&octets);
        let path = ForwardPath::arbitrary(&mut source).expect("a path");
        assert_eq!(path.to_string().parse(), Ok(path), "round {round}");
        let parameters = smtpkit_codec::MailParameters::arbitrary(&mut source).expect("parameters");
        assert_eq!(parameters.to_string().parse(), Ok(parameters));
        let parameters = smtpkit_codec::RcptParameters::arbitrary(&mut source).expect("parameters");
        assert_eq!(parameters.to_string().parse(), Ok(parameters));
    }
}
