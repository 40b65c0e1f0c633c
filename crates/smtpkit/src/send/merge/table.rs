//! The table: comma-separated values whose first row names the columns (RFC 4180).
//!
//! It is read row by row, in memory that does not grow with it: a row longer than a bound is an error, so a quote that is
//! never closed does not swallow the rest of the file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use csv::{Reader, ReaderBuilder, StringRecord};

use super::RowError;
use crate::exit::{Exit, Failure};

/// The longest row, in octets.
const ROW_OCTETS_MAX: u64 = 4 * 1024 * 1024;

/// The names of the columns.
#[derive(Clone, Debug)]
pub(crate) struct Columns(Vec<String>);

impl Columns {
    /// The column of this name.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|column| column == name)
    }

    /// The column that holds recipients where nobody says so: `email` or `to`, in any case.
    pub(crate) fn recipient(&self) -> Option<usize> {
        let named = |name: &str| self.0.iter().position(|column| column.eq_ignore_ascii_case(name));
        named("email").or_else(|| named("to"))
    }

    pub(crate) fn name(&self, column: usize) -> &str {
        self.0.get(column).map_or("", String::as_str)
    }

    /// All names, for a message about one that is missing.
    pub(crate) fn listed(&self) -> String {
        self.0.join(", ")
    }

    fn read(record: &StringRecord, path: &Path) -> Result<Self, Failure> {
        let bad = |why: String| Failure::new(Exit::Data, format!("{}:1: {why}", path.display()));
        let names: Vec<String> = record.iter().map(|name| name.trim().to_owned()).collect();
        if names.is_empty() {
            return Err(bad("the table is empty; its first row names the columns".to_owned()));
        }
        for (at, name) in names.iter().enumerate() {
            if name.is_empty() {
                return Err(bad(format!("column {} has no name; give it one", at + 1)));
            }
            if names.iter().take(at).any(|other| other == name) {
                return Err(bad(format!("two columns are called `{name}`; rename one")));
            }
        }
        Ok(Self(names))
    }
}

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The line of the file on which it begins.
    pub(crate) line: u64,
    record: StringRecord,
}

impl Row {
    pub(crate) fn value(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default()
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.record.iter()
    }

    #[cfg(test)]
    pub(crate) fn of(values: &[&str]) -> Self {
        Self { line: 2, record: StringRecord::from(values.to_vec()) }
    }
}

#[cfg(test)]
impl Columns {
    pub(crate) fn of(names: &[&str]) -> Self {
        Self(names.iter().map(|&name| name.to_owned()).collect())
    }
}

/// A table that is being read.
pub(crate) struct Table<R> {
    reader: Reader<Bounded<R>>,
    left: Arc<AtomicU64>,
    columns: Columns,
    is_over: bool,
}

impl Table<File> {
    pub(crate) fn open(path: &Path, delimiter: u8) -> Result<Self, Failure> {
        let file = File::open(path)
            .map_err(|error| Failure::new(Exit::NoInput, format!("{}: {error}", path.display())))?;
        Self::read(file, path, delimiter)
    }
}

impl<R: Read> Table<R> {
    /// Reads the names of the columns; `path` is what a person knows the table by.
    pub(crate) fn read(input: R, path: &Path, delimiter: u8) -> Result<Self, Failure> {
        let left = Arc::new(AtomicU64::new(ROW_OCTETS_MAX));
        let input = Bounded { input, left: Arc::clone(&left) };
        let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(input);
        let header = reader.headers().map_err(|error| {
            Failure::new(Exit::Data, format!("{}:1: {}", path.display(), explain(&error).0))
        })?;
        let columns = Columns::read(header, path)?;
        Ok(Self { reader, left, columns, is_over: false })
    }

    pub(crate) const fn columns(&self) -> &Columns {
        &self.columns
    }
}

impl<R: Read> Iterator for Table<R> {
    type Item = Result<Row, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        self.left.store(ROW_OCTETS_MAX, Ordering::Relaxed);
        let start = self.reader.position().line();
        let mut record = StringRecord::new();
        match self.reader.read_record(&mut record) {
            Ok(false) => None,
            Ok(true) => {
                let line = record.position().map_or(start, csv::Position::line);
                Some(self.checked(Row { line, record }))
            }
            Err(error) => {
                let line = error.position().map_or(start, csv::Position::line);
                // a value that is no text ends with its row, a file that cannot be read does not
                self.is_over = !matches!(error.kind(), csv::ErrorKind::Utf8 { .. });
                let (problem, remedy) = explain(&error);
                Some(Err(RowError::new(line, problem, remedy)))
            }
        }
    }
}

impl<R: Read> Table<R> {
    fn checked(&self, row: Row) -> Result<Row, RowError> {
        let (has, needs) = (row.record.len(), self.columns.0.len());
        if has == needs {
            return Ok(row);
        }
        Err(RowError::new(
            row.line,
            format!("the row has {has} value{} for {needs} column{}", plural(has), plural(needs)),
            "put a value that has a delimiter in it between double quotes",
        ))
    }
}

const fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn explain(error: &csv::Error) -> (String, &'static str) {
    match error.kind() {
        csv::ErrorKind::Utf8 { err, .. } => {
            (format!("value {} is not UTF-8 text", err.field() + 1), "save the table as UTF-8")
        }
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::InvalidData => (
            format!("the row is longer than {ROW_OCTETS_MAX} octets"),
            "look for a double quote that is never closed",
        ),
        csv::ErrorKind::Io(error) => (error.to_string(), ""),
        _ => (error.to_string(), ""),
    }
}

/// A reader that gives so much and no more until the bound is set anew.
struct Bounded<R> {
    input: R,
    left: Arc<AtomicU64>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        match self.left.load(Ordering::Relaxed).checked_sub(read as u64) {
            Some(left) => self.left.store(left, Ordering::Relaxed),
            None => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<Result<(u64, Vec<String>), String>> {
        let table = Table::read(text, Path::new("t.csv"), b',').unwrap();
        table
            .map(|row| match row {
                Ok(row) => Ok((row.line, row.values().map(str::to_owned).collect())),
                Err(error) => Err(format!("{}: {error}", error.line)),
            })
            .collect()
    }

    #[test]
    fn rows_have_lines() {
        let rows = read(b"a,b\n1,2\n\"x\ny\",3\n4,5\n");
        let lines: Vec<u64> = rows.iter().map(|row| row.as_ref().unwrap().0).collect();
        assert_eq!(lines, [2, 3, 5]);
    }

    #[test]
    fn a_bad_row_does_not_stop_the_next() {
        let rows = read(b"a,b\n1\n\xff,2\n3,4\n");
        assert!(rows[0].as_ref().unwrap_err().starts_with("2: the row has 1 value for 2 columns"));
        assert!(rows[1].as_ref().unwrap_err().starts_with("3: value 1 is not UTF-8 text"));
        assert_eq!(rows[2].as_ref().unwrap(), &(4, vec!["3".to_owned(), "4".to_owned()]));
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn a_quote_that_is_never_closed_ends_the_table() {
        let mut text = b"a,b\n1,2\n\"3,4\n".to_vec();
        text.resize(8 * 1024 * 1024, b'x');
        let rows = read(&text);
        assert_eq!(rows.len(), 2);
        assert!(rows[1].as_ref().unwrap_err().contains("never closed"), "{:?}", rows[1]);
    }

    #[test]
    fn columns_need_names() {
        for (text, says) in [("", "empty"), ("a,,b\n", "column 2"), ("a,b,a\n", "two columns")] {
            let failure = Table::read(text.as_bytes(), Path::new("t.csv"), b',').err().unwrap();
            assert!(failure.to_string().contains(says), "{text}: {failure}");
        }
        let table = Table::read("\u{feff}Email,x\n".as_bytes(), Path::new("t.csv"), b',').unwrap();
        assert_eq!(table.columns().recipient(), Some(0));
    }
}
