//! Text in format=flowed, joined to paragraphs again (RFC 3676).

/// One paragraph of a flowed text: how deep it is quoted, and its text on one line (RFC 3676 §4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraph {
    /// How many `>` stood before its lines.
    pub quote_depth: usize,
    /// The text without quote marks, stuffing and soft line ends.
    pub text: String,
}

/// What becomes of the blank that marks a soft line end (RFC 3676 §4.2, parameter `DelSp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "RFC 3676 §3.1 knows yes and no")]
pub enum DelSp {
    /// The blank belongs to the text.
    #[default]
    No,
    /// The blank is removed.
    Yes,
}

/// Joins flowed lines to paragraphs; the signature separator `-- ` stays a line of its own.
///
/// ```
/// use smtpkit_mime::decode::flowed::{DelSp, paragraphs};
///
/// let joined: Vec<_> = paragraphs("> a \r\n> b\r\n c \r\nd\r\n", DelSp::No).collect();
/// assert_eq!((joined[0].quote_depth, &*joined[0].text), (1, "a b"));
/// assert_eq!((joined[1].quote_depth, &*joined[1].text), (0, "c d"));
/// ```
pub fn paragraphs(text: &str, del_sp: DelSp) -> impl Iterator<Item = Paragraph> + '_ {
    let mut lines = text.lines().map(split).peekable();
    std::iter::from_fn(move || {
        let (quote_depth, line) = lines.next()?;
        let mut text = line.to_owned();
        let mut open = is_soft(line);
        while open
            && let Some((_, line)) =
                lines.next_if(|(depth, line)| *depth == quote_depth && *line != SIGNATURE)
        {
            if del_sp == DelSp::Yes {
                text.pop();
            }
            text.push_str(line);
            open = is_soft(line);
        }
        if open && del_sp == DelSp::Yes {
            text.pop();
        }
        Some(Paragraph { quote_depth, text })
    })
}

const SIGNATURE: &str = "-- ";

fn is_soft(line: &str) -> bool {
    line.ends_with(' ') && line != SIGNATURE
}

/// Quote depth and text of a line, without quote marks and space-stuffing.
fn split(line: &str) -> (usize, &str) {
    let text = line.trim_start_matches('>');
    (line.len() - text.len(), text.strip_prefix(' ').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Case<'c> = (&'c str, DelSp, &'c [(usize, &'c str)]);

    #[test]
    fn soft_line_ends_join_lines_of_equal_depth() {
        let cases: [Case<'_>; 5] = [
            ("a \nb\nc", DelSp::No, &[(0, "a b"), (0, "c")]),
            ("a \nb", DelSp::Yes, &[(0, "ab")]),
            (">> a \n> b", DelSp::No, &[(2, "a "), (1, "b")]),
            ("a \n-- \nb", DelSp::No, &[(0, "a "), (0, "-- "), (0, "b")]),
            (" >a", DelSp::No, &[(0, ">a")]),
        ];
        for (text, del_sp, expected) in cases {
            let joined: Vec<_> = paragraphs(text, del_sp).map(|p| (p.quote_depth, p.text)).collect();
            let joined: Vec<_> = joined.iter().map(|(depth, text)| (*depth, text.as_str())).collect();
            assert_eq!(joined, expected, "{text:?}");
        }
    }
}
