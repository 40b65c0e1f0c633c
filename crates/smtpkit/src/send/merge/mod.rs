//! Mail merge: a message for each row of a table.
//!
//! | file | what it decides |
//! |---|---|
//! | `table` | rows and columns |
//! | `text` | text with `{{column}}` in it |
//! | `field` | a header field with it |
//! | `message` | a message with it, from a file |
//! | `flags` | a message with it, from flags; and the envelope |
//! | `row_error` | why a row gets no message |
//! | `resume` | which rows were accepted before |
//!
//! One row is in memory at a time, besides those that are on their way.

mod field;
mod flags;
mod message;
mod resume;
mod row_error;
mod table;
mod text;

use std::fs::File;
use std::path::Path;

pub(crate) use resume::{Resume, RowDigest};
pub(crate) use row_error::RowError;

use super::Mail;
use super::args::SendArgs;
use super::compose;
use super::raw::{RawMessage, Stored};
use crate::exit::{Exit, Failure};
use flags::{ContentTemplate, EnvelopeTemplate};
use message::{MessageTemplate, Parties};
use table::{Columns, Row, Table};
use text::{Escape, Text};

/// The messages of a table, row by row.
pub(crate) struct Merge {
    table: Table<File>,
    columns: Columns,
    envelope: EnvelopeTemplate,
    content: Template,
}

enum Template {
    Message(MessageTemplate),
    Flags(ContentTemplate),
}

/// What a row comes to.
pub(crate) struct MergedRow {
    pub(crate) line: u64,
    pub(crate) digest: RowDigest,
    row: Row,
}

impl Merge {
    /// Reads the names of the columns and the templates; `None` if the flags ask for no merge.
    pub(crate) fn open(args: &SendArgs) -> Result<Option<Self>, Failure> {
        let Some(path) = &args.merge.csv else { return Ok(None) };
        let table = Table::open(path, args.merge.delimiter)?;
        let columns = table.columns().clone();
        let content = match &args.merge.template {
            Some(file) => Template::Message(MessageTemplate::open(file, &columns)?),
            None if args.content.composes() => {
                Template::Flags(ContentTemplate::parse(&args.content, &columns)?)
            }
            None => {
                return Err(Failure::new(
                    Exit::Usage,
                    "--csv needs a message: name it with --template, or compose it with --subject and --text",
                ));
            }
        };
        let envelope = EnvelopeTemplate::parse(&args.envelope, &columns)?;
        Ok(Some(Self { table, columns, envelope, content }))
    }

    /// The next row; an error is that row's own.
    pub(crate) fn next_row(&mut self) -> Option<Result<MergedRow, RowError>> {
        let row = self.table.next()?;
        Some(row.map(|row| MergedRow { line: row.line, digest: RowDigest::of(&row), row }))
    }

    /// The message of a row.
    pub(crate) fn mail(&self, MergedRow { row, line, .. }: &MergedRow) -> Result<Mail, RowError> {
        let envelope = self.envelope.fill(row, &self.columns)?;
        let bad = |failure: Failure| RowError::new(*line, failure.to_string(), "");
        match &self.content {
            Template::Flags(content) => {
                let content = content.fill(row, &self.columns)?;
                compose::mail(&envelope, &content).map_err(bad)
            }
            Template::Message(template) => {
                let stamp = compose::stamp().map_err(bad)?;
                let parties = Parties { from: envelope.from.as_deref(), to: &envelope.to };
                let octets = template.fill(row, &self.columns, &parties, &stamp)?;
                let message = RawMessage::of("the message", Stored::Memory(octets.into())).map_err(bad)?;
                message.mail(&envelope).map_err(bad)
            }
        }
    }
}

/// How many rows a table has, for a progress bar; whatever is wrong with it is told when it is read in earnest.
pub(crate) fn count_rows(path: &Path, delimiter: u8) -> Option<u64> {
    let rows = Table::open(path, delimiter).ok()?.count();
    u64::try_from(rows).ok()
}

/// The text for a row, where a value must not bring a line of its own.
fn one_line(text: &Text, row: &Row, columns: &Columns) -> Result<String, RowError> {
    let culprit = text.columns().find(|&column| row.value(column).contains(['\r', '\n', '\0']));
    match culprit {
        None => Ok(text.fill(row, Escape::None)),
        Some(column) => Err(RowError::new(
            row.line,
            "a line break cannot stand in a header field or an address",
            "take it out of the value",
        )
        .in_column(columns.name(column))),
    }
}
