//! Text with `{{column}}` in it.

use super::table::{Columns, Row};

/// Text in which values of a row go; `\{{` is a literal `{{`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Column(usize),
}

/// What a value must not do to the text around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    /// It is text in text.
    None,
    /// It is text in HTML.
    Html,
}

/// A text that is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadText {
    /// The octet at which the trouble begins.
    pub(crate) at: usize,
    pub(crate) why: String,
}

impl Text {
    pub(crate) fn parse(text: &str, columns: &Columns) -> Result<Self, BadText> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("{{") {
            let at = text.len() - behind.len() - 2;
            if let Some(before) = before.strip_suffix('\\') {
                literal.push_str(before);
                literal.push_str("{{");
                rest = behind;
                continue;
            }
            literal.push_str(before);
            let Some((name, behind)) = behind.split_once("}}") else {
                return Err(BadText {
                    at,
                    why: "`{{` is never closed; write `\\{{` for the text".to_owned(),
                });
            };
            let name = name.trim();
            let column = columns.find(name).ok_or_else(|| BadText {
                at,
                why: format!("the table has no column `{name}`; it has {}", columns.listed()),
            })?;
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Column(column));
            rest = behind;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self(pieces))
    }

    /// The value of one column.
    pub(crate) fn of_column(column: usize) -> Self {
        Self(vec![Piece::Column(column)])
    }

    /// The columns whose values go in.
    pub(crate) fn columns(&self) -> impl Iterator<Item = usize> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Column(column) => Some(*column),
            Piece::Literal(_) => None,
        })
    }

    pub(crate) fn fill(&self, row: &Row, escape: Escape) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            match (piece, escape) {
                (Piece::Literal(text), _) => filled.push_str(text),
                (Piece::Column(column), Escape::None) => filled.push_str(row.value(*column)),
                (Piece::Column(column), Escape::Html) => push_html(&mut filled, row.value(*column)),
            }
        }
        filled
    }
}

fn push_html(out: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_where_their_columns_are_named() {
        let columns = Columns::of(&["name", "id"]);
        let row = Row::of(&["Ada <& \"Co\">", "7"]);
        for (template, escape, expected) in [
            ("Hi {{name}}!", Escape::None, "Hi Ada <& \"Co\">!"),
            ("<b>{{ name }}</b>", Escape::Html, "<b>Ada &lt;&amp; &quot;Co&quot;&gt;</b>"),
            ("{{id}}{{id}}", Escape::None, "77"),
            ("\\{{name}} {{id}}", Escape::None, "{{name}} 7"),
            ("} {", Escape::None, "} {"),
            ("", Escape::None, ""),
        ] {
            let text = Text::parse(template, &columns).unwrap();
            assert_eq!(text.fill(&row, escape), expected, "{template}");
        }
    }

    #[test]
    fn mistakes_have_a_place() {
        let columns = Columns::of(&["name"]);
        for (template, at, says) in [
            ("Hi {{nmae}}", 3, "no column `nmae`; it has name"),
            ("{{name}} {{", 9, "never closed"),
            ("{{}}", 0, "no column ``"),
        ] {
            let bad = Text::parse(template, &columns).unwrap_err();
            assert_eq!(bad.at, at, "{template}");
            assert!(bad.why.contains(says), "{template}: {}", bad.why);
        }
    }
}
