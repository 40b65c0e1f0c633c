//! Field values with what they mean, from the collection's field vectors.
//!
//! Where this crate reads a value differently on purpose, the difference is listed with its reason.

use serde_json::Value;
use smtpkit_mime::header::{Address, AddressList, ContentType, Mailbox, Received, ids, text};
use smtpkit_mime::{DateTime, Limits};

use crate::corpus;

/// Every vector as its number, its value without what a header would cut off, and what is expected.
fn vectors(file: &str) -> Vec<(usize, String, Value)> {
    let json: Value =
        serde_json::from_slice(&corpus::message(&format!("mail-parser/fields/{file}.json"))).unwrap();
    let vectors = json.as_array().unwrap().iter().enumerate();
    vectors
        .map(|(index, entry)| (index, value(entry["header"].as_str().unwrap()), entry["expected"].clone()))
        .collect()
}

/// The value of a field up to the first line that is not folded.
fn value(header: &str) -> String {
    let mut lines = header.split_inclusive('\n');
    let mut value = lines.next().unwrap_or_default().to_owned();
    for line in lines.take_while(|line| line.starts_with([' ', '\t'])) {
        value.push_str(line);
    }
    value
}

/// Compares all vectors, and says which are different.
#[track_caller]
fn compare(
    file: &str,
    explained: &[(usize, &str)],
    read: impl Fn(&str) -> Value,
    expect: impl Fn(Value) -> Value,
) {
    let mut different = Vec::new();
    for (index, value, expected) in vectors(file) {
        let (found, expected) = (read(&value), expect(expected));
        if found != expected {
            different.push(index);
            if !explained.iter().any(|(known, _)| *known == index) {
                eprintln!("{file} {index} {value:?}\n  found    {found}\n  expected {expected}");
            }
        }
    }
    assert_eq!(different, explained.iter().map(|(index, _)| *index).collect::<Vec<_>>(), "{file}");
}

#[test]
fn unstructured_text() {
    // blanks around folds are kept as RFC 5322 §2.2.3 has it; the vectors make one of them
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    compare(
        "unstructured",
        &[(42, "a malformed escape stays, and the word is one nevertheless")],
        |value| squeeze(&text(value.as_bytes())).into(),
        |expected| squeeze(expected.as_str().unwrap()).into(),
    );
}

fn mailbox(mailbox: &Mailbox<'_>) -> Value {
    serde_json::json!({"name": mailbox.name(), "address": mailbox.address()})
}

#[test]
fn addresses() {
    compare(
        "address",
        &[
            (8, "comments are no part of a name that stands beside them"),
            (9, "the backslash escapes the line end, so the comment ends at the first parenthesis"),
            (10, "comments are no part of a name that stands beside them"),
            (11, "comments are no part of a name that stands beside them"),
            (13, "routes and blanks are no part of an address (RFC 5322 §4.4)"),
            (14, "comments are no part of a name that stands beside them"),
            (22, "comments are no part of a name that stands beside them"),
            (56, "comments are no part of a name that stands beside them"),
            (60, "comments are no part of a name that stands beside them"),
            (61, "comments are no part of a name that stands beside them"),
            (75, "a group without a name has the empty name"),
            (78, "the word before an address is its name"),
            (84, "encoded words do not stand inside of addresses (RFC 2047 §5)"),
            (85, "a stray bracket is told as a defect and is no name"),
            (87, "a backslash before a letter stays"),
            (88, "comments are no part of a name that stands beside them"),
            (98, "words are separated by a blank"),
            (99, "an address has no blanks"),
            (102, "the second address in brackets is told as a defect"),
            (108, "a vertical tab is no blank"),
            (111, "comments are no part of a name that stands beside them"),
            (116, "a comment between encoded words is a blank (RFC 5322 §3.2.2)"),
            (117, "encoded words do not stand inside of addresses (RFC 2047 §5)"),
            (120, "a comment names a group that has no other name"),
            (123, "comments are no part of a name that stands beside them"),
            (125, "a comment names a group that has no other name"),
            (128, "a backslash before a letter stays"),
        ],
        |value| {
            let list = AddressList::parse(value.as_bytes(), &Limits::DEFAULT);
            let all: Vec<Value> = list
                .iter()
                .map(|address| match address {
                    Address::Mailbox(one) => serde_json::json!({"mailbox": mailbox(one)}),
                    Address::Group { name, members } => {
                        let members: Vec<_> = members.iter().map(mailbox).collect();
                        serde_json::json!({"group": {"name": name, "mailboxes": members}})
                    }
                })
                .collect();
            if all.is_empty() { Value::Null } else { all.into() }
        },
        |expected| expected,
    );
}

#[test]
fn identifiers() {
    compare(
        "id",
        &[
            (6, "blanks inside of an identifier are obsolete and vanish (RFC 5322 §4.5.4)"),
            (11, "the innermost brackets hold the identifier"),
            (12, "words outside of brackets are no identifiers"),
            (14, "words outside of brackets are no identifiers"),
            (18, "blanks inside of an identifier are obsolete and vanish (RFC 5322 §4.5.4)"),
            (19, "blanks inside of an identifier are obsolete and vanish (RFC 5322 §4.5.4)"),
            (33, "the innermost brackets hold the identifier"),
        ],
        |value| {
            let all: Vec<_> = ids(value.as_bytes()).map(String::from).collect();
            if all.is_empty() { Value::Null } else { all.into() }
        },
        |expected| expected,
    );
}

fn rfc3339(date: Option<DateTime>) -> Value {
    date.map_or(Value::Null, |date| date.rfc3339().to_string().into())
}

fn expected_date(expected: &Value) -> Value {
    let number = |key: &str| expected[key].as_u64().unwrap_or(0);
    if expected.is_null() {
        return Value::Null;
    }
    let offset = (number("tz_hour") * 60 + number("tz_minute")) as i16;
    let offset = if expected["tz_before_gmt"] == true { -offset } else { offset };
    let date = (number("year") as u16, number("month") as u8, number("day") as u8);
    let time = (number("hour") as u8, number("minute") as u8, number("second") as u8);
    rfc3339(DateTime::new(date, time, offset).ok())
}

#[test]
fn dates() {
    compare(
        "date",
        &[
            (10, "a month is written in letters"),
            (12, "a month is written in letters"),
            (28, "what stands before a date is no date"),
            (30, "a zone that is not known is not guessed"),
            (32, "a zone that is not known is not guessed"),
            (40, "a zone that is not known is not guessed"),
            (41, "a zone that is not known is not guessed"),
            (42, "a zone that is not known is not guessed"),
            (43, "a zone that is not known is not guessed"),
            (45, "a zone that is not known is not guessed"),
            (46, "month names in full are read"),
            (47, "dashes are read"),
            (48, "names of zones are read in any case"),
            (51, "this month does not exist"),
            (52, "what follows the zone is ignored"),
            (55, "the zone is there"),
            (62, "a zone that is not known is not guessed"),
            (64, "this month does not exist"),
            (65, "three digits of a year count from 1900 (RFC 5322 §4.3)"),
            (68, "what follows the zone is ignored"),
            (69, "what follows the zone is ignored"),
            (73, "a zone that is not known is not guessed"),
            (74, "a zone that is not known is not guessed"),
            (76, "a zone that is not known is not guessed"),
            (78, "two digits are hours"),
            (79, "a zone that is not known is not guessed"),
            (80, "a zone that is not known is not guessed"),
            (81, "a zone that is not known is not guessed"),
            (82, "a zone that is not known is not guessed"),
            (83, "a zone that is not known is not guessed"),
        ],
        |value| rfc3339(smtpkit_mime::header::date(value.as_bytes())),
        |expected| expected_date(&expected),
    );
}

#[test]
fn content_types() {
    compare(
        "content_type",
        &[
            (4, "half a media type is completed, an unreadable one is text/plain"),
            (34, "blanks between encoded words vanish also inside of quotes (RFC 2047 §6.2)"),
            (38, "half a media type is completed, an unreadable one is text/plain"),
            (39, "half a media type is completed, an unreadable one is text/plain"),
            (40, "half a media type is completed, an unreadable one is text/plain"),
            (41, "half a media type is completed, an unreadable one is text/plain"),
            (42, "half a media type is completed, an unreadable one is text/plain"),
            (43, "a value behind a type that is missing still has its parameters"),
            (47, "half a media type is completed, an unreadable one is text/plain"),
            (48, "half a media type is completed, an unreadable one is text/plain"),
            (58, "half a media type is completed, an unreadable one is text/plain"),
            (61, "names with several asterisks or blanks are no RFC 2231 names"),
            (62, "a value behind a type that is missing still has its parameters"),
            (63, "a value behind a type that is missing still has its parameters"),
            (64, "half a media type is completed, an unreadable one is text/plain"),
            (65, "a value behind a type that is missing still has its parameters"),
            (66, "a value behind a type that is missing still has its parameters"),
            (67, "half a media type is completed, an unreadable one is text/plain"),
            (68, "half a media type is completed, an unreadable one is text/plain"),
            (69, "half a media type is completed, an unreadable one is text/plain"),
            (70, "half a media type is completed, an unreadable one is text/plain"),
            (71, "a value behind a type that is missing still has its parameters"),
            (72, "a value behind a type that is missing still has its parameters"),
            (101, "half a media type is completed, an unreadable one is text/plain"),
            (103, "half a media type is completed, an unreadable one is text/plain"),
            (108, "a percent sign without digits stays"),
            (118, "sections come before the plain value, not joined with it"),
            (119, "half a media type is completed, an unreadable one is text/plain"),
            (121, "half a media type is completed, an unreadable one is text/plain"),
            (123, "half a media type is completed, an unreadable one is text/plain"),
        ],
        |value| {
            let parsed = ContentType::parse(value.as_bytes(), &Limits::DEFAULT);
            let names: Vec<String> = parsed.parameters().names().map(str::to_ascii_lowercase).collect();
            let mut attributes: Vec<(String, String)> = Vec::new();
            for name in names {
                if !attributes.iter().any(|(known, _)| *known == name) {
                    attributes.push((name.clone(), parsed.parameters().get(&name).unwrap().into_owned()));
                }
            }
            attributes.sort();
            serde_json::json!({"type": parsed.to_string(), "attributes": attributes})
        },
        |expected| {
            let half = |key: &str| expected[key].as_str().unwrap_or_default().to_ascii_lowercase();
            let attributes = expected["attributes"].as_array().cloned().unwrap_or_default();
            let mut attributes: Vec<(String, String)> = attributes
                .iter()
                .map(|pair| {
                    (pair[0].as_str().unwrap().to_ascii_lowercase(), pair[1].as_str().unwrap().to_owned())
                })
                .filter(|(name, _)| !name.ends_with("-language"))
                .collect();
            attributes.sort();
            serde_json::json!({"type": format!("{}/{}", half("c_type"), half("c_subtype")), "attributes": attributes})
        },
    );
}

#[test]
fn trace_fields() {
    let keep = |value: Option<&str>| value.map_or(Value::Null, Value::from);
    compare(
        "received",
        &[
            (13, "the order of asctime is read"),
            (28, "an identifier may have a slash"),
            (29, "an identifier may have a slash"),
            (30, "an identifier may have a slash"),
            (67, "the names of zones of RFC 5322 §4.3 are read"),
            (116, "a zone that is not known is not guessed"),
            (123, "the first value of a keyword counts"),
            (128, "an address is a host; nothing follows the date"),
            (134, "an address is a host"),
            (135, "an address is a host"),
            (138, "an underscore is no blank"),
            (144, "fractions of a second are read over"),
            (153, "a mailbox without a domain is one"),
            (163, "the names of zones of RFC 5322 §4.3 are read"),
            (200, "a year has two digits or more"),
            (201, "a zone that is not known is not guessed"),
        ],
        |value| {
            let received = Received::parse(value.as_bytes());
            serde_json::json!({
                "by": keep(received.by()), "id": keep(received.id()), "for": keep(received.for_mailbox()),
                "date": rfc3339(received.date()),
            })
        },
        |expected| {
            serde_json::json!({
                "by": expected["by"]["Name"], "id": expected["id"], "for": expected["for_"],
                "date": expected_date(&expected["date"]),
            })
        },
    );
}
