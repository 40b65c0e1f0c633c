//! Why a row gets no message: where in the table, what is wrong, and what to do.

use std::fmt;

/// A row that cannot be used. The table's fault, or the template's; the other rows go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RowError {
    /// The line of the table on which the row begins.
    pub(crate) line: u64,
    /// The column whose value is at fault, where one is.
    pub(crate) column: Option<String>,
    pub(crate) problem: String,
    pub(crate) remedy: &'static str,
}

impl RowError {
    pub(crate) fn new(line: u64, problem: impl Into<String>, remedy: &'static str) -> Self {
        Self { line, column: None, problem: problem.into(), remedy }
    }

    pub(crate) fn in_column(mut self, column: impl Into<String>) -> Self {
        self.column = Some(column.into());
        self
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(column) = &self.column {
            write!(f, "column `{column}`: ")?;
        }
        f.write_str(&self.problem)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "; {}", self.remedy) }
    }
}
