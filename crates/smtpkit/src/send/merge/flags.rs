//! Flags with `{{column}}` in them: who a message is from and for, and one that is composed.

use std::path::PathBuf;

use super::table::{Columns, Row};
use super::text::{Escape, Text};
use super::{RowError, one_line};
use crate::exit::{Exit, Failure};
use crate::send::addresses;
use crate::send::args::{ContentArgs, EnvelopeArgs};

/// The flags of the envelope, with places for values.
pub(crate) struct EnvelopeTemplate {
    from: Option<Text>,
    to: Vec<Text>,
    /// What no value goes into.
    rest: EnvelopeArgs,
}

impl EnvelopeTemplate {
    pub(crate) fn parse(args: &EnvelopeArgs, columns: &Columns) -> Result<Self, Failure> {
        let from = args.from.as_deref().map(|from| parse("--from", from, columns)).transpose()?;
        let mut to: Vec<Text> =
            args.to.iter().map(|to| parse("--to", to, columns)).collect::<Result<_, _>>()?;
        if to.is_empty() && !args.read_recipients {
            let column = columns.recipient().ok_or_else(|| {
                Failure::new(
                    Exit::Usage,
                    format!(
                        "the table has no column `email` or `to`; say --to '{{{{column}}}}' with one of {}, or -t",
                        columns.listed()
                    ),
                )
            })?;
            to.push(Text::of_column(column));
        }
        Ok(Self { from, to, rest: EnvelopeArgs { from: None, to: Vec::new(), ..args.clone() } })
    }

    pub(crate) fn fill(&self, row: &Row, columns: &Columns) -> Result<EnvelopeArgs, RowError> {
        let from = self.from.as_ref().map(|from| one_line(from, row, columns)).transpose()?;
        let to: Result<Vec<String>, RowError> =
            self.to.iter().map(|to| recipient(to, row, columns)).collect();
        Ok(EnvelopeArgs { from, to: to?, ..self.rest.clone() })
    }
}

/// A recipient that can be one, or an error that names its column.
fn recipient(to: &Text, row: &Row, columns: &Columns) -> Result<String, RowError> {
    let filled = one_line(to, row, columns)?.trim().to_owned();
    let (problem, remedy) = match addresses::forward_path(&filled) {
        Ok(_) => return Ok(filled),
        Err(_) if filled.is_empty() => {
            ("there is no recipient".to_owned(), "give the row an address, or take it out")
        }
        Err(error) => {
            (format!("`{}` is no address: {error}", filled.escape_debug()), "an address is name@example.test")
        }
    };
    let error = RowError::new(row.line, problem, remedy);
    Err(match to.columns().next() {
        Some(column) => error.in_column(columns.name(column)),
        None => error,
    })
}

/// The flags of a message, with places for values.
pub(crate) struct ContentTemplate {
    subject: Option<Text>,
    text: Option<Text>,
    html: Option<Text>,
    attach: Vec<Text>,
    header: Vec<Text>,
}

impl ContentTemplate {
    pub(crate) fn parse(args: &ContentArgs, columns: &Columns) -> Result<Self, Failure> {
        let one = |flag: &str, text: &Option<String>| {
            text.as_deref().map(|text| parse(flag, text, columns)).transpose()
        };
        let path = |path: &PathBuf| {
            let text = path.to_str().ok_or_else(|| {
                Failure::new(Exit::Usage, format!("--attach {}: the name is not UTF-8", path.display()))
            })?;
            parse("--attach", text, columns)
        };
        Ok(Self {
            subject: one("--subject", &args.subject)?,
            text: one("--text", &args.text)?,
            html: one("--html", &args.html)?,
            attach: args.attach.iter().map(path).collect::<Result<_, _>>()?,
            header: args
                .header
                .iter()
                .map(|text| parse("--header", text, columns))
                .collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn fill(&self, row: &Row, columns: &Columns) -> Result<ContentArgs, RowError> {
        let line = |text: &Text| one_line(text, row, columns);
        Ok(ContentArgs {
            subject: self.subject.as_ref().map(line).transpose()?,
            text: self.text.as_ref().map(|text| text.fill(row, Escape::None)),
            html: self.html.as_ref().map(|html| html.fill(row, Escape::Html)),
            attach: self.attach.iter().map(|path| line(path).map(PathBuf::from)).collect::<Result<_, _>>()?,
            header: self.header.iter().map(line).collect::<Result<_, _>>()?,
        })
    }
}

fn parse(flag: &str, text: &str, columns: &Columns) -> Result<Text, Failure> {
    Text::parse(text, columns).map_err(|bad| Failure::new(Exit::Usage, format!("{flag}: {}", bad.why)))
}
