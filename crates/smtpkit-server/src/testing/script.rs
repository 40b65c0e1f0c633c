//! The text of a scripted dialogue.

use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// One side of a dialogue as text, for a server that says what no real one would.
///
/// | line | what happens |
/// |---|---|
/// | `S: 250 ok` | the server says this line |
/// | `C: MAIL FROM:<*>` | the client must say a line like this; each `*` stands for anything |
/// | `C~ .` | lines of the client are taken until one is like this: content |
/// | `! wait 50` | nothing happens for so many milliseconds |
/// | `! tls` | the TLS handshake, with the certificate of the server's authority |
/// | `! close` | the server closes the connection; the end of the script does too |
/// | `# why` | nothing; nor does an empty line |
///
/// Lines that the server says are sent together until it is the client's turn.
///
/// ```
/// use smtpkit_server::testing::Script;
///
/// let script: Script = "\
/// S: 220 mx.test ESMTP
/// C: EHLO *
/// S: 250 mx.test
/// C: MAIL FROM:<*>
/// ! close
/// ".parse()?;
/// let error = "S: 220 mx.test\n? what\n".parse::<Script>().unwrap_err();
/// assert_eq!(error.to_string(), "line 2: a line begins with `S: `, `C: `, `C~ `, `! ` or `#`");
/// # Ok::<(), smtpkit_server::testing::ScriptError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script(pub(super) Vec<Turn>);

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Say(String),
    Expect(Pattern),
    SkipTo(Pattern),
    Wait(Duration),
    StartTls,
    Close,
}

/// A line in which each `*` stands for anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(pub(super) String);

impl Pattern {
    pub(super) fn matches(&self, line: &str) -> bool {
        let Some((front, rest)) = self.0.split_once('*') else { return line == self.0 };
        let Some(mut line) = line.strip_prefix(front) else { return false };
        let (middle, back) = rest.rsplit_once('*').unwrap_or(("", rest));
        for part in middle.split('*') {
            let Some((_, after)) = line.split_once(part) else { return false };
            line = after;
        }
        line.ends_with(back)
    }
}

/// Why a text is no [`Script`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
#[non_exhaustive]
pub struct ScriptError {
    /// Which line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let lines = text.lines().map(str::trim_end).zip(1..);
        let spoken = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
        let turns = spoken.map(|(text, line)| turn(text).map_err(|problem| ScriptError { line, problem }));
        turns.collect::<Result<_, _>>().map(Self)
    }
}

fn turn(line: &str) -> Result<Turn, &'static str> {
    let (kind, rest) = line.split_at_checked(2).unwrap_or((line, ""));
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    match kind {
        "S:" => Ok(Turn::Say(rest.to_owned())),
        "C:" => Ok(Turn::Expect(Pattern(rest.to_owned()))),
        "C~" => Ok(Turn::SkipTo(Pattern(rest.to_owned()))),
        "! " => match rest.split_once(' ').unwrap_or((rest, "")) {
            ("tls", "") => Ok(Turn::StartTls),
            ("close", "") => Ok(Turn::Close),
            ("wait", time) => {
                let time = time.parse().map_err(|_| "`! wait` needs a number of milliseconds")?;
                Ok(Turn::Wait(Duration::from_millis(time)))
            }
            _ => Err("after `! ` comes `wait`, `tls` or `close`"),
        },
        _ => Err("a line begins with `S: `, `C: `, `C~ `, `! ` or `#`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, line, expected) in [
            ("QUIT", "QUIT", true),
            ("QUIT", "quit", false),
            ("EHLO *", "EHLO me", true),
            ("EHLO *", "HELO me", false),
            ("*", "", true),
            ("MAIL FROM:<*> SIZE=*", "MAIL FROM:<a@b.test> SIZE=10 BODY=8BITMIME", true),
            ("MAIL FROM:<*> SIZE=*", "MAIL FROM:<a@b.test>", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
        ] {
            assert_eq!(Pattern(pattern.to_owned()).matches(line), expected, "{pattern} {line}");
        }
    }

    #[test]
    fn what_is_no_script() {
        for (text, expected) in [
            ("C:x\nhello", "line 2: a line begins with `S: `, `C: `, `C~ `, `! ` or `#`"),
            ("! wait a", "line 1: `! wait` needs a number of milliseconds"),
            ("! run", "line 1: after `! ` comes `wait`, `tls` or `close`"),
            ("é", "line 1: a line begins with `S: `, `C: `, `C~ `, `! ` or `#`"),
        ] {
            assert_eq!(text.parse::<Script>().unwrap_err().to_string(), expected);
        }
    }
}
