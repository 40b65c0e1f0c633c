//! The messages of a world. Each has a token, from which its body can be made again where it arrives.

use crate::dice::Dice;

/// The header field with the token.
const TOKEN: &str = "X-Token";
/// The header field with the size of the body.
const OCTETS: &str = "X-Octets";

/// The content of the message with this token.
pub(crate) fn content(token: &str, octets: usize) -> Vec<u8> {
    let header = format!(
        "Message-ID: <{token}@origin.test>\r\nSubject: {token}\r\n{TOKEN}: {token}\r\n{OCTETS}: {octets}\r\n\r\n"
    );
    let mut content = header.into_bytes();
    content.extend_from_slice(&body(token, octets));
    content
}

/// Lines of every length, some of which begin with dots.
fn body(token: &str, octets: usize) -> Vec<u8> {
    let mut dice = Dice::new(octets as u64).fork(token);
    let mut body = Vec::with_capacity(octets + 80);
    while body.len() < octets {
        body.extend(std::iter::repeat_n(
            b'.',
            usize::from(dice.per_mille(200)) + usize::from(dice.per_mille(100)),
        ));
        let letter = u8::try_from(dice.between(b'a'.into(), b'z'.into())).unwrap_or(b'x');
        let length = usize::try_from(dice.below(72)).unwrap_or_default();
        body.extend(std::iter::repeat_n(letter, length));
        body.extend_from_slice(b"\r\n");
    }
    body
}

/// The token of a message, or of the one that a report is about.
pub(crate) fn token(content: &[u8]) -> Option<String> {
    field(content, TOKEN)
}

/// Whether a message arrived as it was sent, behind the fields that were put on top.
pub(crate) fn is_intact(received: &[u8]) -> bool {
    let Some(token) = token(received) else { return false };
    let octets = field(received, OCTETS).and_then(|octets| octets.parse().ok());
    octets.is_some_and(|octets| received.ends_with(&content(&token, octets)))
}

/// What the first field of that name says, wherever it stands.
pub(crate) fn field(content: &[u8], name: &str) -> Option<String> {
    lines(content).find_map(|line| value(&line, name))
}

fn lines(content: &[u8]) -> impl Iterator<Item = String> + '_ {
    content.split(|octet| *octet == b'\n').map(|line| String::from_utf8_lossy(line).trim_end().to_owned())
}

fn value(line: &str, name: &str) -> Option<String> {
    let (before, value) = line.split_once(':')?;
    before.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
}

/// What a report says of each recipient: the address, and what was done.
pub(crate) fn actions(report: &[u8]) -> Vec<(String, String)> {
    let mut actions = Vec::new();
    let mut recipient = None;
    for line in lines(report) {
        if let Some(address) = value(&line, "Final-Recipient") {
            recipient = address.split_once(';').map(|(_, address)| address.trim().to_owned());
        } else if let (Some(action), Some(address)) = (value(&line, "Action"), recipient.take()) {
            actions.push((address, action));
        }
    }
    actions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_again() {
        let sent = content("m1a1", 500);
        let mut received = b"Received: from x\r\n\tby y\r\n".to_vec();
        received.extend_from_slice(&sent);
        assert_eq!(token(&received).as_deref(), Some("m1a1"));
        assert!(is_intact(&received));
        received.truncate(received.len() - 3);
        assert!(!is_intact(&received));
    }

    #[test]
    fn a_report_says_what_became_of_whom() {
        let report = b"Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; a@b.test\r\nAction: failed\r\n\r\nFinal-Recipient: \
            rfc822; c@d.test\r\nAction: delayed\r\n";
        let expected = [("a@b.test", "failed"), ("c@d.test", "delayed")];
        assert_eq!(
            actions(report),
            expected.map(|(address, action)| (address.to_owned(), action.to_owned()))
        );
    }
}
