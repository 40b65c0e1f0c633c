//! Every message of the collection, read by us and by Python's email package: subject, date, addresses, part types,
//! file names and the digests of the decoded bodies have to be the same.
//!
//! Where they are not, a table says why. A difference that the table lacks fails; so does a row that nothing needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::shell::{Failed, failed, output, root};

const MESSAGES: &str = "crates/smtpkit-mime/tests/mail";
const DIFFERENCES: &str = "crates/smtpkit-mime/tests/data/python-differences.tsv";

/// The same facts of a message, as Python sees them, one JSON object a line. Dates are seconds, text is folded.
const PYTHON: &str = r#"
import email, email.policy, email.utils, hashlib, json, sys
from email.header import decode_header, make_header

def text(value):
    return " ".join(str(make_header(decode_header(value))).split())

def addresses(message, field):
    values = [str(value) for value in message.get_all(field, [])]
    return [address for _, address in email.utils.getaddresses(values) if address]

def date(message):
    try:
        return int(email.utils.parsedate_to_datetime(str(message["date"])).timestamp())
    except Exception:
        return None

def leaves(part):
    if part.is_multipart():
        for child in part.get_payload():
            yield from leaves(child)
    else:
        yield part

for path in sys.argv[1:]:
    with open(path, "rb") as file:
        message = email.message_from_bytes(file.read(), policy=email.policy.compat32)
    parts = list(leaves(message))
    names = [part.get_filename() for part in parts]
    print(json.dumps({
        "subject": text(str(message["subject"])) if message["subject"] is not None else None,
        "date": date(message),
        "from": addresses(message, "from"), "to": addresses(message, "to"), "cc": addresses(message, "cc"),
        "types": [part.get_content_type() for part in parts],
        "filenames": [text(name) if name else None for name in names],
        "digests": [hashlib.sha256(part.get_payload(decode=True) or b"").hexdigest() for part in parts],
    }))
"#;

/// Compares every message; gives how many.
pub(super) fn run() -> Result<usize, Failed> {
    let folder = root().join(MESSAGES);
    let messages = messages(&folder)?;
    let theirs =
        output(Command::new("/usr/bin/python3").args(["-W", "ignore", "-c", PYTHON]).args(&messages))?;
    let theirs: Vec<Value> = theirs.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    if theirs.len() != messages.len() {
        return failed(format!("Python read {} of {} messages", theirs.len(), messages.len()));
    }
    let mut explained = explanations()?;
    let mut unexplained = Vec::new();
    for (path, theirs) in messages.iter().zip(&theirs) {
        let ours = facts(path)?;
        let name = path.strip_prefix(&folder).unwrap_or(path).display().to_string();
        let differing: BTreeSet<String> = theirs
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(field, value)| ours.get(field) != Some(value))
            .map(|(field, _)| field.clone())
            .collect();
        if differing != explained.remove(&name).unwrap_or_default() {
            unexplained.push(format!("{name}: {differing:?}"));
        }
    }
    unexplained.extend(explained.into_keys().map(|name| format!("{name}: the row is not needed")));
    if unexplained.is_empty() {
        println!("{:>10}   {} messages read as Python reads them", "inspect", messages.len());
        return Ok(messages.len());
    }
    failed(format!("{DIFFERENCES} does not explain:\n  {}", unexplained.join("\n  ")))
}

/// What `smtpkit inspect` says, in the form of the Python side.
fn facts(path: &Path) -> Result<Value, Failed> {
    let said = output(Command::new(super::program()).args(["inspect", "--json"]).arg(path))?;
    let facts: Value = serde_json::from_str(&said)?;
    let fact = |name: &str| facts.get(name).cloned().unwrap_or_default();
    let each = |list: &str, key: &str| -> Value {
        let items = fact(list).as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item.get(key).cloned().unwrap_or_default()).collect()
    };
    let subject = fact("subject").as_str().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let date = match fact("date").as_str() {
        Some(date) => Value::from(seconds(date)?),
        None => Value::Null,
    };
    Ok(json!({
        "subject": subject,
        "date": date,
        "from": each("from", "address"),
        "to": each("to", "address"),
        "cc": each("cc", "address"),
        "types": each("parts", "content_type"),
        "filenames": each("parts", "filename"),
        "digests": each("parts", "sha256"),
    }))
}

/// RFC 3339 → seconds since 1970.
fn seconds(date: &str) -> Result<i64, Failed> {
    let number =
        |range: std::ops::Range<usize>| date.get(range).and_then(|digits| digits.parse::<i64>().ok());
    let parts = [number(0..4), number(5..7), number(8..10), number(11..13), number(14..16), number(17..19)];
    let [Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second)] = parts else {
        return failed(format!("`{date}` is not RFC 3339"));
    };
    let offset = match (date.get(19..20), number(20..22), number(23..25)) {
        (Some("+"), Some(hours), Some(minutes)) => hours * 60 + minutes,
        (Some("-"), Some(hours), Some(minutes)) => -(hours * 60 + minutes),
        _ => 0,
    };
    // days of the proleptic Gregorian calendar, the year beginning in March
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (month * 153 + 2) / 5
        + day
        - 719_469;
    Ok(((days * 24 + hour) * 60 + minute - offset) * 60 + second)
}

/// The table: message → the fields that differ.
fn explanations() -> Result<BTreeMap<String, BTreeSet<String>>, Failed> {
    let table = fs::read_to_string(root().join(DIFFERENCES))?;
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| match row.split('\t').collect::<Vec<_>>().as_slice() {
        [message, fields, reason] if !reason.is_empty() => {
            Ok(((*message).to_owned(), fields.split(',').map(str::to_owned).collect()))
        }
        _ => failed(format!("{DIFFERENCES}: `{row}` is not a message, its fields and a reason")),
    })
    .collect()
}

fn messages(folder: &Path) -> Result<Vec<PathBuf>, Failed> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(messages(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "eml" || extension == "msg") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seconds() {
        for (date, expected) in [
            ("1970-01-01T00:00:00+00:00", 0),
            ("2000-03-01T00:00:00Z", 951_868_800),
            ("1992-06-16T17:34:08+09:00", 708_683_648),
            ("2015-06-18T12:43:26+02:00", 1_434_624_206),
        ] {
            assert_eq!(seconds(date).unwrap(), expected, "{date}");
        }
    }
}
