//! Text of a report field: one line, whatever it quotes (RFC 3464 §2.1).

use core::fmt;
use core::str::FromStr;

use crate::build::{ValueError, ValueKind, ValueProblem};

/// Longest token: with white space before it, it fits a line of 998 octets.
const TOKEN_OCTETS_MAX: usize = 900;

/// The value of a report field: text without controls whose every token fits a line (RFC 3464 §2.1).
///
/// ```
/// use smtpkit_mime::report::ReportText;
///
/// assert_eq!(ReportText::new("QQ314159")?.as_str(), "QQ314159");
/// assert!(ReportText::new("a\r\nAction: delivered").is_err());
/// assert_eq!(ReportText::lossy("550 no\r\nsuch user").as_str(), "550 no such user");
/// # Ok::<(), smtpkit_mime::build::ValueError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReportText(String);

impl ReportText {
    /// Takes text as it is.
    ///
    /// # Errors
    /// [`ValueError`] if it is blank, has a control other than tab, or a token of more than 900 octets.
    pub fn new(text: &str) -> Result<Self, ValueError> {
        let refused = |problem| Err(ValueError::new(ValueKind::ReportValue, problem));
        let text = text.trim_matches([' ', '\t']);
        if text.is_empty() {
            return refused(ValueProblem::Empty);
        }
        let is_control = |octet: u8| octet.is_ascii_control() && octet != b'\t';
        if let Some((at, octet)) = text.bytes().enumerate().find(|&(_, octet)| is_control(octet)) {
            return refused(ValueProblem::Octet { octet, at });
        }
        if text.split([' ', '\t']).any(|token| token.len() > TOKEN_OCTETS_MAX) {
            return refused(ValueProblem::TooLong { octets_max: TOKEN_OCTETS_MAX });
        }
        let is_white = |character| matches!(character, ' ' | '\t');
        if text.split(|character| !is_white(character)).any(|gap| gap.len() > 90) {
            return refused(ValueProblem::TooLong { octets_max: 90 });
        }
        Ok(Self(text.to_owned()))
    }

    /// Makes a value of any text, such as the reply of a server: controls and runs of white space become single spaces,
    /// overlong tokens are broken, and nothing at all becomes `-`.
    pub fn lossy(text: &str) -> Self {
        let mut out = String::with_capacity(text.len());
        for token in text.split(|character: char| character.is_ascii_control() || character == ' ') {
            let mut rest = token;
            while !rest.is_empty() {
                let (head, tail) = rest.split_at(rest.floor_char_boundary(TOKEN_OCTETS_MAX));
                if !out.is_empty() {
                    out.push(' ');
                }
                out.push_str(head);
                rest = tail;
            }
        }
        if out.is_empty() {
            out.push('-');
        }
        Self(out)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReportText {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::new(text)
    }
}

impl fmt::Display for ReportText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_can_be_made_a_value() {
        let check = |text: &str, expected: &str| {
            let lossy = ReportText::lossy(text);
            assert_eq!(lossy.as_str(), expected);
            assert_eq!(ReportText::new(lossy.as_str()), Ok(lossy));
        };
        check("", "-");
        check("\r\n\0", "-");
        check("a\u{0}b\tc   d", "a b c d");
        check(&"ü".repeat(451), &format!("{} ü", "ü".repeat(450)));
    }
}
